//! The lab of a measurement: started with sizes, told to change, asked for its counters.

use std::process::Command;

use serde_json::{Value, json};

use super::Bench;
use crate::lab::Lab;

/// A tenant's size.
#[derive(Clone, Copy)]
pub struct Tenant {
    pub groups: usize,
    pub users: usize,
    pub memberships: usize,
    pub largest: usize,
}

/// A running lab and the means to control it.
pub struct Parts {
    pub lab: Lab,
    program: std::path::PathBuf,
}

impl Parts {
    /// A lab of this size: M365 groups only, a few of them holding devices' and contacts' kinds as the seed has it.
    pub fn start(bench: &Bench, tenant: Tenant, more: &[&str]) -> Result<Parts, String> {
        let sizes = [
            ("--m365-groups", tenant.groups),
            ("--users", tenant.users),
            ("--memberships", tenant.memberships),
            ("--largest-group", tenant.largest),
            ("--security-groups", 0),
            ("--synced-groups", 0),
            ("--seed", 42),
        ];
        let sizes: Vec<String> = sizes
            .iter()
            .flat_map(|(name, n)| [(*name).to_owned(), n.to_string()])
            .collect();
        let options: Vec<&str> = sizes
            .iter()
            .map(String::as_str)
            .chain(more.iter().copied())
            .collect();
        let program = bench.built.lab.clone();
        Ok(Parts {
            lab: Lab::start(&program, &options)?,
            program,
        })
    }

    /// A text of the ready line.
    pub fn text(&self, name: &str) -> Result<&str, String> {
        self.lab.ready[name]
            .as_str()
            .ok_or(format!("the lab's ready line has no {name}"))
    }

    /// The first of these that the ready line has.
    pub fn either(&self, first: &str, second: &str) -> Result<&str, String> {
        self.text(first).or_else(|_| self.text(second))
    }

    /// The `connection` of a session, straight to the directory: a gateway would be measured too.
    pub fn connection(&self) -> Value {
        let ready = &self.lab.ready;
        let either = |first: &str, second: &str| {
            if ready[first].is_null() {
                &ready[second]
            } else {
                &ready[first]
            }
        };
        json!({
            "environment": "Custom", "loginEndpoint": ready["login"], "graphEndpoint": ready["graph"],
            "tenantId": ready["tenantId"], "clientId": ready["clientId"], "signIn": {"kind": "clientSecret"},
            "server": either("directServer", "server"), "authType": "Basic", "userName": ready["bindUser"],
            "certificateAuthorityPath": either("directCaFile", "caFile")
        })
    }

    /// Sends a control verb: POST with a body, GET without.
    pub fn control(&self, verb: &str, body: Option<&Value>) -> Result<Value, String> {
        let mut command = Command::new(&self.program);
        command.args(["control", "--control", self.text("control")?, verb]);
        if let Some(body) = body {
            command.arg(body.to_string());
        }
        let output = command.output().map_err(|e| e.to_string())?;
        if !output.status.success() {
            return Err(format!(
                "control {verb}: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
        Ok(serde_json::from_slice(&output.stdout).unwrap_or(Value::Null))
    }

    /// Applies changes to the tenant.
    pub fn change(&self, changes: &[Value]) -> Result<(), String> {
        // A command line holds only so much.
        for some in changes.chunks(200) {
            self.control("change", Some(&json!({ "changes": some })))?;
        }
        Ok(())
    }

    /// Counters from here on.
    pub fn reset(&self) -> Result<(), String> {
        self.control("counters/reset", None).map(|_| ())
    }

    /// The counters.
    pub fn counters(&self) -> Result<Counters, String> {
        self.control("counters", None).map(Counters)
    }
}

/// What the lab counted.
pub struct Counters(Value);

impl Counters {
    /// `["graph", "requests"]`; 0 for a kind that never came.
    pub fn number(&self, path: &[&str]) -> u64 {
        path.iter()
            .fold(&self.0, |value, name| &value[*name])
            .as_u64()
            .unwrap_or(0)
    }

    pub fn graph(&self, kind: &str) -> u64 {
        self.number(&["graph", "byKind", kind])
    }

    pub fn ldap(&self, kind: &str) -> u64 {
        self.number(&["ldap", "byKind", kind])
    }

    /// All LDAP requests but binds.
    pub fn operations(&self) -> u64 {
        let kinds = self.0["ldap"]["byKind"].as_object();
        kinds
            .into_iter()
            .flatten()
            .filter(|(kind, _)| *kind != "bind")
            .filter_map(|(_, n)| n.as_u64())
            .sum()
    }
}
