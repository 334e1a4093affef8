function Use-GwbSession {
    # Runs one operation with the session of a configuration, or, for commands that need nothing but the saved configuration, with one
    # that is opened for this call. Everything else is as for Invoke-GwbOperation.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [string] $Name,
        [Parameter(Mandatory)] [hashtable] $Operation,
        [System.Management.Automation.ActionPreference] $CallerPreference = $ErrorActionPreference
    )

    $ErrorActionPreference = 'Stop'
    $wanted = $Name
    if (-not $wanted) { $wanted = $script:GwbCurrentName }
    if (-not $wanted) { $wanted = 'Default' }
    $session = $script:GwbSessions[$wanted]
    $own = $null -eq $session
    if ($own) { $session = Open-GwbSession -Cmdlet $Cmdlet -Name $wanted }
    try { Invoke-GwbOperation -Cmdlet $Cmdlet -Session $session -CallerPreference $CallerPreference @Operation }
    finally { if ($own) { Close-GwbSession -Session $session } }
}
