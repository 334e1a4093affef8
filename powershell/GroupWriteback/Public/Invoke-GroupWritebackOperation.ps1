function Invoke-GroupWritebackOperation {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Operation')]
    [OutputType('GroupWriteback.RunResult', 'GroupWriteback.Operation')]
    param(
        # Not [PSTypeName()]: that would refuse operations that came through a job, remoting or a file.
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ParameterSetName = 'Operation')] [ValidateNotNull()] [psobject[]] $Operation,
        [Parameter(Mandatory, ParameterSetName = 'Plan')] [ValidateNotNullOrEmpty()] [string] $PlanId,
        [switch] $ApproveThreshold,
        [switch] $Force,
        [switch] $PassThru,
        [switch] $AsJob,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    begin {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $plans = @{}
        $ids = New-Object 'System.Collections.Generic.List[string]'
        $all = New-Object 'System.Collections.Generic.List[object]'
    }

    process {
        if ($PSCmdlet.ParameterSetName -ne 'Operation') { return }
        foreach ($one in $Operation) {
            $id = [string] (Get-GwbValue $one Id)
            $plan = [string] (Get-GwbValue $one PlanId)
            if ($id -and $plan) {
                $plans[$plan] = $true
                $ids.Add($id)
                $all.Add($one)
            }
            else {
                Write-GwbError -Cmdlet $PSCmdlet -Id InvalidArgument -Target $one -Message 'This is not an operation of a plan: Id or PlanId is missing.'
            }
        }
    }

    end {
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }
        $request = [ordered]@{ action = 'invoke'; planId = $PlanId; operationIds = $null }
        if ($PSCmdlet.ParameterSetName -eq 'Operation') {
            if ($ids.Count -eq 0) { return }
            if ($plans.Count -gt 1) {
                Stop-GwbCommand -Cmdlet $PSCmdlet -Id InvalidArgument -Target (@($plans.Keys) -join ', ') -Message (
                    'The operations are of several plans. Apply one plan a call.')
            }
            $request.planId = @($plans.Keys)[0]
            $request.operationIds = $ids.ToArray()
        }
        if ($AsJob) {
            $override = @{}
            if ($all.Count -gt 0) { $override['Operation'] = $all.ToArray() }
            Start-GwbJob -Cmdlet $PSCmdlet -Session $session -Parameters $PSBoundParameters -Override $override
            return
        }
        $request.approveThreshold = $ApproveThreshold.ToBool()
        $request.approve = Get-GwbApproveMode
        $request.whatIf = [bool] $WhatIfPreference
        $request.passThru = $PassThru.ToBool()
        $omit = @('Plan')
        if ($PassThru) { $omit += 'RunResult' } else { $omit += 'Operation' }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call sync -Request $request -Omit $omit -Activity 'Applying the plan'
    }
}
