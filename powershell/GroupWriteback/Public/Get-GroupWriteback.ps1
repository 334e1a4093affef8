function Get-GroupWriteback {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Feature')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request @{ op = 'feature' }
    }
}
