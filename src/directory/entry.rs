//! Search results: entries, ranged attributes, extended DNs. Parsing only, nothing here can panic.

use std::borrow::Cow;
use std::str::FromStr;

use lber::structure::{PL, StructureTag};

use crate::model::{Guid, MemberKey, Sid};

/// One attribute of an entry.
#[derive(Clone, Debug)]
struct Attribute {
    name: String,
    range: Option<Range>,
    values: Vec<Vec<u8>>,
}

/// Which values of an attribute an answer holds (MS-ADTS 3.1.1.3.1.3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// Index of the first.
    pub start: u64,
    /// Index of the last; `None` = these are the last ones.
    pub end: Option<u64>,
}

/// Splits `member;range=0-1499` into the name and the range.
pub fn split_range(description: &str) -> (&str, Option<Range>) {
    let mut parts = description.split(';');
    let name = parts.next().unwrap_or_default();
    let range = parts.find_map(|option| {
        let (key, value) = option.split_once('=')?;
        if !key.eq_ignore_ascii_case("range") {
            return None;
        }
        let (start, end) = value.split_once('-')?;
        let end = match end {
            "*" => None,
            end => Some(end.parse().ok()?),
        };
        Some(Range {
            start: start.parse().ok()?,
            end,
        })
    });
    (name, range)
}

/// An object as a search gave it.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Its DN, without the parts that the extended DN control puts before it.
    pub dn: String,
    attributes: Vec<Attribute>,
}

impl Entry {
    /// Takes a `SearchResultEntry` apart (RFC 4511, 4.5.2).
    pub fn from_ber(tag: StructureTag) -> Option<Entry> {
        let mut parts = tag.expect_constructed()?.into_iter();
        let dn = text(parts.next()?)?;
        let mut attributes = Vec::new();
        for attribute in parts.next()?.expect_constructed()? {
            let mut parts = attribute.expect_constructed()?.into_iter();
            let description = text(parts.next()?)?;
            let values = parts
                .next()?
                .expect_constructed()?
                .into_iter()
                .map(StructureTag::expect_primitive)
                .collect::<Option<Vec<_>>>()?;
            let (name, range) = split_range(&description);
            attributes.push(Attribute {
                name: name.to_owned(),
                range,
                values,
            });
        }
        let dn = match ExtendedDn::parse(dn.as_bytes()) {
            Some(extended) => extended.dn.to_owned(),
            None => dn,
        };
        Some(Entry { dn, attributes })
    }

    fn find<'a, 'n>(&'a self, name: &'n str) -> impl Iterator<Item = &'a Attribute> + use<'a, 'n> {
        self.attributes
            .iter()
            .filter(move |a| a.name.eq_ignore_ascii_case(name))
    }

    /// All values of an attribute, as they came.
    pub fn values(&self, name: &str) -> &[Vec<u8>] {
        self.find(name)
            .find(|a| !a.values.is_empty())
            .map_or(&[], |a| a.values.as_slice())
    }

    /// The first value.
    pub fn value(&self, name: &str) -> Option<&[u8]> {
        self.values(name).first().map(Vec::as_slice)
    }

    /// The first value as text.
    pub fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.value(name)?).ok()
    }

    /// All values that are text.
    pub fn texts<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a str> + use<'a> {
        self.values(name)
            .iter()
            .filter_map(|v| std::str::from_utf8(v).ok())
    }

    /// The first value, parsed.
    pub fn parsed<T: FromStr>(&self, name: &str) -> Option<T> {
        self.text(name)?.parse().ok()
    }

    /// `TRUE`.
    pub fn is_true(&self, name: &str) -> bool {
        self.text(name) == Some("TRUE")
    }

    /// `objectGUID`.
    pub fn guid(&self) -> Option<Guid> {
        Guid::from_ad_bytes(self.value("objectGUID")?)
    }

    /// `objectSid`.
    pub fn sid(&self) -> Option<Sid> {
        Sid::from_bytes(self.value("objectSid")?)
    }

    /// The slice of an attribute that may be longer than the controller gives at once: the values, and where the next
    /// slice starts (`None`: that was all). The outer `None`: there is no such attribute in the answer.
    ///
    /// Takes every form: plain values; `;range=a-b` or `;range=a-*`; an empty plain attribute besides a ranged one.
    pub fn slice(&self, name: &str) -> Option<(&[Vec<u8>], Option<u64>)> {
        let mut found = None;
        for attribute in self.find(name) {
            match attribute.range {
                Some(range) => {
                    return Some((
                        &attribute.values,
                        range.end.map(|end| end.saturating_add(1)),
                    ));
                }
                None => found = Some((attribute.values.as_slice(), None)),
            }
        }
        found
    }

    /// First index of the slice that came, when it came as one.
    pub fn slice_start(&self, name: &str) -> Option<u64> {
        self.find(name).find_map(|a| a.range).map(|r| r.start)
    }
}

/// A referral's addresses (`SearchResultReference`, RFC 4511, 4.5.3).
pub fn references(tag: StructureTag) -> Vec<String> {
    match tag.payload {
        PL::C(parts) => parts.into_iter().filter_map(text).collect(),
        PL::P(_) => Vec::new(),
    }
}

fn text(tag: StructureTag) -> Option<String> {
    String::from_utf8(tag.expect_primitive()?).ok()
}

/// Bytes as text for people and the mapping: UTF-8 as it is, anything else as base64.
pub fn display_value(value: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(value) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => {
            use base64::Engine;
            Cow::Owned(base64::engine::general_purpose::STANDARD.encode(value))
        }
    }
}

/// A DN with the control "extended DN" (MS-ADTS 3.1.1.3.4.1.5): `<GUID=...>;<SID=...>;CN=...`, hexadecimal under
/// flag 0, text under flag 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExtendedDn<'a> {
    /// objectGUID.
    pub guid: Guid,
    /// objectSid, of objects that have one.
    pub sid: Option<Sid>,
    /// The plain DN.
    pub dn: &'a str,
}

impl<'a> ExtendedDn<'a> {
    /// `None` when it isn't in that form.
    pub fn parse(value: &'a [u8]) -> Option<Self> {
        let mut rest = std::str::from_utf8(value).ok()?;
        let (mut guid, mut sid) = (None, None);
        while let Some(inner) = rest.strip_prefix('<') {
            let (part, tail) = inner.split_once('>')?;
            match part.split_once('=')? {
                (key, text) if key.eq_ignore_ascii_case("GUID") => guid = Some(parse_guid(text)?),
                (key, text) if key.eq_ignore_ascii_case("SID") => sid = Some(parse_sid(text)?),
                _ => {}
            }
            rest = tail.strip_prefix(';').unwrap_or(tail);
        }
        Some(ExtendedDn {
            guid: guid?,
            sid,
            dn: rest,
        })
    }

    /// How members are compared and addressed.
    pub fn key(self) -> MemberKey {
        match self.sid {
            Some(sid) => MemberKey::Sid(sid),
            None => MemberKey::Guid(self.guid),
        }
    }
}

fn parse_guid(text: &str) -> Option<Guid> {
    text.parse()
        .ok()
        .or_else(|| Guid::from_ad_bytes(&parse_hex(text)?))
}

fn parse_sid(text: &str) -> Option<Sid> {
    text.parse()
        .ok()
        .or_else(|| Sid::from_bytes(&parse_hex(text)?))
}

fn parse_hex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) {
        return None;
    }
    let digit = |b: u8| (b as char).to_digit(16);
    text.as_bytes()
        .chunks_exact(2)
        .map(|pair| Some((digit(pair[0])? * 16 + digit(pair[1])?) as u8))
        .collect()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use lber::common::TagClass;

    use super::*;

    fn octets(bytes: &[u8]) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 4,
            payload: PL::P(bytes.to_vec()),
        }
    }

    fn sequence(parts: Vec<StructureTag>) -> StructureTag {
        StructureTag {
            class: TagClass::Universal,
            id: 16,
            payload: PL::C(parts),
        }
    }

    fn entry(attributes: &[(&str, &[&str])]) -> Entry {
        let attributes = attributes
            .iter()
            .map(|(name, values)| {
                let values = values.iter().map(|v| octets(v.as_bytes())).collect();
                sequence(vec![octets(name.as_bytes()), sequence(values)])
            })
            .collect();
        Entry::from_ber(sequence(vec![octets(b"CN=x"), sequence(attributes)])).unwrap()
    }

    #[test]
    fn every_form_of_range_is_understood() {
        assert_eq!(split_range("member"), ("member", None));
        assert_eq!(
            split_range("member;Range=1500-2999"),
            (
                "member",
                Some(Range {
                    start: 1500,
                    end: Some(2999)
                })
            )
        );
        assert_eq!(
            split_range("member;range=3000-*"),
            (
                "member",
                Some(Range {
                    start: 3000,
                    end: None
                })
            )
        );
        assert_eq!(split_range("member;range=x-*").1, None);
        assert!(entry(&[("cn", &["x"])]).slice("member").is_none());
        let plain = entry(&[("member", &["a", "b"])]);
        assert_eq!(
            plain.slice("Member").map(|(v, n)| (v.len(), n)),
            Some((2, None))
        );
        let both = entry(&[("member", &[]), ("member;range=0-1", &["a", "b"])]);
        assert_eq!(
            both.slice("member").map(|(v, n)| (v.len(), n)),
            Some((2, Some(2)))
        );
        let last = entry(&[("member;range=2-*", &["c"])]);
        assert_eq!(
            last.slice("member").map(|(v, n)| (v.len(), n)),
            Some((1, None))
        );
        assert_eq!(last.slice_start("member"), Some(2));
    }

    #[test]
    fn extended_names_in_both_forms() {
        let text =
            b"<GUID=6f9619ff-8b86-d011-b42d-00c04fc964ff>;<SID=S-1-5-21-1-2-3-500>;CN=A;b,DC=x";
        let parsed = ExtendedDn::parse(text).unwrap();
        assert_eq!(parsed.dn, "CN=A;b,DC=x");
        let hex = b"<GUID=ff19966f868b11d0b42d00c04fc964ff>;<SID=0105000000000005150000000100000002000000030000 00f4010000>;CN=x";
        assert!(ExtendedDn::parse(hex).is_none());
        let hex = b"<GUID=ff19966f868b11d0b42d00c04fc964ff>;<SID=010500000000000515000000010000000200000003000000f4010000>;CN=x";
        let from_hex = ExtendedDn::parse(hex).unwrap();
        assert_eq!(from_hex.sid, parsed.sid);
        assert_eq!(
            from_hex.guid,
            "6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap()
        );
        let no_sid =
            ExtendedDn::parse(b"<GUID=6f9619ff-8b86-d011-b42d-00c04fc964ff>;CN=x").unwrap();
        assert!(matches!(no_sid.key(), MemberKey::Guid(_)));
        for bad in [
            "CN=x",
            "<SID=S-1-5-21-1>;CN=x",
            "<GUID=zz>;CN=x",
            "<GUID=6f9619ff",
        ] {
            assert!(ExtendedDn::parse(bad.as_bytes()).is_none(), "{bad}");
        }
    }

    #[test]
    fn wrong_shapes_are_refused() {
        assert!(Entry::from_ber(octets(b"x")).is_none());
        assert!(Entry::from_ber(sequence(vec![octets(b"CN=x")])).is_none());
        assert!(Entry::from_ber(sequence(vec![octets(&[0xff]), sequence(vec![])])).is_none());
    }
}
