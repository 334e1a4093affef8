//! Import: the cloud's changes (or all of it) into the store. Nothing here touches AD.
//!
//! A read that breaks off ends the run before anything was planned; its rows stay, its link doesn't move.

use tokio::sync::mpsc;

use super::run::Run;
use super::{on_disk, rows};
use crate::config::Version;
use crate::error::{Error, ErrorId, Result};
use crate::graph::{
    self, DeltaError, DeltaPage, DeltaReader, DeltaStart, GroupRow, ObjectRow, Presence,
};
use crate::mapping::Scope;
use crate::model::{CloudGroup, CloudState, MemberKind, ObjectId};
use crate::operation::Level;
use crate::store::{Feed, GroupChange, GroupPatch, PolicyType, Store, Target, Watermark};

/// Full reads that may be started over because their page token expired.
const RESTARTS: u32 = 3;
/// Ids asked for in one go.
const CHUNK: usize = 1000;

/// The feeds of this engine with their fingerprints.
const FEEDS: [(Feed, graph::Feed); 3] = [
    (Feed::Users, graph::Feed::Users),
    (Feed::Devices, graph::Feed::Devices),
    (Feed::Groups, graph::Feed::Groups),
];

/// Which kind of cycle is possible: a Delta needs a groups link with today's selection.
pub(super) fn resolve_policy(store: &dyn Store, wanted: Option<PolicyType>) -> Result<PolicyType> {
    if wanted == Some(PolicyType::Initial) || store.meta(super::FULL_REQUIRED)?.is_some() {
        return Ok(PolicyType::Initial);
    }
    let groups = usable(store, Feed::Groups, graph::Feed::Groups)?;
    Ok(if groups.is_some() {
        PolicyType::Delta
    } else {
        PolicyType::Initial
    })
}

fn usable(store: &dyn Store, feed: Feed, graph_feed: graph::Feed) -> Result<Option<Watermark>> {
    Ok(store
        .watermark(feed)?
        .filter(|w| w.select == graph::select_fingerprint(graph_feed)))
}

/// Whether members of the group are kept: it is written, or may be once its flag is known.
pub(super) fn keeps_members(mapping: &crate::mapping::Mapping, group: &CloudGroup) -> bool {
    !matches!(mapping.scope(group), Scope::Out(_))
}

/// Reads all feeds, then closes the gaps: flags, groups that vanished, members without a row.
pub(super) async fn import(run: &mut Run<'_>) -> Result<()> {
    run.step("Import").await;
    for (feed, graph_feed) in FEEDS {
        // Without a right to read devices their members are unreadable, and say so where they matter.
        if feed == Feed::Devices && !may_read_devices(run) {
            continue;
        }
        read_feed(run, feed, graph_feed).await?;
    }
    if run.policy == PolicyType::Initial {
        // Everything is pending now, which is all that was required.
        run.store()
            .set_meta(Some(run.fence()), super::FULL_REQUIRED, None)?;
    }
    if run.engine.config.version == Version::V2 {
        read_flags(run).await?;
    }
    confirm_missing(run).await?;
    complete_members(run).await?;
    ask_for_unreadable(run).await?;
    ask_for_unknown(run).await?;
    if run.engine.mapping.needs_external_senders() {
        read_external_senders(run).await?;
    }
    Ok(())
}

fn may_read_devices(run: &Run<'_>) -> bool {
    let roles = run.engine.graph.roles();
    // An opaque token tells nothing: then Graph decides.
    roles.is_empty()
        || roles
            .iter()
            .any(|r| r.starts_with("Device.Read") || r.starts_with("Directory.Read"))
}

async fn read_feed(run: &mut Run<'_>, feed: Feed, graph_feed: graph::Feed) -> Result<()> {
    let mut start = match run.policy {
        PolicyType::Initial => None,
        PolicyType::Delta => usable(run.store(), feed, graph_feed)?,
    };
    let mut restarts = 0;
    loop {
        let link = start.take().map(|w| w.link);
        let full = link.is_none();
        match read_round(run, feed, graph_feed, link).await {
            Ok(()) => return Ok(()),
            Err(DeltaError::Failed(error)) => return Err(error),
            Err(DeltaError::ResyncRequired(error)) => {
                restarts += u32::from(full);
                if restarts > RESTARTS {
                    return Err(Error::new(
                        ErrorId::SourceReadIncomplete,
                        format!("The full read of {feed:?} had to be started over {RESTARTS} times and did not end."),
                    )
                    .caused_by(&error));
                }
                run.ctx
                    .message(
                        Level::Verbose,
                        format!(
                            "{feed:?}: the cloud asks for a full read ({}).",
                            error.message
                        ),
                    )
                    .await;
            }
        }
    }
}

/// One round, full (into staging) or changes (into the cache), to its deltaLink.
async fn read_round(
    run: &mut Run<'_>,
    feed: Feed,
    graph_feed: graph::Feed,
    link: Option<String>,
) -> std::result::Result<(), DeltaError> {
    let (store, fence) = (run.store(), run.fence());
    let full = link.is_none();
    let target = if full { Target::Staging } else { Target::Live };
    let start = link.map_or(DeltaStart::Full, DeltaStart::Link);
    if full {
        on_disk(|| store.begin_full(fence, feed))?;
    }
    let mut pages = Ahead::new(Reader::new(run, feed, start));
    let mut done = 0u64;
    while let Some(page) = pages.next().await? {
        run.ctx.cancel.check()?;
        let watermark = page.link.map(|link| Watermark {
            link,
            select: graph::select_fingerprint(graph_feed),
            saved_at: 0,
        });
        // A full read's link is stored by its swap, a delta's with its last page.
        let with_page = watermark.as_ref().filter(|_| !full);
        done += page.rows.len() as u64;
        let mapping = &run.engine.mapping;
        on_disk(|| match &page.rows {
            PageRows::Groups(rows) => store.apply_groups(
                fence,
                target,
                rows,
                &|g| keeps_members(mapping, g),
                with_page,
            ),
            PageRows::Objects(rows) => {
                store.apply_objects(fence, target, rows, with_page.map(|w| (feed, w)))
            }
        })?;
        if let (true, Some(watermark)) = (full, &watermark) {
            on_disk(|| store.finish_full(fence, feed, watermark))?;
        }
        if feed == Feed::Groups {
            run.counts.groups_read = done;
        }
        run.at(done, None, &format!("{feed:?}")).await;
    }
    Ok(())
}

enum Reader {
    Groups(DeltaReader<GroupRow>),
    Objects(DeltaReader<ObjectRow>, MemberKind),
}

enum PageRows {
    Groups(Vec<GroupChange>),
    Objects(Vec<crate::store::ObjectChange>),
}

impl PageRows {
    fn len(&self) -> usize {
        match self {
            PageRows::Groups(rows) => rows.len(),
            PageRows::Objects(rows) => rows.len(),
        }
    }
}

struct Page {
    rows: PageRows,
    link: Option<String>,
}

impl Reader {
    fn new(run: &Run<'_>, feed: Feed, start: DeltaStart) -> Reader {
        let graph = &run.engine.graph;
        match feed {
            Feed::Groups => Reader::Groups(graph.groups_delta(start)),
            Feed::Users => Reader::Objects(graph.users_delta(start), MemberKind::User),
            Feed::Devices => Reader::Objects(graph.devices_delta(start), MemberKind::Device),
        }
    }

    async fn next_page(&mut self) -> std::result::Result<Option<Page>, DeltaError> {
        Ok(match self {
            Reader::Groups(reader) => {
                reader
                    .next_page()
                    .await?
                    .map(|DeltaPage { rows, delta_link }| Page {
                        rows: PageRows::Groups(rows.into_iter().map(rows::group).collect()),
                        link: delta_link,
                    })
            }
            Reader::Objects(reader, kind) => {
                reader
                    .next_page()
                    .await?
                    .map(|DeltaPage { rows, delta_link }| Page {
                        rows: PageRows::Objects(
                            rows.into_iter().map(|r| rows::object(r, *kind)).collect(),
                        ),
                        link: delta_link,
                    })
            }
        })
    }
}

/// Reads one page ahead, so that Graph and the store work at the same time.
struct Ahead {
    pages: mpsc::Receiver<std::result::Result<Option<Page>, DeltaError>>,
    task: tokio::task::JoinHandle<()>,
}

impl Ahead {
    fn new(mut reader: Reader) -> Ahead {
        let (sender, pages) = mpsc::channel(1);
        let task = tokio::spawn(async move {
            loop {
                let page = reader.next_page().await;
                let more = matches!(page, Ok(Some(_)));
                if sender.send(page).await.is_err() || !more {
                    return;
                }
            }
        });
        Ahead { pages, task }
    }

    async fn next(&mut self) -> std::result::Result<Option<Page>, DeltaError> {
        // Only a reader that said so has come to the end.
        self.pages.recv().await.unwrap_or_else(|| {
            Err(DeltaError::Failed(Error::new(
                ErrorId::NativeEnginePanic,
                "The read of a feed ended abnormally.",
            )))
        })
    }
}

impl Drop for Ahead {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// V2's flags, all of them: whether delta tracks them is not published (graph.md section 6).
async fn read_flags(run: &mut Run<'_>) -> Result<()> {
    let flags = run.engine.graph.group_flags().await?;
    let (store, mapping) = (run.store(), &run.engine.mapping);
    for chunk in flags.chunks(CHUNK) {
        let mut changes = Vec::new();
        for (id, flag) in chunk {
            if store
                .cloud_group(*id)?
                .is_some_and(|c| c.group.writeback.as_ref() != Some(flag))
            {
                let patch = GroupPatch {
                    writeback: Some(Some(flag.clone())),
                    ..GroupPatch::default()
                };
                changes.push(GroupChange {
                    patch,
                    ..GroupChange::new(*id)
                });
            }
        }
        on_disk(|| {
            store.apply_groups(
                run.fence(),
                Target::Live,
                &changes,
                &|g| keeps_members(mapping, g),
                None,
            )
        })?;
    }
    Ok(())
}

/// Groups that a full read did not list: gone only when both places say so.
async fn confirm_missing(run: &mut Run<'_>) -> Result<()> {
    let (store, fence) = (run.store(), run.fence());
    loop {
        let ids = store.unconfirmed_groups(None, CHUNK)?;
        if ids.is_empty() {
            return Ok(());
        }
        for (id, presence) in run.engine.graph.deletion_state(&ids).await? {
            let state = match presence {
                Presence::Active => CloudState::Active,
                Presence::SoftDeleted => CloudState::SoftDeleted,
                Presence::Gone => CloudState::HardDeleted,
            };
            store.set_cloud_state(fence, id, state)?;
        }
        if store.unconfirmed_groups(None, 1)?.first() == ids.first() {
            return Err(Error::new(
                ErrorId::SourceReadIncomplete,
                "Graph gave no answer on groups that it did not list.",
            ));
        }
    }
}

/// Groups that came into scope with members we never kept, or came back from the deleted ones.
async fn complete_members(run: &mut Run<'_>) -> Result<()> {
    let mut after = None;
    loop {
        let ids = run.store().incomplete_groups(after, 100)?;
        let Some(last) = ids.last() else {
            return Ok(());
        };
        after = Some(*last);
        for id in ids {
            if let Err(error) = read_members(run, id).await {
                if is_of_the_run(&error) {
                    return Err(error);
                }
                run.group_failed(error.target(id)).await;
            }
        }
    }
}

async fn read_members(run: &mut Run<'_>, group: ObjectId) -> Result<()> {
    // What was cleared before it was restored is in no row of changes: it is simply not there.
    if let Some(whole) = run.engine.graph.group_properties(group).await? {
        let (store, mapping) = (run.store(), &run.engine.mapping);
        let change = [rows::whole_group(whole)];
        let in_scope = |g: &CloudGroup| keeps_members(mapping, g);
        on_disk(|| store.apply_groups(run.fence(), Target::Live, &change, &in_scope, None))?;
    }
    let mut reader = run.engine.graph.members(group).await;
    let mut members = Vec::new();
    while let Some(page) = reader.next_page().await? {
        run.ctx.cancel.check()?;
        for row in page {
            if let ObjectRow::Changed { id, kind, .. } = row {
                members.push((id, kind));
            }
        }
    }
    on_disk(|| run.store().replace_members(run.fence(), group, &members))
}

/// Members that no feed has told of: asked for by id. Those still unknown leave their groups untouched.
async fn ask_for_unknown(run: &mut Run<'_>) -> Result<()> {
    let mut after = None;
    loop {
        let unknown = run.store().unknown_members(after, CHUNK)?;
        let Some((last, _)) = unknown.last() else {
            return Ok(());
        };
        after = Some(*last);
        let ids: Vec<ObjectId> = unknown
            .iter()
            .filter(|(_, kind)| matches!(kind, MemberKind::User | MemberKind::Device))
            .map(|(id, _)| *id)
            .collect();
        if ids.is_empty() {
            continue;
        }
        ask_for(run, &ids).await?;
    }
}

/// Members whose properties were withheld, of whom no feed will tell again: asked for by id, until an answer has
/// nothing readable in it, for then the right to read them is still missing.
async fn ask_for_unreadable(run: &mut Run<'_>) -> Result<()> {
    let mut after = None;
    loop {
        let ids = run.store().unreadable_members(after, CHUNK)?;
        let Some(last) = ids.last() else {
            return Ok(());
        };
        after = Some(*last);
        if !ask_for(run, &ids).await? {
            return Ok(());
        }
    }
}

/// Asks for objects by their ids; gives whether any could be read.
async fn ask_for(run: &mut Run<'_>, ids: &[ObjectId]) -> Result<bool> {
    let answer = run.engine.graph.objects_by_id(ids).await?;
    let rows: Vec<_> = answer
        .into_iter()
        .map(|r| rows::object(r, MemberKind::Other))
        .collect();
    on_disk(|| {
        run.store()
            .apply_objects(run.fence(), Target::Live, &rows, None)
    })?;
    Ok(rows.iter().any(|row| row.readable))
}

/// `allowExternalSenders` of the groups that will be planned: only a single GET gives it.
async fn read_external_senders(run: &mut Run<'_>) -> Result<()> {
    let (store, mapping) = (run.store(), &run.engine.mapping);
    let mut after = None;
    loop {
        let pending = store.pending_groups(after, CHUNK)?;
        let Some(last) = pending.last() else {
            return Ok(());
        };
        after = Some(last.id);
        let mut ids = Vec::new();
        for group in pending.iter().filter(|p| p.attributes || p.verify) {
            if store
                .cloud_group(group.id)?
                .is_some_and(|c| c.state == CloudState::Active && c.in_scope)
            {
                ids.push(group.id);
            }
        }
        let changes: Vec<GroupChange> = run
            .engine
            .graph
            .groups_allow_external_senders(&ids)
            .await?
            .into_iter()
            .map(|(id, allowed)| {
                let patch = GroupPatch {
                    allow_external_senders: Some(allowed),
                    ..GroupPatch::default()
                };
                GroupChange {
                    patch,
                    ..GroupChange::new(id)
                }
            })
            .collect();
        on_disk(|| {
            store.apply_groups(
                run.fence(),
                Target::Live,
                &changes,
                &|g| keeps_members(mapping, g),
                None,
            )
        })?;
    }
}

/// Errors that are not about one group: the run ends with them.
pub(super) fn is_of_the_run(error: &Error) -> bool {
    matches!(
        error.id,
        ErrorId::OperationCancelled
            | ErrorId::LeaseLost
            | ErrorId::StoreUnavailable
            | ErrorId::DirectoryUnavailable
            | ErrorId::DirectoryAuthenticationFailed
            | ErrorId::TlsVerificationFailed
            | ErrorId::GraphAuthenticationFailed
            | ErrorId::GraphUnavailable
            | ErrorId::GraphThrottled
            | ErrorId::SecretUnavailable
    )
}
