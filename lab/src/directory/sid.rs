//! Identity room: security identifiers and object GUIDs, binary and as text.

/// A security identifier in its binary form.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid(Box<[u8]>);

impl Sid {
    /// Reads the text form `S-1-5-21-…`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('-');
        if !parts.next()?.eq_ignore_ascii_case("S") || parts.next()? != "1" {
            return None;
        }
        let authority: u64 = parse_number(parts.next()?)?;
        if authority >> 48 != 0 {
            return None;
        }
        let mut bytes = vec![1, 0];
        bytes.extend_from_slice(&authority.to_be_bytes()[2..]);
        for part in parts {
            let number = u32::try_from(parse_number(part)?).ok()?;
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        let count = (bytes.len() - 8) / 4;
        if count > 15 {
            return None;
        }
        bytes[1] = count as u8;
        Some(Self(bytes.into()))
    }

    /// Checks and takes the binary form.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let count = *bytes.get(1)? as usize;
        (bytes[0] == 1 && count <= 15 && bytes.len() == 8 + 4 * count).then(|| Self(bytes.into()))
    }

    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// This SID with one more sub-authority.
    pub fn child(&self, rid: u32) -> Self {
        let mut bytes = self.0.to_vec();
        bytes[1] += 1;
        bytes.extend_from_slice(&rid.to_le_bytes());
        Self(bytes.into())
    }

    /// Parent SID and last sub-authority.
    pub fn split(&self) -> Option<(Self, u32)> {
        let count = self.0[1];
        if count == 0 {
            return None;
        }
        let cut = self.0.len() - 4;
        let rid = u32::from_le_bytes(self.0[cut..].try_into().ok()?);
        let mut parent = self.0[..cut].to_vec();
        parent[1] = count - 1;
        Some((Self(parent.into()), rid))
    }
}

impl std::fmt::Display for Sid {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut authority = 0u64;
        for octet in &self.0[2..8] {
            authority = (authority << 8) | u64::from(*octet);
        }
        if authority >> 32 == 0 {
            write!(out, "S-1-{authority}")?;
        } else {
            write!(out, "S-1-0x{authority:012x}")?;
        }
        for part in self.0[8..].chunks_exact(4) {
            write!(
                out,
                "-{}",
                u32::from_le_bytes([part[0], part[1], part[2], part[3]])
            )?;
        }
        Ok(())
    }
}

fn parse_number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u64::from_str_radix(hex, 16).ok(),
        None if text.bytes().all(|digit| digit.is_ascii_digit()) => text.parse().ok(),
        None => None,
    }
}

/// An object GUID as Active Directory stores it (first three fields little-endian).
pub type Guid = [u8; 16];

/// The order of stored bytes in the text form.
const TEXT_ORDER: [usize; 16] = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];

/// The text form `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx`.
pub fn guid_text(guid: &Guid) -> String {
    let mut text = String::with_capacity(36);
    for (position, index) in TEXT_ORDER.iter().enumerate() {
        if matches!(position, 4 | 6 | 8 | 10) {
            text.push('-');
        }
        text.push_str(&format!("{:02x}", guid[*index]));
    }
    text
}

/// Reads a GUID: the text form, with or without braces, or 32 hexadecimal digits in stored order.
pub fn parse_guid(text: &str) -> Option<Guid> {
    let text = text
        .strip_prefix('{')
        .and_then(|t| t.strip_suffix('}'))
        .unwrap_or(text);
    if text.len() == 32 {
        return unhex(text)?.try_into().ok();
    }
    let bytes = text.as_bytes();
    if bytes.len() != 36 || [8, 13, 18, 23].iter().any(|dash| bytes[*dash] != b'-') {
        return None;
    }
    let digits = unhex(&text.replace('-', ""))?;
    if digits.len() != 16 {
        return None;
    }
    let mut guid = [0; 16];
    for (position, index) in TEXT_ORDER.iter().enumerate() {
        guid[*index] = digits[position];
    }
    Some(guid)
}

/// Bytes as lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|octet| format!("{octet:02x}")).collect()
}

/// Bytes from hexadecimal digits.
pub fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn sids_split_and_join() {
        let sid = Sid::parse("S-1-5-21-1-2-3-513").expect("a SID");
        let (domain, rid) = sid.split().expect("a parent");
        assert_eq!((domain.to_string().as_str(), rid), ("S-1-5-21-1-2-3", 513));
        assert_eq!(domain.child(513), sid);
        assert_eq!(sid.as_bytes()[..8], [1, 5, 0, 0, 0, 0, 0, 5]);
        for wrong in ["", "S-1", "S-2-5", "S-1-5-x", "S-1-5-4294967296", "1-5-21"] {
            assert_eq!(Sid::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn guid_text_swaps_the_first_three_fields() {
        let guid = parse_guid("24fc4e6e-4673-487a-b258-5fbea7d26711").expect("a GUID");
        assert_eq!(hex(&guid), "6e4efc2473467a48b2585fbea7d26711");
        assert_eq!(guid_text(&guid), "24fc4e6e-4673-487a-b258-5fbea7d26711");
        assert_eq!(parse_guid("6e4efc2473467a48b2585fbea7d26711"), Some(guid));
        assert_eq!(parse_guid("zz"), None);
    }

    proptest! {
        #[test]
        fn guids_round_trip(guid: [u8; 16]) {
            prop_assert_eq!(parse_guid(&guid_text(&guid)), Some(guid));
            prop_assert_eq!(parse_guid(&hex(&guid)), Some(guid));
        }

        #[test]
        fn sids_round_trip(authority in 0u64..(1 << 48), parts in prop::collection::vec(any::<u32>(), 0..15)) {
            let mut text = format!("S-1-{authority}");
            for part in parts { text.push_str(&format!("-{part}")); }
            let sid = Sid::parse(&text).expect("a SID");
            prop_assert_eq!(Sid::from_bytes(sid.as_bytes()), Some(sid.clone()));
            prop_assert_eq!(Sid::parse(&sid.to_string()), Some(sid));
        }
    }
}
