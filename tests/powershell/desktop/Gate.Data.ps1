# The tables of 5.1, read once.

$script:Language = Import-PowerShellDataFile -LiteralPath "$PSScriptRoot/Language.psd1"

function New-Table { , (New-Object 'System.Collections.Generic.Dictionary[string,object]' -ArgumentList ([System.StringComparer]::OrdinalIgnoreCase)) }

function New-Set([object[]] $Words) {
    $set = New-Object 'System.Collections.Generic.HashSet[string]' -ArgumentList ([System.StringComparer]::OrdinalIgnoreCase)
    foreach ($word in $Words) { if ($word) { $null = $set.Add($word) } }
    , $set
}

$script:CommonNames = @($script:Language.CommonParameters.Keys) + @($script:Language.CommonParameters.Values)
$script:CommonShort = @{}
foreach ($name in $script:Language.CommonParameters.Keys) { $script:CommonShort[$script:Language.CommonParameters[$name]] = $name }

# command -> all its parameters. Functions without a module have no list: their parameters are not judged.
$script:CommandTable = New-Table
foreach ($row in Import-Csv -LiteralPath "$PSScriptRoot/commands.csv") {
    $script:CommandTable[$row.command] = @(-split $row.parameters) + $script:CommonNames + @($script:Language.MoreParameters[$row.command] | Where-Object { $_ })
}
foreach ($name in $script:Language.Functions) { $script:CommandTable[$name] = $null }

# type -> its line, taken apart when the type is first asked for.
$script:TypeLines = New-Table
$file = [System.IO.File]::OpenRead("$PSScriptRoot/types.tsv.gz")
try {
    $packed = New-Object System.IO.Compression.GZipStream -ArgumentList $file, ([System.IO.Compression.CompressionMode]::Decompress)
    $reader = New-Object System.IO.StreamReader -ArgumentList $packed, ([System.Text.Encoding]::UTF8)
    foreach ($line in $reader.ReadToEnd().Split([char[]] "`n")) {
        if ($line) { $script:TypeLines[$line.Substring(0, $line.IndexOf([char] 9))] = $line }
    }
}
finally { $file.Dispose() }
$script:TypeRows = New-Table

function Get-TypeRow([string] $Name) {
    # Static and instance members of a type of 5.1, or nothing.
    $row = $null
    if ($script:TypeRows.TryGetValue($Name, [ref] $row)) { return $row }
    $line = $null
    if ($script:TypeLines.TryGetValue($Name, [ref] $line)) {
        $cells = $line.TrimEnd([char] 13).Split([char] 9)
        $row = @{ Name = $cells[0]; Static = (New-Set $cells[1].Split([char] 32)); Instance = (New-Set $cells[2].Split([char] 32)) }
    }
    $script:TypeRows[$Name] = $row
    $row
}

function Add-Violation($Run, $Extent, [string] $Kind, [string] $What, [string] $Advice) {
    $Run.Found.Add([pscustomobject]@{ File = $Run.File; Line = $Extent.StartLineNumber + $Run.Offset; Kind = $Kind; What = $What; Advice = $Advice })
}

function Add-NewerViolation($Run, $Node, [string] $Kind, [string] $What, [string] $Advice) {
    # Of what is only run in PowerShell 7 may be newer.
    if (-not (Test-CoreOnly $Node)) { Add-Violation $Run $Node.Extent $Kind $What "$Advice Or branch on `$PSEdition." }
}
