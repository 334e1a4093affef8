//! One group: what the cloud wants against what AD has.

use super::{GroupInput, GroupPlan};
use crate::config::{DeprovisionAction, DriftAction};

/// What the configuration says about differences and about groups that should not be any more.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// Changes made in AD by others.
    pub drift: DriftAction,
    /// Soft-deleted and out-of-scope groups.
    pub deprovision: DeprovisionAction,
    /// Target of `Move`.
    pub deprovision_container: Option<String>,
    /// A verifying cycle: a difference may be somebody's change in AD (drift). False: the group is planned because the
    /// cloud or the configuration changed, so every difference is ours to write.
    pub full: bool,
}

/// Plans one group. `None` = nothing to do and nothing to note.
#[allow(unused_variables)]
pub fn plan_group(input: &GroupInput, policy: &Policy) -> Option<GroupPlan> {
    None
}
