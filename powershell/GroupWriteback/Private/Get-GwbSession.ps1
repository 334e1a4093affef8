function Get-GwbSession {
    # The session of a configuration: the named one, else the one connected last. Ends the command when there is none.
    param([Parameter(Mandatory)] $Cmdlet, [string] $Name)

    $ErrorActionPreference = 'Stop'
    $wanted = $Name
    if (-not $wanted) { $wanted = $script:GwbCurrentName }
    if ($wanted -and $script:GwbSessions.ContainsKey($wanted)) { return $script:GwbSessions[$wanted] }
    $text = 'This session is not connected.'
    if ($Name) { $text = "This session is not connected with the configuration $Name." }
    $target = $Name
    if (-not $target) { $target = 'Default' }
    Stop-GwbCommand -Cmdlet $Cmdlet -Id NotConnected -Message $text -Target $target
}
