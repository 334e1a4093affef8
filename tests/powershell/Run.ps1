# Runs the PowerShell tests; the exit code is the number of failures (1 when none could be run).
#   pwsh -NoProfile -File tests/powershell/Run.ps1 [-Path <files>] [-Name <filter>] [-Result <file for the counts>]
# They test the package in the folder that GROUPWRITEBACK_MODULE names, else the module of this tree with GROUPWRITEBACK_LIBRARY (the
# native library). The end-to-end tests want GROUPWRITEBACK_LAB (the lab's program) too.
param([string[]] $Path = $PSScriptRoot, [string] $Name, [string] $Result)

$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.5
$configuration = New-PesterConfiguration
# With -File a list comes as one word.
$configuration.Run.Path = @($Path -split ',')
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
if ($Name) { $configuration.Filter.FullName = $Name }
$run = Invoke-Pester -Configuration $configuration
$skipped = foreach ($test in $run.Skipped) {
    $because = 'skipped by its block'
    if ($test.ErrorRecord -and $test.ErrorRecord[0].Exception.Message -match '(?s)because (.+)$') { $because = $Matches[1].Trim() }
    [pscustomobject] @{ name = $test.ExpandedPath; because = $because }
}
foreach ($test in $skipped) { Write-Host "NOT RUN: $($test.name): $($test.because)" }
if ($Result) {
    $files = foreach ($one in $run.Containers) { [pscustomobject] @{ name = $one.Item.Name; passed = $one.PassedCount; failed = $one.FailedCount; skipped = $one.SkippedCount } }
    [System.IO.File]::WriteAllText($Result, (ConvertTo-Json @{ files = @($files); skipped = @($skipped) } -Depth 4))
}
$failed = $run.FailedCount + $run.FailedBlocksCount + $run.FailedContainersCount
if ($failed -eq 0 -and $run.PassedCount -eq 0) { $failed = 1 }
exit [math]::Min($failed, 250)
