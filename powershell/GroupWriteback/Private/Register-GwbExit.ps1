function Register-GwbExit {
    # When PowerShell ends, what runs is cancelled cleanly, so that the next cycle has little to complete. Registered at the first
    # connection, not at import.
    if ($script:GwbExitRegistered) { return }
    $script:GwbExitRegistered = $true
    # The module is looked up: an action runs in a module of its own and sees neither this one nor a closure.
    try {
        $null = Register-EngineEvent -SourceIdentifier PowerShell.Exiting -SupportEvent -Action {
            foreach ($module in @(Get-Module -Name GroupWriteback -All)) { & $module { Close-GwbSession -All } }
        }
    }
    catch { Write-Debug "Closing at exit could not be arranged: $_" }
}
