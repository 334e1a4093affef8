//! Searches: paged, complete or an error. A search that ends with anything but success is never a shorter list.

use std::collections::VecDeque;
use std::sync::Arc;

use lber::structure::{PL, StructureTag};
use ldap3::controls::RawControl;
use ldap3::{Ldap, LdapError, LdapResult, SearchOptions};

use super::codes::code;
use super::entry::{Entry, references};
use super::filter::{self, Filter};
use super::link::{Answer, Fault, Kind, Link, Ticket};
use super::result::{self, Operation};
use super::types::Scope;
use crate::error::{Error, ErrorId, Result};

/// Object identifiers of controls (MS-ADTS 3.1.1.3.4.1).
pub(super) mod oid {
    pub const PAGED: &str = "1.2.840.113556.1.4.319";
    pub const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
    pub const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
    pub const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
    pub const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
    pub const PERMISSIVE_MODIFY: &str = "1.2.840.113556.1.4.1413";
}

/// `MaxPageSize` of AD.
pub(super) const PAGE: u32 = 1000;
/// Below this a page that is refused for its size is not cut further.
const SMALLEST_PAGE: u32 = 50;
/// Whole searches are begun anew this often when the connection breaks in the middle.
const RESTARTS: u32 = 2;

/// A search.
#[derive(Clone, Debug)]
pub(super) struct Spec {
    pub base: String,
    pub scope: Scope,
    pub filter: Filter,
    pub attributes: Vec<String>,
    /// DNs come as `<GUID=..>;<SID=..>;DN`.
    pub extended: bool,
    /// Deleted objects are seen as well.
    pub deleted: bool,
    /// Which parts of security descriptors come (MS-ADTS 3.1.1.3.4.1.11); 0 = not asked for.
    pub sd_flags: u8,
    /// The controller shall keep to its own domain and give no references to others.
    pub domain_scope: bool,
}

impl Spec {
    pub fn new(base: &str, scope: Scope, filter: Filter, attributes: &[&str]) -> Spec {
        Spec {
            base: base.to_owned(),
            scope,
            filter,
            attributes: attributes.iter().map(|a| (*a).to_owned()).collect(),
            extended: false,
            deleted: false,
            sd_flags: 0,
            domain_scope: false,
        }
    }

    /// One object.
    pub fn object(dn: &str, attributes: &[&str]) -> Spec {
        Spec::new(dn, Scope::Base, filter::any(), attributes)
    }

    fn controls(&self, page: u32, cookie: &[u8]) -> Vec<RawControl> {
        let mut controls = Vec::with_capacity(4);
        if self.scope != Scope::Base {
            controls.push(control(oid::PAGED, Some(paged_value(page, cookie))));
        }
        if self.extended {
            controls.push(control(oid::EXTENDED_DN, Some(vec![0x30, 3, 2, 1, 1])));
        }
        if self.deleted {
            controls.push(control(oid::SHOW_DELETED, None));
        }
        if self.sd_flags != 0 {
            let value = vec![0x30, 3, 2, 1, self.sd_flags];
            controls.push(control(oid::SD_FLAGS, Some(value)));
        }
        if self.domain_scope {
            controls.push(control(oid::DOMAIN_SCOPE, None));
        }
        controls
    }
}

/// A control the controller must honour.
pub(super) fn control(oid: &str, value: Option<Vec<u8>>) -> RawControl {
    RawControl {
        ctype: oid.to_owned(),
        crit: true,
        val: value,
    }
}

/// `SEQUENCE { size INTEGER, cookie OCTET STRING }` (RFC 2696).
fn paged_value(size: u32, cookie: &[u8]) -> Vec<u8> {
    let mut number: Vec<u8> = size
        .to_be_bytes()
        .into_iter()
        .skip_while(|b| *b == 0)
        .collect();
    if number.first().is_none_or(|b| b & 0x80 != 0) {
        number.insert(0, 0);
    }
    let mut body = vec![2, number.len() as u8];
    body.extend(number);
    body.push(4);
    push_length(&mut body, cookie.len());
    body.extend_from_slice(cookie);
    let mut value = vec![0x30];
    push_length(&mut value, body.len());
    value.extend(body);
    value
}

fn push_length(out: &mut Vec<u8>, length: usize) {
    if length < 0x80 {
        out.push(length as u8);
        return;
    }
    let bytes: Vec<u8> = length
        .to_be_bytes()
        .into_iter()
        .skip_while(|b| *b == 0)
        .collect();
    out.push(0x80 | bytes.len() as u8);
    out.extend(bytes);
}

fn paged_cookie(value: &[u8]) -> Option<Vec<u8>> {
    let (_, tag) = lber::parse::parse_tag(value).ok()?;
    let cookie: StructureTag = tag.expect_constructed()?.into_iter().nth(1)?;
    match cookie.payload {
        PL::P(bytes) => Some(bytes),
        PL::C(_) => None,
    }
}

struct Found {
    entries: Vec<Entry>,
    references: Vec<String>,
    result: LdapResult,
}

impl Answer for Found {
    fn result(&self) -> &LdapResult {
        &self.result
    }
}

/// One request and all its messages.
async fn run(
    mut ldap: Ldap,
    spec: &Spec,
    page: u32,
    cookie: &[u8],
    timeout: std::time::Duration,
) -> std::result::Result<Found, Fault> {
    let scope = match spec.scope {
        Scope::Base => ldap3::Scope::Base,
        Scope::OneLevel => ldap3::Scope::OneLevel,
        Scope::Subtree => ldap3::Scope::Subtree,
    };
    let mut stream = ldap
        .with_search_options(SearchOptions::new())
        .with_controls(spec.controls(page, cookie))
        .with_timeout(timeout)
        .streaming_search(
            &spec.base,
            scope,
            spec.filter.as_str(),
            spec.attributes.clone(),
        )
        .await?;
    let (mut entries, mut refs) = (Vec::new(), Vec::new());
    while let Some(item) = stream.next().await? {
        if item.is_ref() {
            refs.extend(references(item.0));
        } else if !item.is_intermediate() {
            let entry = Entry::from_ber(item.0).ok_or(Fault::Malformed("an unreadable entry"))?;
            entries.push(entry);
        }
    }
    // `Ok(None)` also stands for a stream that never got its last message.
    if stream.res.is_none() {
        return Err(LdapError::EndOfStream.into());
    }
    let result = stream.finish().await;
    Ok(Found {
        entries,
        references: refs,
        result,
    })
}

/// A page of a search.
pub(super) struct Page {
    pub entries: Vec<Entry>,
    /// Servers that hold parts below the base which weren't searched.
    pub references: Vec<String>,
}

/// Pages of a search, one after the other over the same connection.
pub(super) struct Pages {
    link: Arc<Link>,
    spec: Spec,
    size: u32,
    cookie: Vec<u8>,
    ticket: Option<Ticket>,
    done: bool,
    /// Whether a missing base is an empty answer.
    missing: bool,
}

impl Pages {
    pub fn new(link: &Arc<Link>, spec: Spec, size: u32) -> Pages {
        Pages {
            link: link.clone(),
            spec,
            size,
            cookie: Vec::new(),
            ticket: None,
            done: false,
            missing: false,
        }
    }

    /// The base was not there.
    pub fn base_missing(&self) -> bool {
        self.missing
    }

    /// The next page; `None` after the last.
    pub async fn next(&mut self) -> Result<Option<Page>> {
        while !self.done {
            let (spec, cookie, size) = (&self.spec, self.cookie.as_slice(), self.size);
            let timeout = self.link.timeout();
            let reply = self
                .link
                .call(Kind::Search, self.ticket, |ldap| {
                    run(ldap, spec, size, cookie, timeout)
                })
                .await
                .map_err(|error| self.incomplete(error))?;
            let found = reply.answer;
            match found.result.rc {
                code::SUCCESS => {}
                code::TIME_LIMIT | code::SIZE_LIMIT | code::ADMIN_LIMIT
                    if self.ticket.is_none() && self.size > SMALLEST_PAGE =>
                {
                    self.size = (self.size / 4).max(SMALLEST_PAGE);
                    continue;
                }
                code::NO_SUCH_OBJECT if self.ticket.is_none() => {
                    self.done = true;
                    self.missing = true;
                    return Ok(None);
                }
                _ => {
                    return Err(result::error(
                        Operation::Search,
                        &self.spec.base,
                        &self.link.server(),
                        &found.result,
                    ));
                }
            }
            let next = found
                .result
                .ctrls
                .iter()
                .find(|c| c.1.ctype == oid::PAGED)
                .and_then(|c| c.1.val.as_deref());
            self.cookie = match (next, self.spec.scope) {
                (Some(value), _) => paged_cookie(value)
                    .ok_or_else(|| self.broken("the controller's paging control can't be read"))?,
                (None, Scope::Base) => Vec::new(),
                (None, _) => {
                    return Err(self.broken("the controller left out its paging control"));
                }
            };
            self.ticket = Some(reply.ticket);
            self.done = self.cookie.is_empty();
            return Ok(Some(Page {
                entries: found.entries,
                references: found.references,
            }));
        }
        Ok(None)
    }

    fn broken(&self, what: &str) -> Error {
        Error::new(
            ErrorId::SourceReadIncomplete,
            format!(
                "Reading '{}' failed on {}: {what}.",
                self.spec.base,
                self.link.server()
            ),
        )
        .target(&self.spec.base)
    }

    /// A read that broke off after pages were handed out is incomplete; before, the controller is merely unavailable.
    fn incomplete(&self, error: Error) -> Error {
        if self.ticket.is_none() || error.id != ErrorId::DirectoryUnavailable {
            return error;
        }
        let mut incomplete = self.broken("the connection broke off");
        incomplete.causes.push(error.message);
        incomplete.causes.extend(error.causes);
        incomplete
    }
}

/// All entries; `None` when the base doesn't exist.
pub(super) async fn all(link: &Arc<Link>, spec: &Spec) -> Result<Option<Vec<Entry>>> {
    some(link, spec, usize::MAX).await
}

/// At most `limit` entries.
pub(super) async fn some(
    link: &Arc<Link>,
    spec: &Spec,
    limit: usize,
) -> Result<Option<Vec<Entry>>> {
    let mut restarts = 0;
    'anew: loop {
        let size = u32::try_from(limit).unwrap_or(PAGE).clamp(1, PAGE);
        let mut pages = Pages::new(link, spec.clone(), size);
        let mut entries = Vec::new();
        loop {
            match pages.next().await {
                Ok(Some(page)) => {
                    entries.extend(page.entries);
                    if entries.len() >= limit {
                        entries.truncate(limit);
                        return Ok(Some(entries));
                    }
                }
                Ok(None) if pages.base_missing() => return Ok(None),
                Ok(None) => return Ok(Some(entries)),
                Err(error)
                    if error.id == ErrorId::SourceReadIncomplete
                        && pages.ticket.is_some()
                        && restarts < RESTARTS =>
                {
                    restarts += 1;
                    continue 'anew;
                }
                Err(error) => return Err(error),
            }
        }
    }
}

/// Hands over every entry, page by page; after a break the search begins anew, so an entry may come twice.
pub(super) async fn each(
    link: &Arc<Link>,
    spec: &Spec,
    mut take: impl FnMut(&Entry),
) -> Result<()> {
    let mut restarts = 0;
    let mut pages = Pages::new(link, spec.clone(), PAGE);
    loop {
        match pages.next().await {
            Ok(Some(page)) => page.entries.iter().for_each(&mut take),
            Ok(None) if pages.base_missing() => {
                return Err(no_container(&spec.base, &link.server()));
            }
            Ok(None) => return Ok(()),
            Err(error)
                if error.id == ErrorId::SourceReadIncomplete
                    && pages.ticket.is_some()
                    && restarts < RESTARTS =>
            {
                restarts += 1;
                pages = Pages::new(link, spec.clone(), PAGE);
            }
            Err(error) => return Err(error),
        }
    }
}

/// A search base that should be there.
pub(super) fn no_container(dn: &str, server: &str) -> Error {
    Error::new(
        ErrorId::ContainerNotFound,
        format!("'{dn}' doesn't exist on {server}, or the account may not see it."),
    )
    .target(dn)
}

/// One object; `None` when it doesn't exist or the account doesn't see it.
pub(super) async fn object(link: &Arc<Link>, spec: &Spec) -> Result<Option<Entry>> {
    Ok(all(link, spec)
        .await?
        .and_then(|entries| entries.into_iter().next()))
}

/// Runs one search for each part, several under way at once, and hands over what they found, in no order.
pub(super) async fn chunked<I, F>(
    link: &Arc<Link>,
    items: &[I],
    chunk: usize,
    spec: F,
) -> Result<Vec<Entry>>
where
    F: Fn(&[I]) -> Spec,
{
    /// Searches under way at once: enough to hide the round trip, few enough to leave room for others.
    const AT_ONCE: usize = 4;
    let mut waiting: VecDeque<Spec> = items.chunks(chunk.max(1)).map(spec).collect();
    let mut running = tokio::task::JoinSet::new();
    let mut found = Vec::new();
    loop {
        while running.len() < AT_ONCE {
            let Some(spec) = waiting.pop_front() else {
                break;
            };
            let link = link.clone();
            running.spawn(async move {
                let entries = all(&link, &spec).await?;
                entries.ok_or_else(|| no_container(&spec.base, &link.server()))
            });
        }
        match running.join_next().await {
            None => return Ok(found),
            Some(Ok(entries)) => found.extend(entries?),
            Some(Err(error)) => {
                return Err(Error::new(
                    ErrorId::SourceReadIncomplete,
                    "A search ended without an answer.",
                )
                .caused_by(&error));
            }
        }
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn paging_values_round_trip() {
        assert_eq!(paged_value(1000, b""), [0x30, 6, 2, 2, 3, 0xe8, 4, 0]);
        assert_eq!(paged_value(200, b"")[..5], [0x30, 6, 2, 2, 0]);
        for length in [0, 1, 127, 128, 300] {
            let cookie = vec![7; length];
            assert_eq!(paged_cookie(&paged_value(500, &cookie)), Some(cookie));
        }
        assert_eq!(paged_cookie(b"\x30\x01"), None);
        assert_eq!(paged_cookie(b"\x04\x01a"), None);
    }
}
