function Start-GroupWritebackSyncCycle {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.SyncCycle', 'GroupWriteback.RunResult')]
    param(
        [Parameter(Position = 0)] [ValidateSet('Unspecified', 'Delta', 'Initial')] [string] $PolicyType = 'Unspecified',
        [switch] $Wait,
        [ValidateRange(1, 2147483)] [int] $TimeoutSec,
        [switch] $AsJob,
        [ValidateNotNullOrEmpty()] [string] $RemovedServer,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if ($AsJob) {
            # The job is there to wait: a cycle would end with the job's process.
            Start-GwbJob -Cmdlet $PSCmdlet -Session $session -Parameters $PSBoundParameters -Override @{ Wait = $true }
            return
        }
        $run = @{ Cmdlet = $PSCmdlet; Session = $session; Activity = "Synchronizing ($($session.Name))" }
        $request = [ordered]@{ action = 'cycle'; policyType = $PolicyType; detached = $false; approve = 'none'; whatIf = [bool] $WhatIfPreference }
        if ($RemovedServer) { $request.removedServer = $RemovedServer }

        if ($WhatIfPreference) {
            Invoke-GwbOperation @run -Call sync -Request $request -Omit Plan
            return
        }
        $detached = -not $Wait
        # With a time limit and nothing to ask, the cycle is started by itself, so that it goes on when the time is up.
        if ($Wait -and $TimeoutSec -gt 0 -and $ConfirmPreference -eq 'None') { $detached = $true }
        if (-not $detached) {
            $request.approve = Get-GwbApproveMode
            Invoke-GwbOperation @run -Call sync -Request $request -TimeoutSec $TimeoutSec
            return
        }
        $request.detached = $true
        if (-not (Test-GwbShouldProcess -Cmdlet $PSCmdlet -Target $session.Name -Action "Start a synchronization cycle ($PolicyType)")) { return }
        $cycle = Invoke-GwbOperation @run -Call sync -Request $request
        if (-not $Wait) { $cycle }
        elseif ($null -ne $cycle) {
            Invoke-GwbOperation @run -Call query -Request ([ordered]@{ op = 'waitRun'; runId = $cycle.RunId; timeoutSec = $TimeoutSec })
        }
    }
}
