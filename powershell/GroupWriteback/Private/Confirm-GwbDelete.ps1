function Confirm-GwbDelete {
    # Deletes ask even in commands that don't ask otherwise: impact High. -Confirm:$false and -WhatIf come down by scope.
    # Gives the ids of the groups that were refused.
    [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'High')]
    param([Parameter(Mandatory, ValueFromPipeline)] $Group)

    process {
        if (-not $PSCmdlet.ShouldProcess((Get-GwbGroupTitle $Group), $Group.Summary)) { $Group.GroupId }
    }
}
