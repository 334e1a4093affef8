function Sync-GroupWritebackGroup {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium', DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Operation')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName)]
        [Alias('GroupId', 'Id', 'ObjectId', 'ExternalDirectoryObjectId', 'DistinguishedName', 'DN', 'Guid', 'ObjectGUID')]
        [AllowNull()] [AllowEmptyString()] [AllowEmptyCollection()] [GwbIdentityTransformation()] [string[]] $Identity,
        [switch] $Force,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        if ($Force -and -not $PSBoundParameters.ContainsKey('Confirm')) { $ConfirmPreference = 'None' }
        $wanted = [string[]] @(Select-GwbIdentity -Cmdlet $PSCmdlet -Identity $Identity)
        if ($wanted.Length -eq 0) { return }
        $request = [ordered]@{ action = 'group'; identity = $wanted; approve = Get-GwbApproveMode; whatIf = [bool] $WhatIfPreference }
        $omit = @('RunResult', 'Plan')
        if ($WhatIfPreference) { $omit += 'Operation' }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call sync -Request $request -Omit $omit -Activity 'Synchronizing groups'
    }
}
