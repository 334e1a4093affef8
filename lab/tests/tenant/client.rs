//! A client of the lab: the lab in process, spoken to over HTTP, and a reader that merges delta rows.

use group_writeback_lab::client::{Reply, send};
use group_writeback_lab::serve::{LabOptions, RunningLab, start};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

pub const SELECT: &str = "$select=id,displayName,description,members";

pub struct Client {
    pub lab: RunningLab,
}

impl Client {
    pub async fn start(options: LabOptions) -> Self {
        Self {
            lab: start(options).await.unwrap(),
        }
    }

    pub fn ready(&self, name: &str) -> &str {
        self.lab.ready()[name].as_str().unwrap()
    }

    pub async fn get(&self, url: &str) -> Reply {
        self.get_with(url, &[]).await
    }

    pub async fn get_with(&self, url: &str, more: &[(&str, &str)]) -> Reply {
        let url = match url.strip_prefix('/') {
            Some(path) => format!("{}/{path}", self.ready("graph")),
            None => url.to_owned(),
        };
        let bearer = format!("Bearer {}", self.ready("accessToken"));
        let mut headers = vec![("Authorization", bearer.as_str())];
        headers.extend_from_slice(more);
        send("GET", &url, &headers, "").await.unwrap()
    }

    pub async fn json(&self, url: &str) -> Value {
        let reply = self.get(url).await;
        assert_eq!(reply.status, 200, "{url}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    pub async fn write(&self, method: &str, path: &str, body: Value) -> Reply {
        let url = format!("{}{path}", self.ready("graph"));
        let bearer = format!("Bearer {}", self.ready("accessToken"));
        send(
            method,
            &url,
            &[("Authorization", &bearer)],
            &body.to_string(),
        )
        .await
        .unwrap()
    }

    pub async fn control(&self, method: &str, verb: &str, body: Value) -> Value {
        let url = format!("{}/{verb}", self.ready("control"));
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let reply = send(method, &url, &[], &body).await.unwrap();
        assert_eq!(reply.status, 200, "{verb}: {}", reply.body);
        serde_json::from_str(&reply.body).unwrap()
    }

    pub async fn token(&self, form: &str) -> (u16, Value) {
        let url = format!(
            "{}/{}/oauth2/v2.0/token",
            self.ready("login"),
            self.ready("tenantId")
        );
        let reply = send("POST", &url, &[], form).await.unwrap();
        assert!(reply.header("date").is_some());
        (reply.status, serde_json::from_str(&reply.body).unwrap())
    }

    /// Walks a delta to its end; answers the deltaLink and the number of pages.
    pub async fn walk(&self, first: &str, groups: &mut Groups) -> (String, usize) {
        let mut url = first.to_owned();
        for pages in 1.. {
            let page = self.json(&url).await;
            groups.take(page["value"].as_array().unwrap());
            if let Some(link) = page["@odata.deltaLink"].as_str() {
                return (link.to_owned(), pages);
            }
            url = page["@odata.nextLink"].as_str().unwrap().to_owned();
        }
        unreachable!()
    }

    pub async fn truth(&self) -> Groups {
        let dump = self.control("GET", "dump", Value::Null).await;
        let mut groups = Groups::default();
        for group in dump["groups"].as_array().unwrap() {
            if group["state"] == "active" {
                let members = group["members"].as_array().unwrap();
                let members = members.iter().map(|m| m["id"].as_str().unwrap().to_owned());
                let entry = (group["displayName"].clone(), group["description"].clone());
                let id = group["id"].as_str().unwrap().to_owned();
                groups.0.insert(id, (entry, members.collect()));
            }
        }
        groups
    }

    pub async fn error_code(&self, url: &str) -> (u16, String) {
        let reply = self.get(url).await;
        let body: Value = serde_json::from_str(&reply.body).unwrap();
        (
            reply.status,
            body["error"]["code"].as_str().unwrap().to_owned(),
        )
    }
}

/// Groups as a reader that merges by id knows them.
#[derive(Debug, Default, PartialEq)]
pub struct Groups(pub BTreeMap<String, ((Value, Value), BTreeSet<String>)>);

impl Groups {
    pub fn take(&mut self, rows: &[Value]) {
        for row in rows {
            let id = row["id"].as_str().unwrap().to_owned();
            if row.get("@removed").is_some() {
                self.0.remove(&id);
                continue;
            }
            let (properties, members) = self.0.entry(id).or_default();
            if let Some(name) = row.get("displayName") {
                properties.0 = name.clone();
            }
            if let Some(description) = row.get("description") {
                properties.1 = description.clone();
            }
            for member in row["members@delta"].as_array().into_iter().flatten() {
                let id = member["id"].as_str().unwrap().to_owned();
                if member.get("@removed").is_some() {
                    members.remove(&id);
                } else {
                    members.insert(id);
                }
            }
        }
    }
}
