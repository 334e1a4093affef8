function Disable-GroupWriteback {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Feature')]
    param(
        [ValidateSet('Keep', 'Delete', 'ConvertToDistribution')] [string] $GroupAction = 'Keep',
        [switch] $Force,
        [switch] $AsJob,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }
        $action = 'Disable group writeback, keep the groups'
        if ($GroupAction -eq 'Delete') { $action = 'Disable group writeback, delete the groups' }
        if ($GroupAction -eq 'ConvertToDistribution') { $action = 'Disable group writeback, convert the groups to distribution groups' }
        if (-not (Test-GwbShouldProcess -Cmdlet $PSCmdlet -Target $session.Name -Action $action) -and -not $WhatIfPreference) { return }
        if ($AsJob) {
            # What was just confirmed includes the groups: a job can't ask.
            $override = @{}
            if (-not $WhatIfPreference) { $override['Confirm'] = $false }
            Start-GwbJob -Cmdlet $PSCmdlet -Session $session -Parameters $PSBoundParameters -Override $override
            return
        }
        $request = [ordered]@{ groupAction = $GroupAction; approve = Get-GwbApproveMode; whatIf = [bool] $WhatIfPreference; approveThreshold = $false }
        $omit = @('Plan', 'RunResult')
        if ($WhatIfPreference) { $omit += 'Feature' }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call disable -Request $request -Omit $omit -Activity 'Disabling group writeback'
    }
}
