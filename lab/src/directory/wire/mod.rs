//! Wire room: LDAP as bytes. Nothing here knows what a directory is.

pub mod ber;
pub mod message;
