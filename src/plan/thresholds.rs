//! Limits past which a run stops before its first write.

use std::fmt;

use super::{Change, GroupPlan};
use crate::config::Thresholds;
use crate::error::{Error, ErrorId};
use crate::model::ObjectId;

/// Breaches named in an error at most, the rest by number.
const NAMED: usize = 10;

/// The limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A number.
    Count(u32),
    /// A share.
    Percent(u8),
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Count(count) => count.fmt(f),
            Limit::Percent(percent) => write!(f, "{percent} %"),
        }
    }
}

/// A limit passed by the plans of a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Too many groups lost: deleted, converted to distribution groups, or emptied because they left scope.
    Deletions {
        /// Planned.
        planned: u64,
        /// Written groups.
        written: u64,
        /// Limit.
        limit: Limit,
    },
    /// Too many members removed from one group.
    MemberRemovals {
        /// The group.
        group: ObjectId,
        /// Its name.
        name: String,
        /// Planned.
        planned: u64,
        /// Members before.
        members: u64,
        /// Limit.
        limit: Limit,
    },
}

impl Breach {
    /// The error id.
    pub fn id(&self) -> ErrorId {
        match self {
            Breach::Deletions { .. } => ErrorId::DeletionThresholdExceeded,
            Breach::MemberRemovals { .. } => ErrorId::MemberRemovalThresholdExceeded,
        }
    }
}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Breach::Deletions {
                planned,
                written,
                limit,
            } => write!(
                f,
                "{planned} of {written} written groups would be deleted or lose their access; the limit is {limit}."
            ),
            Breach::MemberRemovals {
                group,
                name,
                planned,
                members,
                limit,
            } => write!(
                f,
                "{planned} of {members} members would be removed from \"{name}\" ({group}); the limit is {limit}."
            ),
        }
    }
}

/// Watches every plan of a run.
///
/// A limit is passed by more than its number. Percentages apply from `minimum_group_size` members (written groups) on.
/// What takes a group's access away counts as a deletion: a filter with a slip of the pen must not strip hundreds of
/// groups merely because the configured action isn't `Delete`. The removal of members along with their group's deletion
/// counts as the deletion only.
#[derive(Clone, Debug)]
pub struct ThresholdCheck {
    limits: Thresholds,
    written: u64,
    deletions: u64,
    removals: Vec<Breach>,
}

impl ThresholdCheck {
    /// For a run over that many written groups.
    pub fn new(thresholds: &Thresholds, written_groups: u64) -> Self {
        ThresholdCheck {
            limits: thresholds.clone(),
            written: written_groups,
            deletions: 0,
            removals: Vec::new(),
        }
    }

    fn passed(&self, planned: u64, of: u64, count: u32, percent: u8) -> Option<Limit> {
        if !self.limits.enabled {
            return None;
        }
        if planned > u64::from(count) {
            return Some(Limit::Count(count));
        }
        let large = of >= u64::from(self.limits.minimum_group_size);
        let share = u128::from(planned) * 100 > u128::from(percent) * u128::from(of);
        (large && share).then_some(Limit::Percent(percent))
    }

    /// Takes a plan into account.
    pub fn see(&mut self, plan: &GroupPlan) {
        let deleted = plan
            .changes
            .iter()
            .any(|c| matches!(c, Change::DeleteGroup { .. }));
        let disarmed = plan.changes.iter().any(|c| {
            matches!(c, Change::ConvertGroup { old, new } if old.is_security() && !new.is_security())
        });
        let emptied = plan.reason.is_some() && !plan.removes.is_empty();
        self.deletions += u64::from(deleted || disarmed || emptied);
        if deleted {
            return;
        }
        let planned = plan.removes.len() as u64;
        // A count that is smaller than what is taken from it is not known.
        let members = plan.count_before.max(planned);
        let (count, percent) = (
            self.limits.member_removal_threshold,
            self.limits.member_removal_threshold_percent,
        );
        if let Some(limit) = self.passed(planned, members, count, percent) {
            self.removals.push(Breach::MemberRemovals {
                group: plan.object_id,
                name: plan.name.clone(),
                planned,
                members,
                limit,
            });
        }
    }

    /// The limits passed so far; empty = go on.
    pub fn verdict(&self) -> Vec<Breach> {
        let (planned, written) = (self.deletions, self.written.max(self.deletions));
        let (count, percent) = (
            self.limits.deletion_threshold,
            self.limits.deletion_threshold_percent,
        );
        self.passed(planned, written, count, percent)
            .map(|limit| Breach::Deletions {
                planned,
                written,
                limit,
            })
            .into_iter()
            .chain(self.removals.iter().cloned())
            .collect()
    }

    /// The verdict as one error that names the breaches; `None` = go on.
    pub fn error(&self) -> Option<Error> {
        let breaches = self.verdict();
        let first = breaches.first()?;
        let mut lines: Vec<String> = breaches.iter().take(NAMED).map(Breach::to_string).collect();
        if breaches.len() > NAMED {
            lines.push(format!("and {} more groups", breaches.len() - NAMED));
        }
        let error = Error::new(first.id(), lines.join("\n"));
        Some(match first {
            Breach::Deletions { .. } => error,
            Breach::MemberRemovals { group, .. } => error.target(group),
        })
    }
}
