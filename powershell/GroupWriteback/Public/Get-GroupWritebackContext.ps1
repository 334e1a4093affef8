function Get-GroupWritebackContext {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Context')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $name = $ConfigurationName
        if (-not $name) { $name = $script:GwbCurrentName }
        # Empty, not an error, when not connected: `if (-not (Get-GroupWritebackContext)) { Connect-GroupWriteback }`.
        if ($name -and $script:GwbSessions.ContainsKey($name)) {
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $script:GwbSessions[$name] -Call query -Request @{ op = 'context' }
        }
    }
}
