using namespace System.Management.Automation.Language

# Commands, their parameters and values.

function Find-Parameter([string[]] $Known, [string] $Name) {
    # As the binder does it: the exact name, else the only one that begins so.
    if ($script:CommonShort.ContainsKey($Name)) { return $script:CommonShort[$Name] }
    if ($Known -contains $Name) { return $Name }
    $begin = @($Known | Where-Object { $_.StartsWith($Name, [System.StringComparison]::OrdinalIgnoreCase) } | Sort-Object -Unique)
    if ($begin.Count -eq 1) { $begin[0] }
}

function Test-Command($Run, $Node) {
    $name = $Node.GetCommandName()
    # Called by a variable, or a file: nothing is known of it.
    if (-not $name -or $name -match '[\\/]|\.(ps1|exe|cmd|bat)$') {
        # A module's name may stand before the command.
        if ($name -notmatch '^[\w.]+\\([\w-]+)$') { return }
        $name = $Matches[1]
    }
    $alias = $script:Language.Aliases[$name]
    if ($alias -and -not $Run.Commands.Contains($name)) { $name = $alias }
    if ($Run.Commands.Contains($name)) { return }
    if (-not $script:CommandTable.ContainsKey($name)) {
        Add-NewerViolation $Run $Node 'command' $name 'Windows PowerShell 5.1 has no such command.'
        return
    }
    $known = $script:CommandTable[$name]
    if ($null -eq $known) { return }

    $given = New-Set
    $positional = 0
    $elements = $Node.CommandElements
    for ($i = 1; $i -lt $elements.Count; $i++) {
        $element = $elements[$i]
        if ($element -is [CommandParameterAst]) {
            $parameter = Find-Parameter $known $element.ParameterName
            if (-not $parameter) {
                Add-NewerViolation $Run $element 'parameter' "$name -$($element.ParameterName)" 'Windows PowerShell 5.1 has no such parameter (write its name in full).'
                continue
            }
            $null = $given.Add($parameter)
            $value = $element.Argument
            if ($null -eq $value -and $i + 1 -lt $elements.Count) { $value = $elements[$i + 1] }
            Test-Value $Run $name $parameter $value
            # Whether the parameter takes the next element is not known; so later elements are not counted as positional.
            $positional = -100
        }
        elseif ($element.Splatted) { $positional = -100 }
        else { $positional++ }
    }
    $limit = $script:Language.PositionalLimits[$name]
    if ($limit -and $positional -gt $limit) {
        Add-NewerViolation $Run $Node 'parameter' "$name with $positional arguments" 'Call it twice, or use [System.IO.Path]::Combine.'
    }
    foreach ($element in $elements) { if ($element.Splatted) { Test-Splat $Run $Node $name $known $given $element } }
    if ($name -eq 'New-Object') { Test-NewObject $Run $Node }
}

function Test-Value($Run, [string] $Name, [string] $Parameter, $Value) {
    $newer = $script:Language.NewerValues[$Parameter]
    if (-not $newer -or $Value -isnot [StringConstantExpressionAst]) { return }
    if ($newer -contains $Value.Value) {
        Add-NewerViolation $Run $Value 'value' "$Name -$Parameter $($Value.Value)" 'Windows PowerShell 5.1 knows no such value.'
    }
}

function Test-Splat($Run, $Node, [string] $Name, [string[]] $Known, $Given, $Splat) {
    # What a splatted table holds, as far as the text of the function says it.
    foreach ($key in Get-SplatKey $Run $Splat) {
        $parameter = Find-Parameter $Known $key.Name
        if (-not $parameter) {
            Add-NewerViolation $Run $key.Node 'parameter' "$Name -$($key.Name) (splatted)" 'Windows PowerShell 5.1 has no such parameter.'
        }
        elseif ($Given.Contains($parameter)) {
            Add-NewerViolation $Run $Node 'parameter' "$Name -$parameter both given and splatted" 'Take it out of the table: 5.1 reports a parameter that is given twice.'
        }
    }
}

function Get-SplatKey($Run, $Splat) {
    $key = Get-VariableKey $Splat $Splat.VariablePath.UserPath
    foreach ($value in $Run.Assigned[$key]) {
        if ($null -eq $value) { continue }
        $table = Get-BareExpression $value
        if ($table -is [ConvertExpressionAst]) { $table = $table.Child }
        if ($table -isnot [HashtableAst]) { continue }
        foreach ($pair in $table.KeyValuePairs) {
            if ($pair.Item1 -is [StringConstantExpressionAst]) { @{ Name = $pair.Item1.Value; Node = $pair.Item1 } }
        }
    }
    foreach ($word in $Run.Assigned["$key."]) {
        if ($word -is [StringConstantExpressionAst]) { @{ Name = $word.Value; Node = $word } }
    }
}

function Test-NewObject($Run, $Node) {
    $name = Get-NewObjectType $Node
    if (-not $name) { return }
    $parsed = ConvertTo-TypeName $name
    if ($null -ne $parsed) { Test-TypeName $Run $Node $parsed }
}

function Get-NewObjectType($Node) {
    $elements = $Node.CommandElements
    for ($i = 1; $i -lt $elements.Count; $i++) {
        $element = $elements[$i]
        if ($element -is [CommandParameterAst]) {
            if ('ComObject'.StartsWith($element.ParameterName, [System.StringComparison]::OrdinalIgnoreCase)) { return }
            if ('TypeName'.StartsWith($element.ParameterName, [System.StringComparison]::OrdinalIgnoreCase)) {
                $value = if ($element.Argument) { $element.Argument } elseif ($i + 1 -lt $elements.Count) { $elements[$i + 1] }
                if ($value -is [StringConstantExpressionAst]) { return $value.Value }
                return
            }
            # -Property and -ArgumentList have a value each, -Strict none.
            if ($null -eq $element.Argument -and $element.ParameterName -notlike 's*') { $i++ }
        }
        elseif ($element -is [StringConstantExpressionAst]) { return $element.Value }
        else { return }
    }
}

function ConvertTo-TypeName([string] $Name) {
    # The parsed name of a type, from a string.
    $tree = [Parser]::ParseInput("[$Name]", [ref] $null, [ref] $null)
    $found = $tree.Find({ param($node) $node -is [TypeExpressionAst] }, $true)
    if ($null -ne $found) { $found.TypeName }
}
