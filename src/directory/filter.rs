//! Search filters (RFC 4515): the only place that puts them together.

use std::fmt;

use crate::error::{Error, ErrorId, Result};
use crate::model::{Guid, Sid};

/// Levels of nesting in a filter that a person wrote. Nobody writes more, and the parser behind [`Filter::parse`]
/// descends into each: without a limit, a long row of parentheses would end the whole process.
const MAX_DEPTH: usize = 64;

/// A well-formed filter; values in it are escaped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter(String);

impl Filter {
    /// The text for the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A filter that a person wrote; refused when it isn't one.
    pub fn parse(text: &str) -> Result<Filter> {
        let refused =
            |message: String| Error::new(ErrorId::InvalidArgument, message).target("LDAPFilter");
        if depth(text) > MAX_DEPTH {
            return Err(refused(format!(
                "The LDAP filter has more than {MAX_DEPTH} levels of nesting."
            ))
            .action("Write a simpler filter."));
        }
        match ldap3::parse_filter(text) {
            // The parser takes a single test without parentheses; inside another filter it would be none.
            Ok(_) if !text.starts_with('(') => Ok(Filter(format!("({text})"))),
            Ok(_) => Ok(Filter(text.to_owned())),
            Err(()) => Err(refused(format!("'{text}' is not an LDAP filter."))
            .action("Write it as in RFC 4515, e.g. (displayName=Sales*), and escape ( ) * \\ in values as \\28 \\29 \\2a \\5c.")),
        }
    }
}

impl fmt::Display for Filter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// `(attribute=value)`
pub fn eq(attribute: &str, value: &str) -> Filter {
    Filter(format!("({}={})", name(attribute), escape(value)))
}

/// `(attribute=\xx\xx...)`, for binary attributes.
pub fn eq_bytes(attribute: &str, value: &[u8]) -> Filter {
    let mut text = format!("({}=", name(attribute));
    for byte in value {
        push_hex(&mut text, *byte);
    }
    text.push(')');
    Filter(text)
}

/// `(attribute=GUID)` in the byte order AD stores.
pub fn guid(attribute: &str, guid: Guid) -> Filter {
    eq_bytes(attribute, &guid.to_ad_bytes())
}

/// `(attribute=SID)` in its binary form.
pub fn sid(attribute: &str, sid: &Sid) -> Filter {
    eq_bytes(attribute, sid.as_bytes())
}

/// `(attribute=*)`
pub fn present(attribute: &str) -> Filter {
    Filter(format!("({}=*)", name(attribute)))
}

/// `(attribute=value*)`
pub fn prefix(attribute: &str, value: &str) -> Filter {
    Filter(format!("({}={}*)", name(attribute), escape(value)))
}

/// `(attribute:1.2.840.113556.1.4.803:=bits)`: all these bits are set (MS-ADTS 3.1.1.3.4.4.1).
pub fn all_bits(attribute: &str, bits: u32) -> Filter {
    Filter(format!(
        "({}:1.2.840.113556.1.4.803:={bits})",
        name(attribute)
    ))
}

/// All of them.
pub fn and(filters: impl IntoIterator<Item = Filter>) -> Filter {
    join('&', filters)
}

/// At least one of them.
pub fn or(filters: impl IntoIterator<Item = Filter>) -> Filter {
    join('|', filters)
}

/// Not this one.
pub fn not(filter: Filter) -> Filter {
    Filter(format!("(!{filter})"))
}

/// Everything.
pub fn any() -> Filter {
    present("objectClass")
}

fn join(operator: char, filters: impl IntoIterator<Item = Filter>) -> Filter {
    let parts: Vec<String> = filters.into_iter().map(|f| f.0).collect();
    match parts.as_slice() {
        [one] => Filter(one.clone()),
        _ => Filter(format!("({operator}{})", parts.concat())),
    }
}

/// Escapes a value; everything but `* ( ) \` and NUL stays readable.
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 4);
    for c in value.chars() {
        match c {
            '*' | '(' | ')' | '\\' | '\0' => push_hex(&mut out, c as u8),
            _ => out.push(c),
        }
    }
    out
}

/// Parentheses inside each other; those in values are escaped.
fn depth(text: &str) -> usize {
    let (mut open, mut most) = (0_usize, 0);
    for byte in text.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most
}

fn push_hex(out: &mut String, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push('\\');
    out.push(DIGITS[usize::from(byte >> 4)] as char);
    out.push(DIGITS[usize::from(byte & 15)] as char);
}

/// Attribute descriptions need no escaping; what can't be part of one is dropped, so that nothing can be smuggled in.
fn name(attribute: &str) -> String {
    attribute
        .chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | ';'))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn builds_and_escapes() {
        let filter = and([
            eq("objectClass", "group"),
            or([
                prefix("adminDescription", "Group_"),
                not(present("msDS-ObjectSoa")),
            ]),
        ]);
        assert_eq!(
            filter.as_str(),
            "(&(objectClass=group)(|(adminDescription=Group_*)(!(msDS-ObjectSoa=*))))"
        );
        assert_eq!(eq("cn", r"a*(b)\").as_str(), r"(cn=a\2a\28b\29\5c)");
        assert_eq!(
            eq_bytes("objectSid", &[1, 0xff]).as_str(),
            r"(objectSid=\01\ff)"
        );
        assert_eq!(eq("cn)(x", "y").as_str(), "(cnx=y)");
        assert!(Filter::parse("(cn=a").is_err());
        let bare = Filter::parse("cn=a").unwrap();
        assert_eq!(and([bare, present("mail")]).as_str(), "(&(cn=a)(mail=*))");
        assert!(Filter::parse("(&(cn=a)(member:1.2.840.113556.1.4.1941:=CN=x))").is_ok());
    }

    #[test]
    fn nesting_has_an_end() {
        let nested = |n: usize| format!("{}(cn=a){}", "(!".repeat(n), ")".repeat(n));
        assert!(Filter::parse(&nested(MAX_DEPTH - 1)).is_ok());
        assert!(Filter::parse(&nested(MAX_DEPTH)).is_err());
        // Far more than any stack holds.
        assert!(Filter::parse(&"(!".repeat(1_000_000)).is_err());
        assert!(Filter::parse(&nested(1_000_000)).is_err());
        let wide = format!("(|{})", "(cn=a)".repeat(10_000));
        assert!(Filter::parse(&wide).is_ok());
    }

    proptest! {
        #[test]
        fn any_value_stays_one_filter(value in "\\PC{0,20}|[*()\\\\\0a]{1,12}") {
            prop_assert!(ldap3::parse_filter(eq("cn", &value).as_str()).is_ok());
            prop_assert!(ldap3::parse_filter(prefix("cn", &value).as_str()).is_ok());
        }
    }
}
