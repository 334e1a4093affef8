//! Request room: controls the directory knows and what they ask for.

use super::modify::Manner;
use super::results::Failure;
use super::search::{Options, paged};
use crate::ldap::ber::{INTEGER, Reader, SEQUENCE};
use crate::ldap::message::Control;

const PAGED: &str = "1.2.840.113556.1.4.319";
const SHOW_DELETED: &str = "1.2.840.113556.1.4.417";
const EXTENDED_DN: &str = "1.2.840.113556.1.4.529";
const LAZY_COMMIT: &str = "1.2.840.113556.1.4.619";
const SD_FLAGS: &str = "1.2.840.113556.1.4.801";
const TREE_DELETE: &str = "1.2.840.113556.1.4.805";
const VERIFY_NAME: &str = "1.2.840.113556.1.4.1338";
const DOMAIN_SCOPE: &str = "1.2.840.113556.1.4.1339";
const SEARCH_OPTIONS: &str = "1.2.840.113556.1.4.1340";
const PERMISSIVE: &str = "1.2.840.113556.1.4.1413";
const SHOW_RECYCLED: &str = "1.2.840.113556.1.4.2064";

/// Every control that has an effect, or (lazy commit, verify name) none to have in memory and alone.
pub const SUPPORTED: [&str; 11] = [
    PAGED,
    SHOW_DELETED,
    EXTENDED_DN,
    LAZY_COMMIT,
    SD_FLAGS,
    TREE_DELETE,
    VERIFY_NAME,
    DOMAIN_SCOPE,
    SEARCH_OPTIONS,
    PERMISSIVE,
    SHOW_RECYCLED,
];

/// The controls of one request.
#[derive(Debug, Default, Clone)]
pub struct Controls {
    /// Of searches.
    pub options: Options,
    /// Of modifies.
    pub manner: Manner,
    /// Delete with everything below.
    pub tree: bool,
}

impl Controls {
    /// Reads a request's controls; an unknown critical one is a failure.
    pub fn read(list: &[Control]) -> Result<Self, Failure> {
        let mut controls = Controls::default();
        for control in list {
            let value = control.value.as_deref();
            let number = || {
                let mut body = Reader::new(value?).nested(SEQUENCE).ok()?;
                body.integer(INTEGER).ok()
            };
            let wrong = || Failure::protocol("Error processing control");
            match control.oid.as_str() {
                PAGED => {
                    controls.options.paged = Some(value.and_then(paged).ok_or_else(wrong)?);
                }
                SHOW_DELETED | SHOW_RECYCLED => {
                    controls.options.deleted = true;
                    controls.manner.deleted = true;
                }
                EXTENDED_DN => {
                    let form = if value.is_some() {
                        number().ok_or_else(wrong)?
                    } else {
                        0
                    };
                    controls.options.extended = Some(form);
                }
                SD_FLAGS => {
                    let parts = if value.is_some() {
                        number().ok_or_else(wrong)?
                    } else {
                        15
                    };
                    controls.options.descriptor = Some(parts);
                }
                TREE_DELETE => controls.tree = true,
                DOMAIN_SCOPE => controls.options.domain_scope = true,
                SEARCH_OPTIONS => {
                    let flags = number().ok_or_else(wrong)?;
                    controls.options.domain_scope |= flags & 1 != 0;
                    controls.options.phantom_root |= flags & 2 != 0;
                }
                PERMISSIVE => controls.manner.permissive = true,
                LAZY_COMMIT | VERIFY_NAME => {}
                _ if control.critical => return Err(Failure::critical_control()),
                _ => {}
            }
        }
        Ok(controls)
    }
}
