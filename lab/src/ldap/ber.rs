//! Reading and writing the BER subset that LDAP uses.

/// Universal BOOLEAN.
pub const BOOLEAN: u8 = 0x01;
/// Universal INTEGER.
pub const INTEGER: u8 = 0x02;
/// Universal OCTET STRING.
pub const OCTETS: u8 = 0x04;
/// Universal ENUMERATED.
pub const ENUMERATED: u8 = 0x0a;
/// Universal, constructed SEQUENCE.
pub const SEQUENCE: u8 = 0x30;
/// Universal, constructed SET.
pub const SET: u8 = 0x31;

/// Why bytes could not be read as BER.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// A cursor over the content of one BER element.
#[derive(Clone, Copy)]
pub struct Reader<'a> {
    rest: &'a [u8],
}

/// Tag, number of header bytes and content length at the start of `bytes`; `None` while the header is incomplete.
pub fn header(bytes: &[u8]) -> Result<Option<(u8, usize, usize)>, Malformed> {
    let (Some(&tag), Some(&first)) = (bytes.first(), bytes.get(1)) else {
        return Ok(None);
    };
    if first < 0x80 {
        return Ok(Some((tag, 2, first as usize)));
    }
    let count = (first & 0x7f) as usize;
    if count == 0 || count > 8 {
        return Err(Malformed);
    }
    let Some(octets) = bytes.get(2..2 + count) else {
        return Ok(None);
    };
    let mut length = 0usize;
    for &octet in octets {
        if length > (usize::MAX >> 8) {
            return Err(Malformed);
        }
        length = (length << 8) | octet as usize;
    }
    Ok(Some((tag, 2 + count, length)))
}

impl<'a> Reader<'a> {
    /// Reads from the start of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The tag of the next element, if there is one.
    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// The next element: its tag and its content.
    pub fn any(&mut self) -> Result<(u8, &'a [u8]), Malformed> {
        let (tag, head, length) = header(self.rest)?.ok_or(Malformed)?;
        let end = head.checked_add(length).ok_or(Malformed)?;
        let content = self.rest.get(head..end).ok_or(Malformed)?;
        self.rest = &self.rest[end..];
        Ok((tag, content))
    }

    /// The content of the next element, which must carry `tag`.
    pub fn expect(&mut self, tag: u8) -> Result<&'a [u8], Malformed> {
        match self.any()? {
            (found, content) if found == tag => Ok(content),
            _ => Err(Malformed),
        }
    }

    /// A reader over the next element, which must carry `tag`.
    pub fn nested(&mut self, tag: u8) -> Result<Reader<'a>, Malformed> {
        self.expect(tag).map(Reader::new)
    }

    /// The next element when it carries `tag`.
    pub fn optional(&mut self, tag: u8) -> Result<Option<&'a [u8]>, Malformed> {
        if self.peek() == Some(tag) {
            self.expect(tag).map(Some)
        } else {
            Ok(None)
        }
    }

    /// The next element as an integer or enumeration.
    pub fn integer(&mut self, tag: u8) -> Result<i64, Malformed> {
        integer(self.expect(tag)?)
    }

    /// The next element as a boolean.
    pub fn boolean(&mut self) -> Result<bool, Malformed> {
        match self.expect(BOOLEAN)? {
            [value] => Ok(*value != 0),
            _ => Err(Malformed),
        }
    }

    /// The next element as text; bytes that aren't UTF-8 are replaced.
    pub fn text(&mut self, tag: u8) -> Result<String, Malformed> {
        Ok(String::from_utf8_lossy(self.expect(tag)?).into_owned())
    }
}

/// The two's complement integer in `content`.
pub fn integer(content: &[u8]) -> Result<i64, Malformed> {
    if content.is_empty() || content.len() > 8 {
        return Err(Malformed);
    }
    let mut value = if content[0] & 0x80 != 0 { -1i64 } else { 0 };
    for &octet in content {
        value = (value << 8) | i64::from(octet);
    }
    Ok(value)
}

/// Appends a tag and a length.
pub fn put_header(out: &mut Vec<u8>, tag: u8, length: usize) {
    out.push(tag);
    if length < 0x80 {
        out.push(length as u8);
    } else {
        let octets = length.to_be_bytes();
        let skip = octets.iter().take_while(|octet| **octet == 0).count();
        out.push(0x80 | (octets.len() - skip) as u8);
        out.extend_from_slice(&octets[skip..]);
    }
}

/// Appends an element with the given content.
pub fn put(out: &mut Vec<u8>, tag: u8, content: &[u8]) {
    put_header(out, tag, content.len());
    out.extend_from_slice(content);
}

/// Appends an integer (or an enumeration, by tag).
pub fn put_integer(out: &mut Vec<u8>, tag: u8, value: i64) {
    let octets = value.to_be_bytes();
    let mut skip = 0;
    while skip < 7 {
        let sign = octets[skip + 1] & 0x80 != 0;
        if (octets[skip] == 0 && !sign) || (octets[skip] == 0xff && sign) {
            skip += 1;
        } else {
            break;
        }
    }
    put(out, tag, &octets[skip..]);
}

/// Appends an element whose content is written by `fill`.
pub fn put_nested(out: &mut Vec<u8>, tag: u8, fill: impl FnOnce(&mut Vec<u8>)) {
    let mut content = Vec::new();
    fill(&mut content);
    put(out, tag, &content);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_survive_the_round_trip() {
        for value in [
            0,
            1,
            127,
            128,
            255,
            256,
            -1,
            -128,
            -129,
            65_536,
            i64::MAX,
            i64::MIN,
        ] {
            let mut out = Vec::new();
            put_integer(&mut out, INTEGER, value);
            assert_eq!(Reader::new(&out).integer(INTEGER), Ok(value));
        }
    }

    #[test]
    fn long_lengths_are_written_and_read() {
        for length in [0usize, 127, 128, 255, 256, 70_000] {
            let mut out = Vec::new();
            put(&mut out, OCTETS, &vec![7; length]);
            assert_eq!(
                Reader::new(&out).expect(OCTETS).map(<[u8]>::len),
                Ok(length)
            );
        }
    }

    #[test]
    fn truncated_and_indefinite_elements_are_refused() {
        assert!(Reader::new(&[0x04, 0x05, 1]).any().is_err());
        assert!(header(&[0x30, 0x80]).is_err());
        assert_eq!(header(&[0x30]), Ok(None));
        assert_eq!(header(&[0x30, 0x82, 1]), Ok(None));
    }
}
