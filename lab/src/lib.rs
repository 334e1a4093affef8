//! The lab: an emulated tenant and an embedded directory for demos, tests and benchmarks.

pub mod directory;
