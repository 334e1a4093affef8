function Disable-GroupWritebackDeletionThreshold {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Threshold')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if (Test-GwbShouldProcess -Cmdlet $PSCmdlet -Target $session.Name -Action 'Disable the deletion threshold') {
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request ([ordered]@{ op = 'setThreshold'; enabled = $false })
        }
    }
}
