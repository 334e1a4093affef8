//! Paging through every group of ours, with or without members.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use tokio::task::JoinSet;

use super::Directory;
use super::dn::Dn;
use super::entry::Entry;
use super::filter::Filter;
use super::groups::{group, ours, wanted, whole};
use super::link::Link;
use super::members::{self, Values};
use super::search::{self, Pages, Spec, no_container};
use super::types::{FoundGroup, Scope, SkippedObject};
use crate::error::{Error, ErrorId, Result};
use crate::model::Guid;

/// Ranged member reads under way at once.
const RANGED_AT_ONCE: usize = 6;
/// Groups a page. With members an entry may be 300 KB, so fewer.
const PAGE_WITH_MEMBERS: u32 = 200;
/// Pages through all groups of ours below some containers.
pub struct OwnedGroupReader {
    link: Arc<Link>,
    filter: Filter,
    attributes: Vec<String>,
    with_members: bool,
    containers: VecDeque<String>,
    pages: Option<(String, Pages)>,
    seen: HashSet<Guid>,
    skipped: Vec<SkippedObject>,
    failed: bool,
    domain_scope: bool,
}

impl OwnedGroupReader {
    pub(super) fn new(
        directory: &Directory,
        containers: &[String],
        attributes: &[String],
        with_members: bool,
    ) -> OwnedGroupReader {
        OwnedGroupReader {
            link: directory.link().clone(),
            filter: ours(directory),
            attributes: attributes.to_vec(),
            domain_scope: directory.root().supports(search::oid::DOMAIN_SCOPE),
            with_members,
            containers: outermost(containers).into(),
            pages: None,
            seen: HashSet::new(),
            skipped: Vec::new(),
            failed: false,
        }
    }

    /// Objects that carry a mark and were left out so far: replication conflicts and unreadable ones.
    pub fn skipped(&self) -> &[SkippedObject] {
        &self.skipped
    }

    /// The next page; `None` only when every container was read to its end. After an error there is nothing more.
    pub async fn next_page(&mut self) -> Result<Option<Vec<FoundGroup>>> {
        if self.failed {
            return Err(Error::new(
                ErrorId::SourceReadIncomplete,
                "The read of the written groups has failed before.",
            ));
        }
        let result = self.advance().await;
        self.failed = result.is_err();
        result
    }

    async fn advance(&mut self) -> Result<Option<Vec<FoundGroup>>> {
        loop {
            let (container, pages) = match &mut self.pages {
                Some(open) => open,
                None => {
                    let Some(container) = self.containers.pop_front() else {
                        return Ok(None);
                    };
                    let mut spec = Spec::new(&container, Scope::Subtree, self.filter.clone(), &[]);
                    // The domain's root as container: references to other partitions are no broken read.
                    spec.domain_scope = self.domain_scope;
                    spec.attributes = wanted(&self.attributes);
                    let mut size = search::PAGE;
                    if self.with_members {
                        spec.attributes.push("member".to_owned());
                        spec.extended = true;
                        size = PAGE_WITH_MEMBERS;
                    }
                    let pages = Pages::new(&self.link, spec, size);
                    self.pages.insert((container, pages))
                }
            };
            let page = match pages.next().await? {
                Some(page) => page,
                None if pages.base_missing() => {
                    return Err(no_container(container, &self.link.server()));
                }
                None => {
                    self.pages = None;
                    continue;
                }
            };
            if let Some(elsewhere) = page.references.first() {
                return Err(Error::new(
                    ErrorId::SourceReadIncomplete,
                    format!("A part of '{container}' is held by another server ({elsewhere})."),
                )
                .target(container.as_str()));
            }
            let found = self.take(page.entries).await?;
            return Ok(Some(found));
        }
    }

    async fn take(&mut self, entries: Vec<Entry>) -> Result<Vec<FoundGroup>> {
        whole(&entries, &self.attributes)?;
        let mut found = Vec::with_capacity(entries.len());
        let mut ranged = VecDeque::new();
        for entry in entries {
            let group = match group(&entry, &self.attributes) {
                Ok(group) => group,
                Err(reason) => {
                    self.skipped.push(SkippedObject {
                        dn: entry.dn,
                        reason,
                    });
                    continue;
                }
            };
            // A group moved while it was paged may come twice.
            if !self.seen.insert(group.guid) {
                continue;
            }
            let mut members = None;
            if self.with_members {
                let mut values = Values::default();
                values.take(&entry, 0)?;
                match values.next() {
                    Some(_) => ranged.push_back((found.len(), group.guid, values)),
                    None => members = Some(values.finish()),
                }
            }
            found.push(FoundGroup { group, members });
        }
        let mut running = JoinSet::new();
        loop {
            while running.len() < RANGED_AT_ONCE {
                let Some((index, guid, values)) = ranged.pop_front() else {
                    break;
                };
                let link = self.link.clone();
                running.spawn(async move { (index, members::rest(&link, guid, values).await) });
            }
            match running.join_next().await {
                None => break,
                Some(Ok((index, keys))) => {
                    if let Some(slot) = found.get_mut(index) {
                        slot.members = Some(keys?);
                    }
                }
                Some(Err(error)) => {
                    return Err(Error::new(
                        ErrorId::SourceReadIncomplete,
                        "A read of members ended without an answer.",
                    )
                    .caused_by(&error));
                }
            }
        }
        for one in &mut found {
            one.group.member_count = one.members.as_ref().map(|m| m.len() as u64);
        }
        Ok(found)
    }
}

/// Without repetitions and containers that lie below another.
pub(super) fn outermost(containers: &[String]) -> Vec<String> {
    let mut kept: Vec<(Option<Dn>, &String)> = Vec::new();
    for text in containers {
        let name = Dn::parse(text).ok();
        let below = |a: &Option<Dn>, b: &Option<Dn>| match (a, b) {
            (Some(a), Some(b)) => a.is_under(b),
            _ => false,
        };
        if kept.iter().any(|(other, _)| below(&name, other)) {
            continue;
        }
        kept.retain(|(other, _)| !below(other, &name));
        kept.push((name, text));
    }
    kept.into_iter().map(|(_, text)| text.clone()).collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_searched_once() {
        let given = ["OU=A,OU=B,DC=x", "OU=B,DC=x", "ou=b,dc=X", "OU=C,DC=x"].map(str::to_owned);
        assert_eq!(outermost(&given), ["OU=B,DC=x", "OU=C,DC=x"]);
    }
}
