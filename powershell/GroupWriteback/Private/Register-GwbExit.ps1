function Register-GwbExit {
    # When PowerShell ends, what runs is cancelled cleanly, so that the next cycle has little to complete. Registered at the first
    # connection, not at import.
    if ($script:GwbExitRegistered) { return }
    $script:GwbExitRegistered = $true
    $module = $ExecutionContext.SessionState.Module
    $action = { & $module { Close-GwbSession -All } }.GetNewClosure()
    try { $null = Register-EngineEvent -SourceIdentifier PowerShell.Exiting -SupportEvent -Action $action }
    catch { Write-Debug "Closing at exit could not be arranged: $_" }
}
