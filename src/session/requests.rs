//! The members of every request, as `docs/abi.md` has them.

use serde_json::{Map, Value};

use super::Request;
use super::members::{Faults, Form, Shape};
use crate::error::{Error, ErrorId, Result};

const APPROVE: (&str, Form) = ("approve", Form::Choice(&["none", "deletes", "all"]));
const WHAT_IF: (&str, Form) = ("whatIf", Form::Flag);
const POLICY: (&str, Form) = (
    "policyType",
    Form::Choice(&["Unspecified", "Delta", "Initial"]),
);
const ANY: u64 = u32::MAX as u64;

const ENABLE: Shape = &[
    ("organizationalUnit", Form::Text),
    ("version", Form::Choice(&["V1", "V2", "CloudSync"])),
    ("createContainer", Form::Flag),
    ("withoutExchange", Form::Flag),
    ("takeOver", Form::Flag),
    WHAT_IF,
];
const DISABLE: Shape = &[
    (
        "groupAction",
        Form::Choice(&["Keep", "Delete", "ConvertToDistribution"]),
    ),
    APPROVE,
    WHAT_IF,
    ("approveThreshold", Form::Flag),
];

/// Requests of `gwb_sync` by `action`.
const ACTIONS: &[(&str, Shape)] = &[
    (
        "cycle",
        &[
            POLICY,
            ("removedServer", Form::Text),
            ("detached", Form::Flag),
            APPROVE,
            WHAT_IF,
        ],
    ),
    ("group", &[("identity", Form::Texts), APPROVE, WHAT_IF]),
    (
        "invoke",
        &[
            ("planId", Form::Text),
            ("operationIds", Form::Texts),
            ("approveThreshold", Form::Flag),
            ("passThru", Form::Flag),
            APPROVE,
            WHAT_IF,
        ],
    ),
];

/// Requests of `gwb_query` by `op`.
const OPS: &[(&str, Shape)] = &[
    ("connect", &[]),
    ("context", &[]),
    ("feature", &[]),
    ("threshold", &[]),
    ("configuration", &[("name", Form::Text)]),
    ("saveSecrets", &[("names", Form::Texts)]),
    ("forgetSecrets", &[]),
    ("setConfiguration", &[("changes", Form::Object), WHAT_IF]),
    (
        "setThreshold",
        &[
            ("enabled", Form::Flag),
            ("deletionThreshold", Form::Number(0, ANY)),
            ("deletionThresholdPercent", Form::Number(0, 100)),
            ("memberRemovalThreshold", Form::Number(0, ANY)),
            ("memberRemovalThresholdPercent", Form::Number(0, 100)),
            ("minimumGroupSize", Form::Number(0, ANY)),
        ],
    ),
    (
        "initializeContainer",
        &[
            ("organizationalUnit", Form::Text),
            ("account", Form::Text),
            WHAT_IF,
        ],
    ),
    ("testConnectivity", &[("services", Form::Texts)]),
    ("runStatus", &[]),
    (
        "runResult",
        &[
            ("runId", Form::Text),
            ("numberRequested", Form::Number(0, ANY)),
            ("runStepDetails", Form::Flag),
            ("skipped", Form::Flag),
        ],
    ),
    (
        "waitRun",
        &[("runId", Form::Text), ("timeoutSec", Form::Number(0, ANY))],
    ),
    ("stopRun", &[]),
    (
        "groups",
        &[
            ("identity", Form::Texts),
            ("ldapFilter", Form::Text),
            ("cloudFilter", Form::Text),
            ("searchBase", Form::Text),
            ("searchScope", Form::Text),
            ("state", Form::Texts),
            ("properties", Form::Texts),
            ("resultSize", Form::Number(0, ANY)),
            ("forest", Form::Flag),
        ],
    ),
    (
        "plan",
        &[
            ("identity", Form::Texts),
            POLICY,
            ("action", Form::Texts),
            ("summary", Form::Flag),
        ],
    ),
    (
        "operations",
        &[
            ("planId", Form::Text),
            ("action", Form::Texts),
            ("summary", Form::Flag),
        ],
    ),
];

/// Refuses a request that is unknown or has members that don't belong to it; all faults in one error.
pub fn check(request: &Request) -> Result<()> {
    match request {
        Request::Enable(members) => shape("enable", object(members)?, ENABLE),
        Request::Disable(members) => shape("disable", object(members)?, DISABLE),
        Request::Sync(members) => chosen(object(members)?, "action", ACTIONS),
        Request::Query(members) => chosen(object(members)?, "op", OPS),
    }
}

fn object(members: &Value) -> Result<&Map<String, Value>> {
    members
        .as_object()
        .ok_or_else(|| wrong("A request is a JSON object.".to_owned()))
}

fn chosen(members: &Map<String, Value>, by: &str, table: &[(&str, Shape)]) -> Result<()> {
    let name = members.get(by).and_then(Value::as_str).unwrap_or_default();
    let Some((name, known)) = table.iter().find(|(known, _)| *known == name) else {
        let known: Vec<_> = table.iter().map(|(known, _)| *known).collect();
        return Err(wrong(format!("{by}: must be one of {}.", known.join(", "))).target(by));
    };
    let mut members = members.clone();
    members.remove(by);
    shape(name, &members, known)
}

fn shape(name: &str, members: &Map<String, Value>, known: Shape) -> Result<()> {
    let mut faults = Faults::default();
    faults.compare("", members, known);
    match faults.text() {
        Some(text) => Err(wrong(text).target(name)),
        None => Ok(()),
    }
}

fn wrong(message: String) -> Error {
    Error::new(ErrorId::InvalidArgument, message)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn requests_of_the_contract_pass() {
        for request in [
            Request::Enable(
                json!({"organizationalUnit": "OU=x", "version": "V1", "createContainer": true}),
            ),
            Request::Disable(json!({"groupAction": "Keep", "approve": "deletes"})),
            Request::Sync(json!({"action": "cycle", "policyType": "Delta", "detached": false})),
            Request::Sync(json!({"action": "invoke", "planId": "p", "operationIds": null})),
            Request::Query(json!({"op": "groups", "identity": ["a"], "resultSize": 5})),
            Request::Query(json!({"op": "connect"})),
        ] {
            check(&request).unwrap();
        }
    }

    #[test]
    fn all_faults_are_named_at_once() {
        let error = check(&Request::Sync(
            json!({"action": "cycle", "whatif": true, "approve": 3, "policyType": "delta"}),
        ))
        .unwrap_err();
        assert_eq!(error.id, ErrorId::InvalidArgument);
        for path in ["whatif: ", "approve: ", "policyType: "] {
            assert!(error.message.contains(path), "{}", error.message);
        }
        assert!(check(&Request::Query(json!({"op": "selfTest"}))).is_err());
        assert!(check(&Request::Query(json!({}))).is_err());
        assert!(check(&Request::Query(json!([]))).is_err());
    }
}
