function Set-GroupWritebackConfiguration {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Configuration')]
    param(
        [Alias('SearchBase', 'OU', 'TargetContainer', 'GroupWriteBackContainerDN', 'ADobjectDN')] [AllowEmptyString()] [string] $OrganizationalUnit,
        [AllowEmptyString()] [string] $TargetRule,
        [AllowEmptyString()] [string] $CloudFilter,
        [ValidateSet('ConnectV1', 'ConnectV1DisplayName', 'CloudSync', 'Custom')] [string] $NamingPreset,
        [AllowEmptyString()] [string] $NamePattern,
        [AllowEmptyString()] [string] $SamAccountNamePattern,
        [ValidateSet('Universal', 'Global', 'DomainLocal')] [string] $GroupScope,
        [AllowNull()] [object] $AttributeMapping,
        [ValidateSet('Freeze', 'Delete', 'ConvertToDistribution', 'RemoveMembers', 'Move', 'Report')] [string] $DeprovisionAction,
        [AllowEmptyString()] [string] $DeprovisionContainer,
        [ValidateRange(0, 3650)] [int] $GraceDays,
        [ValidateSet('Repair', 'Report', 'Ignore')] [string] $DriftAction,
        [ValidateRange(1, 5000)] [int] $BatchSize,
        [switch] $PassThru,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $changes = [ordered]@{}
        foreach ($name in 'OrganizationalUnit', 'TargetRule', 'CloudFilter', 'NamingPreset', 'NamePattern', 'SamAccountNamePattern', 'GroupScope',
            'AttributeMapping', 'DeprovisionAction', 'DeprovisionContainer', 'GraceDays', 'DriftAction', 'BatchSize') {
            if (-not $PSBoundParameters.ContainsKey($name)) { continue }
            $value = $PSBoundParameters[$name]
            # An empty string, or $null, takes the setting back to its default.
            if ($value -is [string] -and $value -eq '') { $value = $null }
            $changes[$name.Substring(0, 1).ToLowerInvariant() + $name.Substring(1)] = $value
        }
        if ($changes.Count -eq 0) {
            Stop-GwbCommand -Cmdlet $PSCmdlet -Id InvalidArgument -Target 'Set-GroupWritebackConfiguration' -Message 'Name at least one setting to change.'
        }
        $target = $ConfigurationName
        if (-not $target) { $target = $script:GwbCurrentName }
        if (-not $target) { $target = 'Default' }
        $action = 'Set ' + (@($changes.Keys) -join ', ')
        if ($PSCmdlet.ShouldProcess($target, $action) -or $WhatIfPreference) {
            $omit = @()
            if (-not $PassThru) { $omit = @('Configuration') }
            $request = [ordered]@{ op = 'setConfiguration'; changes = $changes; whatIf = [bool] $WhatIfPreference }
            Use-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName -Operation @{ Call = 'query'; Request = $request; Omit = $omit }
        }
    }
}
