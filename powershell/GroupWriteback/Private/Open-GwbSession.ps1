function Open-GwbSession {
    # Opens a session of the library (no network yet) and gives the object that stands for it. Secrets are SecureString objects by the
    # names of docs/abi.md; `certificate` is an X509Certificate2.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] [string] $Name,
        [System.Collections.IDictionary] $Connection,
        [hashtable] $Secrets = @{},
        [string] $StoreDirectory,
        [int] $ClientTimeout,
        # What Connect-GroupWriteback was called with: a job connects with the same.
        [hashtable] $ConnectParameters = @{}
    )

    $ErrorActionPreference = 'Stop'
    $native = Get-GwbNative -Cmdlet $Cmdlet
    $config = [ordered]@{ configurationName = $Name }
    # A variable set in this session is invisible to native code outside Windows: .NET keeps a copy of the environment.
    if (-not $StoreDirectory) { $StoreDirectory = [Environment]::GetEnvironmentVariable('GROUPWRITEBACK_STORE') }
    if ($StoreDirectory) { $config.storeDirectory = $StoreDirectory }
    if ($ClientTimeout -gt 0) { $config.clientTimeoutSec = $ClientTimeout }
    if ($null -ne $Connection -and $Connection.Count -gt 0) { $config.connection = $Connection }
    # What was given goes before what is saved, and what is saved before asking a person.
    $config.savedSecrets = [string[]] @(foreach ($key in $script:GwbSavedSecretNames) { if ($Secrets[$key] -isnot [securestring]) { $key } })
    $bytes = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $config -Compress -Depth 6))
    [uint64] $handle = 0
    $problem = [Activator]::CreateInstance($native.Buffer)
    $status = $native.Library::gwb_open($bytes, [UIntPtr]::new([uint32] $bytes.Length), [ref] $handle, [ref] $problem)
    if ($status -ne $script:GwbStatus.Ok) {
        Stop-GwbCommand -Cmdlet $Cmdlet -Problem (Read-GwbProblem -Native $native -Buffer ([ref] $problem) -Status $status -Function gwb_open)
    }
    [pscustomobject]@{ Name = $Name; Handle = $handle; Native = $native; Secrets = $Secrets; ConnectParameters = $ConnectParameters }
}
