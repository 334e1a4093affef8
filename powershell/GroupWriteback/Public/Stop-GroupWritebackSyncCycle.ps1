function Stop-GroupWritebackSyncCycle {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    param([Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if ($PSCmdlet.ShouldProcess($session.Name, 'Stop the running synchronization cycle')) {
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request @{ op = 'stopRun' }
        }
    }
}
