function Stop-GwbCommand {
    # Ends the public command that $Cmdlet stands for: the error shows the user's line, and its id ends in that command's name.
    [CmdletBinding(DefaultParameterSetName = 'Text')]
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory, ParameterSetName = 'Problem')] $Problem,
        [Parameter(Mandatory, ParameterSetName = 'Text')] [string] $Id,
        [Parameter(Mandatory, ParameterSetName = 'Text')] [string] $Message,
        [Parameter(ParameterSetName = 'Text')] $Target,
        [Exception] $Exception
    )

    $ErrorActionPreference = 'Stop'
    if ($PSCmdlet.ParameterSetName -eq 'Text') { $Problem = New-GwbProblem -Id $Id -Message $Message -Target $Target }
    $Cmdlet.ThrowTerminatingError((New-GwbErrorRecord -Problem $Problem -Exception $Exception))
}
