function Test-GwbShouldProcess {
    # ShouldProcess for one question of a command. Where nobody can answer it is an error that says how to go on unattended, not a
    # prompt that hangs or takes its default.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] [string] $Target, [Parameter(Mandatory)] [string] $Action)

    $ErrorActionPreference = 'Stop'
    $impact = [System.Management.Automation.ConfirmImpact]::Medium
    foreach ($attribute in $Cmdlet.MyInvocation.MyCommand.ScriptBlock.Attributes) {
        if ($attribute -is [System.Management.Automation.CmdletBindingAttribute]) { $impact = $attribute.ConfirmImpact }
    }
    $preference = [System.Management.Automation.ConfirmImpact] $ConfirmPreference
    $asks = $preference -ne 'None' -and $impact -ge $preference -and -not $WhatIfPreference
    if ($asks -and -not (Test-GwbCanPrompt)) {
        $problem = New-GwbProblem -Id NotConfirmed -Target $Target -Message "$Action`: this session can't ask for confirmation, and nothing was done."
        $problem.recommendedAction = 'Pass -Confirm:$false to go on unattended.'
        Stop-GwbCommand -Cmdlet $Cmdlet -Problem $problem
    }
    $Cmdlet.ShouldProcess($Target, $Action)
}
