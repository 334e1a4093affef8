function ConvertFrom-GwbJson {
    # JSON lines of the library as objects, the same in Windows PowerShell and PowerShell 7: strings that look like dates would
    # become DateTime in one and stay in the other (and a group may bear such a name), so they are marked here and stay strings.
    # ConvertTo-GwbValue takes the mark off.
    param([Parameter(Mandatory)] [AllowEmptyString()] [string] $Text)

    $ErrorActionPreference = 'Stop'
    $lines = @(foreach ($line in $Text.Split("`n")) { if ($line.Trim()) { $line } })
    if ($lines.Count -eq 0) { return }
    $marked = [regex]::Replace($lines -join ',', '(?<=[:,\[]")(?=\d{4}-\d\d-\d\dT|\\?/Date\()', '\u0001')
    # Two statements: ConvertFrom-Json gives an array as one object in Windows PowerShell.
    $objects = ConvertFrom-Json -InputObject "[$marked]"
    foreach ($object in $objects) { $object }
}
