function Get-GroupWritebackRunStatus {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.RunStatus')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request @{ op = 'runStatus' }
    }
}
