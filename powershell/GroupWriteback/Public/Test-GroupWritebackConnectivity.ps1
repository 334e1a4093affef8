function Test-GroupWritebackConnectivity {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Default')]
    [OutputType('GroupWriteback.ConnectivityReport', [bool])]
    param(
        [ValidateSet('Graph', 'SignIn', 'Directory', 'Clock')] [string[]] $Service,
        [switch] $Quiet,
        [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $request = [ordered]@{ op = 'testConnectivity' }
        if ($PSBoundParameters.ContainsKey('Service')) { $request.services = $Service }
        # Also without a connection: that it can't be made is what this command is for.
        $operation = @{ Call = 'query'; Request = $request; Activity = 'Testing the connection' }
        if (-not $Quiet) {
            Use-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName -Operation $operation
            return
        }
        $reports = @(Use-GwbSession -Cmdlet $PSCmdlet -Name $ConfigurationName -Operation $operation)
        $good = $reports.Count -gt 0
        foreach ($report in $reports) { if (-not $report.Succeeded) { $good = $false } }
        $good
    }
}
