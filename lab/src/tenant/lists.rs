//! Lists in pages: groups, users, devices, members, deleted groups.

use super::call::Call;
use super::delta_token::MemberCursor;
use super::errors::{Answer, Refusal};
use super::filter::Filter;
use super::graph::Context;
use super::permissions::need;
use super::properties::{Entity, render, value};
use super::query::encode;
use super::state::{Group, Index, Object, State};
use crate::clock::DAY;
use crate::ids::{Guid, base64url, from_base64url};
use serde_json::{Map, Value, json};

/// Without `$top`, Graph gives this many.
const DEFAULT_PAGE: usize = 100;
/// More than this is refused.
const MAX_PAGE: usize = 999;
/// How long a page token lives.
const PAGE_TOKEN_LIFE: i64 = DAY;

/// Where a list stands: a position in the arena's list, or in a member list.
struct PageToken {
    part: u8,
    position: u32,
    issued: i64,
    /// The page before was an injected empty one.
    after_empty: bool,
}

impl PageToken {
    fn encode(&self) -> String {
        let flag = u8::from(self.after_empty);
        base64url(format!("L{}.{}.{}.{flag}", self.part, self.position, self.issued).as_bytes())
    }

    fn decode(text: &str) -> Option<Self> {
        let text = String::from_utf8(from_base64url(text)?).ok()?;
        let mut parts = text.strip_prefix('L')?.split('.');
        Some(Self {
            part: parts.next()?.parse().ok()?,
            position: parts.next()?.parse().ok()?,
            issued: parts.next()?.parse().ok()?,
            after_empty: parts.next()? == "1",
        })
    }
}

/// Where to start, how many to give.
struct Window {
    part: u8,
    position: u32,
    size: usize,
}

/// Whether the page before this one was an injected empty one.
pub(crate) fn is_after_empty(call: &Call) -> bool {
    call.query
        .get("$skiptoken")
        .and_then(PageToken::decode)
        .is_some_and(|token| token.after_empty)
}

fn window(context: &Context<'_>, call: &Call) -> Result<Window, Refusal> {
    let size = match call.query.get("$top") {
        None => DEFAULT_PAGE,
        Some(text) => match text.parse::<usize>() {
            Ok(size @ 1..=MAX_PAGE) => size,
            _ => {
                let message = format!(
                    "Invalid page size specified: '{text}'. Must be between 1 \
                                       and 999 inclusive."
                );
                return Err(Refusal::unsupported(message));
            }
        },
    };
    let size = size.min(context.lab.settings.page_size);
    let start = Window {
        part: 0,
        position: 0,
        size,
    };
    let Some(text) = call.query.get("$skiptoken") else {
        return Ok(start);
    };
    let Some(token) = PageToken::decode(text) else {
        return Err(Refusal::bad(
            "The specified page token value has been corrupted.",
        ));
    };
    if context.now - token.issued > PAGE_TOKEN_LIFE {
        let message = "The specified page token value has expired and can no longer be included \
                       in your request.";
        return Err(Refusal::new(400, "Directory_ExpiredPageToken", message));
    }
    Ok(Window {
        part: token.part,
        position: token.position,
        ..start
    })
}

/// The body of a page, with the link to the next one if there is one.
fn body(
    context: &Context<'_>,
    call: &Call,
    what: &str,
    rows: Vec<Value>,
    next: Option<(u8, u32)>,
    start: &Window,
) -> Answer {
    let link = |part: u8, position: u32, after_empty: bool| {
        let token = PageToken {
            part,
            position,
            issued: context.now,
            after_empty,
        };
        let kept = call.query_text.split('&').filter(|option| {
            let name = option.split('=').next().unwrap_or_default();
            !option.is_empty() && !name.to_lowercase().ends_with("skiptoken")
        });
        let mut options: Vec<String> = kept.map(str::to_owned).collect();
        options.push(format!("$skiptoken={}", encode(&token.encode())));
        format!(
            "{}/{}{}?{}",
            context.base,
            call.version(),
            call.path,
            options.join("&")
        )
    };
    let mut out = Map::new();
    let metadata = format!("{}/{}/$metadata#{what}", context.base, call.version());
    out.insert("@odata.context".into(), json!(metadata));
    let empty = context.injected.empty;
    let (rows, next) = match empty {
        // An injected empty page; unless it plays the last one, the same page follows it.
        Some(last) => (
            Vec::new(),
            (!last).then(|| link(start.part, start.position, true)),
        ),
        None => (
            rows,
            next.map(|(part, position)| link(part, position, false)),
        ),
    };
    let next = match next {
        // The end never comes: the last page points to an empty one behind it, for ever.
        None if empty.is_none() && context.at_end(call).endless => Some(link(9, 0, false)),
        other => other,
    };
    if let Some(next) = next {
        out.insert("@odata.nextLink".into(), json!(next));
    }
    out.insert("value".into(), Value::Array(rows));
    Answer::json(Value::Object(out))
}

fn filter(call: &Call, entity: Entity) -> Result<Option<Filter>, Refusal> {
    for name in ["$orderby", "$search", "$skip"] {
        if call.query.get(name).is_some() {
            return Err(Refusal::unsupported(format!(
                "The lab's lists have no {name}."
            )));
        }
    }
    let Some(text) = call.query.get("$filter") else {
        return Ok(None);
    };
    let filter = Filter::parse(text)
        .map_err(|error| Refusal::bad(format!("Invalid filter clause: {error}")))?;
    if let Some(name) = filter
        .properties()
        .iter()
        .find(|name| entity.property(name, false).is_none())
    {
        let message = format!(
            "Could not find a property named '{name}' on type '{}'.",
            entity.type_name()
        );
        return Err(Refusal::bad(message));
    }
    let counted = call.query.get("$count") == Some("true");
    let eventual = call
        .headers
        .consistency_level
        .eq_ignore_ascii_case("eventual");
    if filter.is_advanced() && !(counted && eventual) {
        let message =
            "Operator is not supported without ConsistencyLevel:eventual and $count=true.";
        return Err(Refusal::unsupported(message));
    }
    Ok(Some(filter))
}

/// Groups, users or devices.
pub(crate) fn objects(
    context: &Context<'_>,
    call: &Call,
    entity: Entity,
) -> Result<Answer, Refusal> {
    let (list, granted, what) = match entity {
        Entity::Group => (&context.tenant.groups, context.access.groups, "groups"),
        Entity::User => (&context.tenant.users, context.access.users, "users"),
        _ => (&context.tenant.devices, context.access.devices, "devices"),
    };
    need(granted)?;
    list_page(context, call, entity, list, what, &|object| {
        object.is_active()
    })
}

/// Groups in the recycle bin.
pub(crate) fn deleted_groups(context: &Context<'_>, call: &Call) -> Result<Answer, Refusal> {
    need(context.access.groups)?;
    let bin = |object: &Object| object.state == State::SoftDeleted;
    list_page(
        context,
        call,
        Entity::Group,
        &context.tenant.groups,
        "groups",
        &bin,
    )
}

fn list_page(
    context: &Context<'_>,
    call: &Call,
    entity: Entity,
    list: &[Index],
    what: &str,
    belongs: &dyn Fn(&Object) -> bool,
) -> Result<Answer, Refusal> {
    let tenant = context.tenant;
    let filter = filter(call, entity)?;
    let mut selected = entity.selection(&call.query, context.beta_flag(call))?;
    if let Some(names) = &mut selected {
        // Never in lists: `allowExternalSenders` comes with one group only, members by `$expand`.
        names.retain(|name| !matches!(*name, "allowExternalSenders" | "members"));
    }
    let window = window(context, call)?;
    let fits = |object: &Object| {
        let property = |name: &str| value(tenant, object, name);
        belongs(object)
            && filter
                .as_ref()
                .is_none_or(|filter| filter.matches(&property))
    };
    let mut rows = Vec::new();
    let mut next = None;
    let start = if window.part == 9 {
        list.len()
    } else {
        window.position as usize
    };
    for (place, &index) in list.iter().enumerate().skip(start) {
        let object = tenant.object(index);
        if !fits(object) {
            continue;
        }
        if rows.len() == window.size {
            next = Some((0, place as u32));
            break;
        }
        rows.push(Value::Object(render(tenant, object, selected.as_deref())));
    }
    let mut answer = body(context, call, what, rows, next, &window);
    if call.query.get("$count") == Some("true")
        && let Some(Value::Object(body)) = &mut answer.body
    {
        let count = list
            .iter()
            .filter(|index| fits(tenant.object(**index)))
            .count();
        body.insert("@odata.count".into(), json!(count));
    }
    Ok(answer)
}

/// Members of a group.
pub(crate) fn members(
    context: &Context<'_>,
    call: &Call,
    id: &str,
    cast: Option<&str>,
) -> Result<Answer, Refusal> {
    need(context.access.groups)?;
    let tenant = context.tenant;
    let found = Guid::parse(id).and_then(|id| tenant.find_group(id));
    let (_, group) = found.ok_or_else(|| Refusal::not_found(id))?;
    let entity = match cast {
        None => Entity::DirectoryObject,
        Some("user") => Entity::User,
        Some("group") => Entity::Group,
        Some("device") => Entity::Device,
        Some("orgContact") => Entity::OrgContact,
        Some("servicePrincipal") => Entity::ServicePrincipal,
        Some(other) => {
            return Err(Refusal::bad(format!(
                "Resource not found for the segment '{other}'."
            )));
        }
    };
    if call.query.get("$filter").is_some() {
        return Err(Refusal::unsupported(
            "The lab's member lists have no $filter.",
        ));
    }
    let selected = entity.selection(&call.query, context.beta_flag(call))?;
    let window = window(context, call)?;
    let fits = |member: Index| {
        let object = tenant.object(member);
        let kind = Entity::of(object);
        // Known limit: v1.0 leaves service principals out.
        (cast.is_none() || kind == entity) && (call.beta || kind != Entity::ServicePrincipal)
    };
    let at = MemberCursor(window.part, window.position);
    let hidden = group.hidden_membership && !context.access.hidden;
    let (members, next) = if hidden || at.0 == 9 {
        (Vec::new(), None)
    } else {
        walk(group, at, window.size, &fits)
    };
    let rows = members.into_iter().map(|member| {
        member_row(
            context,
            tenant.object(member),
            selected.as_deref(),
            cast.is_none(),
        )
    });
    let rows = rows.collect();
    let next = next.map(|MemberCursor(part, position)| (part, position));
    Ok(body(context, call, "directoryObjects", rows, next, &window))
}

/// Up to `size` members from `at` on, and where to go on.
pub(crate) fn walk(
    group: &Group,
    at: MemberCursor,
    size: usize,
    fits: &dyn Fn(Index) -> bool,
) -> (Vec<Index>, Option<MemberCursor>) {
    let mut out = Vec::new();
    let MemberCursor(part, position) = at;
    if part == 0 {
        for (place, &member) in group.base.iter().enumerate().skip(position as usize) {
            if !group.has(member) || !fits(member) {
                continue;
            }
            if out.len() == size {
                return (out, Some(MemberCursor(0, place as u32)));
            }
            out.push(member);
        }
    }
    let from = if part == 0 { 0 } else { position };
    for (&member, change) in group.overlay.range(from..) {
        if !change.present || group.in_base(member) || !fits(member) {
            continue;
        }
        if out.len() == size {
            return (out, Some(MemberCursor(1, member)));
        }
        out.push(member);
    }
    (out, None)
}

/// A member with its properties, or with nulls where the application may not read them.
pub(crate) fn member_row(
    context: &Context<'_>,
    object: &Object,
    selected: Option<&[&'static str]>,
    with_type: bool,
) -> Value {
    let readable = context.access.may_read(object);
    let mut row = render(context.tenant, object, selected);
    if !readable {
        blank(&mut row);
    }
    if with_type || !readable {
        let name = format!("#{}", Entity::of(object).type_name());
        row.insert("@odata.type".into(), json!(name));
    }
    row.entry("id")
        .or_insert_with(|| json!(object.id.to_string()));
    Value::Object(row)
}

/// Makes every property but id and type null.
pub(crate) fn blank(row: &mut Map<String, Value>) {
    for (name, value) in row.iter_mut() {
        if name != "id" && !name.starts_with('@') {
            *value = Value::Null;
        }
    }
}
