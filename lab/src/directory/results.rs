//! Answers room: result codes and diagnostic messages in Active Directory's words.
//!
//! The leading eight digits of a message are the Win32 code that clients go by.

use super::schema::Attribute;
use crate::ldap::message::Answer;

/// LDAP result codes that the directory gives.
#[allow(missing_docs)]
pub mod code {
    pub const OPERATIONS_ERROR: u32 = 1;
    pub const PROTOCOL_ERROR: u32 = 2;
    pub const TIME_LIMIT: u32 = 3;
    pub const SIZE_LIMIT: u32 = 4;
    pub const COMPARE_FALSE: u32 = 5;
    pub const COMPARE_TRUE: u32 = 6;
    pub const AUTH_METHOD: u32 = 7;
    pub const STRONGER_AUTH: u32 = 8;
    pub const REFERRAL: u32 = 10;
    pub const ADMIN_LIMIT: u32 = 11;
    pub const CRITICAL_EXTENSION: u32 = 12;
    pub const NO_SUCH_ATTRIBUTE: u32 = 16;
    pub const CONSTRAINT: u32 = 19;
    pub const VALUE_EXISTS: u32 = 20;
    pub const INVALID_SYNTAX: u32 = 21;
    pub const NO_SUCH_OBJECT: u32 = 32;
    pub const INVALID_DN: u32 = 34;
    pub const INVALID_CREDENTIALS: u32 = 49;
    pub const NO_RIGHTS: u32 = 50;
    pub const UNAVAILABLE: u32 = 52;
    pub const UNWILLING: u32 = 53;
    pub const NAMING: u32 = 64;
    pub const OBJECT_CLASS: u32 = 65;
    pub const NON_LEAF: u32 = 66;
    pub const ON_RDN: u32 = 67;
    pub const EXISTS: u32 = 68;
    pub const OTHER: u32 = 80;
}

/// Why an operation failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// LDAP result code.
    pub code: u32,
    /// Matched DN.
    pub matched: String,
    /// Diagnostic message.
    pub message: String,
}

impl From<Failure> for Answer {
    fn from(failure: Failure) -> Self {
        Answer {
            code: failure.code,
            matched: failure.matched,
            message: failure.message,
        }
    }
}

impl Failure {
    /// A failure with a message of its own.
    pub fn new(code: u32, message: impl Into<String>) -> Self {
        Self {
            code,
            matched: String::new(),
            message: message.into(),
        }
    }

    fn service(win32: u32, dsid: u32, problem: &str) -> Self {
        Self::new(
            code::UNWILLING,
            format!("{win32:08X}: SvcErr: DSID-{dsid:08X}, problem {problem}, data 0\n"),
        )
    }

    fn update(code: u32, win32: u32, dsid: u32, problem: &str) -> Self {
        Self::new(
            code,
            format!("{win32:08X}: UpdErr: DSID-{dsid:08X}, problem {problem}, data 0\n"),
        )
    }

    fn attribute(code: u32, win32: u32, problem: &str, attribute: &Attribute, size: usize) -> Self {
        let length = if size > 0 {
            format!(":len {size}")
        } else {
            String::new()
        };
        Self::new(
            code,
            format!(
                "{win32:08X}: AtrErr: DSID-03151904, #1:\n\t0: {win32:08X}: DSID-03151904, problem {problem}, data 0, Att {:x} ({}){length}\n",
                attribute.id, attribute.name
            ),
        )
    }

    /// Unwilling, for the reason that a Win32 code names.
    pub fn unwilling(win32: u32) -> Self {
        Self::service(win32, 0x031A_120C, "5003 (WILL_NOT_PERFORM)")
    }

    /// A write that a read-only controller refers to another one.
    pub fn elsewhere() -> Self {
        Self::new(
            code::REFERRAL,
            "0000202B: RefErr: DSID-0310082F, data 0, 1 access points\n\tref 1: 'contoso.test'\n",
        )
    }

    /// Missing rights.
    pub fn rights() -> Self {
        Self::new(
            code::NO_RIGHTS,
            "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n",
        )
    }

    /// The entry itself isn't there.
    pub fn no_object(matched: String) -> Self {
        let message = format!(
            "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'{matched}'\n"
        );
        Self {
            code: code::NO_SUCH_OBJECT,
            matched,
            message,
        }
    }

    /// The parent to move an object to isn't there.
    pub fn no_new_parent() -> Self {
        Self::new(
            code::OTHER,
            "00002089: SvcErr: DSID-031B0A4A, problem 5012 (DIR_ERROR), data 0\n",
        )
    }

    /// An object that a value names isn't there.
    pub fn no_member() -> Self {
        Self::new(
            code::NO_SUCH_OBJECT,
            "00000525: NameErr: DSID-031A11EF, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n",
        )
    }

    /// A value that names an object that isn't there, in an attribute other than `member`.
    pub fn no_reference(attribute: &Attribute) -> Self {
        Self::attribute(
            code::CONSTRAINT,
            0x20B5,
            "1005 (CONSTRAINT_ATT_TYPE)",
            attribute,
            0,
        )
    }

    /// A SID in a value belongs to no object of the domain.
    pub fn unknown_sid() -> Self {
        Self::unwilling(0x2141)
    }

    /// A name that can't be read.
    pub fn bad_dn(text: &str) -> Self {
        Self::new(
            code::INVALID_DN,
            format!(
                "0000208F: NameErr: DSID-031001F7, problem 2006 (BAD_NAME), data 8350, best match of:\n\t'{text}'\n"
            ),
        )
    }

    /// The class, the RDN's type or the parent doesn't fit.
    pub fn naming() -> Self {
        Self::new(
            code::NAMING,
            "00002099: NameErr: DSID-0305109C, problem 2005 (NAMING_VIOLATION), data 0, best match of:\n\t''\n",
        )
    }

    /// An attribute or class that the schema doesn't know.
    pub fn unknown_attribute() -> Self {
        Self::new(
            code::NO_SUCH_ATTRIBUTE,
            "00000057: LdapErr: DSID-0C090D11, comment: Error in attribute conversion operation, data 0, v4563",
        )
    }

    /// An attribute that objects of this class may not have.
    pub fn not_allowed() -> Self {
        Self::update(
            code::OBJECT_CLASS,
            0x207D,
            0x0315_166D,
            "6002 (OBJ_CLASS_VIOLATION)",
        )
    }

    /// A mandatory attribute is missing.
    pub fn missing() -> Self {
        Self::update(
            code::OBJECT_CLASS,
            0x207C,
            0x0315_1695,
            "6002 (OBJ_CLASS_VIOLATION)",
        )
    }

    /// A class change, or a class that can't be used.
    pub fn class() -> Self {
        Self::update(
            code::OBJECT_CLASS,
            0x2014,
            0x0315_1673,
            "6002 (OBJ_CLASS_VIOLATION)",
        )
    }

    /// A value that can't be of the attribute's syntax.
    pub fn syntax(attribute: &Attribute) -> Self {
        Self::attribute(
            code::INVALID_SYNTAX,
            0x200B,
            "1000 (INVALID_ATTRIBUTE_SYNTAX)",
            attribute,
            0,
        )
    }

    /// A value that is too long, too short, too big or too small.
    pub fn range(attribute: &Attribute, size: usize) -> Self {
        Self::attribute(
            code::CONSTRAINT,
            0x2082,
            "1005 (CONSTRAINT_ATT_TYPE)",
            attribute,
            size,
        )
    }

    /// More than one value for an attribute that takes one.
    pub fn single(attribute: &Attribute) -> Self {
        Self::attribute(
            code::CONSTRAINT,
            0x2081,
            "1005 (CONSTRAINT_ATT_TYPE)",
            attribute,
            0,
        )
    }

    /// An attribute that only the system writes.
    pub fn system_only(attribute: &Attribute) -> Self {
        Self::attribute(
            code::CONSTRAINT,
            0x202F,
            "1005 (CONSTRAINT_ATT_TYPE)",
            attribute,
            0,
        )
    }

    /// The value is there already.
    pub fn value_exists(attribute: &Attribute) -> Self {
        Self::attribute(
            code::VALUE_EXISTS,
            0x2083,
            "1006 (ATT_OR_VALUE_EXISTS)",
            attribute,
            0,
        )
    }

    /// The value or attribute to delete isn't there.
    pub fn no_value(attribute: &Attribute) -> Self {
        Self::attribute(
            code::NO_SUCH_ATTRIBUTE,
            0x2085,
            "1001 (NO_ATTRIBUTE_OR_VAL)",
            attribute,
            0,
        )
    }

    /// The entry's name is taken.
    pub fn name_taken() -> Self {
        Self::update(code::EXISTS, 0x2071, 0x0305_038D, "6005 (ENTRY_EXISTS)")
    }

    /// Something that must be unique is taken, for the reason that a Win32 code names.
    pub fn taken(win32: u32) -> Self {
        Self::update(code::EXISTS, win32, 0x031A_11E2, "6005 (ENTRY_EXISTS)")
    }

    /// The object has children.
    pub fn children() -> Self {
        Self::update(
            code::NON_LEAF,
            0x2015,
            0x0305_0B0E,
            "6003 (CANT_ON_NON_LEAF)",
        )
    }

    /// The naming attribute can't be modified.
    pub fn on_rdn() -> Self {
        Self::update(code::ON_RDN, 0x2016, 0x0315_13A3, "6004 (CANT_ON_RDN)")
    }

    /// A search found more than it may return.
    pub fn size_limit() -> Self {
        Self::new(
            code::SIZE_LIMIT,
            "000020D8: SvcErr: DSID-03140381, problem 5008 (ADMIN_LIMIT_EXCEEDED), data 0",
        )
    }

    /// More values than one operation may carry.
    pub fn admin_limit() -> Self {
        Self::new(
            code::ADMIN_LIMIT,
            "00002024: SvcErr: DSID-02050AB8, problem 5008 (ADMIN_LIMIT_EXCEEDED), data -1026\n",
        )
    }

    /// A critical control that the directory doesn't know.
    pub fn critical_control() -> Self {
        Self::new(
            code::CRITICAL_EXTENSION,
            "00002040: SvcErr: DSID-031401E0, problem 5010 (UNAVAIL_EXTENSION), data 0\n",
        )
    }

    /// Nobody is bound.
    pub fn not_bound() -> Self {
        Self::new(
            code::OPERATIONS_ERROR,
            "000004DC: LdapErr: DSID-0C090CF4, comment: In order to perform this operation a successful bind must be completed on the connection., data 0, v4563",
        )
    }

    /// Wrong name or password.
    pub fn credentials() -> Self {
        Self::new(
            code::INVALID_CREDENTIALS,
            "80090308: LdapErr: DSID-0C090449, comment: AcceptSecurityContext error, data 52e, v4563",
        )
    }

    /// A password in clear text.
    pub fn needs_signing() -> Self {
        Self::new(
            code::STRONGER_AUTH,
            "00002028: LdapErr: DSID-0C090259, comment: The server requires binds to turn on integrity checking if SSL\\TLS are not already active on the connection, data 0, v4563",
        )
    }

    /// A way to prove who one is that isn't offered here.
    pub fn auth_method() -> Self {
        Self::new(
            code::AUTH_METHOD,
            "00000057: LdapErr: DSID-0C0C0C5E, comment: The authentication method is not supported, data 0, v4563",
        )
    }

    /// TLS was asked for inside TLS.
    pub fn tls_in_place() -> Self {
        Self::new(
            code::OPERATIONS_ERROR,
            "00000000: LdapErr: DSID-0C0910FB, comment: TLS or SSL already in effect, data 0, v4563",
        )
    }

    /// A request that makes no sense.
    pub fn protocol(comment: &str) -> Self {
        Self::new(
            code::PROTOCOL_ERROR,
            format!("00000057: LdapErr: DSID-0C090F50, comment: {comment}, data 0, v4563"),
        )
    }
}
