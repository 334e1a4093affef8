//! The control verbs: change the tenant, inject faults, move the clock, read counters and the truth.

mod directory;

use crate::ad::{Controller, Target, planned};
use crate::lab::Lab;
use crate::rng::Rng;
use crate::tenant::change::{Change, Surroundings};
use crate::tenant::churn;
use crate::tenant::dump::dump;
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;

/// Answers a verb: status and JSON text.
pub(crate) fn answer(lab: &Lab, method: &str, verb: &str, body: &[u8]) -> (u16, String) {
    if (method, verb) == ("GET", "dump") {
        return (200, dump(&lab.tenant()));
    }
    let parsed = if body.is_empty() {
        Ok(json!({}))
    } else {
        serde_json::from_slice(body)
    };
    let result = match parsed {
        Ok(body) => run(lab, method, verb, &body),
        Err(error) => Err(Failure::bad(format!("the body is not JSON: {error}"))),
    };
    match result {
        Ok(value) => (200, value.to_string()),
        Err(failure) => (failure.status, failure.body.to_string()),
    }
}

/// Why a verb was not done.
struct Failure {
    status: u16,
    body: Value,
}

impl Failure {
    fn bad(error: impl ToString) -> Self {
        Self {
            status: 400,
            body: json!({"error": error.to_string()}),
        }
    }
}

fn run(lab: &Lab, method: &str, verb: &str, body: &Value) -> Result<Value, Failure> {
    match (method, verb) {
        ("POST", "change") => change(lab, body),
        ("POST", "churn") => churn_verb(lab, body),
        ("POST", "fault") => fault(lab, body),
        ("GET", "fault") => {
            Ok(json!({"graph": lab.faults().hits(), "ldap": lab.front().fault_hits()}))
        }
        ("POST", "directory") => directory::directory(lab, body),
        ("DELETE", "fault") => {
            lab.faults().clear();
            lab.front().clear_faults();
            Ok(json!({}))
        }
        ("GET", "counters") => {
            Ok(json!({"graph": lab.counters.to_json(), "ldap": lab.front().counters.report()}))
        }
        ("POST", "counters/reset") => {
            lab.counters.reset();
            lab.front().counters.reset();
            Ok(json!({}))
        }
        ("POST", "populate") => populate(lab, body),
        ("POST", "clock") => {
            let seconds = whole(body, "advanceSeconds")?;
            let now = lab.clock.advance(seconds);
            lab.tenant_mut().purge(now);
            Ok(json!({"now": crate::clock::iso(now)}))
        }
        ("POST", "permissions") => {
            let roles: Vec<String> = parse(&body["roles"])?;
            lab.set_roles(roles.clone());
            Ok(json!({ "roles": roles }))
        }
        ("POST", "devicecode") => {
            let user_code = text(body, "userCode")?;
            let approve = match text(body, "action")? {
                "approve" => true,
                "decline" => false,
                other => return Err(Failure::bad(format!("unknown action '{other}'"))),
            };
            lab.signin
                .flows()
                .decide(user_code, approve)
                .map_err(Failure::bad)?;
            Ok(json!({}))
        }
        ("POST", "federatedassertion") => {
            let seconds = match body.get("expiresInSeconds") {
                None => 3600,
                Some(_) => whole(body, "expiresInSeconds")?,
            };
            let assertion = lab.signin.federated_assertion(lab.clock.now(), seconds);
            std::fs::write(&lab.settings.federated_file, &assertion).map_err(Failure::bad)?;
            Ok(json!({ "assertion": assertion }))
        }
        ("POST", "shutdown") => {
            lab.shutdown.send_replace(true);
            Ok(json!({}))
        }
        (_, known) if VERBS.contains(&known) => {
            let body = json!({"error": format!("{method} does not go with '{known}'")});
            Err(Failure { status: 405, body })
        }
        _ => {
            let body = json!({"error": format!("there is no verb '{verb}'"), "verbs": VERBS});
            Err(Failure { status: 404, body })
        }
    }
}

const VERBS: &[&str] = &[
    "dump",
    "change",
    "churn",
    "fault",
    "counters",
    "counters/reset",
    "populate",
    "clock",
    "permissions",
    "devicecode",
    "directory",
    "federatedassertion",
    "shutdown",
];

fn change(lab: &Lab, body: &Value) -> Result<Value, Failure> {
    let changes: Vec<Value> = parse(&body["changes"])?;
    let mut ids = Vec::new();
    let ad = lab.ad();
    for (applied, change) in changes.iter().enumerate() {
        let parsed = Change::deserialize(change).map_err(|error| error.to_string());
        let mut tenant = lab.tenant_mut();
        let mut rng = lab.rng();
        let mut around = Surroundings {
            rng: &mut rng,
            ad: &*ad,
            now: lab.clock.now(),
        };
        match parsed.and_then(|change| tenant.apply(&mut around, change)) {
            Ok(created) => ids.extend(created.map(|id| id.to_string())),
            Err(error) => {
                let body = json!({"error": error, "applied": applied, "ids": ids});
                return Err(Failure { status: 400, body });
            }
        }
    }
    Ok(json!({"applied": changes.len(), "ids": ids}))
}

fn churn_verb(lab: &Lab, body: &Value) -> Result<Value, Failure> {
    let operations = usize::try_from(whole(body, "operations")?).map_err(Failure::bad)?;
    let seed = match body.get("seed") {
        None => lab.settings.world.seed,
        Some(_) => whole(body, "seed")? as u64,
    };
    let mut rng = Rng::new(seed, "churn");
    let mut tenant = lab.tenant_mut();
    let ad = lab.ad();
    let mut around = Surroundings {
        rng: &mut rng,
        ad: &*ad,
        now: lab.clock.now(),
    };
    let counts = churn(&mut tenant, &mut around, operations).map_err(Failure::bad)?;
    Ok(json!(counts))
}

fn fault(lab: &Lab, body: &Value) -> Result<Value, Failure> {
    let id = lab.next_number();
    if text(body, "fault")?.starts_with("ldap") {
        lab.front().add_fault(body).map_err(Failure::bad)?;
    } else {
        lab.faults().add(body).map_err(Failure::bad)?;
    }
    Ok(json!({ "id": id }))
}

/// Puts what the tenant has synced into another directory, which its synced objects are of from then on.
fn populate(lab: &Lab, body: &Value) -> Result<Value, Failure> {
    let target = Target::new(
        text(body, "directory")?,
        text(body, "ca")?,
        text(body, "user")?,
        text(body, "password")?,
    )
    .map_err(Failure::bad)?;
    let runtime = tokio::runtime::Handle::current();
    let mut tenant = lab.tenant_mut();
    let filled = runtime.block_on(async {
        let controller = Controller::connect(target).await?;
        let population = planned(&tenant, controller.base());
        controller.add_all(&population).await?;
        let placed = controller.read_back(&population).await?;
        tenant.adopt(&controller, &population, &placed, true)?;
        Ok::<_, String>((controller, population.len()))
    });
    let (controller, count) = filled.map_err(Failure::bad)?;
    let answer = json!({
        "baseDn": controller.base(),
        "domainSid": controller.domain_sid(),
        "objects": count,
    });
    lab.set_ad(Arc::new(controller));
    Ok(answer)
}

fn parse<T: for<'de> Deserialize<'de>>(value: &Value) -> Result<T, Failure> {
    T::deserialize(value).map_err(Failure::bad)
}

fn text<'a>(body: &'a Value, name: &str) -> Result<&'a str, Failure> {
    body[name]
        .as_str()
        .ok_or_else(|| Failure::bad(format!("'{name}' must be a text")))
}

fn whole(body: &Value, name: &str) -> Result<i64, Failure> {
    body[name]
        .as_i64()
        .ok_or_else(|| Failure::bad(format!("'{name}' must be a whole number")))
}
