Set-StrictMode -Version Latest

# Said before anything of the module is read: classes and .NET calls would fail one by one, each with a riddle.
if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
    $reason = "GroupWriteback can't be used in $($ExecutionContext.SessionState.LanguageMode) mode: it calls a native library, which PowerShell allows trusted modules only. " +
        'Let the application control policy (WDAC or AppLocker) trust this module, or import it in a session in FullLanguage mode.'
    try { Write-Error -ErrorId LanguageModeNotSupported -Category PermissionDenied -TargetObject GroupWriteback -ErrorAction Stop -Message $reason }
    catch { throw $_ }
}

# One function a file; the order does not matter, except that the tables and the class, an attribute of public functions, come before
# what needs them.
$script:GwbPublicFunctions = @()
foreach ($folder in 'Private', 'Public') {
    foreach ($file in [System.IO.Directory]::GetFiles([System.IO.Path]::Combine($PSScriptRoot, $folder), '*.ps1')) {
        . $file
        if ($folder -eq 'Public') { $script:GwbPublicFunctions += [System.IO.Path]::GetFileNameWithoutExtension($file) }
    }
}

# State belongs to the runspace that imported the module: handles never cross runspaces.
$script:GwbModuleRoot = $PSScriptRoot
$script:GwbSessions = @{}
$script:GwbCurrentName = $null
$script:GwbExitRegistered = $false
# In a job nobody is there to answer a question, and secrets that were asked for before come from the session that started it.
$script:GwbCanPrompt = $true
$script:GwbInheritedSecrets = @{}
# What the library can save (docs/abi.md, saveSecrets).
$script:GwbSavedSecretNames = @('clientSecret', 'certificatePassword', 'directoryPassword')
# Names and ids seen lately, for completion without a network.
$script:GwbRecent = @{}

$ExecutionContext.SessionState.Module.OnRemove = { Close-GwbSession -All }

Register-GwbCompleter
Test-GwbFramework
