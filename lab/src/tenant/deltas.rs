//! The delta endpoints: queries checked, tokens read and written, pages handed out.

use super::call::Call;
use super::delta::{Limits, Reader, start};
use super::delta_token::{Collection, Cursor, DeltaQuery, DeltaToken};
use super::errors::{Answer, Refusal};
use super::filter::Filter;
use super::graph::Context;
use super::permissions::need;
use super::properties::Entity;
use super::query::encode;
use super::state::Version;
use crate::clock::DAY;
use serde_json::{Map, Value, json};

/// How long delta tokens of directory objects live.
const TOKEN_LIFE: i64 = 7 * DAY;
/// At most this many chosen objects.
const MAX_IDS: usize = 50;

/// What the request wants.
enum Wanted {
    /// Only a link that starts now.
    Latest(DeltaQuery),
    /// A page.
    Page(DeltaQuery, Cursor),
}

/// Answers a delta request.
pub(crate) fn delta(
    context: &Context<'_>,
    call: &Call,
    collection: Collection,
) -> Result<Answer, Refusal> {
    need(match collection {
        Collection::Groups => context.access.groups,
        Collection::Users => context.access.users,
        Collection::Devices => context.access.devices,
    })?;
    let log = context.tenant.version();
    let visible = log.saturating_sub(context.injected.lag as Version);
    let (query, cursor) = match wanted(context, call, collection, visible)? {
        Wanted::Latest(query) => {
            let links = Links {
                context,
                call,
                query: &query,
            };
            return Ok(links.answer(Vec::new(), None, Some(delta_cursor(visible))));
        }
        Wanted::Page(query, cursor) => (query, cursor),
    };
    let links = Links {
        context,
        call,
        query: &query,
    };
    if let Some(last) = context.injected.empty {
        // An injected empty page: it plays the last one, or the real page follows it.
        let until = cursor.until;
        let next = Cursor {
            after_empty: true,
            ..cursor
        };
        return Ok(if last {
            links.answer(Vec::new(), None, Some(delta_cursor(until)))
        } else {
            links.answer(Vec::new(), Some(next), None)
        });
    }
    let reader = Reader {
        tenant: context.tenant,
        query: &query,
        access: context.access,
        limits: limits(context, call),
        minimal: call.preference("return") == Some("minimal"),
        reorder: context.injected.reorder,
    };
    let page = reader.page(&cursor);
    if page.next.is_some() {
        return Ok(links.answer(page.rows, page.next, None));
    }
    let end = context.at_end(call);
    if end.endless {
        // Everything has been sent, but the end never comes: empty pages behind it.
        let position = if cursor.since.is_some() {
            cursor.until as usize
        } else {
            usize::MAX >> 1
        };
        let behind = Cursor {
            position,
            pending: Vec::new(),
            replay: Vec::new(),
            page: cursor.page + 1,
            ..cursor
        };
        return Ok(links.answer(page.rows, Some(behind), None));
    }
    let done = (!end.drop_delta_link).then(|| delta_cursor(cursor.until));
    Ok(links.answer(page.rows, None, done))
}

fn limits(context: &Context<'_>, call: &Call) -> Limits {
    let settings = &context.lab.settings;
    let hint = call
        .preference("odata.maxpagesize")
        .and_then(|size| size.parse().ok());
    let page_size = hint
        .unwrap_or(settings.page_size)
        .clamp(1, settings.page_size);
    Limits {
        page_size,
        slice_size: settings.slice_size,
        replay_percent: if context.injected.replay {
            100
        } else {
            settings.replay_percent
        },
        seed: settings.world.seed,
    }
}

/// A deltaLink's cursor: all up to `version` is known.
fn delta_cursor(version: Version) -> Cursor {
    Cursor {
        since: Some(version),
        until: version,
        ..Cursor::default()
    }
}

fn wanted(
    context: &Context<'_>,
    call: &Call,
    collection: Collection,
    visible: Version,
) -> Result<Wanted, Refusal> {
    let token = |name: &str| call.query.get(name).filter(|text| !text.is_empty());
    let delta_token = token("$deltatoken");
    if delta_token == Some("latest") {
        return Ok(Wanted::Latest(first_query(context, call, collection)?));
    }
    let Some(text) = delta_token.or(token("$skiptoken")) else {
        let query = first_query(context, call, collection)?;
        return Ok(Wanted::Page(query, start(None, visible)));
    };
    let decoded = DeltaToken::decode(text)
        .filter(|token| token.query.collection == collection && token.query.beta == call.beta);
    let Some(DeltaToken {
        query,
        cursor,
        issued,
    }) = decoded
    else {
        return Err(Refusal::bad("Badly formed token."));
    };
    if context.injected.gone {
        let location = Links {
            context,
            call,
            query: &query,
        }
        .restart();
        let message = "The delta token is no longer valid; start over from the Location.";
        return Err(Refusal::new(410, "syncStateNotFound", message).with("Location", location));
    }
    let expired = (context.now - issued > TOKEN_LIFE).then(|| "syncStateNotFound".to_owned());
    if let Some(code) = context.injected.expired_delta.clone().or(expired) {
        let message =
            "The sync state generation is not found; continuing the sync is not possible.";
        return Err(Refusal::new(400, code, message));
    }
    // A link from before the lab's history, or from the future of another lab.
    if cursor.until > context.tenant.version() {
        return Err(Refusal::bad("Badly formed token."));
    }
    let cursor = match cursor.since {
        Some(since) if delta_token.is_some() => start(Some(since), visible.max(since)),
        _ => cursor,
    };
    Ok(Wanted::Page(query, cursor))
}

/// The query of a round's first request.
fn first_query(
    context: &Context<'_>,
    call: &Call,
    collection: Collection,
) -> Result<DeltaQuery, Refusal> {
    for name in call.query.names() {
        let plain = name.trim_start_matches('$').to_lowercase();
        if matches!(
            plain.as_str(),
            "expand" | "top" | "orderby" | "search" | "skip" | "count"
        ) {
            let message = format!("The query option '{name}' is not supported with delta.");
            return Err(Refusal::unsupported(message));
        }
    }
    let entity = match collection {
        Collection::Groups => Entity::Group,
        Collection::Users => Entity::User,
        Collection::Devices => Entity::Device,
    };
    let select = entity.selection(&call.query, context.beta_flag(call))?;
    let ids = match call.query.get("$filter") {
        None => Vec::new(),
        Some(text) => {
            let filter = Filter::parse(text)
                .map_err(|error| Refusal::bad(format!("Invalid filter clause: {error}")))?;
            let ids = filter.ids().ok_or_else(|| {
                Refusal::unsupported("Delta filters can only compare ids with eq, joined by or.")
            })?;
            if ids.len() > MAX_IDS {
                return Err(Refusal::unsupported(
                    "At most 50 ids can be filtered in a delta.",
                ));
            }
            let mut out: Vec<String> = Vec::new();
            for id in ids {
                if !out.iter().any(|known| known == id) {
                    out.push(id.to_owned());
                }
            }
            out
        }
    };
    let select = select.map(|names| names.into_iter().map(str::to_owned).collect());
    Ok(DeltaQuery {
        collection,
        beta: call.beta,
        select,
        ids,
    })
}

/// Writes answers with their links.
struct Links<'a> {
    context: &'a Context<'a>,
    call: &'a Call,
    query: &'a DeltaQuery,
}

impl Links<'_> {
    fn url(&self) -> String {
        let name = match self.query.collection {
            Collection::Groups => "groups",
            Collection::Users => "users",
            Collection::Devices => "devices",
        };
        format!("{}/{}/{name}/delta", self.context.base, self.call.version())
    }

    fn link(&self, option: &str, cursor: Cursor) -> String {
        let token = DeltaToken {
            query: self.query.clone(),
            cursor,
            issued: self.context.now,
        };
        format!("{}?${option}={}", self.url(), encode(&token.encode()))
    }

    /// Where to start over after 410: the same query with an empty token.
    fn restart(&self) -> String {
        let mut out = format!("{}?$deltatoken=", self.url());
        if let Some(select) = &self.query.select {
            out.push_str(&format!("&$select={}", encode(&select.join(","))));
        }
        if !self.query.ids.is_empty() {
            let ids = self.query.ids.iter().map(|id| format!("id eq '{id}'"));
            let filter = ids.collect::<Vec<_>>().join(" or ");
            out.push_str(&format!("&$filter={}", encode(&filter)));
        }
        out
    }

    fn answer(&self, rows: Vec<Value>, next: Option<Cursor>, done: Option<Cursor>) -> Answer {
        let mut out = Map::new();
        let name = match self.query.collection {
            Collection::Groups => "groups",
            Collection::Users => "users",
            Collection::Devices => "devices",
        };
        let metadata = format!(
            "{}/{}/$metadata#{name}",
            self.context.base,
            self.call.version()
        );
        out.insert("@odata.context".into(), json!(metadata));
        if let Some(cursor) = next {
            out.insert(
                "@odata.nextLink".into(),
                json!(self.link("skiptoken", cursor)),
            );
        } else if let Some(cursor) = done {
            out.insert(
                "@odata.deltaLink".into(),
                json!(self.link("deltatoken", cursor)),
            );
        }
        out.insert("value".into(), Value::Array(rows));
        let answer = Answer::json(Value::Object(out));
        let applied = ["return", "odata.maxpagesize"].iter().filter_map(|name| {
            self.call
                .preference(name)
                .map(|value| format!("{name}={value}"))
        });
        let applied = applied.collect::<Vec<_>>().join(", ");
        if applied.is_empty() {
            answer
        } else {
            answer.with("Preference-Applied", applied)
        }
    }
}

/// Whether the page before this one was an injected empty one.
pub(crate) fn is_after_empty(call: &Call) -> bool {
    let token = call.query.get("$skiptoken").and_then(DeltaToken::decode);
    token.is_some_and(|token| token.cursor.after_empty)
}
