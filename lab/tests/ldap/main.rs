//! LDAP as clients of the lab see it, by a client that knows nothing of the lab.

mod control;
mod differential;
mod gateway;
mod places;
