//! The lab in process, walked over HTTP as a client would.

mod client;
mod delta;
mod graph;
mod populate;
mod sign_in;
