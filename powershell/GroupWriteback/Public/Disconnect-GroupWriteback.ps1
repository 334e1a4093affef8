function Disconnect-GroupWriteback {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        if (-not $ConfigurationName) { Close-GwbSession -All }
        elseif ($script:GwbSessions.ContainsKey($ConfigurationName)) { Close-GwbSession -Session $script:GwbSessions[$ConfigurationName] }
    }
}
