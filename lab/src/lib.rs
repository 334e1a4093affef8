//! The lab of Group Writeback: an emulated Entra tenant and an Active Directory (embedded in the
//! process, or Samba), for demos, tests and benchmarks. Its contract is `docs/lab.md`.
//!
//! | room | what for |
//! |---|---|
//! | `serve` | starting and stopping a lab, the ready line |
//! | `world` | the seeded generator of people and groups |
//! | `tenant` | the tenant's objects and history, and Microsoft Graph in front of them |
//! | `signin` | token endpoints |
//! | `dns` | a DNS server for tests |
//! | `directory` | the embedded Active Directory over LDAP |
//! | `samba` | a real one in its place |
//! | `gateway` | the lab's door to it, with the same faults and counts |
//! | `ldap` | what every LDAP server of the lab shares: bytes, controllers, counts, faults |
//! | `backend` | which of the two clients talk to |
//! | `ad` | what the lab does by itself to the AD that the tenant is synced from |
//! | `control`, `counters` | what tests turn and read |
//! | `http` | which of these a request goes to |
//! | `certs`, `clock`, `ids`, `rng` | tools of the rooms above |

mod ad;
pub mod client;
pub mod directory;
pub mod dns;
pub mod gateway;
pub mod serve;

mod backend;
mod certs;
mod clock;
mod control;
mod counters;
mod http;
mod ids;
mod lab;
mod ldap;
mod rng;
mod samba;
mod signin;
mod tenant;
mod world;

pub use backend::Kind as DirectoryKind;
pub use world::WorldOptions;
