//! Single objects, objects by ids, and what is in the recycle bin.

use super::call::Call;
use super::delta_token::MemberCursor;
use super::errors::{Answer, Refusal};
use super::graph::Context;
use super::lists::{member_row, walk};
use super::permissions::need;
use super::properties::{Entity, render};
use super::state::{Object, State};
use crate::ids::Guid;
use serde_json::{Map, Value, json};

/// `$expand=members` gives at most this many.
const EXPANDED: usize = 20;
/// `getByIds` takes at most this many.
const MAX_IDS: usize = 1_000;

/// One group, with `allowExternalSenders` and `$expand=members` where asked for.
pub(crate) fn group(context: &Context<'_>, call: &Call, id: &str) -> Result<Answer, Refusal> {
    need(context.access.groups)?;
    let found = Guid::parse(id).and_then(|id| context.tenant.find_group(id));
    let (index, group) = found.ok_or_else(|| Refusal::not_found(id))?;
    let selected = Entity::Group.selection(&call.query, context.beta_flag(call))?;
    let object = context.tenant.object(index);
    let mut out = render(context.tenant, object, selected.as_deref());
    match call.query.get("$expand") {
        None => {}
        Some("members") => {
            let hidden = group.hidden_membership && !context.access.hidden;
            let size = if hidden { 0 } else { EXPANDED };
            let (members, _) = walk(group, MemberCursor::default(), size, &|_| true);
            let rows = members
                .into_iter()
                .map(|member| member_row(context, context.tenant.object(member), None, true));
            out.insert("members".into(), rows.collect());
        }
        Some(other) => {
            return Err(Refusal::unsupported(format!(
                "The lab can't expand '{other}'."
            )));
        }
    }
    Ok(entity(context, call, "groups/$entity", out))
}

/// One user, by id or user principal name.
pub(crate) fn user(context: &Context<'_>, call: &Call, id: &str) -> Result<Answer, Refusal> {
    need(context.access.users)?;
    let selected = Entity::User.selection(&call.query, false)?;
    let by_id = Guid::parse(id)
        .and_then(|id| context.tenant.find(id))
        .map(|(_, object)| object);
    let named = |object: &&Object| {
        object.is_active()
            && object
                .user()
                .is_some_and(|user| user.upn.eq_ignore_ascii_case(id))
    };
    let by_name = || {
        context
            .tenant
            .users
            .iter()
            .map(|i| context.tenant.object(*i))
            .find(named)
    };
    let object = by_id
        .or_else(by_name)
        .filter(|object| object.user().is_some());
    let object = object.ok_or_else(|| Refusal::not_found(id))?;
    let out = render(context.tenant, object, selected.as_deref());
    Ok(entity(context, call, "users/$entity", out))
}

/// One device.
pub(crate) fn device(context: &Context<'_>, call: &Call, id: &str) -> Result<Answer, Refusal> {
    need(context.access.devices)?;
    let selected = Entity::Device.selection(&call.query, false)?;
    let found = Guid::parse(id).and_then(|id| context.tenant.find(id));
    let object = found.map(|(_, object)| object);
    let object = object.filter(|object| Entity::of(object) == Entity::Device);
    let object = object.ok_or_else(|| Refusal::not_found(id))?;
    let out = render(context.tenant, object, selected.as_deref());
    Ok(entity(context, call, "devices/$entity", out))
}

/// `POST /directoryObjects/getByIds`; ids that lead nowhere are left out without a word.
pub(crate) fn by_ids(context: &Context<'_>, call: &Call) -> Result<Answer, Refusal> {
    let body = call.body.as_ref().and_then(Value::as_object);
    let ids = body
        .and_then(|body| body.get("ids"))
        .and_then(Value::as_array);
    let ids = ids.ok_or_else(|| Refusal::bad("The parameter 'ids' is missing."))?;
    if ids.len() > MAX_IDS {
        return Err(Refusal::bad("Too many ids: at most 1000 are taken."));
    }
    let types = body
        .and_then(|body| body.get("types"))
        .and_then(Value::as_array);
    let wanted =
        |object: &Object| types.is_none_or(|types| types.iter().any(|name| *name == object.kind()));
    need(context.access.groups || context.access.users || context.access.devices)?;
    let selected = Entity::DirectoryObject.selection(&call.query, context.beta_flag(call))?;
    let mut rows = Vec::with_capacity(ids.len());
    for id in ids {
        let Some(id) = id.as_str().and_then(Guid::parse) else {
            return Err(Refusal::bad(format!("Invalid object identifier {id}.")));
        };
        let Some((_, object)) = context.tenant.find(id).filter(|(_, object)| wanted(object)) else {
            continue;
        };
        // Without $select this call gives an object's anchors too, unlike the lists.
        let names = selected.clone().unwrap_or_else(|| full(object));
        rows.push(member_row(context, object, Some(&names), true));
    }
    let mut out = Map::new();
    out.insert("value".into(), Value::Array(rows));
    Ok(entity(context, call, "directoryObjects", out))
}

/// The default properties of an object and its anchors.
fn full(object: &Object) -> Vec<&'static str> {
    let entity = Entity::of(object);
    let anchors = [
        "onPremisesSyncEnabled",
        "onPremisesSecurityIdentifier",
        "onPremisesImmutableId",
        "onPremisesDistinguishedName",
    ];
    let mut names = entity.default_properties().to_vec();
    for name in anchors {
        if entity.property(name, false).is_some() && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// One group in the recycle bin.
pub(crate) fn deleted(context: &Context<'_>, call: &Call, id: &str) -> Result<Answer, Refusal> {
    need(context.access.groups)?;
    let index = Guid::parse(id).and_then(|id| context.tenant.by_id.get(&id));
    let object = index.map(|index| context.tenant.object(*index));
    let in_bin = |object: &&Object| object.group().is_some() && object.state == State::SoftDeleted;
    let object = object
        .filter(in_bin)
        .ok_or_else(|| Refusal::not_found(id))?;
    let selected = Entity::Group.selection(&call.query, context.beta_flag(call))?;
    let mut out = render(context.tenant, object, selected.as_deref());
    out.insert("@odata.type".into(), json!("#microsoft.graph.group"));
    Ok(entity(context, call, "directoryObjects/$entity", out))
}

fn entity(context: &Context<'_>, call: &Call, what: &str, mut out: Map<String, Value>) -> Answer {
    let metadata = format!("{}/{}/$metadata#{what}", context.base, call.version());
    out.insert("@odata.context".into(), json!(metadata));
    Answer::json(Value::Object(out))
}
