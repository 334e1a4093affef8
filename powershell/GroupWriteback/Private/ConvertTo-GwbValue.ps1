function ConvertTo-GwbValue {
    # A value of the library's JSON as PowerShell users expect it; $Name decides, as docs/abi.md says: names ending in InUTC are
    # times, Duration and names ending in Interval are seconds. Numbers have the same types in both editions.
    param([Parameter(Mandatory)] [string] $Name, $Value)

    if ($null -eq $Value -or $Value -is [bool]) { return $Value }
    if ($Value -is [string]) {
        if ($Value.Length -gt 0 -and $Value[0] -eq [char] 1) { $Value = $Value.Substring(1) }
        if ($Name.EndsWith('InUTC')) {
            $styles = [System.Globalization.DateTimeStyles]'AssumeUniversal, AdjustToUniversal'
            return [datetime]::Parse($Value, [System.Globalization.CultureInfo]::InvariantCulture, $styles)
        }
        return $Value
    }
    if ($Name -eq 'Duration' -or $Name.EndsWith('Interval')) {
        # By ticks: TimeSpan.FromSeconds rounds to milliseconds in .NET Framework.
        return [timespan]::FromTicks([long] [math]::Round([double] $Value * 10000000))
    }
    if ($Value -is [int] -or $Value -is [long]) { return [long] $Value }
    if ($Value -is [decimal] -or $Value -is [double]) { return [double] $Value }
    if ($Value -is [System.Collections.IList]) {
        $list = @(foreach ($item in $Value) { ConvertTo-GwbValue -Name $Name -Value $item })
        return , $list
    }
    $properties = [ordered]@{}
    $nested = $script:GwbNestedTypes[$Name]
    if ($nested) { foreach ($known in $script:GwbObjectTable[$nested]) { $properties[$known] = $null } }
    foreach ($property in $Value.PSObject.Properties) {
        $properties[$property.Name] = ConvertTo-GwbValue -Name $property.Name -Value $property.Value
    }
    [pscustomobject] $properties
}
