//! LDAP messages (RFC 4511) decoded into requests and responses encoded from answers.
//!
//! Assertion values stay bytes throughout: GUIDs and SIDs in filters aren't text.

use super::ber::{self, ENUMERATED, INTEGER, Malformed, OCTETS, Reader, SEQUENCE, SET};

/// One request with its message id and controls.
#[derive(Debug, Clone)]
pub struct Request {
    /// The message id that the answer must carry.
    pub id: i32,
    /// What is asked.
    pub operation: Operation,
    /// Controls in the order sent.
    pub controls: Vec<Control>,
}

/// A request or response control.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Control {
    /// Object identifier.
    pub oid: String,
    /// Whether the request must fail when the control isn't known.
    pub critical: bool,
    /// The control's own value.
    pub value: Option<Vec<u8>>,
}

/// How a client proves who it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// A password.
    Simple(Vec<u8>),
    /// A SASL mechanism by name.
    Sasl(String),
    /// Something RFC 4511 doesn't define.
    Other,
}

/// An attribute with values as it comes over the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawAttribute {
    /// Attribute description, options included.
    pub name: String,
    /// Values.
    pub values: Vec<Vec<u8>>,
}

/// Kind of one modification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChangeKind {
    /// Add values.
    Add,
    /// Delete values, or the attribute when there are none.
    Delete,
    /// Replace all values.
    Replace,
    /// RFC 4525; Active Directory doesn't know it.
    Increment,
}

/// Scope of a search.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// The base only.
    Base,
    /// Direct children.
    One,
    /// The base and everything below.
    Subtree,
}

/// A search filter as sent.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Filter {
    /// All must hold.
    And(Vec<Filter>),
    /// One must hold.
    Or(Vec<Filter>),
    /// Must not hold.
    Not(Box<Filter>),
    /// `(a=v)`.
    Equal(String, Vec<u8>),
    /// `(a=i*m*f)`.
    Substrings(String, Option<Vec<u8>>, Vec<Vec<u8>>, Option<Vec<u8>>),
    /// `(a>=v)`.
    GreaterOrEqual(String, Vec<u8>),
    /// `(a<=v)`.
    LessOrEqual(String, Vec<u8>),
    /// `(a=*)`.
    Present(String),
    /// `(a~=v)`.
    Approx(String, Vec<u8>),
    /// `(a:rule:=v)`.
    Extensible(Option<String>, Option<String>, Vec<u8>),
}

/// A search request.
#[derive(Debug, Clone)]
pub struct SearchRequest {
    /// Base as text: a DN, `<GUID=..>` or `<SID=..>`.
    pub base: String,
    /// Scope.
    pub scope: Scope,
    /// Most entries wanted, 0 for no limit.
    pub size_limit: i64,
    /// Most seconds wanted, 0 for no limit.
    pub time_limit: i64,
    /// Names of attributes only.
    pub types_only: bool,
    /// Filter.
    pub filter: Filter,
    /// Attribute selection.
    pub attributes: Vec<String>,
}

/// What a request asks for.
#[derive(Debug, Clone)]
pub enum Operation {
    /// Bind.
    Bind {
        /// Protocol version.
        version: i64,
        /// Name: UPN, DN or `DOMAIN\name`.
        name: String,
        /// Proof.
        credentials: Credentials,
    },
    /// Unbind.
    Unbind,
    /// Search.
    Search(SearchRequest),
    /// Modify.
    Modify {
        /// The entry.
        dn: String,
        /// Changes in order.
        changes: Vec<(ChangeKind, RawAttribute)>,
    },
    /// Add.
    Add {
        /// The new entry.
        dn: String,
        /// Its attributes.
        attributes: Vec<RawAttribute>,
    },
    /// Delete.
    Delete(String),
    /// Rename or move.
    ModifyDn {
        /// The entry.
        dn: String,
        /// New first component.
        new_rdn: String,
        /// Must be true in Active Directory.
        delete_old: bool,
        /// New parent.
        new_superior: Option<String>,
    },
    /// Compare.
    Compare {
        /// The entry.
        dn: String,
        /// Attribute.
        attribute: String,
        /// Asserted value.
        value: Vec<u8>,
    },
    /// Abandon an earlier request.
    Abandon(i32),
    /// Extended operation.
    Extended {
        /// Object identifier.
        oid: String,
        /// Its value.
        value: Option<Vec<u8>>,
    },
}

/// An answer's result.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// LDAP result code.
    pub code: u32,
    /// Matched DN.
    pub matched: String,
    /// Diagnostic message.
    pub message: String,
}

/// Response tags.
pub mod tags {
    /// BindResponse.
    pub const BIND: u8 = 0x61;
    /// SearchResultEntry.
    pub const ENTRY: u8 = 0x64;
    /// SearchResultDone.
    pub const SEARCH_DONE: u8 = 0x65;
    /// ModifyResponse.
    pub const MODIFY: u8 = 0x67;
    /// AddResponse.
    pub const ADD: u8 = 0x69;
    /// DelResponse.
    pub const DELETE: u8 = 0x6b;
    /// ModifyDNResponse.
    pub const MODIFY_DN: u8 = 0x6d;
    /// CompareResponse.
    pub const COMPARE: u8 = 0x6f;
    /// SearchResultReference.
    pub const REFERENCE: u8 = 0x73;
    /// ExtendedResponse.
    pub const EXTENDED: u8 = 0x78;
    /// IntermediateResponse.
    pub const INTERMEDIATE: u8 = 0x79;
}

/// Extended operation that starts TLS (RFC 4511, 4.14).
pub const START_TLS: &str = "1.3.6.1.4.1.1466.20037";
/// Extended operation "Who am I?" (RFC 4532).
pub const WHO_AM_I: &str = "1.3.6.1.4.1.4203.1.11.3";
const DISCONNECTION: &str = "1.3.6.1.4.1.1466.20036";

const MAX_DEPTH: usize = 100;

/// Decodes one whole message (header included).
pub fn decode(bytes: &[u8]) -> Result<Request, Malformed> {
    let mut message = Reader::new(bytes).nested(SEQUENCE)?;
    let id = i32::try_from(message.integer(INTEGER)?).map_err(|_| Malformed)?;
    let (tag, content) = message.any()?;
    let operation = operation(tag, content)?;
    let mut controls = Vec::new();
    if let Some(list) = message.optional(0xa0)? {
        let mut list = Reader::new(list);
        while !list.is_empty() {
            let mut item = list.nested(SEQUENCE)?;
            let oid = item.text(OCTETS)?;
            let critical = if item.peek() == Some(ber::BOOLEAN) {
                item.boolean()?
            } else {
                false
            };
            let value = item.optional(OCTETS)?.map(<[u8]>::to_vec);
            controls.push(Control {
                oid,
                critical,
                value,
            });
        }
    }
    Ok(Request {
        id,
        operation,
        controls,
    })
}

fn operation(tag: u8, content: &[u8]) -> Result<Operation, Malformed> {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let mut body = Reader::new(content);
    Ok(match tag {
        0x60 => {
            let version = body.integer(INTEGER)?;
            let name = body.text(OCTETS)?;
            let credentials = match body.any()? {
                (0x80, password) => Credentials::Simple(password.to_vec()),
                (0xa3, sasl) => Credentials::Sasl(Reader::new(sasl).text(OCTETS)?),
                _ => Credentials::Other,
            };
            Operation::Bind {
                version,
                name,
                credentials,
            }
        }
        0x42 => Operation::Unbind,
        0x63 => Operation::Search(search(&mut body)?),
        0x66 => {
            let dn = body.text(OCTETS)?;
            let mut list = body.nested(SEQUENCE)?;
            let mut changes = Vec::new();
            while !list.is_empty() {
                let mut item = list.nested(SEQUENCE)?;
                let kind = match item.integer(ENUMERATED)? {
                    0 => ChangeKind::Add,
                    1 => ChangeKind::Delete,
                    2 => ChangeKind::Replace,
                    3 => ChangeKind::Increment,
                    _ => return Err(Malformed),
                };
                changes.push((kind, attribute(item.nested(SEQUENCE)?)?));
            }
            Operation::Modify { dn, changes }
        }
        0x68 => {
            let dn = body.text(OCTETS)?;
            let mut list = body.nested(SEQUENCE)?;
            let mut attributes = Vec::new();
            while !list.is_empty() {
                attributes.push(attribute(list.nested(SEQUENCE)?)?);
            }
            Operation::Add { dn, attributes }
        }
        0x4a => Operation::Delete(text(content)),
        0x6c => Operation::ModifyDn {
            dn: body.text(OCTETS)?,
            new_rdn: body.text(OCTETS)?,
            delete_old: body.boolean()?,
            new_superior: body.optional(0x80)?.map(text),
        },
        0x6e => {
            let dn = body.text(OCTETS)?;
            let mut assertion = body.nested(SEQUENCE)?;
            let attribute = assertion.text(OCTETS)?;
            Operation::Compare {
                dn,
                attribute,
                value: assertion.expect(OCTETS)?.to_vec(),
            }
        }
        0x50 => Operation::Abandon(i32::try_from(ber::integer(content)?).map_err(|_| Malformed)?),
        0x77 => Operation::Extended {
            oid: body.text(0x80)?,
            value: body.optional(0x81)?.map(<[u8]>::to_vec),
        },
        _ => return Err(Malformed),
    })
}

fn attribute(mut item: Reader<'_>) -> Result<RawAttribute, Malformed> {
    let name = item.text(OCTETS)?;
    let mut set = item.nested(SET)?;
    let mut values = Vec::new();
    while !set.is_empty() {
        values.push(set.expect(OCTETS)?.to_vec());
    }
    Ok(RawAttribute { name, values })
}

fn search(body: &mut Reader<'_>) -> Result<SearchRequest, Malformed> {
    let base = body.text(OCTETS)?;
    let scope = match body.integer(ENUMERATED)? {
        0 => Scope::Base,
        1 => Scope::One,
        2 => Scope::Subtree,
        _ => return Err(Malformed),
    };
    body.integer(ENUMERATED)?;
    let size_limit = body.integer(INTEGER)?;
    let time_limit = body.integer(INTEGER)?;
    let types_only = body.boolean()?;
    let filter = filter(body, 0)?;
    let mut list = body.nested(SEQUENCE)?;
    let mut attributes = Vec::new();
    while !list.is_empty() {
        attributes.push(list.text(OCTETS)?);
    }
    Ok(SearchRequest {
        base,
        scope,
        size_limit,
        time_limit,
        types_only,
        filter,
        attributes,
    })
}

fn filter(body: &mut Reader<'_>, depth: usize) -> Result<Filter, Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed);
    }
    let (tag, content) = body.any()?;
    let mut inner = Reader::new(content);
    let list = |inner: &mut Reader<'_>| {
        let mut parts = Vec::new();
        while !inner.is_empty() {
            parts.push(filter(inner, depth + 1)?);
        }
        Ok(parts)
    };
    Ok(match tag {
        0xa0 => Filter::And(list(&mut inner)?),
        0xa1 => Filter::Or(list(&mut inner)?),
        0xa2 => Filter::Not(Box::new(filter(&mut inner, depth + 1)?)),
        0xa3 => Filter::Equal(inner.text(OCTETS)?, inner.expect(OCTETS)?.to_vec()),
        0xa4 => {
            let name = inner.text(OCTETS)?;
            let mut parts = inner.nested(SEQUENCE)?;
            let (mut initial, mut middle, mut last) = (None, Vec::new(), None);
            while !parts.is_empty() {
                match parts.any()? {
                    (0x80, part) => initial = Some(part.to_vec()),
                    (0x81, part) => middle.push(part.to_vec()),
                    (0x82, part) => last = Some(part.to_vec()),
                    _ => return Err(Malformed),
                }
            }
            Filter::Substrings(name, initial, middle, last)
        }
        0xa5 => Filter::GreaterOrEqual(inner.text(OCTETS)?, inner.expect(OCTETS)?.to_vec()),
        0xa6 => Filter::LessOrEqual(inner.text(OCTETS)?, inner.expect(OCTETS)?.to_vec()),
        0x87 => Filter::Present(String::from_utf8_lossy(content).into_owned()),
        0xa8 => Filter::Approx(inner.text(OCTETS)?, inner.expect(OCTETS)?.to_vec()),
        0xa9 => {
            let (mut rule, mut name, mut value) = (None, None, Vec::new());
            while !inner.is_empty() {
                match inner.any()? {
                    (0x81, part) => rule = Some(String::from_utf8_lossy(part).into_owned()),
                    (0x82, part) => name = Some(String::from_utf8_lossy(part).into_owned()),
                    (0x83, part) => value = part.to_vec(),
                    (0x84, _) => {}
                    _ => return Err(Malformed),
                }
            }
            Filter::Extensible(rule, name, value)
        }
        _ => return Err(Malformed),
    })
}

/// A range option: first value and, unless it is `*`, last value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// First value wanted.
    pub from: usize,
    /// Last value wanted.
    pub to: Option<usize>,
}

/// Reads `name;range=a-b`.
pub fn split_range(name: &str) -> (&str, Option<Range>) {
    let Some((name, options)) = name.split_once(';') else {
        return (name, None);
    };
    for option in options.split(';') {
        let Some((key, value)) = option.split_once('=') else {
            continue;
        };
        if !key.eq_ignore_ascii_case("range") {
            continue;
        }
        if let Some((from, to)) = value.split_once('-')
            && let Ok(from) = from.parse()
        {
            let to = if to == "*" {
                Some(None)
            } else {
                to.parse().ok().map(Some)
            };
            if let Some(to) = to {
                return (name, Some(Range { from, to }));
            }
        }
    }
    (name, None)
}

/// Whether a search asks for a slice after the first one.
pub fn later_slice(name: &str) -> bool {
    split_range(name).1.is_some_and(|range| range.from > 0)
}

/// Wraps an operation's encoding and controls into a message.
pub fn envelope(id: i32, operation: &[u8], controls: &[Control]) -> Vec<u8> {
    let mut content = Vec::with_capacity(operation.len() + 16);
    ber::put_integer(&mut content, INTEGER, i64::from(id));
    content.extend_from_slice(operation);
    if !controls.is_empty() {
        ber::put_nested(&mut content, 0xa0, |list| {
            for control in controls {
                ber::put_nested(list, SEQUENCE, |item| {
                    ber::put(item, OCTETS, control.oid.as_bytes());
                    if control.critical {
                        ber::put(item, ber::BOOLEAN, &[0xff]);
                    }
                    if let Some(value) = &control.value {
                        ber::put(item, OCTETS, value);
                    }
                });
            }
        });
    }
    let mut out = Vec::with_capacity(content.len() + 6);
    ber::put(&mut out, SEQUENCE, &content);
    out
}

fn put_answer(out: &mut Vec<u8>, answer: &Answer) {
    ber::put_integer(out, ENUMERATED, i64::from(answer.code));
    ber::put(out, OCTETS, answer.matched.as_bytes());
    ber::put(out, OCTETS, answer.message.as_bytes());
}

/// A complete response message with a result.
pub fn response(id: i32, tag: u8, answer: &Answer, controls: &[Control]) -> Vec<u8> {
    let mut operation = Vec::new();
    ber::put_nested(&mut operation, tag, |out| put_answer(out, answer));
    envelope(id, &operation, controls)
}

/// A complete extended response.
pub fn extended(id: i32, answer: &Answer, name: Option<&str>, value: Option<&[u8]>) -> Vec<u8> {
    let mut operation = Vec::new();
    ber::put_nested(&mut operation, tags::EXTENDED, |out| {
        put_answer(out, answer);
        if let Some(name) = name {
            ber::put(out, 0x8a, name.as_bytes());
        }
        if let Some(value) = value {
            ber::put(out, 0x8b, value);
        }
    });
    envelope(id, &operation, &[])
}

/// A complete notice that the connection is about to end.
pub fn disconnection(answer: &Answer) -> Vec<u8> {
    extended(0, answer, Some(DISCONNECTION), None)
}

/// A complete search result entry.
pub fn entry(id: i32, dn: &str, attributes: &[RawAttribute]) -> Vec<u8> {
    let mut operation = Vec::new();
    ber::put_nested(&mut operation, tags::ENTRY, |out| {
        ber::put(out, OCTETS, dn.as_bytes());
        ber::put_nested(out, SEQUENCE, |list| {
            for attribute in attributes {
                ber::put_nested(list, SEQUENCE, |item| {
                    ber::put(item, OCTETS, attribute.name.as_bytes());
                    ber::put_nested(item, SET, |set| {
                        for value in &attribute.values {
                            ber::put(set, OCTETS, value);
                        }
                    });
                });
            }
        });
    });
    envelope(id, &operation, &[])
}

/// A complete search result reference.
pub fn reference(id: i32, uri: &str) -> Vec<u8> {
    let mut operation = Vec::new();
    ber::put_nested(&mut operation, tags::REFERENCE, |out| {
        ber::put(out, OCTETS, uri.as_bytes())
    });
    envelope(id, &operation, &[])
}
