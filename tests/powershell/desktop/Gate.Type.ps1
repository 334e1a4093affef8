using namespace System.Management.Automation.Language

# .NET types and their members.

function Resolve-TypeName($Run, $TypeName) {
    # The name in the list, 'known' where nothing is to be said (the module's own types, types without a list), nothing where 5.1 has none.
    $name = $TypeName.Name
    $count = 0
    if ($TypeName -is [ArrayTypeName]) {
        if ($null -eq (Resolve-TypeName $Run $TypeName.ElementType)) { return }
        return 'System.Array'
    }
    if ($TypeName -is [GenericTypeName]) {
        foreach ($argument in $TypeName.GenericArguments) { if ($null -eq (Resolve-TypeName $Run $argument)) { return } }
        $name = $TypeName.TypeName.Name
        $count = $TypeName.GenericArguments.Count
    }
    if ($Run.Types.Contains($name)) { return 'known' }
    $full = $script:Language.Accelerators[$name]
    if ($full) {
        if ($script:TypeLines.ContainsKey($full)) { return $full }
        return 'known'
    }
    if ($count -gt 0 -and -not $name.Contains('`')) { $name = "$name``$count" }
    foreach ($candidate in @($name) + @(foreach ($space in $Run.Using) { "$space.$name" })) {
        $row = Get-TypeRow $candidate
        if ($null -ne $row) { return $row.Name }
    }
}

function Test-TypeName($Run, $Node, $TypeName) {
    # Before a hash table [ordered] is a word of the language, not a type.
    if ($TypeName.Name -eq 'ordered' -and $Node.Parent -is [ConvertExpressionAst] -and
        $Node.Parent.Child -is [HashtableAst]) { return }
    if ($null -eq (Resolve-TypeName $Run $TypeName)) {
        Add-NewerViolation $Run $Node 'type' "[$($TypeName.FullName)]" '.NET Framework, as Windows PowerShell 5.1 loads it, has no such type.'
    }
}

function Test-Attribute($Run, $Node) {
    $name = Resolve-TypeName $Run $Node.TypeName
    if ($null -eq $name) {
        foreach ($candidate in "$($Node.TypeName.Name)Attribute", "System.Management.Automation.$($Node.TypeName.Name)Attribute") {
            $row = Get-TypeRow $candidate
            if ($null -ne $row) { $name = $row.Name }
        }
    }
    if ($null -eq $name) {
        Add-NewerViolation $Run $Node 'type' "the attribute [$($Node.TypeName.FullName)()]" 'Windows PowerShell 5.1 has no such attribute.'
        return
    }
    if ($name -eq 'known') { return }
    foreach ($argument in $Node.NamedArguments) {
        if (-not (Test-TypeMember $name $argument.ArgumentName 'Instance')) {
            Add-NewerViolation $Run $argument 'member' "$($argument.ArgumentName) of the attribute [$($Node.TypeName.FullName)()]" 'Leave it out.'
        }
    }
    if ($name -eq 'System.Management.Automation.ValidateRangeAttribute' -and $Node.PositionalArguments.Count -eq 1) {
        Add-NewerViolation $Run $Node 'value' 'ValidateRange with one argument' 'Write the lowest and the highest value.'
    }
}

function Test-Conversion($Run, $Node) {
    $type = $Node.Type.TypeName
    $value = Get-BareExpression $Node.Child
    if ($type.Name -eq 'type' -and $value -is [StringConstantExpressionAst]) {
        $named = ConvertTo-TypeName $value.Value
        if ($null -ne $named) { Test-TypeName $Run $Node $named }
        return
    }
    # A name of an enumeration's values.
    if ($value -isnot [StringConstantExpressionAst]) { return }
    $real = $type.GetReflectionType()
    $name = Resolve-TypeName $Run $type
    if ($null -eq $real -or -not $real.IsEnum -or -not $name -or $name -eq 'known') { return }
    foreach ($word in $value.Value.Split([char[]] ',')) {
        $word = $word.Trim()
        if ($word -match '^[A-Za-z]' -and -not (Get-TypeRow $name).Static.Contains($word)) {
            Add-NewerViolation $Run $Node 'member' "[$($type.FullName)] '$word'" 'Windows PowerShell 5.1 knows no such value.'
        }
    }
}

function Get-ListName([type] $Type) {
    # The name under which the list has a type.
    if ($Type.IsArray) { return 'System.Array' }
    if ($Type.IsGenericType) { return $Type.GetGenericTypeDefinition().FullName }
    $Type.FullName
}

function Get-TypeChain([string] $Name) {
    # A type, its bases and, for an interface, those that it includes, as full names: inherited members stand with the base. What a
    # type derives from is taken from the running engine.
    $Name
    $type = $Name -as [type]
    if ($null -eq $type) { return }
    for ($base = $type.BaseType; $null -ne $base; $base = $base.BaseType) { Get-ListName $base }
    if ($type.IsInterface) {
        'System.Object'
        foreach ($one in $type.GetInterfaces()) { Get-ListName $one }
    }
}

function Test-TypeMember([string] $Name, [string] $Member, [string] $Kind) {
    foreach ($one in Get-TypeChain $Name) {
        $row = Get-TypeRow $one
        if ($null -ne $row -and $row[$Kind].Contains($Member)) { return $true }
        # Constructors are not inherited.
        if ($Member -eq 'new' -and $Kind -eq 'Static') { return $false }
        if ($Kind -eq 'Instance' -and $script:Language.AddedMembersOf.ContainsKey($one) -and $script:Language.AddedMembersOf[$one] -contains $Member) {
            return $true
        }
    }
    $Kind -eq 'Instance' -and $script:Language.AddedMembers -contains $Member
}

function Test-Member($Run, $Node) {
    if ($Node.GenericTypeArguments) {
        Add-Violation $Run $Node.Extent 'syntax' 'a method with type arguments' 'Call it by reflection: MakeGenericMethod.'
    }
    if ($Node.Member -isnot [StringConstantExpressionAst]) { return }
    $member = $Node.Member.Value
    if ($Node.Static) {
        $literal = Get-TypeLiteral $Run $Node.Expression
        if ($null -eq $literal) { return }
        $name = Resolve-TypeName $Run $literal
        # A type that isn't there was reported as such.
        if (-not $name -or $name -eq 'known') { return }
        # Value types can be made without a constructor of their own.
        if ($member -eq 'new') {
            $real = $literal.GetReflectionType()
            if ($null -ne $real -and ($real.IsValueType -or $real.IsArray)) { return }
        }
        if (-not (Test-TypeMember $name $member 'Static')) {
            Add-NewerViolation $Run $Node 'member' "[$($literal.FullName)]::$member" '.NET Framework has no such member.'
        }
        else { Test-ArgumentCount $Run $Node $name $member }
        return
    }
    if ($Node.Expression.Extent.Text -match $script:VersionTable) {
        if ($script:Language.NewerVersionKeys -contains $member) {
            Add-NewerViolation $Run $Node 'member' "`$PSVersionTable.$member" 'Windows PowerShell 5.1 has no such key.'
        }
        return
    }
    $type = Get-ExpressionType $Run $Node.Expression
    if ($null -eq $type) { return }
    $called = $Node -is [InvokeMemberExpressionAst]
    # Members of these are what was put into them.
    if (-not $called -and [System.Collections.IDictionary].IsAssignableFrom($type)) { return }
    if ([System.Xml.XmlNode].IsAssignableFrom($type) -or $type -in [object], [psobject], [System.Management.Automation.PSCustomObject]) {
        return
    }
    $name = Get-ListName $type
    if ($null -eq (Get-TypeRow $name)) { return }
    if (-not (Test-TypeMember $name $member 'Instance')) {
        # An array gives the members of its elements, and a value may be of a type derived from the one that the text says: what is known
        # of neither edition is not judged.
        if ($type.IsArray -and -not $called) { return }
        if (-not $type.IsSealed -and $type.GetMember($member, [System.Reflection.BindingFlags] 'Public, Instance, IgnoreCase, FlattenHierarchy').Length -eq 0) {
            return
        }
        Add-NewerViolation $Run $Node 'member' "$member of $($type.Name)" '.NET Framework has no such member.'
    }
    elseif ($called) { Test-ArgumentCount $Run $Node $name $member }
}

function Test-ArgumentCount($Run, $Node, [string] $Name, [string] $Member) {
    # The member is there, but an overload of it may be newer.
    if ($Node -isnot [InvokeMemberExpressionAst]) { return }
    $count = @($Node.Arguments | Where-Object { $_ }).Count
    foreach ($one in Get-TypeChain $Name) {
        $key = "$one.$Member"
        if ($script:Language.MostArguments.ContainsKey($key) -and $count -gt $script:Language.MostArguments[$key]) {
            Add-NewerViolation $Run $Node 'member' "$Member of $one with $count arguments" '.NET Framework 4.7.2 has no such overload.'
        }
    }
    # 5.1 takes the text for a list of characters: every one of them splits.
    if ("$Name.$Member" -eq 'System.String.Split' -and $count -gt 0 -and $Node.Arguments[0] -is [StringConstantExpressionAst] -and
        $Node.Arguments[0].Value.Length -gt 1) {
        Add-NewerViolation $Run $Node 'member' 'Split of String by a text' 'Write -split [regex]::Escape(...).'
    }
}
