function Wait-GroupWritebackSyncCycle {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.RunResult')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)] [Alias('RunHistoryId')] [guid] $RunId,
        [ValidateRange(1, 2147483)] [int] $TimeoutSec,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{ op = 'waitRun' }
        if ($PSBoundParameters.ContainsKey('RunId')) { $request.runId = $RunId.ToString() }
        if ($TimeoutSec -gt 0) { $request.timeoutSec = $TimeoutSec }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request -Activity 'Waiting for the synchronization cycle'
    }
}
