# Turns whatever an administrator pipes or passes as -Identity into strings: objects of this module, of the Exchange and Active
# Directory cmdlets and of Microsoft Graph, live or deserialized. It uses no function of the module, because an attribute runs before
# any of the module's code does.
# It never throws: what holds no identity becomes $null, which the commands refuse (never "all groups").
class GwbIdentityTransformation : System.Management.Automation.ArgumentTransformationAttribute {
    [object] Transform([System.Management.Automation.EngineIntrinsics] $engine, [object] $value) {
        $list = New-Object 'System.Collections.Generic.List[string]'
        $plain = [GwbIdentityTransformation]::Unwrap($value)
        $many = $plain -is [System.Collections.IList]
        if ($many) {
            foreach ($item in $plain) { $list.Add([GwbIdentityTransformation]::ToText($item)) }
        }
        else {
            $list.Add([GwbIdentityTransformation]::ToText($plain))
        }
        if ($list.Count -eq 0 -or (-not $many -and $list[0] -eq '')) { return $null }
        return $list.ToArray()
    }

    static hidden [object] Unwrap([object] $value) {
        if ($value -is [System.Management.Automation.PSObject] -and $value.PSObject.BaseObject -isnot [System.Management.Automation.PSCustomObject]) {
            return $value.PSObject.BaseObject
        }
        return $value
    }

    static hidden [string] ToText([object] $value) {
        $text = ''
        $plain = [GwbIdentityTransformation]::Unwrap($value)
        if ($null -eq $plain) { return '' }
        if ($plain -is [string]) {
            $text = $plain.Trim()
        }
        elseif ($plain -is [guid]) {
            if ($plain -ne [guid]::Empty) { $text = $plain.ToString() }
        }
        elseif ($plain -isnot [System.ValueType]) {
            # GroupId comes first for this module's own operations, whose Id is the operation's.
            foreach ($name in 'GroupId', 'ExternalDirectoryObjectId', 'Id', 'ObjectGUID', 'Guid', 'DistinguishedName') {
                $found = [GwbIdentityTransformation]::Member($value, $plain, $name)
                if ([string]::IsNullOrEmpty($found)) { continue }
                $parsed = [guid]::Empty
                $isGuid = [guid]::TryParse($found, [ref] $parsed)
                if ($isGuid -and $parsed -eq [guid]::Empty) { continue }
                if ($name -eq 'Id' -and -not $isGuid) { continue }
                $text = $found
                break
            }
        }
        return $text
    }

    static hidden [string] Member([object] $wrapped, [object] $plain, [string] $name) {
        $found = $null
        if ($plain -is [System.Collections.IDictionary]) {
            foreach ($key in $plain.Keys) { if ([string] $key -eq $name) { $found = $plain[$key] } }
        }
        else {
            $property = ([psobject] $wrapped).PSObject.Properties[$name]
            if ($null -ne $property) {
                # A property of a foreign object may be computed, and may fail.
                try { $found = $property.Value } catch { $found = $null }
            }
        }
        if ($null -eq $found) { return '' }
        if ($found -is [string] -or $found -is [guid]) { return ([string] $found).Trim() }
        $base = ([psobject] $found).PSObject.BaseObject
        if ($base -is [string] -or $base -is [guid]) { return ([string] $base).Trim() }
        # Exchange wraps distinguished names in types of its own; lists are no identity.
        if ($base -is [System.Collections.IEnumerable]) { return '' }
        return ([string] $found).Trim()
    }
}
