function Get-GroupWritebackConfiguration {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.Configuration')]
    param([Parameter(Position = 0)] [Alias('ConfigName')] [SupportsWildcards()] [ValidateNotNullOrEmpty()] [string] $ConfigurationName)

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $request = [ordered]@{ op = 'configuration' }
        if ($ConfigurationName) { $request.name = $ConfigurationName }
        Use-GwbSession -Cmdlet $PSCmdlet -Operation @{ Call = 'query'; Request = $request }
    }
}
