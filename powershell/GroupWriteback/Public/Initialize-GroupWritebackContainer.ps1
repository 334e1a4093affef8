function Initialize-GroupWritebackContainer {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.PermissionReport')]
    param(
        [Parameter(Mandatory, Position = 0)]
        [Alias('SearchBase', 'OU', 'TargetContainer', 'GroupWriteBackContainerDN', 'ADobjectDN')]
        [ValidateNotNullOrEmpty()] [string] $OrganizationalUnit,
        [Alias('ADConnectorAccountDN', 'ADConnectorAccount')] [ValidateNotNullOrEmpty()] [string] $Account,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{ op = 'initializeContainer'; organizationalUnit = $OrganizationalUnit; whatIf = [bool] $WhatIfPreference }
        $action = 'Create the container'
        if ($Account) {
            $request.account = $Account
            $action += " and grant $Account its rights"
        }
        if ($PSCmdlet.ShouldProcess($OrganizationalUnit, $action) -or $WhatIfPreference) {
            Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request -Activity 'Preparing the container'
        }
    }
}
