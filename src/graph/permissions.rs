//! Which application permissions each task needs (graph.md section 6), for hints: Graph decides.

/// A task and the permissions that allow it; any one of `any_of` will do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Task {
    /// What it is for, for people.
    pub name: &'static str,
    /// Permissions, least first.
    pub any_of: &'static [&'static str],
    /// Whether nothing works without it.
    pub required: bool,
}

/// A task that the token's roles don't allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MissingRole {
    /// What can't be done.
    pub task: &'static str,
    /// Permissions that would do, least first.
    pub any_of: &'static [&'static str],
    /// Whether nothing works without it.
    pub required: bool,
}
