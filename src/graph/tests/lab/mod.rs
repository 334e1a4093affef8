//! The whole client against the lab's emulated tenant.
//!
//! Each test has a lab of its own, in this process.

mod cases;

use std::collections::{BTreeMap, BTreeSet};

use group_writeback_lab::serve::{self, LabOptions, RunningLab};

use super::*;
use crate::model::CloudGroup;

pub(in crate::graph) struct Lab {
    ready: Value,
    http: reqwest::Client,
    _running: RunningLab,
}

impl Lab {
    pub async fn start() -> Lab {
        rustls::crypto::ring::default_provider()
            .install_default()
            .ok();
        let running = serve::start(LabOptions::default()).await.unwrap();
        Lab {
            ready: running.ready().clone(),
            http: reqwest::Client::builder().no_proxy().build().unwrap(),
            _running: running,
        }
    }

    pub fn text(&self, key: &str) -> String {
        self.ready[key].as_str().unwrap().to_owned()
    }

    pub async fn control(&self, verb: &str, body: Option<Value>) -> Value {
        let url = format!("{}/{verb}", self.text("control"));
        let request = match body {
            Some(body) => self.http.post(url).json(&body),
            None => self.http.get(url),
        };
        let answer = request.send().await.unwrap();
        assert!(
            answer.status().is_success(),
            "{verb}: {:?}",
            answer.text().await
        );
        answer.json().await.unwrap_or(Value::Null)
    }

    pub async fn fault(&self, body: Value) {
        self.control("fault", Some(body)).await;
    }

    async fn no_faults(&self) {
        let url = format!("{}/fault", self.text("control"));
        self.http.delete(url).send().await.unwrap();
    }

    async fn change(&self, changes: Value) -> Value {
        self.control("change", Some(json!({"changes": changes})))
            .await
    }

    fn connection(&self, sign_in: SignIn) -> Connection {
        Connection {
            environment: Environment::Custom,
            login_endpoint: Some(self.text("login")),
            graph_endpoint: Some(self.text("graph")),
            tenant_id: self.text("tenantId"),
            client_id: self.text("clientId"),
            sign_in,
            ..Connection::default()
        }
    }

    fn host(&self) -> Arc<Recorder> {
        let (secret_value, token, password) = (
            self.text("clientSecret"),
            self.text("accessToken"),
            self.text("pfxPassword"),
        );
        Recorder::answering(move |ask| match ask {
            Ask::Secret {
                name: "clientSecret",
                ..
            } => secret(secret_value.as_bytes()),
            Ask::Secret {
                name: "accessToken",
                ..
            } => secret(token.as_bytes()),
            Ask::Secret {
                name: "certificatePassword",
                ..
            } => secret(password.as_bytes()),
            _ => operation::Answer::Unavailable,
        })
    }

    async fn client(&self) -> (GraphClient, Arc<Recorder>) {
        let host = self.host();
        let client = GraphClient::connect(
            &self.connection(SignIn::ClientSecret),
            Duration::from_secs(10),
            &host.context(),
        )
        .await
        .unwrap();
        (client, host)
    }
}

#[derive(Default)]
struct Copy {
    groups: BTreeMap<ObjectId, (CloudGroup, BTreeSet<ObjectId>)>,
    soft: BTreeSet<ObjectId>,
    link: Option<String>,
    pages: usize,
}

impl Copy {
    async fn read(&mut self, client: &GraphClient, start: DeltaStart) -> Result<(), DeltaError> {
        let mut reader = client.groups_delta(start);
        while let Some(page) = reader.next_page().await? {
            self.pages += 1;
            for row in page.rows {
                match row {
                    GroupRow::Removed { id, permanent } => {
                        if permanent {
                            self.groups.remove(&id);
                            self.soft.remove(&id);
                        } else {
                            self.soft.insert(id);
                            // A restored group comes back with its members, and those who left
                            // meanwhile are not mentioned.
                            self.groups.entry(id).and_modify(|group| group.1.clear());
                        }
                    }
                    GroupRow::Changed(patch) => {
                        assert!(patch.readable);
                        self.soft.remove(&patch.id);
                        let entry = self
                            .groups
                            .entry(patch.id)
                            .or_insert_with(|| (CloudGroup::new(patch.id), BTreeSet::new()));
                        patch.apply(&mut entry.0);
                        for member in patch.members.into_iter().flatten() {
                            if member.removed {
                                entry.1.remove(&member.id);
                            } else {
                                entry.1.insert(member.id);
                            }
                        }
                    }
                }
            }
            self.link = page.delta_link.or(self.link.take());
        }
        Ok(())
    }

    /// Compares with the lab's truth.
    fn check(&self, truth: &Value) {
        let mut active = 0;
        for group in truth["groups"].as_array().unwrap() {
            let id: ObjectId = group["id"].as_str().unwrap().parse().unwrap();
            if group["state"] != "active" {
                assert!(
                    !self.groups.contains_key(&id) || self.soft.contains(&id),
                    "{group}"
                );
                continue;
            }
            active += 1;
            let (copy, members) = &self.groups[&id];
            assert!(!self.soft.contains(&id));
            assert_eq!(copy.display_name.as_deref(), group["displayName"].as_str());
            assert_eq!(copy.description.as_deref(), group["description"].as_str());
            assert_eq!(copy.mail.as_deref(), group["mail"].as_str());
            assert_eq!(
                Some(copy.security_enabled),
                group["securityEnabled"].as_bool()
            );
            assert_eq!(
                copy.on_premises_sync_enabled,
                group["onPremisesSyncEnabled"].as_bool().unwrap_or(false)
            );
            assert_eq!(
                copy.on_premises_sid
                    .as_ref()
                    .map(ToString::to_string)
                    .as_deref(),
                group["onPremisesSecurityIdentifier"].as_str()
            );
            assert_eq!(json!(copy.group_types), group["groupTypes"]);
            let wanted: BTreeSet<ObjectId> = group["members"]
                .as_array()
                .unwrap()
                .iter()
                .map(|m| m["id"].as_str().unwrap().parse().unwrap())
                .collect();
            let extra: Vec<_> = members.difference(&wanted).collect();
            let missing: Vec<_> = wanted.difference(members).collect();
            assert!(
                extra.is_empty() && missing.is_empty(),
                "{id} {} of {}: extra {extra:?}, missing {missing:?}",
                group["displayName"],
                wanted.len()
            );
        }
        let copied = self
            .groups
            .keys()
            .filter(|id| !self.soft.contains(id))
            .count();
        assert_eq!(copied, active);
    }
}
