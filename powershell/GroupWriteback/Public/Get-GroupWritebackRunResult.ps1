function Get-GroupWritebackRunResult {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.RunResult', 'GroupWriteback.Operation')]
    param(
        [Parameter(Position = 0, ValueFromPipelineByPropertyName)] [Alias('RunHistoryId')] [guid] $RunId,
        [ValidateRange(1, 100000)] [int] $NumberRequested = 10,
        [switch] $RunStepDetails,
        [switch] $Skipped,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{ op = 'runResult'; numberRequested = $NumberRequested; runStepDetails = $RunStepDetails.ToBool(); skipped = $Skipped.ToBool() }
        if ($PSBoundParameters.ContainsKey('RunId')) { $request.runId = $RunId.ToString() }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request -Activity 'Reading the run history'
    }
}
