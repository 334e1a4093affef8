function Enable-GroupWriteback {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Feature')]
    param(
        [Parameter(Position = 0)]
        [Alias('SearchBase', 'OU', 'TargetContainer', 'GroupWriteBackContainerDN', 'ADobjectDN')]
        [ValidateNotNullOrEmpty()] [string] $OrganizationalUnit,
        [ValidateSet('V1', 'V2', 'CloudSync')] [string] $Version,
        [switch] $CreateContainer,
        [switch] $WithoutExchange,
        [switch] $TakeOver,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{
            createContainer = $CreateContainer.ToBool(); withoutExchange = $WithoutExchange.ToBool(); takeOver = $TakeOver.ToBool()
            whatIf = [bool] $WhatIfPreference
        }
        if ($OrganizationalUnit) { $request.organizationalUnit = $OrganizationalUnit }
        if ($Version) { $request.version = $Version }
        $action = 'Enable group writeback'
        if ($Version) { $action += " $Version" }
        if ($OrganizationalUnit) { $action += " into $OrganizationalUnit" }
        if ($TakeOver) { $action += ', take over the marked groups there' }
        # With -WhatIf every check still runs, so that what is missing is known before.
        if ($PSCmdlet.ShouldProcess($session.Name, $action) -or $WhatIfPreference) {
            $omit = @()
            if ($WhatIfPreference) { $omit = @('Feature') }
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call enable -Request $request -Omit $omit -Activity 'Enabling group writeback'
        }
    }
}
