//! Result codes of the controller as typed errors: the table of section 9 of the directory facts, in one place.
//!
//! Sources: RFC 4511 appendix A; MS-ADTS 3.1.1.3.1.9 (the leading hexadecimal number of the text is a Win32 code).

use ldap3::LdapResult;

use super::codes::{code, win32, words};
use crate::error::{Error, ErrorId};
use crate::model::SkipReason;

/// What was being done, for the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Bind,
    Search,
    Add,
    AddContainer,
    Modify,
    Members,
    Rename,
    Move,
    Delete,
    Undelete,
    Grant,
}

impl Operation {
    fn verb(self) -> &'static str {
        match self {
            Operation::Bind => "Signing in to",
            Operation::Search => "Reading",
            Operation::Add => "Creating",
            Operation::AddContainer => "Creating the container",
            Operation::Modify => "Changing",
            Operation::Members => "Changing members of",
            Operation::Rename => "Renaming",
            Operation::Move => "Moving",
            Operation::Delete => "Deleting",
            Operation::Undelete => "Bringing back",
            Operation::Grant => "Granting rights on",
        }
    }

    /// The right that is missing when the controller says 50.
    fn right(self) -> &'static str {
        match self {
            Operation::Bind | Operation::Search => "read",
            Operation::Add => "'Create Group objects' on the container",
            Operation::AddContainer => "'Create organizationalUnit objects' on the parent",
            Operation::Modify => "'Write all properties' on group objects below the container",
            Operation::Members => "'Write members' on group objects below the container",
            Operation::Rename => "'Write name' and 'Write cn' on group objects below the container",
            Operation::Move => {
                "'Delete' on the group (or 'Delete Group objects' on its container), 'Write name' and 'Write cn' on it, and 'Create Group objects' on the new container"
            }
            Operation::Delete => {
                "'Delete' on the group or 'Delete Group objects' on its container; the group may also be protected from accidental deletion"
            }
            Operation::Grant => "'Modify permissions' on the container",
            Operation::Undelete => {
                "'Reanimate Tombstones' on the domain and 'Create Group objects' on the container"
            }
        }
    }
}

/// The error for a result that is not success.
pub(super) fn error(
    operation: Operation,
    target: &str,
    server: &str,
    result: &LdapResult,
) -> Error {
    let words = words(result);
    let build = |id: ErrorId, text: String| Error::new(id, text).target(target);
    let what = format!("{} '{target}' failed on {server}", operation.verb());
    match result.rc {
        code::STRONGER_AUTH | code::CONFIDENTIALITY => Error::new(
            ErrorId::DirectoryAuthenticationFailed,
            format!("{server} wants a stronger protected connection: {words}."),
        )
        .target(server)
        .action("Connect by LDAPS (port 636). On the controller look at events 2886 to 2889 (signing) and 3039 to 3041 (channel binding)."),
        code::INVALID_CREDENTIALS if operation == Operation::Bind => credentials(server, result),
        code::ACCESS_DENIED => build(
            ErrorId::DirectoryAccessDenied,
            format!("{what}: the account lacks the right {}. {words}.", operation.right()),
        ),
        code::BUSY | code::UNAVAILABLE => build(
            ErrorId::DirectoryUnavailable,
            format!("{what}: the controller stayed busy. {words}."),
        ),
        _ if operation == Operation::Search => build(
            ErrorId::SourceReadIncomplete,
            format!("{what}: {words}. What was read is not complete and was not used."),
        ),
        code::REFERRAL => {
            let named = if result.refs.is_empty() {
                "It names no other controller.".to_owned()
            } else {
                format!("It refers to {}.", result.refs.join(", "))
            };
            build(
                ErrorId::DirectoryOperationFailed,
                format!("{what}: this controller doesn't hold a writable copy. {named} {words}."),
            )
            .action("Connect to a writable domain controller of the domain with -Server.")
        }
        code::ADMIN_LIMIT => build(ErrorId::DirectoryLimitExceeded, format!("{what}: {words}.")),
        code::CRITICAL_EXTENSION => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: the controller lacks a control that is needed. {words}."),
        ),
        code::NO_SUCH_ATTRIBUTE | code::UNDEFINED_ATTRIBUTE => build(
            ErrorId::DirectorySchemaMissing,
            format!("{what}: an attribute is not in the schema. {words}."),
        ),
        code::CLASS_VIOLATION => build(
            ErrorId::DirectorySchemaMissing,
            format!("{what}: an attribute is missing or not allowed on the class. {words}."),
        ),
        code::INVALID_DN | code::NAMING_VIOLATION => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: the name is not a legal one. {words}."),
        ),
        code::ALREADY_EXISTS if matches!(operation, Operation::Add | Operation::Rename | Operation::Move | Operation::Undelete | Operation::AddContainer) => match win32(&result.text) {
            Some(0x524 | 0x526) => build(
                ErrorId::GroupNameConflict,
                format!("{what}: another account of the domain has the sAMAccountName. {words}."),
            ),
            _ => build(
                ErrorId::GroupNameConflict,
                format!("{what}: another object has the name. {words}."),
            ),
        },
        code::NOT_ON_NON_LEAF => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: it has child objects. {words}."),
        )
        .action("Look at the children; they are never deleted with it."),
        code::NO_SUCH_OBJECT if operation == Operation::Add || operation == Operation::Move => {
            build(
                ErrorId::ContainerNotFound,
                format!("{what}: its container (or a member) doesn't exist. {words}."),
            )
        }
        code::NO_SUCH_OBJECT if operation == Operation::Members => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: a member is not there. {words}."),
        ),
        code::NO_SUCH_OBJECT => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: it is no longer there. {words}."),
        ),
        _ => build(
            ErrorId::DirectoryOperationFailed,
            format!("{what}: {words}."),
        ),
    }
}

/// Why a bind was refused; AD tells by `data xxx` in its text (MS-ERREF system codes).
fn credentials(server: &str, result: &LdapResult) -> Error {
    let data = result
        .text
        .split_once("data ")
        .map(|(_, rest)| rest.split([',', ' ']).next().unwrap_or_default());
    let (reason, action) = match (win32(&result.text), data) {
        (Some(0x8009_0346), _) => (
            "the controller wants channel binding, which this bind doesn't carry",
            Some(
                "Allow LDAPS without channel binding for this controller (its policy 'LDAP server channel binding token requirements'), or use a proxy-free path to it.",
            ),
        ),
        (_, Some("525")) => ("there is no such account", None),
        (_, Some("52e")) => ("account or password is wrong", None),
        (_, Some("530" | "531")) => (
            "the account may not sign in at this time or from here",
            None,
        ),
        (_, Some("532")) => ("the password has expired", Some("Set a new password.")),
        (_, Some("533")) => ("the account is disabled", Some("Enable the account.")),
        (_, Some("701")) => ("the account has expired", Some("Extend the account.")),
        (_, Some("773")) => (
            "the password must be changed first",
            Some("Set a new password."),
        ),
        (_, Some("775")) => (
            "the account is locked",
            Some("Unlock the account, and look for what locked it."),
        ),
        _ => ("account or password is wrong", None),
    };
    let error = Error::new(
        ErrorId::DirectoryAuthenticationFailed,
        format!("{server} refused the sign-in: {reason}. {}.", words(result)),
    )
    .target(server);
    match action {
        Some(action) => error.action(action),
        None => error,
    }
}

/// What a failed change of members calls for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum MemberFault {
    /// Too much at once.
    TooLarge,
    /// A member to add is one already, or one to remove is none. Never from a controller that honours permissive modify
    /// for members; Samba doesn't.
    AlreadySo,
    /// A value of the batch is at fault: find it. The reason is that of a single value.
    Value(SkipReason),
    /// Nothing to do with the values.
    Fatal,
}

/// Sorts a result of a member change.
pub(super) fn member_fault(result: &LdapResult) -> MemberFault {
    let hex = win32(&result.text);
    let says = |words: &str| result.text.contains(words);
    match result.rc {
        code::ADMIN_LIMIT => MemberFault::TooLarge,
        code::ACCESS_DENIED | code::BUSY | code::UNAVAILABLE | code::REFERRAL => MemberFault::Fatal,
        code::ALREADY_EXISTS | code::VALUE_EXISTS | code::NO_SUCH_ATTRIBUTE => {
            MemberFault::AlreadySo
        }
        code::UNWILLING
            if matches!(hex, Some(0x561 | 0x562))
                || says("already deleted")
                || says("doesn't exist for target") =>
        {
            MemberFault::AlreadySo
        }
        _ => match (result.rc, hex) {
            (_, Some(0x2142..=0x2148)) => MemberFault::Value(SkipReason::ScopeForbidden),
            (_, Some(0x525 | 0x56b | 0x2030 | 0x208d))
            | (code::NO_SUCH_OBJECT | code::INVALID_DN | code::INVALID_SYNTAX, _) => {
                MemberFault::Value(SkipReason::NotFoundInDirectory)
            }
            // These say nothing of the cause (2035 and 202F are but other names of 53 and 19; Samba gives 2035 and 2141
            // for a SID that doesn't exist, too). A look tells whether the member exists and fits; what remains is
            // told in the controller's own words.
            (code::CONSTRAINT | code::UNWILLING | code::OTHER, _) => {
                MemberFault::Value(SkipReason::RefusedByDirectory)
            }
            _ => MemberFault::Fatal,
        },
    }
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
            refs: vec!["ldap://dc2.contoso.test".to_owned()],
            ctrls: Vec::new(),
        }
    }

    fn id(operation: Operation, rc: u32, text: &str) -> ErrorId {
        error(operation, "CN=x", "dc1:636", &result(rc, text)).id
    }

    #[test]
    fn the_table() {
        use ErrorId::*;
        for (operation, rc, text, expected) in [
            (Operation::Search, 3, "", SourceReadIncomplete),
            (Operation::Search, 4, "", SourceReadIncomplete),
            (Operation::Search, 10, "", SourceReadIncomplete),
            (Operation::Search, 50, "", DirectoryAccessDenied),
            (Operation::Search, 51, "", DirectoryUnavailable),
            (
                Operation::Bind,
                8,
                "00002028: ",
                DirectoryAuthenticationFailed,
            ),
            (
                Operation::Bind,
                49,
                "80090308: x, data 533, v",
                DirectoryAuthenticationFailed,
            ),
            (
                Operation::Modify,
                10,
                "0000202B: ",
                DirectoryOperationFailed,
            ),
            (Operation::Members, 11, "", DirectoryLimitExceeded),
            (Operation::Add, 16, "", DirectorySchemaMissing),
            (Operation::Add, 65, "0000207D: ", DirectorySchemaMissing),
            (Operation::Add, 68, "00002071: ", GroupNameConflict),
            (Operation::Add, 32, "", ContainerNotFound),
            (Operation::Modify, 50, "00002098: ", DirectoryAccessDenied),
            (Operation::Modify, 52, "", DirectoryUnavailable),
            (Operation::Delete, 66, "", DirectoryOperationFailed),
        ] {
            assert_eq!(id(operation, rc, text), expected, "{operation:?} {rc}");
        }
        let refused = error(Operation::Modify, "CN=x", "dc1:636", &result(10, ""));
        assert!(refused.message.contains("dc2.contoso.test"));
        for (data, word) in [
            ("52e", "wrong"),
            ("533", "disabled"),
            ("701", "expired"),
            ("775", "locked"),
        ] {
            let text = format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {data}, v2580"
            );
            let refused = error(Operation::Bind, "svc", "dc1:636", &result(49, &text));
            assert!(refused.message.contains(word), "{}", refused.message);
        }
    }

    #[test]
    fn member_faults() {
        assert_eq!(member_fault(&result(11, "")), MemberFault::TooLarge);
        assert_eq!(
            member_fault(&result(53, "00002146: SvcErr")),
            MemberFault::Value(SkipReason::ScopeForbidden)
        );
        assert_eq!(
            member_fault(&result(32, "00002030: NameErr")),
            MemberFault::Value(SkipReason::NotFoundInDirectory)
        );
        assert_eq!(member_fault(&result(50, "00002098:")), MemberFault::Fatal);
        assert_eq!(
            member_fault(&result(68, "00000562: UpdErr")),
            MemberFault::AlreadySo
        );
        assert_eq!(
            member_fault(&result(53, "00000561: UpdErr")),
            MemberFault::AlreadySo
        );
    }

    /// What controllers say when they don't take a member: Windows Server (text forms of MS-ADTS 3.1.1.3.1.9), Samba 4.17.
    #[test]
    fn causes_of_refused_members() {
        use SkipReason::*;
        for (rc, text, reason) in [
            (
                53,
                "00002146: SvcErr: DSID-031A0FC0, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                ScopeForbidden,
            ),
            (
                53,
                "00002142: SvcErr: DSID-031A0F4F, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                ScopeForbidden,
            ),
            (
                53,
                "00002148: SvcErr: DSID-031A10F9, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                ScopeForbidden,
            ),
            (
                32,
                "00000525: NameErr: DSID-031A11EF, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n",
                NotFoundInDirectory,
            ),
            (
                32,
                "0000208D: NameErr: DSID-03100241, problem 2001 (NO_OBJECT), data 0, best match of:\n\t'DC=x'\n",
                NotFoundInDirectory,
            ),
            (32, "00002030: No such Base DN: CN=x", NotFoundInDirectory),
            (
                80,
                "0000056B: SysErr: DSID-031A1202, problem 22 (Invalid argument), data 0\n",
                NotFoundInDirectory,
            ),
            (
                53,
                "00002035: SvcErr: DSID-031A11E5, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                RefusedByDirectory,
            ),
            (
                53,
                "00002035: samldb: member CN=x cannot be added",
                RefusedByDirectory,
            ),
            (
                53,
                "00002141: SvcErr: DSID-031A0FC0, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                RefusedByDirectory,
            ),
            (
                53,
                "00000005: SvcErr: DSID-031A1236, problem 5003 (WILL_NOT_PERFORM), data 0\n",
                RefusedByDirectory,
            ),
            (
                19,
                "0000202F: AtrErr: DSID-03151B6B, #1:\n\t0: 0000202F: DSID-03151B6B, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 1f (member)\n",
                RefusedByDirectory,
            ),
            (
                80,
                "000020EF: SvcErr: DSID-02080490, problem 5012 (DIR_ERROR), data 2\n",
                RefusedByDirectory,
            ),
            (80, "", RefusedByDirectory),
            (53, "", RefusedByDirectory),
        ] {
            let fault = member_fault(&result(rc, text));
            assert_eq!(fault, MemberFault::Value(reason), "{rc} {text}");
        }
    }
}
