//! The field's words: identifiers, cloud groups, members, directory groups. Plain data, no I/O.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A GUID in the byte order of its text form (RFC 4122). Cloud object ids are GUIDs.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Guid(pub [u8; 16]);

/// The objectId of a cloud object.
pub type ObjectId = Guid;

impl Guid {
    /// From the mixed-endian bytes that AD stores in `objectGUID`.
    pub fn from_ad_bytes(bytes: &[u8]) -> Option<Self> {
        let b: [u8; 16] = bytes.try_into().ok()?;
        Some(Guid([
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
            b[14], b[15],
        ]))
    }

    /// The mixed-endian bytes that AD stores in `objectGUID`.
    pub fn to_ad_bytes(self) -> [u8; 16] {
        let b = self.0;
        [
            b[3], b[2], b[1], b[0], b[5], b[4], b[7], b[6], b[8], b[9], b[10], b[11], b[12], b[13],
            b[14], b[15],
        ]
    }

    /// The last 12 hexadecimal digits, lower case, as naming presets use them.
    pub fn last12(self) -> String {
        self.to_string()[24..].to_owned()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Text that is not the identifier it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseIdError;

impl fmt::Display for ParseIdError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("not a valid identifier")
    }
}

impl std::error::Error for ParseIdError {}

impl FromStr for Guid {
    type Err = ParseIdError;

    /// 36 characters with hyphens, any case, braces allowed.
    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let text = text
            .strip_prefix('{')
            .and_then(|t| t.strip_suffix('}'))
            .unwrap_or(text);
        let bytes = text.as_bytes();
        if bytes.len() != 36 {
            return Err(ParseIdError);
        }
        let mut out = [0u8; 16];
        let mut at = 0;
        for (i, slot) in out.iter_mut().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                if bytes[at] != b'-' {
                    return Err(ParseIdError);
                }
                at += 1;
            }
            let high = (bytes[at] as char).to_digit(16).ok_or(ParseIdError)?;
            let low = (bytes[at + 1] as char).to_digit(16).ok_or(ParseIdError)?;
            *slot = (high * 16 + low) as u8;
            at += 2;
        }
        Ok(Guid(out))
    }
}

/// A Windows security identifier in its binary form (MS-DTYP 2.4.2.2).
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Sid(Box<[u8]>);

impl Sid {
    /// From the binary form; `None` when the length doesn't fit the sub-authority count.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let count = usize::from(*bytes.get(1)?);
        (bytes[0] == 1 && count <= 15 && bytes.len() == 8 + 4 * count).then(|| Sid(bytes.into()))
    }

    /// The binary form.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The SID without its last sub-authority: the domain of an account SID.
    pub fn domain(&self) -> Option<Sid> {
        let count = self.0[1];
        if count < 2 {
            return None;
        }
        let mut bytes = self.0[..self.0.len() - 4].to_vec();
        bytes[1] = count - 1;
        Some(Sid(bytes.into()))
    }
}

impl fmt::Display for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let authority = self.0[2..8]
            .iter()
            .fold(0u64, |a, b| a << 8 | u64::from(*b));
        write!(f, "S-1-{authority}")?;
        for part in self.0[8..].chunks_exact(4) {
            write!(
                f,
                "-{}",
                u32::from_le_bytes([part[0], part[1], part[2], part[3]])
            )?;
        }
        Ok(())
    }
}

impl fmt::Debug for Sid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Sid {
    type Err = ParseIdError;

    fn from_str(text: &str) -> Result<Self, ParseIdError> {
        let mut parts = text.split('-');
        if !parts.next().is_some_and(|s| s.eq_ignore_ascii_case("S")) || parts.next() != Some("1") {
            return Err(ParseIdError);
        }
        let authority: u64 = parse_decimal(parts.next())?;
        if authority >> 48 != 0 {
            return Err(ParseIdError);
        }
        let mut bytes = vec![1, 0];
        bytes.extend_from_slice(&authority.to_be_bytes()[2..]);
        for part in parts {
            let value: u32 = parse_decimal(Some(part))?;
            bytes.extend_from_slice(&value.to_le_bytes());
            bytes[1] += 1;
            if bytes[1] > 15 {
                return Err(ParseIdError);
            }
        }
        Ok(Sid(bytes.into()))
    }
}

/// Digits only: `u32::from_str` would take a sign.
fn parse_decimal<T: FromStr>(part: Option<&str>) -> Result<T, ParseIdError> {
    let part = part.ok_or(ParseIdError)?;
    if part.is_empty() || !part.bytes().all(|b| b.is_ascii_digit()) {
        return Err(ParseIdError);
    }
    part.parse().map_err(|_| ParseIdError)
}

macro_rules! serde_as_text {
    ($($type:ty),*) => {$(
        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}
serde_as_text!(Guid, Sid);

/// What a member is in the cloud (`@odata.type` without its prefix).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum MemberKind {
    /// `#microsoft.graph.user`, guests included.
    User,
    /// `#microsoft.graph.group`, cloud or synced.
    Group,
    /// `#microsoft.graph.device`.
    Device,
    /// `#microsoft.graph.orgContact`.
    Contact,
    /// `#microsoft.graph.servicePrincipal`.
    ServicePrincipal,
    /// Anything newer than this code.
    Other,
}

/// The per-group switch of V2 (`writebackConfiguration`, beta).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct WritebackFlag {
    /// `isEnabled`: null, true or false.
    pub is_enabled: Option<bool>,
    /// `onPremisesGroupType`, as given; unknown values mean "not written".
    pub on_premises_group_type: Option<String>,
}

/// A group as the cloud has it, without members. Every selected Graph property, as last seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CloudGroup {
    /// objectId.
    pub id: ObjectId,
    /// displayName; never null in a readable group.
    pub display_name: Option<String>,
    /// description.
    pub description: Option<String>,
    /// mail: primary SMTP address.
    pub mail: Option<String>,
    /// mailNickname.
    pub mail_nickname: Option<String>,
    /// proxyAddresses, primary with `SMTP:` in capitals.
    pub proxy_addresses: Vec<String>,
    /// groupTypes, e.g. `Unified`, `DynamicMembership`.
    pub group_types: Vec<String>,
    /// securityEnabled.
    pub security_enabled: bool,
    /// mailEnabled.
    pub mail_enabled: bool,
    /// onPremisesSyncEnabled: synced from AD, hence never a source.
    pub on_premises_sync_enabled: bool,
    /// onPremisesSecurityIdentifier of a synced group.
    pub on_premises_sid: Option<Sid>,
    /// visibility: `Public`, `Private`, `HiddenMembership`.
    pub visibility: Option<String>,
    /// writebackConfiguration, where it was read.
    pub writeback: Option<WritebackFlag>,
    /// allowExternalSenders, where it was read (single GET only).
    pub allow_external_senders: Option<bool>,
}

impl Default for CloudGroup {
    fn default() -> Self {
        CloudGroup::new(Guid([0; 16]))
    }
}

impl CloudGroup {
    /// A group of which only the id is known.
    pub fn new(id: ObjectId) -> Self {
        CloudGroup {
            id,
            display_name: None,
            description: None,
            mail: None,
            mail_nickname: None,
            proxy_addresses: Vec::new(),
            group_types: Vec::new(),
            security_enabled: false,
            mail_enabled: false,
            on_premises_sync_enabled: false,
            on_premises_sid: None,
            visibility: None,
            writeback: None,
            allow_external_senders: None,
        }
    }

    /// Members are listed only to an app with `Member.Read.Hidden` (Graph: group resource, visibility).
    pub fn hides_members(&self) -> bool {
        self.visibility.as_deref() == Some("HiddenMembership")
    }

    /// Microsoft 365 group: `groupTypes` holds `Unified`.
    pub fn is_m365(&self) -> bool {
        self.group_types.iter().any(|t| t == "Unified")
    }
}

/// Where a cloud group stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum CloudState {
    /// Exists.
    Active,
    /// Soft-deleted (`@removed` changed): can be restored for 30 days.
    SoftDeleted,
    /// Gone for good, on positive evidence.
    HardDeleted,
}

/// groupType of AD (MS-ADTS 2.2.12): flags as a signed 32-bit number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GroupType(pub i32);

impl GroupType {
    /// 8
    pub const UNIVERSAL_DISTRIBUTION: GroupType = GroupType(8);
    /// -2147483640
    pub const UNIVERSAL_SECURITY: GroupType = GroupType(-2147483640);

    /// Whether the group can stand in an access control list.
    pub fn is_security(self) -> bool {
        self.0 < 0
    }

    /// Whether the scope is universal (flag 0x8).
    pub fn is_universal(self) -> bool {
        self.0 & 0x8 != 0
    }

    /// Whether the scope is domain local (flag 0x4).
    pub fn is_domain_local(self) -> bool {
        self.0 & 0x4 != 0
    }

    /// Whether a group of this scope may hold one of that scope of its own domain (MS-ADTS 3.1.1.5.2.2). Windows refuses
    /// the others; Samba takes them.
    pub fn may_hold(self, member: GroupType) -> bool {
        if self.is_domain_local() {
            true
        } else if self.is_universal() {
            !member.is_domain_local()
        } else {
            !member.is_domain_local() && !member.is_universal()
        }
    }

    /// The same scope without the security flag.
    pub fn as_distribution(self) -> GroupType {
        GroupType(self.0 & 0x7fff_ffff)
    }
}

/// Attribute values of a directory object as text, by `lDAPDisplayName` as written in the mapping.
/// Absent = no value. Order of values has no meaning.
pub type Attributes = std::collections::BTreeMap<String, Vec<String>>;

/// A group of ours as AD has it, without members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DirectoryGroup {
    /// The cloud group it stands for, from the mark.
    pub object_id: ObjectId,
    /// objectGUID: the address that survives moves and renames.
    pub guid: Guid,
    /// objectSid.
    pub sid: Sid,
    /// distinguishedName as last read.
    pub dn: String,
    /// groupType.
    pub group_type: GroupType,
    /// The attributes asked for (mapping targets and marks).
    pub attributes: Attributes,
    /// uSNChanged on the run's DC.
    pub usn_changed: i64,
    /// Number of members, when they were read.
    pub member_count: Option<u64>,
    /// isCriticalSystemObject or adminCount=1: never written.
    pub protected: bool,
}

/// How a member is addressed in AD: what `member` takes without a look-up.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum MemberKey {
    /// `<SID=...>`
    Sid(Sid),
    /// `<GUID=...>`, for objects without a SID.
    Guid(Guid),
}

/// Why a cloud member is not written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub enum SkipReason {
    /// Exists only in the cloud: no SID, no ImmutableId.
    CloudOnly,
    /// Has an anchor, but AD has no such object.
    NotFoundInDirectory,
    /// Its SID is of no domain of this forest.
    OtherForest,
    /// AD forbids it, e.g. a domain-local group in a universal one.
    ScopeForbidden,
    /// A cloud group that is not (yet) written to AD.
    NestedGroupNotWritten,
    /// Contacts, service principals and what can't be a member in AD.
    KindNotSupported,
    /// The app may not read it: its group is left untouched.
    NotReadable,
    /// AD would not take it and gave no reason that we know; its own words are in the warning.
    RefusedByDirectory,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn guid_text_and_ad_bytes_round_trip() {
        let guid: Guid = "6F9619FF-8B86-D011-B42D-00C04FC964FF".parse().unwrap();
        assert_eq!(guid.to_string(), "6f9619ff-8b86-d011-b42d-00c04fc964ff");
        assert_eq!(guid.to_ad_bytes()[..4], [0xff, 0x19, 0x96, 0x6f]);
        assert_eq!(Guid::from_ad_bytes(&guid.to_ad_bytes()), Some(guid));
        assert_eq!(guid.last12(), "00c04fc964ff");
        assert!("6f9619ff8b86d011b42d00c04fc964ff".parse::<Guid>().is_err());
    }

    #[test]
    fn sid_text_and_bytes_round_trip() {
        let sid: Sid = "S-1-5-21-1004336348-1177238915-682003330-512"
            .parse()
            .unwrap();
        assert_eq!(sid.as_bytes().len(), 28);
        assert_eq!(
            sid.to_string(),
            "S-1-5-21-1004336348-1177238915-682003330-512"
        );
        assert_eq!(Sid::from_bytes(sid.as_bytes()), Some(sid.clone()));
        assert_eq!(
            sid.domain().map(|d| d.to_string()).as_deref(),
            Some("S-1-5-21-1004336348-1177238915-682003330")
        );
        for bad in ["", "S-1", "S-1-+5", "S-2-5-1", "S-1-5-4294967296", "S-1-5-"] {
            assert!(bad.parse::<Sid>().is_err(), "{bad}");
        }
        assert_eq!(Sid::from_bytes(&[1, 2, 0]), None);
    }
}
