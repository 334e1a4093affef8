function Get-GroupWritebackGroup {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Filter')]
    [OutputType('GroupWriteback.Group')]
    param(
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName, ParameterSetName = 'Identity')]
        [Parameter(Mandatory, Position = 0, ValueFromPipeline, ValueFromPipelineByPropertyName, ParameterSetName = 'Forest')]
        [Alias('GroupId', 'Id', 'ObjectId', 'ExternalDirectoryObjectId', 'DistinguishedName', 'DN', 'Guid', 'ObjectGUID')]
        [AllowNull()] [AllowEmptyString()] [AllowEmptyCollection()] [GwbIdentityTransformation()] [string[]] $Identity,

        [Parameter(Mandatory, ParameterSetName = 'Forest')] [switch] $IgnoreDefaultScope,

        [Parameter(ParameterSetName = 'Filter')] [ValidateNotNullOrEmpty()] [string] $LDAPFilter,
        [Parameter(ParameterSetName = 'Filter')] [ValidateNotNullOrEmpty()] [string] $CloudFilter,
        [Parameter(ParameterSetName = 'Filter')] [Alias('OrganizationalUnit', 'OU', 'Path')] [ValidateNotNullOrEmpty()] [string] $SearchBase,
        [Parameter(ParameterSetName = 'Filter')] [ValidateSet('Base', 'OneLevel', 'Subtree')] [string] $SearchScope,
        [Parameter(ParameterSetName = 'Filter')]
        [ValidateSet('InSync', 'Pending', 'Drifted', 'OutOfScope', 'Orphaned', 'Failed')] [string[]] $State,

        [Alias('Property')] [ValidateNotNullOrEmpty()] [string[]] $Properties,
        [Alias('ResultSetSize')] [ValidatePattern('^(\d{1,9}|Unlimited)$')] [string] $ResultSize = 'Unlimited',
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $session = Get-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName
        $request = [ordered]@{ op = 'groups' }
        if ($PSCmdlet.ParameterSetName -ne 'Filter') {
            $wanted = [string[]] @(Select-GwbIdentity -Cmdlet $PSCmdlet -Identity $Identity)
            if ($wanted.Length -eq 0) { return }
            $request.identity = $wanted
            if ($IgnoreDefaultScope) { $request.forest = $true }
        }
        foreach ($row in @(@('LDAPFilter', 'ldapFilter'), @('CloudFilter', 'cloudFilter'), @('SearchBase', 'searchBase'),
                @('SearchScope', 'searchScope'), @('State', 'state'), @('Properties', 'properties'))) {
            if ($PSBoundParameters.ContainsKey($row[0])) { $request[$row[1]] = $PSBoundParameters[$row[0]] }
        }
        if ($ResultSize -ne 'Unlimited') { $request.resultSize = [int] $ResultSize }
        Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request -Activity 'Reading groups'
    }
}
