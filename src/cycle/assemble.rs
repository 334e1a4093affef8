//! What the planner needs for one group, gathered from store and AD: what is wanted, what is there, which members.

use base64::Engine as _;

use super::run::Run;
use super::{on_disk, scopes};
use crate::clock::{self, Millis};
use crate::directory::{ForestFacts, SchemaFacts};
use crate::error::{Error, ErrorId, Result};
use crate::mapping::{OutReason, SchemaView, Scope, UnknownReason};
use crate::model::{CloudState, DirectoryGroup, MemberKey, MemberKind, ObjectId, SkipReason};
use crate::plan::{AbsentReason, GroupInput, MemberInput, PlannedMember, Wanted};
use crate::store::{AnchorObject, CachedGroup, MemberView, PendingGroup, Resolution};

/// Members read from the store in one go.
const PAGE: usize = 5000;

/// The forest's schema as the mapping asks for it.
pub struct SchemaFacade<'a>(pub &'a SchemaFacts);

impl SchemaView for SchemaFacade<'_> {
    fn has_attribute(&self, name: &str) -> bool {
        self.0.has(name)
    }

    fn exchange_attributes(&self) -> bool {
        self.0.exchange.attributes
    }

    fn is_single_valued(&self, name: &str) -> bool {
        self.0.is_single_valued(name)
    }

    fn range_upper(&self, name: &str) -> Option<usize> {
        self.0
            .range_upper(name)
            .and_then(|n| usize::try_from(n).ok())
    }
}

/// How one cloud member is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Written {
    /// Under this key.
    As(MemberKey),
    /// As the group that this run will write.
    Later,
    /// Not, for this reason.
    Not(SkipReason),
    /// Can't be told: nothing may be removed from its group because of it.
    Unreadable,
}

/// Decides how a member is written (directory.md section 5).
pub(super) fn classify(view: &MemberView, forest: &ForestFacts, nested_in_scope: bool) -> Written {
    if let Some(sid) = &view.nested {
        return Written::As(MemberKey::Sid(sid.clone()));
    }
    match &view.resolution {
        Resolution::NotFound => return Written::Not(SkipReason::NotFoundInDirectory),
        Resolution::Other(reason) => return Written::Not(*reason),
        Resolution::Unresolved | Resolution::Key(_) => {}
    }
    match (&view.key, view.kind) {
        (Some(MemberKey::Sid(sid)), _) if !forest.contains(sid) => {
            Written::Not(SkipReason::OtherForest)
        }
        (Some(key), _) => Written::As(key.clone()),
        (None, MemberKind::Contact | MemberKind::ServicePrincipal | MemberKind::Other) => {
            Written::Not(SkipReason::KindNotSupported)
        }
        (None, MemberKind::Group) if nested_in_scope => Written::Later,
        (None, MemberKind::Group) if view.known => Written::Not(SkipReason::NestedGroupNotWritten),
        (None, _) if !view.known || !view.readable => Written::Unreadable,
        (None, _) if view.cloud_only => Written::Not(SkipReason::CloudOnly),
        (None, _) => Written::Not(SkipReason::NotFoundInDirectory),
    }
}

/// Members looked up in AD at a time: each look-up by ImmutableId may go through all objects that have an anchor.
const LOOKED_UP: usize = 20_000;

/// Members that only an AD look-up can place: by ImmutableId, or not found the last time.
pub(super) async fn resolve_members(run: &mut Run<'_>) -> Result<()> {
    let mut after = None;
    loop {
        let objects = run.store().unresolved_objects(after, LOOKED_UP)?;
        let Some(last) = objects.last() else {
            return Ok(());
        };
        after = Some(last.id);
        run.ctx.cancel.check()?;
        let resolutions = look_up(run, &objects).await?;
        on_disk(|| run.store().set_resolutions(run.fence(), &resolutions))?;
    }
}

async fn look_up(run: &Run<'_>, objects: &[AnchorObject]) -> Result<Vec<(ObjectId, Resolution)>> {
    let directory = &run.engine.directory;
    let sids: Vec<_> = objects
        .iter()
        .filter_map(|o| o.sid.clone())
        .filter(|s| directory.forest().contains(s))
        .collect();
    let by_sid = if sids.is_empty() {
        Default::default()
    } else {
        directory.resolve_sids(&sids).await?
    };
    let guids: Vec<_> = objects
        .iter()
        .filter(|o| o.sid.is_none())
        .filter_map(immutable_guid)
        .collect();
    let by_guid = if guids.is_empty() {
        Default::default()
    } else {
        directory.resolve_immutable_ids(&guids).await?
    };
    Ok(objects
        .iter()
        .map(|object| {
            let key = match &object.sid {
                // Of another domain of the forest this controller can't be the last word: AD decides at the write.
                Some(sid) if !directory.forest().is_own(sid) => Some(MemberKey::Sid(sid.clone())),
                Some(sid) => by_sid.get(sid).map(|found| found.key()),
                None => immutable_guid(object).and_then(|guid| by_guid.get(&guid).cloned()),
            };
            (object.id, key.map_or(Resolution::NotFound, Resolution::Key))
        })
        .collect())
}

/// onPremisesImmutableId: base64 of 16 bytes, or something custom that can't be looked up.
fn immutable_guid(object: &AnchorObject) -> Option<[u8; 16]> {
    let bytes = base64::engine::general_purpose::STANDARD
        .decode(object.immutable_id.as_ref()?)
        .ok()?;
    bytes.try_into().ok()
}

/// What a group's members came to.
pub(super) struct Members {
    pub input: MemberInput,
    /// Left out, with reason: the whole list after a full comparison, else those that changed.
    pub skipped: Vec<(ObjectId, SkipReason)>,
    /// No longer left out (only for changes).
    pub cleared: Vec<ObjectId>,
    /// Groups among those to be written, with their keys: their scope may forbid it.
    pub groups: Vec<(ObjectId, Option<MemberKey>)>,
    /// Members that could not be read; then `input` is `Untouched`.
    pub unreadable: Vec<ObjectId>,
}

impl Members {
    pub fn untouched() -> Members {
        Members {
            input: MemberInput::Untouched,
            skipped: Vec::new(),
            cleared: Vec::new(),
            groups: Vec::new(),
            unreadable: Vec::new(),
        }
    }
}

/// The cloud's complete member list against AD's.
pub(super) fn full_members(
    run: &Run<'_>,
    group: ObjectId,
    actual: Vec<MemberKey>,
) -> Result<Members> {
    let store = run.store();
    let (mut desired, mut later, mut members) = (Vec::new(), Vec::new(), Members::untouched());
    let mut after = None;
    loop {
        let page = on_disk(|| store.members(group, after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = Some(last.member_id);
        for view in page {
            let member = |key| PlannedMember {
                key,
                member_id: Some(view.member_id),
            };
            match classify(
                &view,
                run.engine.directory.forest(),
                nested_in_scope(run, &view)?,
            ) {
                Written::As(key) => {
                    note_group(&mut members, &view, Some(&key));
                    desired.push(member(Some(key)));
                }
                Written::Later => {
                    note_group(&mut members, &view, None);
                    later.push(member(None));
                }
                Written::Not(reason) => members.skipped.push((view.member_id, reason)),
                Written::Unreadable => members.unreadable.push(view.member_id),
            }
        }
    }
    if !members.unreadable.is_empty() {
        return Ok(members);
    }
    desired.sort();
    // Two cloud objects can share one AD account (a re-created user): one value stands for both.
    desired.dedup_by(|a, b| a.key == b.key);
    desired.append(&mut later);
    members.input = MemberInput::Full { desired, actual };
    Ok(members)
}

fn note_group(members: &mut Members, view: &MemberView, key: Option<&MemberKey>) {
    if view.kind == MemberKind::Group {
        members.groups.push((view.member_id, key.cloned()));
    }
}

/// The cloud's changes since the last export.
pub(super) fn changed_members(run: &Run<'_>, group: ObjectId) -> Result<Members> {
    let store = run.store();
    let mut members = Members::untouched();
    let (mut adds, mut removes) = (Vec::new(), Vec::new());
    let mut after = None;
    loop {
        let page = on_disk(|| store.pending_members(group, after, PAGE))?;
        let Some(last) = page.last() else { break };
        after = Some(last.member_id);
        for pending in page {
            if !pending.add {
                members.cleared.push(pending.member_id);
                if pending.key.is_some() {
                    removes.push(PlannedMember {
                        key: pending.key,
                        member_id: Some(pending.member_id),
                    });
                }
                continue;
            }
            let view = store.member_view(pending.member_id, pending.kind)?;
            let key = match classify(
                &view,
                run.engine.directory.forest(),
                nested_in_scope(run, &view)?,
            ) {
                Written::As(key) => Some(key),
                Written::Later => None,
                Written::Not(reason) => {
                    members.skipped.push((pending.member_id, reason));
                    continue;
                }
                Written::Unreadable => {
                    members.unreadable.push(pending.member_id);
                    continue;
                }
            };
            note_group(&mut members, &view, key.as_ref());
            members.cleared.push(pending.member_id);
            adds.push(PlannedMember {
                key,
                member_id: Some(pending.member_id),
            });
        }
    }
    if !members.unreadable.is_empty() {
        return Ok(members);
    }
    // A value that is both taken away and given (its cloud object changed) stays.
    removes.retain(|r| !adds.iter().any(|a| a.key == r.key));
    // A skipped member that left and came back is skipped, not cleared.
    members
        .cleared
        .retain(|id| !members.skipped.iter().any(|(s, _)| s == id));
    let after_changes = store.count_members(group)?;
    let count_before = (after_changes + removes.len() as u64).saturating_sub(adds.len() as u64);
    members.input = MemberInput::Changes {
        adds,
        removes,
        count_before,
    };
    Ok(members)
}

/// Whether a nested group without AD object will get one in this run.
fn nested_in_scope(run: &Run<'_>, view: &MemberView) -> Result<bool> {
    if view.kind != MemberKind::Group || view.key.is_some() || view.nested.is_some() {
        return Ok(false);
    }
    let nested = run.store().cloud_group(view.member_id)?;
    Ok(nested.is_some_and(|c| {
        c.state == CloudState::Active
            && c.listed
            && c.readable
            && run.engine.mapping.scope(&c.group) == Scope::In
    }))
}

/// What the cloud wants of a cached group; `None` = nothing either way. `Err` = it can't be told; the group is left as it is.
pub(super) fn wanted(run: &Run<'_>, cached: &CachedGroup) -> Result<Option<Wanted>> {
    let unreadable = |why: String| {
        Err(Error::new(
            ErrorId::SourceReadIncomplete,
            format!(
                "Group '{}' was left as it is: {why}.",
                cached.group.display_name.as_deref().unwrap_or("(no name)")
            ),
        )
        .target(cached.group.id))
    };
    let absent = |reason| {
        let grace_over = grace_over(cached.since, run.engine.config.grace_days, clock::now());
        Some(Wanted::Absent { reason, grace_over })
    };
    match cached.state {
        CloudState::SoftDeleted => return Ok(absent(AbsentReason::SoftDeleted)),
        CloudState::HardDeleted => return Ok(absent(AbsentReason::HardDeleted)),
        CloudState::Active => {}
    }
    if !cached.listed {
        return unreadable(
            "the last full read did not list it and it is not confirmed as deleted".into(),
        );
    }
    if !cached.readable {
        return unreadable("the app may not read it (Group.Read.All)".into());
    }
    match run.engine.mapping.scope(&cached.group) {
        Scope::In => Ok(Some(Wanted::Present(
            run.engine.mapping.desired(&cached.group)?,
        ))),
        Scope::Out(why @ OutReason::Synced) => unreadable(why.text().into()),
        Scope::Out(_) => Ok(absent(AbsentReason::OutOfScope)),
        // The tenant's own choice, no fault: nothing new is written, what exists stays.
        Scope::Unknown(UnknownReason::NewGroupDefaultOff) => Ok(None),
        Scope::Unknown(why) => unreadable(why.text()),
    }
}

fn grace_over(since: Millis, days: u32, now: Millis) -> bool {
    now.saturating_sub(since) >= i64::from(days) * 86_400_000
}

/// Everything for the planner; the members' input moves into the group's. `actual_members` are given where a search brought them along.
pub(super) async fn assemble(
    run: &mut Run<'_>,
    wanted: Wanted,
    pending: &PendingGroup,
    actual: Option<DirectoryGroup>,
    actual_members: Option<Vec<MemberKey>>,
) -> Result<(GroupInput, Members)> {
    let strip =
        run.engine.config.deprovision_action == crate::config::DeprovisionAction::RemoveMembers;
    let compare = match (&wanted, &actual) {
        (Wanted::Present(_), None) => true,
        (Wanted::Present(_), Some(_)) => pending.verify,
        _ => false,
    };
    let read = |actual: &Option<DirectoryGroup>| actual.as_ref().map(|a| a.guid);
    let mut members = if compare {
        let found = match (actual_members, read(&actual)) {
            (Some(found), _) => found,
            (None, Some(guid)) => run.engine.directory.members(guid).await?,
            (None, None) => Vec::new(),
        };
        full_members(run, pending.id, found)?
    } else {
        match (&wanted, read(&actual)) {
            (Wanted::Present(_), _) if pending.member_changes => changed_members(run, pending.id)?,
            (
                Wanted::Absent {
                    grace_over: true, ..
                },
                Some(guid),
            ) if strip => Members {
                input: MemberInput::Full {
                    desired: Vec::new(),
                    actual: run.engine.directory.members(guid).await?,
                },
                ..Members::untouched()
            },
            _ => Members::untouched(),
        }
    };
    if let Wanted::Present(desired) = &wanted {
        let holder = actual.as_ref().map_or(desired.group_type, |a| a.group_type);
        scopes::forbid(run, holder, &mut members).await?;
    }
    let input = GroupInput {
        object_id: pending.id,
        wanted,
        actual,
        members: std::mem::replace(&mut members.input, MemberInput::Untouched),
    };
    Ok((input, members))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Guid;

    fn view(kind: MemberKind) -> MemberView {
        MemberView {
            member_id: Guid([1; 16]),
            kind,
            display_name: None,
            key: None,
            nested: None,
            resolution: Resolution::Unresolved,
            readable: true,
            has_immutable_id: false,
            cloud_only: false,
            known: true,
        }
    }

    fn forest() -> ForestFacts {
        let domain: crate::model::Sid = "S-1-5-21-1-2-3".parse().unwrap();
        ForestFacts {
            domain_sid: Some(domain.clone()),
            domain_sids: vec![domain],
        }
    }

    fn sid(text: &str) -> Option<MemberKey> {
        Some(MemberKey::Sid(text.parse().unwrap()))
    }

    #[test]
    fn each_kind_of_member_has_its_way() {
        let user = view(MemberKind::User);
        let written = MemberView {
            key: sid("S-1-5-21-1-2-3-1104"),
            ..user.clone()
        };
        assert_eq!(
            classify(&written, &forest(), false),
            Written::As(written.key.clone().unwrap())
        );
        let elsewhere = MemberView {
            key: sid("S-1-5-21-9-9-9-1104"),
            ..user.clone()
        };
        assert_eq!(
            classify(&elsewhere, &forest(), false),
            Written::Not(SkipReason::OtherForest)
        );
        let cloud_only = MemberView {
            cloud_only: true,
            ..user.clone()
        };
        assert_eq!(
            classify(&cloud_only, &forest(), false),
            Written::Not(SkipReason::CloudOnly)
        );
        let gone = MemberView {
            resolution: Resolution::NotFound,
            ..written.clone()
        };
        assert_eq!(
            classify(&gone, &forest(), false),
            Written::Not(SkipReason::NotFoundInDirectory)
        );
        assert_eq!(
            classify(&view(MemberKind::Group), &forest(), true),
            Written::Later
        );
        assert_eq!(
            classify(&view(MemberKind::Group), &forest(), false),
            Written::Not(SkipReason::NestedGroupNotWritten)
        );
        assert_eq!(
            classify(&view(MemberKind::Contact), &forest(), false),
            Written::Not(SkipReason::KindNotSupported)
        );
    }

    #[test]
    fn a_member_that_may_not_be_read_is_never_taken_for_cloud_only() {
        let unreadable = MemberView {
            readable: false,
            ..view(MemberKind::User)
        };
        assert_eq!(classify(&unreadable, &forest(), false), Written::Unreadable);
        let unknown = MemberView {
            known: false,
            readable: false,
            ..view(MemberKind::User)
        };
        assert_eq!(classify(&unknown, &forest(), false), Written::Unreadable);
        // Anchors known from before stay good.
        let known = MemberView {
            key: sid("S-1-5-21-1-2-3-1104"),
            ..unreadable
        };
        assert!(matches!(classify(&known, &forest(), false), Written::As(_)));
        let group = MemberView {
            known: false,
            ..view(MemberKind::Group)
        };
        assert_eq!(classify(&group, &forest(), false), Written::Unreadable);
    }

    #[test]
    fn grace_days_are_whole_days() {
        assert!(grace_over(0, 0, 0));
        assert!(!grace_over(0, 1, 86_399_999));
        assert!(grace_over(0, 1, 86_400_000));
    }
}
