function Get-GroupWritebackOperation {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'New')]
    [OutputType('GroupWriteback.Operation', 'GroupWriteback.Plan')]
    param(
        [Parameter(Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName, ParameterSetName = 'New')]
        [Alias('GroupId', 'Id', 'ObjectId', 'ExternalDirectoryObjectId', 'DistinguishedName', 'DN', 'Guid', 'ObjectGUID')]
        [AllowNull()] [AllowEmptyString()] [AllowEmptyCollection()] [GwbIdentityTransformation()] [string[]] $Identity,
        [Parameter(ParameterSetName = 'New')] [ValidateSet('Unspecified', 'Delta', 'Initial')] [string] $PolicyType,

        [Parameter(Mandatory, ValueFromPipelineByPropertyName, ParameterSetName = 'Stored')] [ValidateNotNullOrEmpty()] [string] $PlanId,

        [ValidateSet('CreateGroup', 'RenameGroup', 'MoveGroup', 'SetAttribute', 'AddMember', 'RemoveMember', 'ConvertGroup', 'DeleteGroup')]
        [string[]] $Action,
        [switch] $Summary,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $plan = $PlanId
        # A plan or run result from the pipeline bears no group identity, but the binder tries that first: take its PlanId.
        if (-not $plan -and $PSBoundParameters.ContainsKey('Identity') -and -not $Identity) { $plan = [string] (Get-GwbValue $_ PlanId) }

        $request = [ordered]@{ op = 'plan' }
        if ($plan) { $request = [ordered]@{ op = 'operations'; planId = $plan } }
        elseif ($PSBoundParameters.ContainsKey('Identity')) {
            $wanted = [string[]] @(Select-GwbIdentity -Cmdlet $PSCmdlet -Identity $Identity)
            if ($wanted.Length -eq 0) { return }
            $request.identity = $wanted
        }
        if ($PolicyType -and -not $plan) { $request.policyType = $PolicyType }
        if ($PSBoundParameters.ContainsKey('Action')) { $request.action = $Action }
        if ($Summary) { $request.summary = $true }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request -Activity 'Planning'
    }
}
