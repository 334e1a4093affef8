//! The few LDAP messages before the LDAP library gets the connection (RFC 4511): a SASL bind, StartTLS. What comes is
//! not yet from anyone we know: it is read flat, within a limit, and nothing here can panic.

use ldap3::LdapResult;

/// Longest answer to a bind: a Kerberos token is a few kilobytes at most.
const LIMIT: usize = 64 << 10;

const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const OCTETS: u8 = 0x04;
const ENUMERATED: u8 = 0x0a;
const BIND_REQUEST: u8 = 0x60;
const BIND_RESPONSE: u8 = 0x61;
const EXTENDED_REQUEST: u8 = 0x77;
const EXTENDED_RESPONSE: u8 = 0x78;
const REQUEST_NAME: u8 = 0x80;
const SASL: u8 = 0xa3;
const SERVER_CREDENTIALS: u8 = 0x87;

fn put(tag: u8, content: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    let length = content.len();
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let bytes = (length as u32).to_be_bytes();
        let skip = bytes.iter().take_while(|b| **b == 0).count();
        out.push(0x80 | (bytes.len() - skip) as u8);
        out.extend(bytes.iter().skip(skip));
    }
    out.extend_from_slice(content);
}

/// A bind request with the mechanism GSSAPI. `id` from 1 to 127.
pub(super) fn bind_request(id: u8, credentials: &[u8]) -> Vec<u8> {
    let (mut sasl, mut bind, mut body, mut message) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    put(OCTETS, b"GSSAPI", &mut sasl);
    put(OCTETS, credentials, &mut sasl);
    put(INTEGER, &[3], &mut bind);
    put(OCTETS, b"", &mut bind);
    put(SASL, &sasl, &mut bind);
    put(INTEGER, &[id & 0x7f], &mut body);
    put(BIND_REQUEST, &bind, &mut body);
    put(SEQUENCE, &body, &mut message);
    message
}

/// A request for TLS (RFC 4511, 4.14).
pub(super) fn start_tls_request() -> Vec<u8> {
    let (mut name, mut body, mut message) = (Vec::new(), Vec::new(), Vec::new());
    put(REQUEST_NAME, b"1.3.6.1.4.1.1466.20037", &mut name);
    put(INTEGER, &[1], &mut body);
    put(EXTENDED_REQUEST, &name, &mut body);
    put(SEQUENCE, &body, &mut message);
    message
}

/// How long the message is that begins here; `None` = its head isn't all there. An error = it is no message.
pub(super) fn length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    let (Some(tag), Some(first)) = (bytes.first(), bytes.get(1)) else {
        return Ok(None);
    };
    if *tag != SEQUENCE {
        return Err("what is no LDAP message");
    }
    if *first < 0x80 {
        return Ok(Some(2 + usize::from(*first)));
    }
    let count = usize::from(first & 0x7f);
    if !(1..=4).contains(&count) {
        return Err("a message of impossible length");
    }
    let Some(digits) = bytes.get(2..2 + count) else {
        return Ok(None);
    };
    let length = digits
        .iter()
        .fold(0usize, |sum, b| sum << 8 | usize::from(*b));
    Ok(Some(2 + count + length))
}

/// As [`length`], for an answer to a bind or to StartTLS.
pub(super) fn answer_length(bytes: &[u8]) -> Result<Option<usize>, &'static str> {
    match length(bytes)? {
        Some(length) if length > LIMIT => Err("a message of impossible length"),
        other => Ok(other),
    }
}

/// Takes one element off the front.
fn take<'a>(bytes: &mut &'a [u8]) -> Option<(u8, &'a [u8])> {
    let whole = *bytes;
    let (&tag, &first) = (whole.first()?, whole.get(1)?);
    let (head, length) = if first < 0x80 {
        (2, usize::from(first))
    } else {
        let count = usize::from(first & 0x7f);
        if count > 4 {
            return None;
        }
        let digits = whole.get(2..2 + count)?;
        (
            2 + count,
            digits
                .iter()
                .fold(0usize, |sum, b| sum << 8 | usize::from(*b)),
        )
    };
    let content = whole.get(head..head.checked_add(length)?)?;
    *bytes = whole.get(head + length..)?;
    Some((tag, content))
}

fn expect<'a>(bytes: &mut &'a [u8], tag: u8) -> Option<&'a [u8]> {
    take(bytes)
        .filter(|(found, _)| *found == tag)
        .map(|(_, content)| content)
}

/// Result and server credentials of a bind response; `None` = it is none.
pub(super) fn bind_response(message: &[u8]) -> Option<(LdapResult, Option<Vec<u8>>)> {
    response(message, BIND_RESPONSE)
}

/// Result of an extended response; `None` = it is none.
pub(super) fn extended_response(message: &[u8]) -> Option<LdapResult> {
    Some(response(message, EXTENDED_RESPONSE)?.0)
}

fn response(mut message: &[u8], tag: u8) -> Option<(LdapResult, Option<Vec<u8>>)> {
    let mut body = expect(&mut message, SEQUENCE)?;
    expect(&mut body, INTEGER)?;
    let mut bind = expect(&mut body, tag)?;
    let code = expect(&mut bind, ENUMERATED)?;
    let matched = expect(&mut bind, OCTETS)?;
    let text = expect(&mut bind, OCTETS)?;
    let mut credentials = None;
    while let Some((tag, content)) = take(&mut bind) {
        if tag == SERVER_CREDENTIALS {
            credentials = Some(content.to_vec());
        }
    }
    let result = LdapResult {
        rc: code
            .iter()
            .try_fold(0u32, |sum, b| Some(sum.checked_mul(256)? | u32::from(*b)))?,
        matched: String::from_utf8_lossy(matched).into_owned(),
        text: String::from_utf8_lossy(text).into_owned(),
        refs: Vec::new(),
        ctrls: Vec::new(),
    };
    Some((result, credentials))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn response(code: u8, text: &str, credentials: Option<&[u8]>) -> Vec<u8> {
        let (mut bind, mut body, mut message) = (Vec::new(), Vec::new(), Vec::new());
        put(ENUMERATED, &[code], &mut bind);
        put(OCTETS, b"", &mut bind);
        put(OCTETS, text.as_bytes(), &mut bind);
        if let Some(credentials) = credentials {
            put(SERVER_CREDENTIALS, credentials, &mut bind);
        }
        put(INTEGER, &[2], &mut body);
        put(BIND_RESPONSE, &bind, &mut body);
        put(SEQUENCE, &body, &mut message);
        message
    }

    #[test]
    fn a_request_is_what_others_send() {
        // As OpenLDAP's client encodes it.
        let mut expected = vec![
            0x30, 0x18, 0x02, 0x01, 0x01, 0x60, 0x13, 0x02, 0x01, 0x03, 0x04, 0x00, 0xa3, 0x0c,
        ];
        expected.extend(b"\x04\x06GSSAPI\x04\x02ab");
        assert_eq!(bind_request(1, b"ab"), expected);
        let long = bind_request(3, &[7; 300]);
        assert_eq!(length(&long), Ok(Some(long.len())));
    }

    #[test]
    fn answers_are_taken_apart() {
        let bytes = response(49, "80090308: LdapErr: data 52e", Some(&[1; 200]));
        assert_eq!(answer_length(&bytes), Ok(Some(bytes.len())));
        let (result, credentials) = bind_response(&bytes).unwrap();
        assert_eq!((result.rc, credentials), (49, Some(vec![1; 200])));
        assert!(result.text.ends_with("52e"));
        assert_eq!(bind_response(&response(0, "", None)).unwrap().1, None);
        assert!(answer_length(b"\x30\x84\x7f\xff\xff\xff").is_err());
        assert!(answer_length(b"HTTP/1.1").is_err());
        assert_eq!(answer_length(b"\x30\x82\x01"), Ok(None));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = (answer_length(&bytes), bind_response(&bytes));
            let mut sound = response(14, "text", Some(&bytes));
            let (_, credentials) = bind_response(&sound).unwrap();
            prop_assert_eq!(credentials.unwrap(), bytes.clone());
            if let (Some(at), Some(to)) = (bytes.first(), bytes.get(1)) {
                let at = usize::from(*at) % sound.len();
                sound[at] = *to;
                let _ = bind_response(&sound);
            }
        }
    }
}
