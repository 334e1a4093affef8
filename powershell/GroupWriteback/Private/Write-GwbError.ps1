function Write-GwbError {
    # Reports that one object failed; others go on. Not $ErrorActionPreference='Stop' here: PowerShell reads the public command's own
    # preference from the innermost scope at the first error, so the caller's value is put back for that moment.
    [CmdletBinding(DefaultParameterSetName = 'Text')]
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory, ParameterSetName = 'Problem')] $Problem,
        [Parameter(Mandatory, ParameterSetName = 'Text')] [string] $Id,
        [Parameter(Mandatory, ParameterSetName = 'Text')] [string] $Message,
        [Parameter(ParameterSetName = 'Text')] $Target,
        [System.Management.Automation.ActionPreference] $CallerPreference = $ErrorActionPreference
    )

    if ($PSCmdlet.ParameterSetName -eq 'Text') { $Problem = New-GwbProblem -Id $Id -Message $Message -Target $Target }
    $record = New-GwbErrorRecord -Problem $Problem
    $ErrorActionPreference = $CallerPreference
    $Cmdlet.WriteError($record)
}
