function Write-GwbProgress {
    # Shows a progress event, at most four a second: drawing costs more than the work it reports.
    param([Parameter(Mandatory)] $Progress, [Parameter(Mandatory)] $Value)

    if ($Progress.Silent) { return }
    $now = $Progress.Clock.ElapsedMilliseconds
    if ($now - $Progress.Last -lt 250) { return }
    $Progress.Last = $now
    $Progress.Shown = $true

    $done = Get-GwbValue $Value done
    $total = Get-GwbValue $Value total
    $rate = Get-GwbValue $Value rate
    $left = Get-GwbValue $Value secondsLeft
    $status = [string] (Get-GwbValue $Value phase)
    if ($total) { $status += ': {0} of {1}' -f $done, $total }
    elseif ($done) { $status += ': {0}' -f $done }
    if ($rate) { $status += [string]::Format([System.Globalization.CultureInfo]::InvariantCulture, ', {0:0.#}/s', [double] $rate) }

    $show = @{ Id = 7391; Activity = $Progress.Activity; Status = $status }
    $text = [string] (Get-GwbValue $Value text)
    if ($text) { $show.CurrentOperation = $text }
    if ($total -and $null -ne $done) { $show.PercentComplete = [int] [math]::Max(0, [math]::Min(100, [math]::Floor(100.0 * $done / $total))) }
    if ($null -ne $left) { $show.SecondsRemaining = [int] [math]::Max(0, [math]::Ceiling([double] $left)) }
    Write-Progress @show
}
