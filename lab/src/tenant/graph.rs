//! Microsoft Graph's front door: token, throttling and faults before, the right handler behind.

use super::call::{Call, Route};
use super::delta_token::Collection;
use super::deltas;
use super::errors::{Answer, Refusal};
use super::fault::{Injected, Traits};
use super::lists;
use super::objects;
use super::permissions::{Access, need};
use super::properties::Entity;
use super::settings;
use super::state::Tenant;
use super::writes;
use crate::clock::{http_date, iso};
use crate::lab::Lab;
use serde_json::{Value, json};
use std::time::Instant;

/// What a reading handler works with.
pub(crate) struct Context<'a> {
    pub(crate) lab: &'a Lab,
    pub(crate) tenant: &'a Tenant,
    pub(crate) access: Access,
    pub(crate) injected: &'a Injected,
    pub(crate) now: i64,
    /// Where Graph lives, for links.
    pub(crate) base: &'a str,
}

impl Context<'_> {
    /// Whether this version of this cloud has `writebackConfiguration`.
    pub(crate) fn beta_flag(&self, call: &Call) -> bool {
        call.beta && self.lab.settings.beta_flag
    }

    /// The faults that strike at the end of a list.
    pub(crate) fn at_end(&self, call: &Call) -> Injected {
        let target = call.target();
        let Some(route) = call.route() else {
            return Injected::default();
        };
        let traits = Traits {
            last_page: true,
            ..call.traits(&route, &target)
        };
        self.lab.faults().consult(traits)
    }
}

/// How an answer is to be spoilt on its way out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// The connection is closed in the middle of the body.
    Cut,
    /// The body is something else.
    Garbage(u64),
}

/// An answer and what faults do to it.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) answer: Answer,
    /// Milliseconds to wait before answering.
    pub(crate) delay: u64,
    pub(crate) damage: Option<Damage>,
}

/// Answers one Graph request, which may be one of a batch.
pub(crate) fn perform(lab: &Lab, call: &Call, in_batch: bool) -> Outcome {
    let request_id = lab.new_guid().to_string();
    let mut injected = Injected::default();
    let mut result = attempt(lab, call, in_batch, &mut injected);
    let headers = match &mut result {
        Ok(answer) => &mut answer.headers,
        Err(refusal) => &mut refusal.headers,
    };
    headers.push(("request-id", request_id.clone()));
    let client_id = match call.headers.client_request_id.as_str() {
        "" => request_id.as_str(),
        own => own,
    };
    headers.push(("client-request-id", client_id.to_owned()));
    let now = lab.clock.now();
    let mut answer = match result {
        Ok(answer) => answer,
        Err(refusal) => refusal.into_answer(&iso(now), &request_id, client_id),
    };
    answer.headers.push(("Date", http_date(now)));
    if injected.null_members {
        let untyped = call.route().is_some_and(|route| route.is_people());
        hide_people(&mut answer, untyped);
    }
    let garbage = injected.garbage.map(Damage::Garbage);
    let damage = if injected.cut_body {
        Some(Damage::Cut)
    } else {
        garbage
    };
    Outcome {
        answer,
        delay: injected.delay,
        damage,
    }
}

fn attempt(
    lab: &Lab,
    call: &Call,
    in_batch: bool,
    injected: &mut Injected,
) -> Result<Answer, Refusal> {
    let now = Instant::now();
    let target = call.target();
    let waiting = format!("{} {target}", call.method);
    if lab.throttle().is_early(now, &waiting, in_batch) {
        lab.counters.early();
    }
    let route = call.route().ok_or_else(|| {
        let segment = call.path.rsplit('/').next().unwrap_or_default();
        Refusal::bad(format!("Resource not found for the segment '{segment}'."))
    });
    let route = match route {
        Ok(route) => route,
        Err(refusal) => {
            lab.counters.kind("other");
            return Err(refusal);
        }
    };
    lab.counters.kind(route.kind());
    let mut traits = call.traits(&route, &target);
    traits.after_empty = if traits.delta {
        deltas::is_after_empty(call)
    } else {
        traits.paged && lists::is_after_empty(call)
    };
    *injected = lab.faults().consult(traits);
    if injected.expired_token {
        return Err(Refusal::token(
            "Lifetime validation failed, the token is expired.",
        ));
    }
    lab.signin
        .check(call.headers.authorization.as_deref(), lab.clock.now())?;

    let units = call.cost(&route);
    lab.counters.units(units);
    let verdict = lab.throttle().charge(now, units, route.is_write());
    let wait = match (injected.throttle, verdict.wait) {
        (Some(seconds), _) => Some((seconds, "ResourceUnitLimitExceeded")),
        (None, wait) => wait,
    };
    let mut headers = vec![("x-ms-resource-unit", units.to_string())];
    if verdict.level >= 0.8 {
        let level = verdict.level.min(1.8);
        headers.push(("x-ms-throttle-limit-percentage", format!("{level:.2}")));
    }
    if let Some((seconds, reason)) = wait {
        lab.counters.throttled();
        lab.throttle().tell(now, &waiting, seconds, in_batch);
        let mut refusal = too_many(lab, seconds, reason);
        refusal.headers.extend(headers);
        return Err(refusal);
    }
    if let Some((status, code, retry_after)) = injected.status.take() {
        let code = code.unwrap_or_else(|| default_code(status).to_owned());
        let mut refusal = Refusal::new(status, code, "A fault was injected.");
        if let Some(seconds) = retry_after {
            lab.throttle().tell(now, &waiting, seconds, true);
            refusal = refusal.with("Retry-After", seconds);
        }
        return Err(refusal);
    }
    let mut result = handle(lab, call, &route, injected);
    let own = match &mut result {
        Ok(answer) => &mut answer.headers,
        Err(refusal) => &mut refusal.headers,
    };
    own.extend(headers);
    result
}

fn too_many(lab: &Lab, seconds: u64, reason: &str) -> Refusal {
    let scope = format!(
        "Tenant_Application/ReadWrite/{}/{}",
        lab.signin.client_id, lab.signin.tenant_id
    );
    Refusal::new(
        429,
        "TooManyRequests",
        "Too many requests. Please retry later.",
    )
    .with("Retry-After", seconds)
    .with("x-ms-throttle-scope", scope)
    .with("x-ms-throttle-information", reason)
}

/// The code that goes with a status where the fault names none.
fn default_code(status: u16) -> &'static str {
    match status {
        400 => "Request_BadRequest",
        401 => "InvalidAuthenticationToken",
        403 => "Authorization_RequestDenied",
        404 => "Request_ResourceNotFound",
        410 => "resyncRequired",
        429 => "TooManyRequests",
        502 => "BadGateway",
        503 => "ServiceUnavailable",
        504 => "GatewayTimeout",
        _ => "InternalServerError",
    }
}

fn handle(lab: &Lab, call: &Call, route: &Route, injected: &Injected) -> Result<Answer, Refusal> {
    let access = lab.access();
    if route.is_write() {
        return write(lab, call, route, access);
    }
    let tenant = lab.tenant();
    let context = Context {
        lab,
        tenant: &tenant,
        access,
        injected,
        now: lab.clock.now(),
        base: &lab.base,
    };
    match route {
        Route::GroupsDelta => deltas::delta(&context, call, Collection::Groups),
        Route::UsersDelta => deltas::delta(&context, call, Collection::Users),
        Route::DevicesDelta => deltas::delta(&context, call, Collection::Devices),
        Route::Groups => lists::objects(&context, call, Entity::Group),
        Route::Users => lists::objects(&context, call, Entity::User),
        Route::Devices => lists::objects(&context, call, Entity::Device),
        Route::Members(id, cast) => lists::members(&context, call, id, cast.as_deref()),
        Route::DeletedGroups => lists::deleted_groups(&context, call),
        Route::Group(id) => objects::group(&context, call, id),
        Route::User(id) => objects::user(&context, call, id),
        Route::Device(id) => objects::device(&context, call, id),
        Route::GetByIds => objects::by_ids(&context, call),
        Route::DeletedItem(id) => objects::deleted(&context, call, id),
        Route::Synchronization => {
            need(access.sync)?;
            Ok(collection(vec![settings::synchronization(
                &tenant, call.beta,
            )]))
        }
        Route::Settings => {
            need(access.settings)?;
            Ok(collection(tenant.settings.clone()))
        }
        Route::SettingTemplates => {
            need(access.settings)?;
            Ok(collection(vec![settings::template()]))
        }
        Route::SettingTemplate(id) => {
            need(access.settings)?;
            let template = settings::template();
            if template["id"] == **id {
                Ok(Answer::json(template))
            } else {
                Err(Refusal::not_found(id))
            }
        }
        Route::Organization => {
            need(access.organization)?;
            Ok(collection(vec![settings::organization(
                &tenant,
                context.now,
            )]))
        }
        Route::PatchSynchronization(_)
        | Route::CreateSetting
        | Route::PatchSetting(_)
        | Route::PatchGroup(_) => Err(Refusal::bad("The request is a write.")),
    }
}

fn write(lab: &Lab, call: &Call, route: &Route, access: Access) -> Result<Answer, Refusal> {
    let body = call.body.clone().unwrap_or(Value::Null);
    match route {
        Route::PatchGroup(id) => {
            let beta_flag = call.beta && lab.settings.beta_flag;
            writes::patch_group(&mut lab.tenant_mut(), access, call, id, beta_flag)
        }
        Route::PatchSynchronization(id) => {
            need(access.write_sync)?;
            settings::patch_synchronization(&mut lab.tenant_mut(), id, &body)
        }
        Route::CreateSetting => {
            need(access.write_settings)?;
            settings::create_setting(&mut lab.tenant_mut(), &mut lab.rng(), &body)
        }
        Route::PatchSetting(id) => {
            need(access.write_settings)?;
            settings::patch_setting(&mut lab.tenant_mut(), id, &body)
        }
        _ => Err(Refusal::bad("The request is not a write.")),
    }
}

fn collection(rows: Vec<Value>) -> Answer {
    Answer::json(json!({ "value": rows }))
}

/// The fault `nullMembers`: people's rows keep nothing but id and type. Rows of mixed lists carry
/// their type; `untyped` ones are all people's.
fn hide_people(answer: &mut Answer, untyped: bool) {
    let Some(body) = answer.body.as_mut().filter(|_| answer.status == 200) else {
        return;
    };
    let rows = match body.get_mut("value") {
        Some(Value::Array(rows)) => rows.as_mut_slice(),
        _ => std::slice::from_mut(body),
    };
    for row in rows.iter_mut().filter_map(Value::as_object_mut) {
        let kind = row.get("@odata.type").and_then(Value::as_str);
        if kind.map_or(untyped, |kind| kind == "#microsoft.graph.user") {
            lists::blank(row);
        }
    }
}
