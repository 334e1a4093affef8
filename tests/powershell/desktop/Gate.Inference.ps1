using namespace System.Management.Automation.Language

# The types of expressions, where the text says them. The running engine's reflection knows what members return; whether 5.1 has
# the member is another question (Gate.Type.ps1).

$script:Automatic = @{
    ExecutionContext = [System.Management.Automation.EngineIntrinsics]
    Host             = [System.Management.Automation.Host.PSHost]
    MyInvocation     = [System.Management.Automation.InvocationInfo]
    PSCmdlet         = [System.Management.Automation.PSCmdlet]
    PSCommandPath    = [string]
    PSScriptRoot     = [string]
}
$script:StringOperators = @('Format', 'Join')
$script:BoolOperators = @('And', 'Or', 'Xor', 'Is', 'IsNot', 'Icontains', 'Inotcontains', 'Iin', 'Inotin')

function Get-VariableKey($Node, [string] $Name) {
    # A variable belongs to the function around it, or to the file.
    $scope = $Node
    while ($null -ne $scope.Parent -and $scope -isnot [FunctionDefinitionAst]) { $scope = $scope.Parent }
    "$($scope.Extent.StartOffset)|$($Name.ToLowerInvariant())"
}

function Add-Variable($Run, $Variable, $Value) {
    # Value is an expression, a type constraint, or $null where nothing is known.
    $key = Get-VariableKey $Variable $Variable.VariablePath.UserPath
    if (-not $Run.Assigned.ContainsKey($key)) { $Run.Assigned[$key] = New-Object 'System.Collections.Generic.List[object]' }
    $Run.Assigned[$key].Add($Value)
}

function Add-Assignment($Run, $Node) {
    $target = $Node.Left
    $value = $Node.Right
    $constraint = $null
    while ($target -is [AttributedExpressionAst]) {
        if ($target -is [ConvertExpressionAst]) { $constraint = $target.Type }
        $target = $target.Child
    }
    if ($constraint) { $value = $constraint }
    # Of += and the like only the result's type counts, which for a text is a text.
    elseif ([string] $Node.Operator -ne 'Equals') { return }
    if ($target -is [VariableExpressionAst]) { Add-Variable $Run $target $value; return }
    $owner = if ($target -is [IndexExpressionAst]) { $target.Target } else { $target.Expression }
    if ($target -is [ArrayLiteralAst]) {
        foreach ($element in $target.Elements) { if ($element -is [VariableExpressionAst]) { Add-Variable $Run $element $null } }
    }
    elseif ($target -is [IndexExpressionAst]) { Add-Key $Run $owner $target.Index }
    else { Add-Key $Run $owner $target.Member }
}

function Add-Key($Run, $Owner, $Word) {
    # $table.Key = ..., $table['Key'] = ..., $table.Add('Key', ...)
    if ($Owner -isnot [VariableExpressionAst]) { return }
    $key = (Get-VariableKey $Owner $Owner.VariablePath.UserPath) + '.'
    if (-not $Run.Assigned.ContainsKey($key)) { $Run.Assigned[$key] = New-Object 'System.Collections.Generic.List[object]' }
    $Run.Assigned[$key].Add($Word)
}

function Get-VariableType($Run, $Node) {
    $name = $Node.VariablePath.UserPath
    if ($script:Automatic.ContainsKey($name)) { return $script:Automatic[$name] }
    if ($name -eq '_') {
        # In a catch block it is the error; anywhere else it may be anything.
        $part = $Node
        while ($null -ne $part -and $part -isnot [ScriptBlockAst]) {
            if ($part -is [CatchClauseAst]) { return [System.Management.Automation.ErrorRecord] }
            $part = $part.Parent
        }
        return
    }
    $key = Get-VariableKey $Node $name
    if ($Run.Inferred.ContainsKey($key)) { return $Run.Inferred[$key] }
    # A variable that is made of itself is unknown.
    $Run.Inferred[$key] = $null
    $type = $null
    foreach ($value in $Run.Assigned[$key]) {
        $found = $null
        if ($value -is [TypeConstraintAst]) { $found = $value.TypeName.GetReflectionType() }
        elseif ($null -ne $value) {
            if ($value.Extent.Text -eq '$null') { continue }
            $found = Get-ExpressionType $Run $value
        }
        if ($null -eq $found -or ($null -ne $type -and $type -ne $found)) { return }
        $type = $found
    }
    $Run.Inferred[$key] = $type
    $type
}

function Get-ExpressionType($Run, $Node) {
    # A [type], or nothing.
    $bare = Get-BareExpression $Node
    switch ($bare.GetType().Name) {
        'StringConstantExpressionAst' { return [string] }
        'ExpandableStringExpressionAst' { return [string] }
        'ConstantExpressionAst' { return $bare.Value.GetType() }
        'HashtableAst' { return [hashtable] }
        'ScriptBlockExpressionAst' { return [scriptblock] }
        'ArrayExpressionAst' { return [object[]] }
        'ArrayLiteralAst' { return [object[]] }
        'VariableExpressionAst' { return Get-VariableType $Run $bare }
        'ConvertExpressionAst' {
            # Objects made of tables have the members of the table, and [ordered] is not a type.
            if ($bare.Type.TypeName.Name -in 'pscustomobject', 'psobject', 'ordered') { return }
            return $bare.Type.TypeName.GetReflectionType()
        }
        'CommandAst' {
            if ($bare.GetCommandName() -ne 'New-Object') { return }
            $name = Get-NewObjectType $bare
            if ($name) { $parsed = ConvertTo-TypeName $name; if ($parsed) { return $parsed.GetReflectionType() } }
            return
        }
        'BinaryExpressionAst' {
            if ($script:StringOperators -contains [string] $bare.Operator) { return [string] }
            if ($script:BoolOperators -contains [string] $bare.Operator) { return [bool] }
            if ([string] $bare.Operator -eq 'Plus' -and [string] -eq (Get-ExpressionType $Run $bare.Left)) { return [string] }
            return
        }
        'MemberExpressionAst' { return Get-MemberType $Run $bare }
        'InvokeMemberExpressionAst' { return Get-MemberType $Run $bare }
    }
}

function Get-TypeLiteral($Run, $Node) {
    # The name of the type that an expression is: [X], or a variable that only ever is [X].
    $bare = Get-BareExpression $Node
    if ($bare -is [TypeExpressionAst]) { return $bare.TypeName }
    if ($bare -isnot [VariableExpressionAst]) { return }
    $name = $null
    foreach ($value in $Run.Assigned[(Get-VariableKey $bare $bare.VariablePath.UserPath)]) {
        if ($null -eq $value -or $value -is [TypeConstraintAst]) { return }
        $value = Get-BareExpression $value
        if ($value -isnot [TypeExpressionAst]) { return }
        if ($null -ne $name -and $name.FullName -ne $value.TypeName.FullName) { return }
        $name = $value.TypeName
    }
    $name
}

function Get-MemberType($Run, $Node) {
    if ($Node.Member -isnot [StringConstantExpressionAst]) { return }
    $name = $Node.Member.Value
    $flags = 'Public, Instance, IgnoreCase'
    $literal = $null
    if ($Node.Static) {
        $literal = Get-TypeLiteral $Run $Node.Expression
        $flags = 'Public, Static, IgnoreCase, FlattenHierarchy'
        $type = if ($literal) { $literal.GetReflectionType() }
        if ($name -eq 'new') { return $type }
    }
    else { $type = Get-ExpressionType $Run $Node.Expression }
    if ($null -eq $type -or $type.IsArray) { return }
    $members = $type.GetMember($name, [System.Reflection.BindingFlags] $flags)
    # Its own before those that it hides.
    $own = @($members | Where-Object { $_.DeclaringType -eq $type })
    if ($own.Count -gt 0) { $members = $own }
    $types = @(foreach ($member in $members) {
            switch ([string] $member.MemberType) {
                'Property' { $member.PropertyType }
                'Field' { $member.FieldType }
                'Method' { $member.ReturnType }
            }
        })
    $types = @($types | Sort-Object -Property FullName -Unique)
    if ($types.Count -ne 1 -or $types[0].ContainsGenericParameters -or $types[0] -eq [object]) { return }
    $types[0]
}
