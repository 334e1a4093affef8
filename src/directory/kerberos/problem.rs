//! What Kerberos refuses with, told so that an administrator knows what to do.
//!
//! Sources: RFC 2744 3.9.1 (major status), RFC 4120 7.5.9 (KDC codes), MIT's krb5 error table (minor status).

use super::system::{Failure, Problem};
use crate::error::{Error, ErrorId};

/// Start of MIT's table `krb5`; the KDC's codes follow in their order.
const TABLE: i32 = -1_765_328_384;

/// Codes of the KDC (RFC 4120) and of the library beyond them, counted from [`TABLE`].
mod minor {
    pub const CLIENT_EXPIRED: i32 = 1;
    pub const CLIENT_UNKNOWN: i32 = 6;
    pub const SERVICE_UNKNOWN: i32 = 7;
    pub const CIPHER_UNSUPPORTED: i32 = 14;
    pub const CLIENT_REVOKED: i32 = 18;
    pub const PASSWORD_EXPIRED: i32 = 23;
    pub const PREAUTHENTICATION_FAILED: i32 = 24;
    pub const INTEGRITY: i32 = 31;
    pub const TICKET_EXPIRED: i32 = 32;
    pub const SKEW: i32 = 37;
    pub const CREDENTIAL_NOT_FOUND: i32 = 141;
    pub const REPLY_SKEW: i32 = 148;
    pub const REALM_UNKNOWN: i32 = 154;
    pub const KDC_UNREACHABLE: i32 = 156;
    pub const KEY_NOT_FOUND: i32 = 181;
    pub const CACHE_NOT_FOUND: i32 = 195;
    pub const PREAUTHENTICATION: i32 = 210;
    pub const REALM_UNRESOLVED: i32 = 220;
    pub const NO_DEFAULT_REALM: i32 = 224;
}

/// `GSS_S_NO_CRED`, `GSS_S_CREDENTIALS_EXPIRED`.
const NO_CREDENTIAL: u32 = 7 << 16;
const CREDENTIAL_EXPIRED: u32 = 11 << 16;

/// A status of SSPI (`SEC_E_...`) as the major and minor status that GSSAPI would give; zeros when it has none like it.
#[cfg(any(windows, test))]
pub(super) fn sspi_codes(status: i32) -> (u32, i32) {
    let minor = match status.cast_unsigned() {
        // SEC_E_TARGET_UNKNOWN, SEC_E_WRONG_PRINCIPAL
        0x8009_0303 | 0x8009_0322 => minor::SERVICE_UNKNOWN,
        // SEC_E_LOGON_DENIED
        0x8009_030C => minor::PREAUTHENTICATION_FAILED,
        // SEC_E_NO_AUTHENTICATING_AUTHORITY, SEC_E_KDC_UNABLE_TO_REFER
        0x8009_0311 | 0x8009_0359 => minor::KDC_UNREACHABLE,
        // SEC_E_TIME_SKEW
        0x8009_0324 => minor::SKEW,
        // SEC_E_KDC_UNKNOWN_ETYPE
        0x8009_0342 => minor::CIPHER_UNSUPPORTED,
        // SEC_E_CONTEXT_EXPIRED
        0x8009_0317 => minor::TICKET_EXPIRED,
        // SEC_E_UNKNOWN_CREDENTIALS, SEC_E_NO_CREDENTIALS
        0x8009_030D | 0x8009_030E => return (NO_CREDENTIAL, 0),
        _ => return (0, 0),
    };
    (0, TABLE + minor)
}

/// What was being done.
pub(super) struct Attempt<'a> {
    /// `host:port`.
    pub server: &'a str,
    /// The controller's name, as in its service name.
    pub host: &'a str,
    /// Whose sign-in, if somebody was named.
    pub user: Option<&'a str>,
    /// The key file.
    pub keytab: Option<&'a str>,
    /// By password.
    pub password: bool,
}

/// The typed error of a refusal.
pub(super) fn error(problem: &Problem, attempt: &Attempt<'_>) -> Error {
    let failure = match problem {
        Problem::NoLibrary(reason) => {
            let mut error = Error::new(
                ErrorId::KerberosUnavailable,
                "This machine has no Kerberos library that can be used.",
            );
            error.causes.push(reason.clone());
            return error;
        }
        Problem::Failed(failure) => failure,
    };
    let Attempt { server, host, .. } = attempt;
    let who = attempt.user.unwrap_or("the account");
    let code = failure.minor.wrapping_sub(TABLE);
    let (id, message) = match code {
        minor::SKEW | minor::REPLY_SKEW => (
            ErrorId::KerberosClockSkew,
            format!(
                "Kerberos refuses the sign-in to {server}: the clocks of this machine and of the domain controller differ too much."
            ),
        ),
        minor::SERVICE_UNKNOWN => (
            ErrorId::KerberosServiceUnknown,
            format!(
                "Kerberos knows no service ldap/{host}: it is not the name of a domain controller of this realm, or its service principal name isn't registered."
            ),
        ),
        minor::TICKET_EXPIRED => (
            ErrorId::KerberosTicketExpired,
            format!("The Kerberos ticket of {who} has expired."),
        ),
        minor::KDC_UNREACHABLE
        | minor::REALM_UNKNOWN
        | minor::REALM_UNRESOLVED
        | minor::NO_DEFAULT_REALM => (
            ErrorId::KerberosRealmUnavailable,
            format!("No Kerberos server (KDC) can be reached for {who}."),
        ),
        minor::CLIENT_UNKNOWN => (
            ErrorId::DirectoryAuthenticationFailed,
            format!("Kerberos knows no account {who}."),
        ),
        minor::CLIENT_EXPIRED | minor::CLIENT_REVOKED => (
            ErrorId::DirectoryAuthenticationFailed,
            format!("The account {who} is disabled, locked or expired."),
        ),
        minor::PASSWORD_EXPIRED => (
            ErrorId::DirectoryAuthenticationFailed,
            format!("The password of {who} has expired."),
        ),
        minor::PREAUTHENTICATION_FAILED | minor::PREAUTHENTICATION | minor::INTEGRITY
            if attempt.keytab.is_some() =>
        {
            (
                ErrorId::KerberosKeytabUnusable,
                format!(
                    "The keytab {} doesn't hold today's key of {who}: the password was changed since it was made.",
                    attempt.keytab.unwrap_or_default()
                ),
            )
        }
        minor::PREAUTHENTICATION_FAILED | minor::PREAUTHENTICATION | minor::INTEGRITY
            if attempt.password =>
        {
            (
                ErrorId::DirectoryAuthenticationFailed,
                format!("{server} refused the sign-in: account or password of {who} is wrong."),
            )
        }
        minor::CIPHER_UNSUPPORTED => (
            ErrorId::DirectoryAuthenticationFailed,
            format!("The domain and this machine have no Kerberos cipher in common for {who}."),
        ),
        _ if attempt.keytab.is_some()
            && (code == minor::KEY_NOT_FOUND || failure.major == NO_CREDENTIAL) =>
        {
            (
                ErrorId::KerberosKeytabUnusable,
                format!(
                    "The keytab {} can't be used for {who}.",
                    attempt.keytab.unwrap_or_default()
                ),
            )
        }
        _ if failure.major == CREDENTIAL_EXPIRED => (
            ErrorId::KerberosTicketExpired,
            format!("The Kerberos ticket of {who} has expired."),
        ),
        _ if failure.major == NO_CREDENTIAL
            || code == minor::CACHE_NOT_FOUND
            || code == minor::CREDENTIAL_NOT_FOUND =>
        {
            (
                ErrorId::KerberosTicketMissing,
                match attempt.user {
                    Some(user) => format!("There is no Kerberos ticket of {user}."),
                    None => "There is no Kerberos ticket to sign in with.".to_owned(),
                },
            )
        }
        _ => (
            ErrorId::DirectoryAuthenticationFailed,
            format!("The Kerberos sign-in to {server} failed."),
        ),
    };
    let mut error = Error::new(id, message).target(server);
    if id == ErrorId::DirectoryAuthenticationFailed {
        error = error.action(match code {
            minor::CLIENT_UNKNOWN => "Write the account as user@DOMAIN with the domain's DNS name, e.g. svc-writeback@contoso.com.",
            minor::PASSWORD_EXPIRED => "Set a new password.",
            minor::CLIENT_EXPIRED | minor::CLIENT_REVOKED => "Look at the account in the directory.",
            minor::CIPHER_UNSUPPORTED => "Allow AES for the account (msDS-SupportedEncryptionTypes), and set its password anew.",
            _ => "Check account and password, and what the causes say.",
        });
    }
    error.causes.extend(words(failure));
    error
}

/// The library's words, else its numbers.
fn words(failure: &Failure) -> Vec<String> {
    if failure.texts.is_empty() {
        vec![format!(
            "GSSAPI status {:08x}, {}",
            failure.major, failure.minor
        )]
    } else {
        failure.texts.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(major: u32, code: i32, keytab: bool, password: bool) -> ErrorId {
        let problem = Problem::Failed(Failure {
            major,
            minor: code,
            texts: vec!["words".to_owned()],
        });
        let attempt = Attempt {
            server: "dc1.x.test:389",
            host: "dc1.x.test",
            user: None,
            keytab: keytab.then_some("/k"),
            password,
        };
        let error = error(&problem, &attempt);
        assert_eq!(error.causes, ["words"]);
        assert!(!error.recommended_action.is_empty());
        error.id
    }

    #[test]
    fn what_windows_says_is_told_as_the_same_cause() {
        for (status, expected) in [
            (0x8009_0303_u32, ErrorId::KerberosServiceUnknown),
            (0x8009_030C, ErrorId::DirectoryAuthenticationFailed),
            (0x8009_030E, ErrorId::KerberosTicketMissing),
            (0x8009_0311, ErrorId::KerberosRealmUnavailable),
            (0x8009_0317, ErrorId::KerberosTicketExpired),
            (0x8009_0324, ErrorId::KerberosClockSkew),
            // SEC_E_INTERNAL_ERROR: nothing that an administrator could be told but its words.
            (0x8009_0304, ErrorId::DirectoryAuthenticationFailed),
        ] {
            let (major, minor) = sspi_codes(status.cast_signed());
            assert_eq!(id(major, minor, false, false), expected, "{status:x}");
        }
    }

    #[test]
    fn each_cause_has_its_own_id() {
        let failed = 13 << 16;
        for (code, expected) in [
            (minor::SKEW, ErrorId::KerberosClockSkew),
            (minor::SERVICE_UNKNOWN, ErrorId::KerberosServiceUnknown),
            (minor::TICKET_EXPIRED, ErrorId::KerberosTicketExpired),
            (minor::KDC_UNREACHABLE, ErrorId::KerberosRealmUnavailable),
            (minor::REALM_UNKNOWN, ErrorId::KerberosRealmUnavailable),
            (minor::CACHE_NOT_FOUND, ErrorId::KerberosTicketMissing),
            (
                minor::CLIENT_UNKNOWN,
                ErrorId::DirectoryAuthenticationFailed,
            ),
            (5555, ErrorId::DirectoryAuthenticationFailed),
        ] {
            assert_eq!(id(failed, TABLE + code, false, false), expected, "{code}");
        }
        assert_eq!(
            id(failed, TABLE + minor::PREAUTHENTICATION_FAILED, true, false),
            ErrorId::KerberosKeytabUnusable
        );
        assert_eq!(
            id(failed, TABLE + minor::PREAUTHENTICATION_FAILED, false, true),
            ErrorId::DirectoryAuthenticationFailed
        );
        assert_eq!(
            id(NO_CREDENTIAL, 0, false, false),
            ErrorId::KerberosTicketMissing
        );
        assert_eq!(
            id(CREDENTIAL_EXPIRED, 0, false, false),
            ErrorId::KerberosTicketExpired
        );
        let none = Problem::NoLibrary("dlopen".to_owned());
        let attempt = Attempt {
            server: "s",
            host: "s",
            user: None,
            keytab: None,
            password: false,
        };
        assert_eq!(error(&none, &attempt).id, ErrorId::KerberosUnavailable);
    }
}
