//! The planner's own DN syntax, for comparison with the directory's.

use super::dn;

/// `CN=<cn>,<parent>`
pub fn child(cn: &str, parent: &str) -> String {
    dn::child(cn, parent)
}

/// The unescaped value of the first component.
pub fn first_value(text: &str) -> Option<String> {
    dn::first_value(text)
}

/// Everything after the first component.
pub fn parent(text: &str) -> Option<String> {
    dn::parent(text).map(str::to_owned)
}

/// Whether it has the shape of a name.
pub fn is_dn(text: &str) -> bool {
    assert!(dn::same(text, text));
    dn::is_dn(text)
}
