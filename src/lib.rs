//! Group Writeback: represents the groups of a Microsoft Entra tenant as groups in on-premises Active Directory.
//!
//! Data flows one way: [`graph`] reads the cloud, [`store`] keeps what was read, [`mapping`] says how a group should
//! look, [`plan`] compares with what [`directory`] found, [`cycle`] drives it all and writes. [`session`] is what a
//! caller's handle stands for, [`ffi`] the C ABI around it.

#![deny(unsafe_code)]

pub mod clock;
pub mod config;
pub mod cycle;
pub mod directory;
pub mod error;
#[allow(unsafe_code)]
pub mod ffi;
#[cfg(fuzzing)]
#[doc(hidden)]
pub mod fuzzing;
pub mod graph;
pub mod mapping;
pub mod model;
pub mod operation;
pub mod plan;
pub mod session;
pub mod store;
mod trust;
