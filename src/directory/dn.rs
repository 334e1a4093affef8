//! Distinguished names (RFC 4514): the only place that takes them apart or puts them together.

use std::fmt;

use crate::error::{Error, ErrorId, Result};
use crate::model::{Guid, MemberKey, Sid};

/// One `attribute=value` of a name.
#[derive(Clone, Debug)]
struct Part {
    attribute: String,
    value: Value,
}

#[derive(Clone, Debug)]
enum Value {
    /// Unescaped.
    Text(String),
    /// `#04...`: BER that has no text form, kept as written.
    Ber(String),
}

/// A parsed distinguished name; the empty one names the root.
///
/// Names are equal when they differ only in case, in full-width ASCII or in spaces around separators. AD is said to
/// ignore accents and kana type as well; that is left to the controller, which reports such a collision as result 68.
#[derive(Clone, Debug, Default)]
pub struct Dn {
    /// First component first; one with several parts is a multi-valued RDN.
    rdns: Vec<Vec<Part>>,
}

impl Dn {
    /// Parses RFC 4514 text, and what older RFCs allowed (spaces around separators, quoted values).
    pub fn parse(text: &str) -> Result<Dn> {
        parse(text).ok_or_else(|| {
            Error::new(
                ErrorId::InvalidArgument,
                format!("'{text}' is not a distinguished name."),
            )
            .target(text)
        })
    }

    /// Whether it names the root.
    pub fn is_root(&self) -> bool {
        self.rdns.is_empty()
    }

    /// The name without its first component; `None` for the root.
    pub fn parent(&self) -> Option<Dn> {
        let (_, rest) = self.rdns.split_first()?;
        Some(Dn {
            rdns: rest.to_vec(),
        })
    }

    /// Unescaped value of the first component.
    pub fn rdn_value(&self) -> Option<&str> {
        match &self.rdns.first()?.first()?.value {
            Value::Text(text) => Some(text),
            Value::Ber(_) => None,
        }
    }

    /// Attribute of the first component, as written.
    pub fn rdn_attribute(&self) -> Option<&str> {
        Some(&self.rdns.first()?.first()?.attribute)
    }

    /// The first component as text, escaped: what ModifyDN wants.
    pub fn rdn(&self) -> String {
        let first = Dn {
            rdns: self.rdns.iter().take(1).cloned().collect(),
        };
        first.to_string()
    }

    /// The name of a child.
    #[must_use]
    pub fn child(&self, attribute: &str, value: &str) -> Dn {
        let mut rdns = Vec::with_capacity(self.rdns.len() + 1);
        rdns.push(vec![Part {
            attribute: attribute.to_owned(),
            value: Value::Text(value.to_owned()),
        }]);
        rdns.extend(self.rdns.iter().cloned());
        Dn { rdns }
    }

    /// Whether it is somewhere below `ancestor`, or the same.
    pub fn is_under(&self, ancestor: &Dn) -> bool {
        let Some(skip) = self.rdns.len().checked_sub(ancestor.rdns.len()) else {
            return false;
        };
        let same = |(a, b): (&Vec<Part>, &Vec<Part>)| same_rdn(a, b);
        self.rdns[skip..].iter().zip(&ancestor.rdns).all(same)
    }

    /// `contoso.test` from the `DC=` components.
    pub fn dns_name(&self) -> String {
        let labels: Vec<&str> = self
            .rdns
            .iter()
            .filter_map(|rdn| match rdn.first() {
                Some(Part {
                    attribute,
                    value: Value::Text(text),
                }) if attribute.eq_ignore_ascii_case("DC") => Some(text.as_str()),
                _ => None,
            })
            .collect();
        labels.join(".")
    }

    /// Whether the first component says that the object is a replication conflict or deleted.
    pub fn is_mangled(&self) -> bool {
        self.rdn_value().is_some_and(is_mangled_name)
    }
}

/// `\0ACNF:` or `\0ADEL:` in a name: AD's marks of a replication conflict and of a deleted object.
pub fn is_mangled_name(name: &str) -> bool {
    name.contains("\nCNF:") || name.contains("\nDEL:")
}

/// `<GUID=...>`: names an object whatever its place (MS-ADTS 3.1.1.3.1.2.4).
pub fn by_guid(guid: Guid) -> String {
    format!("<GUID={guid}>")
}

/// `<SID=...>`: names an object by its SID.
pub fn by_sid(sid: &Sid) -> String {
    format!("<SID={sid}>")
}

/// The value of `member` that names this object without a look-up.
pub fn by_key(key: &MemberKey) -> String {
    match key {
        MemberKey::Sid(sid) => by_sid(sid),
        MemberKey::Guid(guid) => by_guid(*guid),
    }
}

/// Escapes a value for use in a name.
pub fn escape_value(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 8);
    let last = value.chars().count().saturating_sub(1);
    for (i, c) in value.chars().enumerate() {
        match c {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => {
                out.push('\\');
                out.push(c);
            }
            '#' | ' ' if i == 0 => {
                out.push('\\');
                out.push(c);
            }
            ' ' if i == last => out.push_str("\\ "),
            '\0' => out.push_str("\\00"),
            '\n' => out.push_str("\\0A"),
            '\r' => out.push_str("\\0D"),
            _ => out.push(c),
        }
    }
    out
}

impl fmt::Display for Dn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, rdn) in self.rdns.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            for (j, part) in rdn.iter().enumerate() {
                if j > 0 {
                    f.write_str("+")?;
                }
                match &part.value {
                    Value::Text(text) => write!(f, "{}={}", part.attribute, escape_value(text))?,
                    Value::Ber(hex) => write!(f, "{}={hex}", part.attribute)?,
                }
            }
        }
        Ok(())
    }
}

impl PartialEq for Dn {
    fn eq(&self, other: &Dn) -> bool {
        self.rdns.len() == other.rdns.len() && self.is_under(other)
    }
}

impl Eq for Dn {}

fn same_rdn(a: &[Part], b: &[Part]) -> bool {
    let same = |x: &Part, y: &Part| {
        x.attribute.eq_ignore_ascii_case(&y.attribute)
            && match (&x.value, &y.value) {
                (Value::Text(x), Value::Text(y)) => same_text(x, y),
                (Value::Ber(x), Value::Ber(y)) => x.eq_ignore_ascii_case(y),
                _ => false,
            }
    };
    a.len() == b.len() && a.iter().all(|x| b.iter().any(|y| same(x, y)))
}

/// Whether AD is sure to take both for the same name.
pub fn same_text(a: &str, b: &str) -> bool {
    fold(a).eq(fold(b))
}

fn fold(text: &str) -> impl Iterator<Item = char> + '_ {
    text.chars()
        .map(|c| match c {
            '\u{ff01}'..='\u{ff5e}' => char::from_u32(c as u32 - 0xfee0).unwrap_or(c),
            '\u{3000}' => ' ',
            c => c,
        })
        .flat_map(char::to_uppercase)
        .flat_map(char::to_lowercase)
}

fn parse(text: &str) -> Option<Dn> {
    // Space at the end is the last value's to judge: it may be escaped.
    let mut rest = text.trim_start_matches(' ');
    let mut rdns = Vec::new();
    if rest.is_empty() {
        return Some(Dn { rdns });
    }
    let mut rdn = Vec::new();
    loop {
        let (attribute, tail) = rest.split_once('=')?;
        let attribute = trim(attribute);
        let starts_well = attribute.starts_with(|c: char| c.is_ascii_alphanumeric());
        let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.');
        if !starts_well || !attribute.chars().all(legal) {
            return None;
        }
        let (value, tail) = parse_value(tail.trim_start_matches(' '))?;
        rdn.push(Part {
            attribute: attribute.to_owned(),
            value,
        });
        match tail.chars().next() {
            None => {
                rdns.push(rdn);
                return Some(Dn { rdns });
            }
            Some('+') => {}
            Some(_) => rdns.push(std::mem::take(&mut rdn)),
        }
        rest = tail.get(1..)?;
    }
}

/// Gives the value and the rest, which is empty or begins with a separator.
fn parse_value(text: &str) -> Option<(Value, &str)> {
    if text.starts_with('#') {
        let end = text.find([',', '+', ';']).unwrap_or(text.len());
        let (hex, rest) = text.split_at(end);
        let hex = hex.trim_end_matches(' ');
        let digits = hex.get(1..)?;
        let legal = !digits.is_empty()
            && digits.len() % 2 == 0
            && digits.bytes().all(|b| b.is_ascii_hexdigit());
        return legal.then(|| (Value::Ber(hex.to_owned()), rest));
    }
    let (quoted, text) = match text.strip_prefix('"') {
        Some(inner) => (true, inner),
        None => (false, text),
    };
    let bytes = text.as_bytes();
    let mut value = Vec::new();
    // Trailing spaces count only up to here: as far as one was escaped.
    let mut keep = 0;
    let mut at = 0;
    let mut closed = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' if quoted => {
                at += 1;
                closed = true;
                break;
            }
            b',' | b'+' | b';' if !quoted => break,
            b'"' | b'<' | b'>' if !quoted => return None,
            b'\\' => {
                let next = *bytes.get(at + 1)?;
                match (
                    hex_digit(next),
                    bytes.get(at + 2).copied().and_then(hex_digit),
                ) {
                    (Some(high), Some(low)) => {
                        value.push(high << 4 | low);
                        at += 3;
                    }
                    _ if next.is_ascii_punctuation() || next == b' ' => {
                        value.push(next);
                        at += 2;
                    }
                    _ => return None,
                }
                keep = value.len();
            }
            _ => {
                value.push(byte);
                at += 1;
            }
        }
    }
    if quoted {
        if !closed {
            return None;
        }
    } else {
        while value.len() > keep && value.last() == Some(&b' ') {
            value.pop();
        }
    }
    let value = String::from_utf8(value).ok()?;
    let rest = text.get(at..)?;
    let rest = if quoted {
        rest.trim_start_matches(' ')
    } else {
        rest
    };
    let separated = rest.is_empty() || rest.starts_with([',', '+', ';']);
    (separated && !value.is_empty()).then_some((Value::Text(value), rest))
}

/// Only the plain space is a separator's companion; others are part of a value.
fn trim(text: &str) -> &str {
    text.trim_matches(' ')
}

fn hex_digit(byte: u8) -> Option<u8> {
    (byte as char).to_digit(16).map(|d| d as u8)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap()
    }

    #[test]
    fn takes_names_apart() {
        let name = dn(r"CN=Doe\, Jane \+ \#1\0ACNF:x,OU=Groups,DC=contoso,DC=test");
        assert_eq!(name.rdn_value(), Some("Doe, Jane + #1\nCNF:x"));
        assert!(name.is_mangled());
        assert_eq!(name.parent(), Some(dn("ou=groups, dc=CONTOSO, dc=test")));
        assert_eq!(name.dns_name(), "contoso.test");
        assert!(name.is_under(&dn("DC=contoso,DC=test")));
        assert!(!dn("DC=test").is_under(&name));
        assert!(!dn("OU=XGroups,DC=contoso,DC=test").is_under(&dn("OU=Groups,DC=contoso,DC=test")));
        assert_eq!(dn("").parent(), None);
        assert_eq!(dn(r#"CN="a, b" ,DC=x"#).to_string(), r"CN=a\, b,DC=x");
        assert_eq!(dn("CN=#04024869,DC=x").to_string(), "CN=#04024869,DC=x");
        assert_eq!(dn("CN=a+SN=b,DC=x"), dn("sn=B+cn=A,dc=X"));
        assert_eq!(dn(r"CN=\C3\84,DC=x").rdn_value(), Some("Ä"));
        assert_eq!(dn("CN=ÄÖ ＡＢ,DC=x"), dn("CN=äö ab,DC=x"));
        assert_eq!(dn(r"CN=a=b\3Dc,DC=x").rdn_value(), Some("a=b=c"));
        assert_eq!(dn(r"CN=a\ ,DC=x").rdn_value(), Some("a "));
        assert_eq!(dn(r" CN=a\   ").rdn_value(), Some("a "));
        assert_eq!(dn(r#"CN="a " "#).to_string(), r"CN=a\ ");
        assert_eq!(dn("CN=#04024869 ").to_string(), "CN=#04024869");
        assert_eq!(dn("CN=a,DC=x  ").to_string(), "CN=a,DC=x");
        assert!(dn("  ").is_root());
    }

    #[test]
    fn refuses_what_is_no_name() {
        for bad in [
            "CN",
            "CN=",
            "=a",
            "CN=a,",
            "CN=a,,DC=b",
            r"CN=a\",
            "CN=\"a",
            "CN=<a>",
            r"CN=\zz",
            "CN=#0",
            "C N=a",
            r"CN=\FF",
        ] {
            assert!(Dn::parse(bad).is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn any_value_survives_escaping(value in "\\PC{1,20}|[ #\\\\,+\"<>;=\n\r\0a]{1,12}") {
            let parent = dn("OU=Groups,DC=contoso,DC=test");
            let child = parent.child("CN", &value);
            let back = dn(&child.to_string());
            prop_assert_eq!(back.rdn_value(), Some(value.as_str()));
            prop_assert_eq!(back.parent(), Some(parent));
            prop_assert_eq!(&back, &child);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,40}|[CN=,+;\\\\\"#0a <>]{0,20}") {
            if let Ok(name) = Dn::parse(&text) {
                prop_assert_eq!(dn(&name.to_string()), name);
            }
        }
    }
}
