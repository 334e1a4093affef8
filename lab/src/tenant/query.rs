//! The query part of a Graph URL, decoded.

/// Decoded query options, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    /// Reads the part of a URL behind the question mark.
    pub(crate) fn parse(text: &str) -> Self {
        let pairs = text.split('&').filter(|part| !part.is_empty()).map(|part| {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            (decode(name, true), decode(value, true))
        });
        Self(pairs.collect())
    }

    /// The value of an option; Graph takes its names without the dollar sign and in any case too.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        let plain = name.trim_start_matches('$');
        let found = self.0.iter().find(|(key, _)| {
            let key = key.strip_prefix('$').unwrap_or(key);
            key.eq_ignore_ascii_case(plain)
        });
        found.map(|(_, value)| value.as_str())
    }

    /// The names of all options, as sent.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }
}

/// Percent-decodes a text; what is not UTF-8 becomes the replacement character.
pub(crate) fn decode(text: &str, plus_is_space: bool) -> String {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut position = 0;
    while position < bytes.len() {
        let digit = |at: usize| char::from(*bytes.get(at)?).to_digit(16);
        let value = digit(position + 1).zip(digit(position + 2));
        match (
            bytes[position],
            value.map(|(high, low)| (high * 16 + low) as u8),
        ) {
            (b'%', Some(byte)) => {
                out.push(byte);
                position += 2;
            }
            (b'+', _) if plus_is_space => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        position += 1;
    }
    String::from_utf8_lossy(&out).into_owned()
}

/// Percent-encodes everything but unreserved characters and the comma.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b',' => {
                out.push(char::from(byte));
            }
            _ => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_decoded_and_found_with_or_without_dollar() {
        let query = Query::parse("$select=id%2CdisplayName&%24top=5&filter=a+eq+'b%27'&x");
        assert_eq!(query.get("$select"), Some("id,displayName"));
        assert_eq!(query.get("$top"), Some("5"));
        assert_eq!(query.get("$filter"), Some("a eq 'b''"));
        assert_eq!(query.get("x"), Some(""));
        assert_eq!(query.get("$skip"), None);
    }

    #[test]
    fn encoding_round_trips() {
        let text = "a b+c/é😀%,";
        assert_eq!(decode(&encode(text), true), text);
        assert_eq!(decode("100%", false), "100%");
        assert_eq!(decode("%+a%é", false), "%+a%é");
    }
}
