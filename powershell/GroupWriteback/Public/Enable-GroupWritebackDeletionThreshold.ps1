function Enable-GroupWritebackDeletionThreshold {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Threshold')]
    param(
        [Parameter(Position = 0)] [uint32] $DeletionThreshold,
        [ValidateRange(0, 100)] [byte] $DeletionThresholdPercent,
        [uint32] $MemberRemovalThreshold,
        [ValidateRange(0, 100)] [byte] $MemberRemovalThresholdPercent,
        [uint32] $MinimumGroupSize,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{ op = 'setThreshold'; enabled = $true }
        $action = 'Enable the deletion threshold'
        foreach ($name in 'DeletionThreshold', 'DeletionThresholdPercent', 'MemberRemovalThreshold', 'MemberRemovalThresholdPercent', 'MinimumGroupSize') {
            if (-not $PSBoundParameters.ContainsKey($name)) { continue }
            $request[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = $PSBoundParameters[$name]
            $action += ", $name $($PSBoundParameters[$name])"
        }
        if ($PSCmdlet.ShouldProcess($session.Name, $action)) {
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request
        }
    }
}
