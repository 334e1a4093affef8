function Complete-GwbProgress {
    # Takes the bar away; also while the pipeline is being stopped, when the host may no longer want to hear of it.
    param([Parameter(Mandatory)] $Progress)

    if (-not $Progress.Shown) { return }
    try { Write-Progress -Id 7391 -Activity $Progress.Activity -Completed } catch { $Progress.Shown = $false }
}
