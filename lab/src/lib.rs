//! The lab of Group Writeback: an emulated Entra tenant and an embedded Active Directory in one
//! process, for demos, tests and benchmarks. Its contract is `docs/lab.md`.
//!
//! | room | what for |
//! |---|---|
//! | `serve` | starting and stopping a lab, the ready line |
//! | `world` | the seeded generator of people and groups |
//! | `tenant` | the tenant's objects and history, and Microsoft Graph in front of them |
//! | `signin` | token endpoints |
//! | `directory` | Active Directory over LDAP |
//! | `gateway` | the same faults and counts in front of another directory |
//! | `ldap` | what every LDAP server of the lab shares: bytes, controllers, counts, faults |
//! | `control`, `counters` | what tests turn and read |
//! | `http` | which of these a request goes to |
//! | `certs`, `clock`, `ids`, `rng` | tools of the rooms above |

pub mod client;
pub mod directory;
pub mod gateway;
pub mod serve;

mod certs;
mod clock;
mod control;
mod counters;
mod http;
mod ids;
mod lab;
mod ldap;
mod rng;
mod signin;
mod tenant;
mod world;

pub use world::WorldOptions;
