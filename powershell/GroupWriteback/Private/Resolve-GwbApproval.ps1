function Resolve-GwbApproval {
    # Asks for each group of a plan whether it may be written, as $ConfirmPreference wants it; gives the ids of those refused.
    param([Parameter(Mandatory)] $Cmdlet, [object[]] $Groups = @())

    $asksAll = $ConfirmPreference -in 'Low', 'Medium'
    $asksDeletes = $ConfirmPreference -ne 'None'
    if ($asksDeletes -and -not (Test-GwbCanPrompt)) {
        # Nobody can answer: what would be asked is refused. -Confirm:$false and -Force set the preference to None.
        $unasked = @(foreach ($group in $Groups) { if ($asksAll -or $group.IsDelete) { $group } })
        $Groups = @(foreach ($group in $Groups) { if (-not $asksAll -and -not $group.IsDelete) { $group } })
        if ($unasked.Count -gt 0) {
            Write-Warning "$($unasked.Count) group(s) were left as they are, because this session can't ask for confirmation. To go on unattended, pass -Confirm:`$false."
            foreach ($group in $unasked) { $group.GroupId }
        }
    }
    $deletes = @(foreach ($group in $Groups) { if ($group.IsDelete) { $group } })
    foreach ($group in $Groups) {
        if (-not $group.IsDelete -and -not $Cmdlet.ShouldProcess((Get-GwbGroupTitle $group), $group.Summary)) { $group.GroupId }
    }
    # Once through the pipeline: "Yes to All" holds for all of them.
    if ($deletes.Count -gt 0) { $deletes | Confirm-GwbDelete }
}
