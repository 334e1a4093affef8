# Errors that this side of the library reports by itself: id = category, recommended action. The rest come from the engine with both.
$script:GwbErrorTable = @{
    NotConnected                 = @('ConnectionError', 'Run Connect-GroupWriteback first.')
    GroupNotFound                = @('ObjectNotFound', 'Check the id and the configured scope. An empty identity never means all groups.')
    InvalidArgument              = @('InvalidArgument', 'Correct the argument named in the message.')
    CertificateNotFound          = @('ObjectNotFound', 'Check the thumbprint or subject, and that this account may use the private key.')
    GraphAuthenticationFailed    = @('AuthenticationError', 'Check tenant id, client id and the secret or certificate of the app registration.')
    OperationTimeout             = @('OperationTimeout', 'The run goes on; ask again with Wait-GroupWritebackSyncCycle.')
    OperationCancelled           = @('OperationStopped', 'The next cycle completes the work.')
    NativeLibraryNotFound        = @('ResourceUnavailable', 'Reinstall the module for this platform, or set GROUPWRITEBACK_LIBRARY to the full path of the library.')
    NativeLibraryVersionMismatch = @('InvalidOperation', 'Start a new session, or reinstall the module: library and module belong together.')
    NativeHandleInvalid          = @('InvalidOperation', 'Connect again.')
    NativeEnginePanic            = @('OperationStopped', 'Report the message; nothing half done is lost, the next cycle completes it.')
}

# Failures of one object or one call after which others go on. Every other failure ends the command.
$script:GwbNonTerminating = @(
    'SyncCycleAlreadyRunning', 'GroupNotFound', 'AmbiguousIdentity', 'GroupNotOwned', 'WritebackFlagUnavailable',
    'DirectoryAccessDenied', 'CloudManagedObjectProtected', 'GroupNameConflict', 'DirectoryLimitExceeded',
    'MemberNotOnPremises', 'MemberScopeInvalid', 'NotConfirmed'
)

# The .NET exception that stands for a category, so that scripts which catch by type find what they expect.
$script:GwbExceptionTypes = @{
    ObjectNotFound      = [System.Management.Automation.ItemNotFoundException]
    InvalidArgument     = [System.ArgumentException]
    InvalidData         = [System.IO.InvalidDataException]
    PermissionDenied    = [System.UnauthorizedAccessException]
    AuthenticationError = [System.Security.Authentication.AuthenticationException]
    SecurityError       = [System.Security.Authentication.AuthenticationException]
    ConnectionError     = [System.IO.IOException]
    OperationTimeout    = [System.TimeoutException]
    OperationStopped    = [System.OperationCanceledException]
    NotImplemented      = [System.NotSupportedException]
}
