function ConvertTo-GwbObject {
    # An output object of the type that the library names: known properties in their order, then any others.
    param([Parameter(Mandatory)] [string] $Type, [Parameter(Mandatory)] $Value)

    $ErrorActionPreference = 'Stop'
    $properties = [ordered]@{ PSTypeName = "GroupWriteback.$Type" }
    $names = $script:GwbObjectTable[$Type]
    if ($null -ne $names) { foreach ($name in $names) { $properties[$name] = $null } }
    foreach ($property in $Value.PSObject.Properties) {
        $plain = $property.Value
        # Most values need nothing: thousands of objects should not pay a call for each.
        if ($plain -is [string]) {
            if ($plain.Length -gt 0 -and $plain[0] -eq [char] 1) { $plain = ConvertTo-GwbValue -Name $property.Name -Value $plain }
        }
        elseif ($null -ne $plain -and $plain -isnot [bool] -and ($plain -isnot [long] -or $property.Name -eq 'Duration' -or $property.Name.EndsWith('Interval'))) {
            $plain = ConvertTo-GwbValue -Name $property.Name -Value $plain
        }
        $properties[$property.Name] = $plain
    }
    foreach ($source in $script:GwbCompletionSources.Keys) {
        if ($script:GwbCompletionSources[$source] -contains $Type) { Add-GwbRecent -Kind $source -Value $properties[$source] }
    }
    [pscustomobject] $properties
}
