//! Pages of a list: followed as given, and never taken for the whole when they break off.

use std::collections::HashSet;
use std::hash::{BuildHasher, Hash, RandomState};

use serde::Deserialize;

use super::GraphClient;
use super::fault::Fault;
use super::rows::{FromJson, Reading};
use super::session::{Call, json};
use crate::error::{Error, ErrorId};

/// A page as Graph sends it.
#[derive(Deserialize)]
pub(super) struct RawPage<R> {
    pub(super) value: Vec<R>,
    #[serde(rename = "@odata.nextLink")]
    next_link: Option<String>,
    #[serde(rename = "@odata.deltaLink")]
    delta_link: Option<String>,
}

/// A page with its rows understood.
pub(super) struct Page<T> {
    pub rows: Vec<T>,
    pub delta_link: Option<String>,
}

/// Walks a list from its first call to its end.
pub(super) struct Pager<T> {
    client: GraphClient,
    reading: Reading,
    /// The call for the next page; `None` = the end was reached.
    next: Option<Call>,
    /// Whether the list ends with a deltaLink (and only then).
    delta: bool,
    hasher: RandomState,
    links: HashSet<u64>,
    pages: HashSet<u64>,
    barren: u32,
    unreadable: u64,
    rows: std::marker::PhantomData<fn() -> T>,
}

impl<T: FromJson> Pager<T> {
    pub(super) fn new(client: GraphClient, first: Call, reading: Reading, delta: bool) -> Self {
        Pager {
            client,
            reading,
            next: Some(first),
            delta,
            hasher: RandomState::new(),
            links: HashSet::new(),
            pages: HashSet::new(),
            barren: 0,
            unreadable: 0,
            rows: std::marker::PhantomData,
        }
    }

    /// The next page, `None` after the last. After an error the same page is asked for again.
    pub(super) async fn page(&mut self) -> Result<Option<Page<T>>, Fault> {
        let Some(call) = self.next.clone() else {
            return Ok(None);
        };
        let raw: RawPage<T::Raw> = self.client.call(&call, json).await?;
        let mut faults = Vec::new();
        let rows: Vec<T> = raw
            .value
            .into_iter()
            .map(|row| T::from_raw(row, &self.reading, &mut faults))
            .collect();
        let next = self.advance(&call, &rows, raw.next_link, raw.delta_link.as_deref())?;
        self.unreadable += rows.iter().filter(|row| !row.is_readable()).count() as u64;
        self.report(&faults, &call, next.is_none()).await;
        self.next = next;
        Ok(Some(Page {
            rows,
            delta_link: raw.delta_link,
        }))
    }

    /// Where to go on; an error when the list can't be whole any more.
    fn advance(
        &mut self,
        call: &Call,
        rows: &[T],
        next_link: Option<String>,
        delta_link: Option<&str>,
    ) -> Result<Option<Call>, Error> {
        let endpoints = &self.client.session.endpoints;
        let incomplete =
            |text: String| Error::new(ErrorId::SourceReadIncomplete, text).target(call.shown());
        match (next_link, delta_link) {
            (Some(link), None) => {
                let url = endpoints.follow(&link)?;
                if !self.links.insert(self.hasher.hash_one(&link)) {
                    return Err(incomplete(
                        "Graph gave the same link to continue twice: the list would never end."
                            .to_owned(),
                    ));
                }
                let news = !rows.is_empty() && self.pages.insert(hash_rows(&self.hasher, rows));
                self.barren = if news { 0 } else { self.barren + 1 };
                let limit = self.client.session.tuning.barren_pages;
                if self.barren >= limit {
                    return Err(incomplete(format!(
                        "Graph gave {limit} pages in a row without anything new."
                    )));
                }
                Ok(Some(Call {
                    url,
                    method: reqwest::Method::GET,
                    body: None,
                    ..call.clone()
                }))
            }
            (None, Some(link)) if self.delta => {
                // Stored for later: it must be one that will be followed then.
                endpoints.follow(link)?;
                Ok(None)
            }
            (None, None) if !self.delta => Ok(None),
            (None, None) => Err(incomplete(
                "The list ended without a deltaLink: it is not complete.".to_owned(),
            )),
            _ => Err(incomplete(
                "A page has links that contradict each other.".to_owned(),
            )),
        }
    }

    async fn report(&self, faults: &[String], call: &Call, last: bool) {
        let ctx = &self.client.ctx;
        if !faults.is_empty() {
            let some: Vec<&str> = faults.iter().take(3).map(String::as_str).collect();
            ctx.warn(
                Error::new(
                    ErrorId::SourceReadIncomplete,
                    format!(
                        "{} values that Graph gave are malformed and were not used, e.g. {}; their objects are left as they are.",
                        faults.len(),
                        some.join("; ")
                    ),
                )
                .target(call.shown()),
            )
            .await;
        }
        if last && self.unreadable > 0 {
            ctx.warn(
                Error::new(
                    ErrorId::GraphPermissionMissing,
                    format!(
                        "{} objects came without the properties that every readable object has; they and what depends on them are left as they are. To {} the app needs one of {}.",
                        self.unreadable,
                        call.task.name,
                        call.task.any_of.join(", ")
                    ),
                )
                .target(call.shown()),
            )
            .await;
        }
    }
}

fn hash_rows<T: Hash>(hasher: &RandomState, rows: &[T]) -> u64 {
    hasher.hash_one(rows)
}
