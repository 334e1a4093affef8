//! The one error type: a stable id per cause, a category, a message an administrator can act on.
//!
//! Ids are for life (the table in the module's help); texts may change. Nothing secret is ever put in here.

use serde::Serialize;

/// Result of everything in this crate that can fail.
pub type Result<T> = std::result::Result<T, Error>;

macro_rules! error_ids {
    ($($(#[$doc:meta])* $id:ident, $category:ident, $action:expr;)*) => {
        /// Stable error ids, one a cause. The name is what callers see and branch on.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        pub enum ErrorId { $($(#[$doc])* $id,)* }

        impl ErrorId {
            /// Every id, for tables and tests.
            pub const ALL: &'static [ErrorId] = &[$(ErrorId::$id,)*];

            /// The id as text, exactly as callers see it.
            pub const fn as_str(self) -> &'static str {
                match self { $(ErrorId::$id => stringify!($id),)* }
            }

            /// PowerShell's `ErrorCategory` name for this id.
            pub const fn category(self) -> &'static str {
                match self { $(ErrorId::$id => stringify!($category),)* }
            }

            /// What to do when the place of failure knows nothing better.
            pub const fn recommended_action(self) -> &'static str {
                match self { $(ErrorId::$id => $action,)* }
            }
        }
    };
}

error_ids! {
    /// No connection was opened in this session.
    NotConnected, ConnectionError, "Run Connect-GroupWriteback first.";
    /// No configuration of that name in the store.
    ConfigurationNotFound, ObjectNotFound, "Check the name with Get-GroupWritebackConfiguration, or connect with sign-in parameters and run Enable-GroupWriteback.";
    /// The configuration has faults; the message lists each with its path.
    ConfigurationInvalid, InvalidData, "Correct every fault named in the message.";
    /// Writeback was never enabled, or was disabled.
    FeatureNotEnabled, NotEnabled, "Run Enable-GroupWriteback.";
    /// Several checks of Enable failed; the message names each.
    PrerequisitesNotMet, InvalidOperation, "Mend every point named in the message, then run Enable-GroupWriteback again.";
    /// Another product or configuration owns these groups or this container.
    OwnedByAnotherEngine, ResourceExists, "Detach the other product first, or choose another organizational unit.";
    /// A cycle of this configuration is running.
    SyncCycleAlreadyRunning, ResourceBusy, "Wait until Get-GroupWritebackRunStatus gives nothing, or run Stop-GroupWritebackSyncCycle.";
    /// Another host took over the lease.
    LeaseLost, ResourceBusy, "The host named in the message has taken over; its run completes the work.";
    /// No group with this identity in scope.
    GroupNotFound, ObjectNotFound, "Check the id and the configured scope.";
    /// More than one group fits the identity.
    AmbiguousIdentity, InvalidArgument, "Use the distinguished name or the GUID.";
    /// The AD object carries no ownership mark: it is left alone.
    GroupNotOwned, PermissionDenied, "The object has no mark of Group Writeback and is left alone.";
    /// Sign-in to the tenant failed.
    GraphAuthenticationFailed, AuthenticationError, "Check tenant id, client id and the secret or certificate of the app registration.";
    /// The app lacks a Graph permission.
    GraphPermissionMissing, PermissionDenied, "Grant the application permissions named in the message and give admin consent.";
    /// Throttled for longer than the attempts allow.
    GraphThrottled, LimitsExceeded, "Try again after the time named in the message.";
    /// Graph or the sign-in service can't be reached or keeps failing.
    GraphUnavailable, ConnectionError, "Check network, proxy and the service's health, then try again.";
    /// Graph refused a request as malformed: a defect of ours or a difference of the cloud.
    GraphRequestRejected, InvalidOperation, "Report the request named in the message.";
    /// The per-group flag does not exist in this cloud.
    WritebackFlagUnavailable, NotImplemented, "The flag is not in this cloud: scope by filter or list.";
    /// A read broke off; nothing was removed because of it.
    SourceReadIncomplete, InvalidResult, "Nothing was changed in AD because of this read; the next cycle repeats it.";
    /// More group deletions planned than the threshold allows.
    DeletionThresholdExceeded, LimitsExceeded, "Review the plan with Get-GroupWritebackOperation -PlanId; approve it with Invoke-GroupWritebackOperation -PlanId -ApproveThreshold, or raise the threshold.";
    /// More member removals planned in one group than the threshold allows.
    MemberRemovalThresholdExceeded, LimitsExceeded, "Review the plan with Get-GroupWritebackOperation -PlanId; approve it with Invoke-GroupWritebackOperation -PlanId -ApproveThreshold, or raise the threshold.";
    /// No plan with that id.
    PlanNotFound, ObjectNotFound, "Make a new plan with Get-GroupWritebackOperation.";
    /// The directory or the cloud copy has changed since the plan was made.
    PlanStale, InvalidOperation, "Make a new plan with Get-GroupWritebackOperation.";
    /// The domain controller can't be reached.
    DirectoryUnavailable, ConnectionError, "Check server name, port and that the domain controller is up.";
    /// The domain controller refused the credentials.
    DirectoryAuthenticationFailed, AuthenticationError, "Check account and password, and that the clocks agree.";
    /// The domain controller is read-only (RODC).
    DirectoryReadOnly, InvalidOperation, "Name a writable domain controller with -Server, or the domain to have one found.";
    /// The controller lacks, or may lack, what the last run wrote to another one.
    DirectoryReplicationPending, ResourceUnavailable, "Wait for replication, or connect to the domain controller named in the message.";
    /// No Kerberos library on this machine.
    KerberosUnavailable, NotInstalled, "Install MIT Kerberos (Debian: libgssapi-krb5-2; Red Hat: krb5-libs), or connect with -AuthType Basic.";
    /// There is no ticket to sign in with.
    KerberosTicketMissing, AuthenticationError, "Get a ticket with kinit for the account that runs this, or connect with -KeytabPath or -Credential.";
    /// The ticket is past its life.
    KerberosTicketExpired, AuthenticationError, "Get a new ticket with kinit; a keytab (-KeytabPath) gets them by itself.";
    /// This machine's clock and the controller's differ.
    KerberosClockSkew, AuthenticationError, "Set this machine's clock (time service): Kerberos allows five minutes.";
    /// The keytab is missing, unreadable or outdated.
    KerberosKeytabUnusable, AuthenticationError, "Check path, permissions and content (klist -k); export the keytab again after a change of password.";
    /// The controller's name is none that Kerberos knows.
    KerberosServiceUnknown, ObjectNotFound, "Name the domain controller by its full DNS name, and check its service principal names (setspn -L).";
    /// No KDC of the realm can be found or reached.
    KerberosRealmUnavailable, ConnectionError, "Check the realm in krb5.conf or its DNS records (_kerberos._udp), and that a KDC is up.";
    /// The controller and we agreed on no protection of what follows the sign-in.
    KerberosProtectionRefused, SecurityError, "Connect to another domain controller, or by LDAPS; unprotected connections are never used.";
    /// A server certificate could not be verified.
    TlsVerificationFailed, SecurityError, "Check the certificate's names and dates, and trust its issuer (-CertificateAuthorityPath).";
    /// The container doesn't exist.
    ContainerNotFound, ObjectNotFound, "Run Initialize-GroupWritebackContainer, or Enable-GroupWriteback -CreateContainer.";
    /// The account may not do this (LDAP result 50).
    DirectoryAccessDenied, PermissionDenied, "Grant the account create, delete and write rights on group objects of the container.";
    /// A DC policy protects cloud-managed objects (msDS-ObjectSoa).
    CloudManagedObjectProtected, PermissionDenied, "Add the SID named in the message to msDS-Settings of CN=Cloud,CN=SOA-Policies,CN=System.";
    /// The forest's schema lacks what is needed.
    DirectorySchemaMissing, InvalidOperation, "Extend the schema as the message says.";
    /// Another object has the name (LDAP result 68).
    GroupNameConflict, ResourceExists, "Rename the other object, or change the naming preset.";
    /// The controller refused the size of a request (LDAP result 11).
    DirectoryLimitExceeded, LimitsExceeded, "Lower the batch size with Set-GroupWritebackConfiguration -BatchSize.";
    /// The controller refused an operation for another reason; the message has its text.
    DirectoryOperationFailed, WriteError, "Read the controller's message; the next cycle tries again.";
    /// Cloud members with no counterpart in AD were left out.
    MemberNotOnPremises, ObjectNotFound, "Synchronise the users to AD; list them with Get-GroupWritebackRunResult -Skipped.";
    /// A member's scope forbids it in a universal group.
    MemberScopeInvalid, InvalidOperation, "Change the scope of the member group.";
    /// The operation did not end in the time asked for.
    OperationTimeout, OperationTimeout, "The run goes on; ask again with Wait-GroupWritebackSyncCycle.";
    /// The operation was cancelled.
    OperationCancelled, OperationStopped, "The next cycle completes the work.";
    /// The host refused this group's changes at its prompt.
    NotConfirmed, OperationStopped, "Confirm, or pass -Confirm:$false.";
    /// The store can't be opened, read or written.
    StoreUnavailable, ResourceUnavailable, "Check the path, its free space and its permissions.";
    /// The store's folder is open to others.
    StoreNotPrivate, SecurityError, "Take the folder over and close it to others (Windows: icacls FOLDER /setowner Administrators, then /inheritance:r; elsewhere chmod 700), or name another with -StoreDirectory.";
    /// An argument is not of the form needed.
    InvalidArgument, InvalidArgument, "Correct the argument named in the message.";
    /// The host can't give a secret that is needed.
    SecretUnavailable, AuthenticationError, "Connect again with the credential named in the message.";
    /// A stale or invented handle.
    NativeHandleInvalid, InvalidOperation, "Connect again.";
    /// A defect of the library was contained.
    NativeEnginePanic, OperationStopped, "Report the message; nothing half done is lost, the next cycle completes it.";
}

/// An error as callers see it.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Error {
    /// Stable id.
    pub id: ErrorId,
    /// PowerShell error category, from the id.
    pub category: &'static str,
    /// One or a few sentences for an administrator.
    pub message: String,
    /// What it is about: a group id, DN, host or field path.
    pub target: Option<String>,
    /// What to do about it.
    pub recommended_action: String,
    /// The chain below, nearest first.
    pub causes: Vec<String>,
}

impl Error {
    /// A new error with the id's usual advice.
    pub fn new(id: ErrorId, message: impl Into<String>) -> Self {
        Error {
            id,
            category: id.category(),
            message: message.into(),
            target: None,
            recommended_action: id.recommended_action().to_owned(),
            causes: Vec::new(),
        }
    }

    /// Names what the error is about.
    #[must_use]
    pub fn target(mut self, target: impl ToString) -> Self {
        self.target = Some(target.to_string());
        self
    }

    /// Replaces the usual advice by one that knows the place.
    #[must_use]
    pub fn action(mut self, action: impl Into<String>) -> Self {
        self.recommended_action = action.into();
        self
    }

    /// Appends the source and its chain.
    #[must_use]
    pub fn caused_by(mut self, source: &(dyn std::error::Error + 'static)) -> Self {
        let mut next = Some(source);
        while let Some(cause) = next {
            let text = cause.to_string();
            if self.causes.last() != Some(&text) {
                self.causes.push(text);
            }
            next = cause.source();
        }
        self
    }
}

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.id.as_str(), self.message)
    }
}

impl std::error::Error for Error {}
