function Write-GwbLeftOut {
    # How many groups with left-out members were not shown, once.
    param([Parameter(Mandatory)] $LeftOut)

    if ($LeftOut.More -eq 0) { return }
    $noun = 'more groups have'
    if ($LeftOut.More -eq 1) { $noun = 'more group has' }
    Write-Warning "$($LeftOut.More) $noun members left out; list them with Get-GroupWritebackRunResult -Skipped."
    $LeftOut.More = 0
}
