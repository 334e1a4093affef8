//! Numbers of the controller's answers and what they mean in words.
//!
//! Sources: RFC 4511 appendix A for the LDAP codes; MS-ERREF 2.2 for the Win32 codes at the start of the text.

use ldap3::LdapResult;

/// LDAP result codes that are acted on.
pub(super) mod code {
    pub const SUCCESS: u32 = 0;
    pub const OPERATIONS_ERROR: u32 = 1;
    pub const TIME_LIMIT: u32 = 3;
    pub const SIZE_LIMIT: u32 = 4;
    pub const STRONGER_AUTH: u32 = 8;
    pub const REFERRAL: u32 = 10;
    pub const ADMIN_LIMIT: u32 = 11;
    pub const CRITICAL_EXTENSION: u32 = 12;
    pub const CONFIDENTIALITY: u32 = 13;
    pub const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub const UNDEFINED_ATTRIBUTE: u32 = 17;
    pub const CONSTRAINT: u32 = 19;
    pub const VALUE_EXISTS: u32 = 20;
    pub const INVALID_SYNTAX: u32 = 21;
    pub const NO_SUCH_OBJECT: u32 = 32;
    pub const INVALID_DN: u32 = 34;
    pub const INVALID_CREDENTIALS: u32 = 49;
    pub const ACCESS_DENIED: u32 = 50;
    pub const BUSY: u32 = 51;
    pub const UNAVAILABLE: u32 = 52;
    pub const UNWILLING: u32 = 53;
    pub const NAMING_VIOLATION: u32 = 64;
    pub const CLASS_VIOLATION: u32 = 65;
    pub const NOT_ON_NON_LEAF: u32 = 66;
    pub const ALREADY_EXISTS: u32 = 68;
    pub const OTHER: u32 = 80;
}

/// The Win32 code at the start of the controller's text (`00002098: SecErr: ...`).
pub(super) fn win32(text: &str) -> Option<u32> {
    let (hex, _) = text.trim_start().split_once(':')?;
    let plausible = (1..=8).contains(&hex.len()) && hex.bytes().all(|b| b.is_ascii_hexdigit());
    plausible.then(|| u32::from_str_radix(hex, 16).ok())?
}

/// Meaning of the Win32 codes that say more than the LDAP code (MS-ERREF 2.2).
fn explain(win32: u32) -> Option<&'static str> {
    Some(match win32 {
        0x5 => "access is denied",
        0x524 | 0x526 => "the sAMAccountName is in use",
        0x525 => "no such account",
        0x561 => "not a member",
        0x55e => "the group is the member's primary group",
        0x562 => "already a member",
        0x56b => "no such member",
        0x8f7 => "the password or name breaks a rule of the domain",
        0x2024 => "the controller's limit for one request is exceeded",
        0x2028 => "the controller wants signing or TLS",
        0x202b => "another controller holds the object",
        0x2030 | 0x208d => "no such object",
        0x2141 => "the type of group doesn't allow it",
        0x2142 | 0x2143 => "this kind of nesting needs another domain mode",
        0x2071 => "another object has the name",
        0x207d => "the attribute is not allowed on the class",
        0x2081 => "the attribute takes one value only",
        0x2082 => "the value is too long or out of range",
        0x2083 => "the value is already there",
        0x2098 => "insufficient rights",
        0x2144 => "a global group can't have a domain local member",
        0x2145 => "a global group can't have a universal member",
        0x2146 => "a universal group can't have a domain local member",
        0x2147 => "a global group can't have a member of another domain",
        0x2148 => "a domain local group can't have a domain local member of another domain",
        0x2149 => "a group that is someone's primary group can't be changed this way",
        _ => return None,
    })
}

/// Name of an LDAP result code (RFC 4511).
fn name(code: u32) -> &'static str {
    match code {
        1 => "operationsError",
        2 => "protocolError",
        3 => "timeLimitExceeded",
        4 => "sizeLimitExceeded",
        7 => "authMethodNotSupported",
        8 => "strongerAuthRequired",
        10 => "referral",
        11 => "adminLimitExceeded",
        12 => "unavailableCriticalExtension",
        13 => "confidentialityRequired",
        16 => "noSuchAttribute",
        17 => "undefinedAttributeType",
        18 => "inappropriateMatching",
        19 => "constraintViolation",
        20 => "attributeOrValueExists",
        21 => "invalidAttributeSyntax",
        32 => "noSuchObject",
        34 => "invalidDNSyntax",
        49 => "invalidCredentials",
        50 => "insufficientAccessRights",
        51 => "busy",
        52 => "unavailable",
        53 => "unwillingToPerform",
        64 => "namingViolation",
        65 => "objectClassViolation",
        66 => "notAllowedOnNonLeaf",
        67 => "notAllowedOnRDN",
        68 => "entryAlreadyExists",
        80 => "other",
        _ => "unknown code",
    }
}

/// Code, its meaning and the controller's own words.
pub(super) fn words(result: &LdapResult) -> String {
    let mut text = format!("result {} ({})", result.rc, name(result.rc));
    if let Some(win32) = win32(&result.text)
        && let Some(meaning) = explain(win32)
    {
        text.push_str(&format!(", {win32:08X}: {meaning}"));
    }
    let own = result.text.trim_end_matches('\0').trim();
    if !own.is_empty() {
        text.push_str(&format!("; the controller says: {own}"));
    }
    text
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn result(rc: u32, text: &str) -> LdapResult {
        LdapResult {
            rc,
            matched: String::new(),
            text: text.to_owned(),
            refs: Vec::new(),
            ctrls: Vec::new(),
        }
    }

    #[test]
    fn win32_codes_are_found_and_explained() {
        assert_eq!(
            win32("00002098: SecErr: DSID-03150F94, problem 4003"),
            Some(0x2098)
        );
        assert_eq!(
            win32("80090308: LdapErr: DSID-0C09, data 52e"),
            Some(0x8009_0308)
        );
        assert_eq!(win32("No such Base DN: CN=x"), None);
        assert_eq!(win32(""), None);
        let text = words(&result(50, "00002098: SecErr"));
        assert!(
            text.contains("insufficient rights") && text.contains("SecErr"),
            "{text}"
        );
    }
}
