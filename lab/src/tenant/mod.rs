//! The emulated tenant: its objects, its history, and Microsoft Graph in front of them.

pub(crate) mod batch;
pub(crate) mod call;
pub(crate) mod change;
mod churn;
mod delta;
mod delta_token;
mod deltas;
pub(crate) mod dump;
pub(crate) mod errors;
pub(crate) mod fault;
mod filter;
pub(crate) mod graph;
mod lists;
mod objects;
pub(crate) mod permissions;
mod properties;
pub(crate) mod query;
mod settings;
pub(crate) mod state;
pub(crate) mod throttle;
mod writes;

pub(crate) use churn::churn;
