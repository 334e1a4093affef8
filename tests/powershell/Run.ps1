# Runs the PowerShell tests; the exit code is the number of failures (1 when none could be run).
#   pwsh -NoProfile -File tests/powershell/Run.ps1 [-Path <files>] [-Name <filter>]
# The end-to-end tests want GROUPWRITEBACK_LIBRARY (the native library) and GROUPWRITEBACK_LAB (the lab's program).
param([string[]] $Path = $PSScriptRoot, [string] $Name)

$ErrorActionPreference = 'Stop'
Import-Module Pester -MinimumVersion 5.5
$configuration = New-PesterConfiguration
# With -File a list comes as one word.
$configuration.Run.Path = @($Path -split ',')
$configuration.Run.PassThru = $true
$configuration.Output.Verbosity = 'Normal'
if ($Name) { $configuration.Filter.FullName = $Name }
$result = Invoke-Pester -Configuration $configuration
foreach ($why in @($result.Skipped | ForEach-Object { $_.Block.Name } | Sort-Object -Unique)) { Write-Host "NOT RUN: $why" }
$failed = $result.FailedCount + $result.FailedBlocksCount + $result.FailedContainersCount
if ($failed -eq 0 -and $result.PassedCount -eq 0) { $failed = 1 }
exit [math]::Min($failed, 250)
