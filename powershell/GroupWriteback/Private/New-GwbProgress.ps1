function New-GwbProgress {
    # The progress bar of one operation. One fixed id: a cycle redraws its bar and never stacks bars.
    param([string] $Activity = 'Group Writeback', [bool] $Silent)

    [pscustomobject]@{ Activity = $Activity; Silent = $Silent; Shown = $false; Clock = [System.Diagnostics.Stopwatch]::StartNew(); Last = [long] -1000 }
}
