//! What the gateway needs to know of a message, read in place: values are skipped, never copied.

use crate::ldap::ber::{self, ENUMERATED, INTEGER, Malformed, OCTETS, Reader, SEQUENCE, SET};
use crate::ldap::counters::Kind;
use crate::ldap::message::{START_TLS, later_slice, tags};

/// A request.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Its message id.
    pub id: i32,
    /// What is asked.
    pub asked: Asked,
}

/// What a request asks for.
#[derive(Debug, PartialEq, Eq)]
pub enum Asked {
    /// Something that is counted and answered.
    Work(Work),
    /// The end.
    Unbind,
    /// To forget an earlier request.
    Abandon(i32),
    /// TLS on this stream.
    StartTls,
    /// Another extended operation.
    Extended,
}

/// Something that is counted and answered.
#[derive(Debug, PartialEq, Eq)]
pub struct Work {
    /// Kind, as it is counted.
    pub kind: Kind,
    /// Tag of the answer.
    pub answer: u8,
    /// Values of `member` to write.
    pub members: u64,
    /// A ranged read after its first slice.
    pub later_slice: bool,
    /// A bind's way to prove who it is.
    pub proof: Proof,
}

/// How a bind proves who it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// Not at all.
    None,
    /// By a password, readable for everyone on the way.
    Password,
    /// By a SASL mechanism, or something unknown.
    Other,
}

/// An answer.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// Message id of the request.
    pub id: i32,
    /// What it says.
    pub told: Told,
}

/// What an answer says.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// An entry.
    Entry {
        /// Whether it carries values of `member`.
        members: bool,
    },
    /// Something else that isn't the end.
    More,
    /// The end, with a result.
    Done {
        /// Whether it was a success.
        success: bool,
    },
}

/// Reads a request.
pub fn request(message: &[u8]) -> Result<Request, Malformed> {
    let (id, tag, content) = open(message)?;
    let mut body = Reader::new(content);
    let mut work = Work {
        kind: Kind::Search,
        answer: tags::SEARCH_DONE,
        members: 0,
        later_slice: false,
        proof: Proof::None,
    };
    match tag {
        0x60 => {
            body.integer(INTEGER)?;
            let name = body.expect(OCTETS)?;
            work.proof = match body.any()? {
                (0x80, password) if name.is_empty() && password.is_empty() => Proof::None,
                (0x80, _) => Proof::Password,
                _ => Proof::Other,
            };
            (work.kind, work.answer) = (Kind::Bind, tags::BIND);
        }
        0x63 => work.later_slice = selects_later_slice(&mut body)?,
        0x66 => {
            body.expect(OCTETS)?;
            let mut list = body.nested(SEQUENCE)?;
            while !list.is_empty() {
                let mut change = list.nested(SEQUENCE)?;
                change.integer(ENUMERATED)?;
                work.members += members(change.nested(SEQUENCE)?)?;
            }
            (work.kind, work.answer) = (Kind::Modify, tags::MODIFY);
        }
        0x68 => {
            body.expect(OCTETS)?;
            let mut list = body.nested(SEQUENCE)?;
            while !list.is_empty() {
                work.members += members(list.nested(SEQUENCE)?)?;
            }
            (work.kind, work.answer) = (Kind::Add, tags::ADD);
        }
        0x4a => (work.kind, work.answer) = (Kind::Delete, tags::DELETE),
        0x6c => (work.kind, work.answer) = (Kind::ModifyDn, tags::MODIFY_DN),
        0x6e => (work.kind, work.answer) = (Kind::Compare, tags::COMPARE),
        0x42 | 0x50 | 0x77 => {
            let asked = match tag {
                0x42 => Asked::Unbind,
                0x50 => Asked::Abandon(small(ber::integer(content)?)?),
                _ if body.expect(0x80)? == START_TLS.as_bytes() => Asked::StartTls,
                _ => Asked::Extended,
            };
            return Ok(Request { id, asked });
        }
        _ => return Err(Malformed),
    }
    let asked = Asked::Work(work);
    Ok(Request { id, asked })
}

/// Reads an answer.
pub fn reply(message: &[u8]) -> Result<Reply, Malformed> {
    let (id, tag, content) = open(message)?;
    let mut body = Reader::new(content);
    let told = match tag {
        tags::ENTRY => Told::Entry {
            members: carries_members(&mut body)?,
        },
        tags::REFERENCE | tags::INTERMEDIATE => Told::More,
        _ => Told::Done {
            success: body.integer(ENUMERATED)? == 0,
        },
    };
    Ok(Reply { id, told })
}

fn open(message: &[u8]) -> Result<(i32, u8, &[u8]), Malformed> {
    let mut message = Reader::new(message).nested(SEQUENCE)?;
    let id = small(message.integer(INTEGER)?)?;
    let (tag, content) = message.any()?;
    Ok((id, tag, content))
}

fn small(number: i64) -> Result<i32, Malformed> {
    i32::try_from(number).map_err(|_| Malformed)
}

/// How many values of `member` an attribute of a write has.
fn members(mut attribute: Reader<'_>) -> Result<u64, Malformed> {
    if !attribute.expect(OCTETS)?.eq_ignore_ascii_case(b"member") {
        return Ok(0);
    }
    let mut set = attribute.nested(SET)?;
    let mut count = 0;
    while !set.is_empty() {
        set.any()?;
        count += 1;
    }
    Ok(count)
}

fn selects_later_slice(body: &mut Reader<'_>) -> Result<bool, Malformed> {
    // Base, scope, aliases, both limits, types only, filter.
    for _ in 0..7 {
        body.any()?;
    }
    let mut names = body.nested(SEQUENCE)?;
    while !names.is_empty() {
        if std::str::from_utf8(names.expect(OCTETS)?).is_ok_and(later_slice) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn carries_members(body: &mut Reader<'_>) -> Result<bool, Malformed> {
    body.expect(OCTETS)?;
    let mut list = body.nested(SEQUENCE)?;
    while !list.is_empty() {
        let mut attribute = list.nested(SEQUENCE)?;
        let name = attribute.expect(OCTETS)?;
        let plain = name.split(|byte| *byte == b';').next().unwrap_or_default();
        if plain.eq_ignore_ascii_case(b"member") && !attribute.nested(SET)?.is_empty() {
            return Ok(true);
        }
    }
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ldap::message::{Answer, RawAttribute, entry, reference, response};

    fn values(name: &str, count: usize) -> RawAttribute {
        RawAttribute {
            name: name.to_owned(),
            values: vec![b"x".to_vec(); count],
        }
    }

    #[test]
    fn answers_are_told_apart() {
        let told = |message: Vec<u8>| reply(&message).map(|reply| (reply.id, reply.told));
        let with = entry(7, "CN=x", &[values("cn", 1), values("Member;range=0-1", 2)]);
        assert_eq!(told(with), Ok((7, Told::Entry { members: true })));
        let without = entry(7, "CN=x", &[values("member", 0), values("memberOf", 2)]);
        assert_eq!(told(without), Ok((7, Told::Entry { members: false })));
        assert_eq!(told(reference(8, "ldap://x")), Ok((8, Told::More)));
        let mut answer = Answer::default();
        let done = response(9, tags::MODIFY, &answer, &[]);
        assert_eq!(told(done), Ok((9, Told::Done { success: true })));
        answer.code = 53;
        let done = response(9, tags::MODIFY, &answer, &[]);
        assert_eq!(told(done), Ok((9, Told::Done { success: false })));
    }

    #[test]
    fn what_is_no_message_is_refused() {
        for bytes in [&b""[..], &[0x30, 0], &[0x30, 3, 2, 1, 1], &[0x31, 0]] {
            assert_eq!(request(bytes), Err(Malformed));
            assert_eq!(reply(bytes), Err(Malformed));
        }
    }
}
