//! Delta reading ("Use delta query"): rounds of pages that count only when they end with a deltaLink.

use super::GraphClient;
use super::fault::Fault;
use super::pager::Pager;
use super::permissions::Task;
use super::rows::{FromJson, Reading};
use super::session::Call;
use crate::error::{Error, ErrorId};

/// Hints: larger pages, and in later rounds only what changed.
const PREFER_FULL: &str = "odata.maxpagesize=999";
const PREFER_CHANGES: &str = "return=minimal, odata.maxpagesize=999";

/// Where a delta round starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DeltaStart {
    /// From nothing: every object, then a deltaLink.
    Full,
    /// From a stored deltaLink: what changed since.
    Link(String),
    /// From now: no rows, only a deltaLink.
    Latest,
}

/// One page. Its rows may be stored at once; the deltaLink only after everything before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeltaPage<T> {
    /// Rows in the order received; may be empty.
    pub rows: Vec<T>,
    /// The link for the next round; only on the last page.
    pub delta_link: Option<String>,
}

/// Why a delta round broke off.
#[derive(Clone, Debug)]
pub enum DeltaError {
    /// The link or page token is no longer valid (410, `syncStateNotFound`, `resyncRequired`,
    /// `Directory_ExpiredPageToken`): start again with [`DeltaStart::Full`] into a new generation.
    /// What came so far is not the whole, and nothing was deleted in the cloud because of this.
    ResyncRequired(Error),
    /// Anything else: the round is incomplete.
    Failed(Error),
}

impl From<Error> for DeltaError {
    fn from(error: Error) -> Self {
        DeltaError::Failed(error)
    }
}

impl From<DeltaError> for Error {
    fn from(error: DeltaError) -> Self {
        match error {
            DeltaError::ResyncRequired(error) | DeltaError::Failed(error) => error,
        }
    }
}

impl From<Fault> for DeltaError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Refused(refusal) if refusal.is_resync() => {
                DeltaError::ResyncRequired(refusal.into_error())
            }
            other => DeltaError::Failed(other.into()),
        }
    }
}

/// Reads one delta round page by page.
pub struct DeltaReader<T> {
    state: State<T>,
}

enum State<T> {
    Reading(Box<Pager<T>>),
    /// The start can't be used; told at the first page.
    Unusable(DeltaError),
}

#[allow(private_bounds)] // how rows are parsed is this room's business
impl<T: FromJson> DeltaReader<T> {
    pub(super) fn new(
        client: GraphClient,
        list: &str,
        select: &str,
        task: &'static Task,
        reading: Reading,
        start: DeltaStart,
    ) -> Self {
        let endpoints = &client.session.endpoints;
        let (url, prefer) = match &start {
            DeltaStart::Full => (
                endpoints.graph_address(&format!("/v1.0/{list}/delta?$select={select}")).map_err(DeltaError::Failed),
                PREFER_FULL,
            ),
            DeltaStart::Latest => (
                endpoints
                    .graph_address(&format!("/v1.0/{list}/delta?$select={select}&$deltatoken=latest"))
                    .map_err(DeltaError::Failed),
                PREFER_FULL,
            ),
            // A stored link of another cloud or lab is no position here.
            DeltaStart::Link(link) => (
                endpoints.follow(link).map_err(|e| {
                    DeltaError::ResyncRequired(Error::new(
                        ErrorId::SourceReadIncomplete,
                        "The stored position doesn't belong to this Graph endpoint; a full import is needed.",
                    )
                    .caused_by(&e))
                }),
                PREFER_CHANGES,
            ),
        };
        let state = match url {
            Ok(url) => {
                let call = Call {
                    prefer: Some(prefer),
                    ..Call::get(url, task)
                };
                State::Reading(Box::new(Pager::new(client, call, reading, true)))
            }
            Err(error) => State::Unusable(error),
        };
        DeltaReader { state }
    }

    /// The next page; `None` after the last one, which is the one with the deltaLink. A round that
    /// ends otherwise is [`DeltaError::Failed`] with `SourceReadIncomplete`. After an error the same
    /// page may be asked for again.
    pub async fn next_page(&mut self) -> Result<Option<DeltaPage<T>>, DeltaError> {
        match &mut self.state {
            State::Unusable(error) => Err(error.clone()),
            State::Reading(pager) => Ok(pager.page().await?.map(|page| DeltaPage {
                rows: page.rows,
                delta_link: page.delta_link,
            })),
        }
    }
}
