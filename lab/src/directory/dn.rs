//! Naming room: distinguished names (RFC 4514), their parts, and the `<GUID=…>`/`<SID=…>` forms.

use super::sid::{Guid, Sid, parse_guid, unhex};

/// One component of a DN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rdn {
    /// Attribute type as written.
    pub kind: String,
    /// Unescaped value.
    pub value: String,
}

/// How a request names an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reference {
    /// By distinguished name, first component first.
    Dn(Vec<Rdn>),
    /// By object GUID.
    Guid(Guid),
    /// By security identifier.
    Sid(Sid),
}

/// Reads a DN or a `<GUID=…>`/`<SID=…>` form; also the extended form, of which the first identifier counts.
pub fn parse_reference(text: &str) -> Option<Reference> {
    let Some(inner) = text.strip_prefix('<') else {
        return parse(text).map(Reference::Dn);
    };
    let (inner, rest) = inner.split_once('>')?;
    if !rest.is_empty() && !rest.starts_with(';') {
        return None;
    }
    let (kind, value) = inner.split_once('=')?;
    if kind.eq_ignore_ascii_case("GUID") {
        parse_guid(value).map(Reference::Guid)
    } else if kind.eq_ignore_ascii_case("SID") {
        let sid = if value
            .get(..2)
            .is_some_and(|head| head.eq_ignore_ascii_case("S-"))
        {
            Sid::parse(value)
        } else {
            Sid::from_bytes(&unhex(value)?)
        };
        sid.map(Reference::Sid)
    } else {
        None
    }
}

/// Reads a DN into its components, first component first; the empty string is the empty DN.
pub fn parse(text: &str) -> Option<Vec<Rdn>> {
    let mut parts = Vec::new();
    let mut rest = text.trim_start();
    if rest.is_empty() {
        return Some(parts);
    }
    loop {
        let (kind, after) = rest.split_once('=')?;
        let kind = kind.trim();
        if !valid_kind(kind) {
            return None;
        }
        let (value, after) = parse_value(after)?;
        parts.push(Rdn {
            kind: kind.to_owned(),
            value,
        });
        match after {
            None => return Some(parts),
            Some(next) => rest = next.trim_start(),
        }
    }
}

fn valid_kind(kind: &str) -> bool {
    let mut letters = kind.bytes();
    match letters.next() {
        Some(first) if first.is_ascii_alphabetic() => {
            letters.all(|letter| letter.is_ascii_alphanumeric() || letter == b'-')
        }
        Some(first) if first.is_ascii_digit() => {
            letters.all(|letter| letter.is_ascii_digit() || letter == b'.')
        }
        _ => false,
    }
}

/// Reads one value; returns it and what follows its separator.
fn parse_value(text: &str) -> Option<(String, Option<&str>)> {
    let text = text.trim_start_matches(' ');
    if let Some(quoted) = text.strip_prefix('"') {
        return parse_quoted(quoted);
    }
    if let Some(hex) = text.strip_prefix('#') {
        let end = hex.find([',', ';', '+']).unwrap_or(hex.len());
        let bytes = unhex(hex[..end].trim())?;
        let (_, content) = crate::ldap::ber::Reader::new(&bytes).any().ok()?;
        return Some((
            String::from_utf8(content.to_vec()).ok()?,
            separator(&hex[end..])?,
        ));
    }
    let bytes = text.as_bytes();
    let mut value = Vec::new();
    let mut kept = 0;
    let mut at = 0;
    while at < bytes.len() {
        match bytes[at] {
            b'\\' => {
                at += unescape(bytes, at, &mut value)?;
                kept = value.len();
                continue;
            }
            b',' | b';' => break,
            b'+' | b'"' | b'<' | b'>' => return None,
            b' ' => value.push(b' '),
            other => {
                value.push(other);
                kept = value.len();
            }
        }
        at += 1;
    }
    value.truncate(kept);
    Some((String::from_utf8(value).ok()?, separator(&text[at..])?))
}

fn parse_quoted(text: &str) -> Option<(String, Option<&str>)> {
    let bytes = text.as_bytes();
    let mut value = Vec::new();
    let mut at = 0;
    loop {
        match *bytes.get(at)? {
            b'"' => break,
            b'\\' => at += unescape(bytes, at, &mut value)?,
            other => {
                value.push(other);
                at += 1;
            }
        }
    }
    Some((
        String::from_utf8(value).ok()?,
        separator(text[at + 1..].trim_start_matches(' '))?,
    ))
}

/// `None` for rubbish, `Some(None)` at the end, else what follows the separator (which must not be empty).
fn separator(rest: &str) -> Option<Option<&str>> {
    if rest.is_empty() {
        return Some(None);
    }
    let next = rest.strip_prefix([',', ';'])?;
    (!next.trim().is_empty()).then_some(Some(next))
}

/// Takes the escape at `at`; returns how many bytes it was long.
fn unescape(bytes: &[u8], at: usize, value: &mut Vec<u8>) -> Option<usize> {
    let first = *bytes.get(at + 1)?;
    let pair = bytes
        .get(at + 1..at + 3)
        .and_then(|pair| std::str::from_utf8(pair).ok());
    if let Some(octet) = pair.and_then(unhex) {
        value.extend_from_slice(&octet);
        return Some(3);
    }
    if matches!(
        first,
        b' ' | b'"' | b'#' | b'+' | b',' | b';' | b'<' | b'=' | b'>' | b'\\'
    ) {
        value.push(first);
        return Some(2);
    }
    None
}

/// A value escaped the way Active Directory prints it.
pub fn escape(value: &str) -> String {
    let mut out = String::with_capacity(value.len() + 4);
    let last = value.chars().count().saturating_sub(1);
    for (position, letter) in value.chars().enumerate() {
        match letter {
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => {
                out.push('\\');
                out.push(letter);
            }
            '#' if position == 0 => out.push_str("\\#"),
            ' ' if position == 0 || position == last => out.push_str("\\ "),
            control if (control as u32) < 0x20 => {
                out.push_str(&format!("\\{:02X}", control as u32));
            }
            other => out.push(other),
        }
    }
    out
}

/// The DN of a domain by its DNS name.
pub fn of_domain(domain: &str) -> String {
    let parts: Vec<String> = domain.split('.').map(|part| format!("DC={part}")).collect();
    parts.join(",")
}

/// A DN as text.
pub fn text(parts: &[Rdn]) -> String {
    parts
        .iter()
        .map(|part| format!("{}={}", part.kind.to_uppercase(), escape(&part.value)))
        .collect::<Vec<_>>()
        .join(",")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn values(text: &str) -> Option<Vec<String>> {
        Some(parse(text)?.into_iter().map(|part| part.value).collect())
    }

    #[test]
    fn names_are_taken_apart() {
        assert_eq!(
            values("CN=a\\,b, OU=c ,DC=d").expect("a DN"),
            ["a,b", "c", "d"]
        );
        assert_eq!(
            values("CN=x\\0ADEL:1,CN=Deleted Objects").expect("a DN")[0],
            "x\nDEL:1"
        );
        assert_eq!(values("CN=\\ a\\ ").expect("a DN"), [" a "]);
        assert_eq!(values("CN=\"a,b\",DC=c").expect("a DN"), ["a,b", "c"]);
        assert_eq!(values("CN=#0403616263,DC=c").expect("a DN"), ["abc", "c"]);
        assert_eq!(values("").expect("the root"), Vec::<String>::new());
        for wrong in [
            "hello", "CN=a,", "=a", "CN=a\\", "CN=a\\zz", "CN=a<b", "1CN=a",
        ] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn references_come_in_three_forms() {
        assert!(matches!(
            parse_reference("<SID=S-1-5-11>"),
            Some(Reference::Sid(_))
        ));
        assert!(matches!(
            parse_reference("<GUID=24fc4e6e-4673-487a-b258-5fbea7d26711>"),
            Some(Reference::Guid(_))
        ));
        assert!(matches!(
            parse_reference("<GUID=24fc4e6e-4673-487a-b258-5fbea7d26711>;<SID=S-1-5-11>;CN=a"),
            Some(Reference::Guid(_))
        ));
        assert_eq!(parse_reference("<GUID=zz>"), None);
        assert_eq!(parse_reference("<FOO=1>"), None);
    }

    proptest! {
        #[test]
        fn escaping_round_trips(value in "\\PC{1,20}|[ #+,;<=>\"\\\\\n\u{0}a]{1,12}") {
            let written = format!("CN={},DC=x", escape(&value));
            let parsed = parse(&written);
            prop_assert_eq!(parsed.map(|parts| parts[0].value.clone()), Some(value), "{}", written);
        }

        #[test]
        fn nothing_panics(text in "\\PC{0,40}") {
            let _ = parse_reference(&text);
        }
    }
}
