//! Search room: finding entries in small steps, so that the store is never locked for long.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::time::{Duration, Instant};

use super::access::Principal;
use super::candidates;
use super::dn::{self, parse_reference};
use super::filter::{self, Test};
use super::object::{Id, NOBODY};
use super::output::{Printer, Selection, Style};
use super::results::{Failure, code};
use super::store::Store;
use crate::ldap::ber::{self, INTEGER, OCTETS, Reader, SEQUENCE};
use crate::ldap::message::{Control, Scope, SearchRequest, entry};

/// Objects looked at before the store is let go.
const STEP_OBJECTS: usize = 20_000;
/// A subtree with more objects than this is searched by looking at all objects in order.
const SUBTREE_OBJECTS: usize = 20_000;
/// An index is used when it leaves one object out of this many, or few.
const WORTH_A_LIST: usize = 8;
const SMALL_LIST: usize = 2_000;
/// Bytes of entries made before the store is let go.
const STEP_BYTES: usize = 256 * 1024;

/// Bounds of searches.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Most entries in one answer.
    pub page: usize,
    /// Most values of an attribute in one answer.
    pub values: usize,
    /// Longest search.
    pub duration: Duration,
}

/// What the controls of a search ask for.
#[derive(Debug, Default, Clone)]
pub struct Options {
    /// Page size and cookie.
    pub paged: Option<(i64, Vec<u8>)>,
    /// Extended names.
    pub extended: Option<i64>,
    /// Deleted objects too.
    pub deleted: bool,
    /// Security descriptor parts.
    pub descriptor: Option<i64>,
    /// No references to other naming contexts.
    pub domain_scope: bool,
    /// All naming contexts below the base.
    pub phantom_root: bool,
}

/// Where candidates come from.
enum Source {
    List(Vec<Id>),
    Children(Id),
    Everything,
}

/// A search in progress.
pub struct Search {
    base: Id,
    scope: Scope,
    test: Test,
    selection: Selection,
    style: Style,
    options: Options,
    source: Source,
    next: Id,
    sent: usize,
    limit: usize,
    limited_by_page: bool,
    fingerprint: u64,
    deadline: Instant,
    /// Referrals to give at the end.
    pub references: Vec<String>,
}

/// A found entry.
pub struct Entry {
    /// The encoded message.
    pub message: Vec<u8>,
    /// Whether it carries values of `member`.
    pub members: bool,
}

/// What one step gave.
pub struct Step {
    /// Encoded entries.
    pub entries: Vec<Entry>,
    /// Set when the search is over.
    pub done: Option<Done>,
}

/// How a search ended.
#[derive(Debug, Default)]
pub struct Done {
    /// A failure, if it didn't end well.
    pub failure: Option<Failure>,
    /// Response controls.
    pub controls: Vec<Control>,
}

impl Search {
    /// Prepares a search.
    pub fn new(
        store: &Store,
        who: &Principal,
        request: &SearchRequest,
        options: Options,
        bounds: Bounds,
    ) -> Result<Self, Failure> {
        let base = base(store, who, request, &options)?;
        let test = filter::compile(store, &request.filter);
        let mut hasher = DefaultHasher::new();
        (base, request.scope, &request.filter).hash(&mut hasher);
        let fingerprint = hasher.finish();
        let client = usize::try_from(request.size_limit).unwrap_or(0);
        let client = if client == 0 { usize::MAX } else { client };
        let (mut limit, mut limited_by_page, mut next) = (client.min(bounds.page), false, 0);
        if let Some((size, cookie)) = &options.paged {
            let size = usize::try_from(*size).unwrap_or(0);
            let size = if size == 0 {
                bounds.page
            } else {
                size.min(bounds.page)
            };
            limited_by_page = size <= client;
            limit = size.min(client);
            next = resume(cookie, fingerprint)?;
        }
        let source = source(store, base, request.scope, &test);
        let seconds = u64::try_from(request.time_limit).unwrap_or(0);
        let wanted = if seconds == 0 {
            bounds.duration
        } else {
            Duration::from_secs(seconds)
        };
        let subtree = request.scope == Scope::Subtree && base == store.marks.domain;
        let mut references = Vec::new();
        if subtree && !options.domain_scope && !options.phantom_root {
            let domain: Vec<&str> = store.base.iter().map(|part| part.value.as_str()).collect();
            let context = store.dn(store.marks.configuration);
            references.push(format!("ldap://{}/{context}", domain.join(".")));
        }
        Ok(Self {
            base,
            scope: request.scope,
            selection: Selection::new(store, &request.attributes),
            style: Style {
                extended: options.extended,
                types_only: request.types_only,
                descriptor: options.descriptor,
                max_values: bounds.values,
            },
            test,
            options,
            source,
            next,
            sent: 0,
            limit,
            limited_by_page,
            fingerprint,
            deadline: Instant::now() + wanted.min(bounds.duration),
            references,
        })
    }

    /// Whether this is a later slice of a ranged read.
    pub fn continues_range(&self) -> bool {
        self.selection.continues()
    }

    /// Looks at some more objects.
    pub fn step(&mut self, store: &Store, who: &Principal, message: i32) -> Step {
        let mut entries = Vec::new();
        let mut bytes = 0;
        let mut printer = Printer::new(store, who, self.style);
        for _ in 0..STEP_OBJECTS {
            if Instant::now() >= self.deadline {
                let text = "00002AF9: SvcErr: DSID-03140330, problem 5002 (UNAVAILABLE), data 0";
                return self.over(
                    entries,
                    Some(Failure::new(code::TIME_LIMIT, text)),
                    Vec::new(),
                );
            }
            let Some(id) = self.candidate(store) else {
                let controls = self.page_control(Vec::new());
                return self.over(entries, None, controls);
            };
            if !self.passes(store, who, id) {
                self.next = id + 1;
                continue;
            }
            if self.sent == self.limit {
                if self.limited_by_page {
                    let controls = self.page_control(self.cookie());
                    return self.over(entries, None, controls);
                }
                return self.over(entries, Some(Failure::size_limit()), Vec::new());
            }
            self.next = id + 1;
            self.sent += 1;
            let attributes = printer.attributes(id, &self.selection);
            let member = &store.schema.attribute(store.schema.a.member).name;
            let members = attributes
                .iter()
                .any(|a| a.name.split(';').next() == Some(member) && !a.values.is_empty());
            let message = entry(message, &printer.dn(id), &attributes);
            bytes += message.len();
            entries.push(Entry { message, members });
            if bytes > STEP_BYTES {
                break;
            }
        }
        Step {
            entries,
            done: None,
        }
    }

    fn over(&self, entries: Vec<Entry>, failure: Option<Failure>, controls: Vec<Control>) -> Step {
        Step {
            entries,
            done: Some(Done { failure, controls }),
        }
    }

    /// The next candidate at or after `next`.
    fn candidate(&self, store: &Store) -> Option<Id> {
        match &self.source {
            Source::List(list) => {
                let at = list.partition_point(|id| *id < self.next);
                list.get(at).copied()
            }
            Source::Children(parent) => store.children(*parent)?.range(self.next..).next().copied(),
            Source::Everything => (self.next < store.objects.len() as Id).then_some(self.next),
        }
    }

    fn passes(&self, store: &Store, who: &Principal, id: Id) -> bool {
        let object = store.object(id);
        if object.flags.deleted && !(self.options.deleted && who.sees_deleted()) {
            return false;
        }
        let in_scope = match self.scope {
            Scope::Base => id == self.base,
            Scope::One => object.parent == self.base && self.same_context(store, id),
            Scope::Subtree => self.below(store, id),
        };
        in_scope && filter::matches(store, id, &self.test) == Some(true)
    }

    fn same_context(&self, store: &Store, id: Id) -> bool {
        self.options.phantom_root || !store.object(id).flags.head
    }

    fn below(&self, store: &Store, mut id: Id) -> bool {
        loop {
            if id == self.base {
                return true;
            }
            let object = store.object(id);
            if object.parent == NOBODY || (object.flags.head && !self.options.phantom_root) {
                return false;
            }
            id = object.parent;
        }
    }

    fn cookie(&self) -> Vec<u8> {
        let mut cookie = self.fingerprint.to_le_bytes().to_vec();
        cookie.extend_from_slice(&self.next.to_le_bytes());
        cookie
    }

    fn page_control(&self, cookie: Vec<u8>) -> Vec<Control> {
        if self.options.paged.is_none() {
            return Vec::new();
        }
        let mut value = Vec::new();
        ber::put_nested(&mut value, SEQUENCE, |out| {
            ber::put_integer(out, INTEGER, 0);
            ber::put(out, OCTETS, &cookie);
        });
        let oid = "1.2.840.113556.1.4.319".to_owned();
        vec![Control {
            oid,
            critical: false,
            value: Some(value),
        }]
    }
}

fn resume(cookie: &[u8], fingerprint: u64) -> Result<Id, Failure> {
    if cookie.is_empty() {
        return Ok(0);
    }
    let wrong = || Failure::protocol("The paging cookie is not valid");
    let (mark, next) = cookie.split_at_checked(8).ok_or_else(wrong)?;
    if mark != fingerprint.to_le_bytes() {
        return Err(wrong());
    }
    Ok(Id::from_le_bytes(next.try_into().map_err(|_| wrong())?))
}

fn base(
    store: &Store,
    who: &Principal,
    request: &SearchRequest,
    options: &Options,
) -> Result<Id, Failure> {
    let reference = parse_reference(&request.base).ok_or_else(|| Failure::bad_dn(&request.base))?;
    if reference == dn::Reference::Dn(Vec::new()) && options.phantom_root {
        return Ok(store.marks.domain);
    }
    let found = locate(store, &reference)?;
    let hidden = store.object(found).flags.deleted && !(options.deleted && who.sees_deleted());
    if hidden && request.scope == Scope::Base {
        return Err(Failure::no_object(String::new()));
    }
    Ok(found)
}

/// The object a request names, or the failure that says how much of the name is there.
pub fn locate(store: &Store, reference: &dn::Reference) -> Result<Id, Failure> {
    store
        .resolve(reference)
        .map_err(|nearest| Failure::no_object(nearest.map_or_else(String::new, |id| store.dn(id))))
}

fn source(store: &Store, base: Id, scope: Scope, test: &Test) -> Source {
    let indexed = candidates::estimate(store, test);
    let (scan, fallback) = match scope {
        Scope::Base => return Source::List(vec![base]),
        Scope::One => (
            store.children(base).map_or(0, |children| children.len()),
            Source::Children(base),
        ),
        Scope::Subtree => match descendants(store, base, indexed.unwrap_or(usize::MAX)) {
            Some(list) => (list.len(), Source::List(list)),
            None => (store.objects.len(), Source::Everything),
        },
    };
    match indexed {
        // Looking at all of them in order needs no list, and a page only what it shows.
        Some(count) if count.saturating_mul(WORTH_A_LIST) <= scan || count < SMALL_LIST => {
            Source::List(candidates::collect(store, test))
        }
        _ => fallback,
    }
}

/// An object and everything below it in ascending order, unless that is much.
fn descendants(store: &Store, base: Id, most: usize) -> Option<Vec<Id>> {
    let most = most.min(SUBTREE_OBJECTS);
    let mut list = vec![base];
    let mut at = 0;
    while let Some(id) = list.get(at) {
        at += 1;
        let children = store.children(*id);
        if list.len() + children.map_or(0, |children| children.len()) > most {
            return None;
        }
        list.extend(children.into_iter().flatten());
    }
    list.sort_unstable();
    Some(list)
}

/// Reads the value of the paged results control.
pub fn paged(value: &[u8]) -> Option<(i64, Vec<u8>)> {
    let mut body = Reader::new(value).nested(SEQUENCE).ok()?;
    let size = body.integer(INTEGER).ok()?;
    Some((size, body.expect(OCTETS).ok()?.to_vec()))
}
