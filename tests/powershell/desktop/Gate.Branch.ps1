using namespace System.Management.Automation.Language

# Where does only PowerShell 7 come? In branches on the edition.

$script:VersionTable = '^\$(global:)?PSVersionTable$'

function Test-Edition($Expression) {
    # $PSEdition, $PSVersionTable.PSEdition or $PSVersionTable['PSEdition'].
    switch ($Expression.GetType().Name) {
        'VariableExpressionAst' { return $Expression.VariablePath.UserPath -in 'PSEdition', 'global:PSEdition' }
        'MemberExpressionAst' { return $Expression.Expression.Extent.Text -match $script:VersionTable -and $Expression.Member.Extent.Text -eq 'PSEdition' }
        'IndexExpressionAst' { return $Expression.Target.Extent.Text -match $script:VersionTable -and $Expression.Index.Value -eq 'PSEdition' }
    }
    return $false
}

function Get-BareExpression($Node) {
    # Without parentheses and the pipeline around a single expression.
    while ($true) {
        switch ($Node.GetType().Name) {
            'ParenExpressionAst' { $next = $Node.Pipeline }
            'PipelineAst' { $next = if ($Node.PipelineElements.Count -eq 1) { $Node.PipelineElements[0] } }
            'CommandExpressionAst' { $next = $Node.Expression }
            default { $next = $null }
        }
        if ($null -eq $next) { return $Node }
        $Node = $next
    }
}

function Test-MeansCore($Condition, [bool] $Outcome) {
    # Whether that outcome of a condition is possible in PowerShell 7 only.
    $node = Get-BareExpression $Condition
    if ($node -is [UnaryExpressionAst]) {
        if ([string] $node.TokenKind -notin 'Not', 'Exclaim') { return $false }
        return Test-MeansCore $node.Child (-not $Outcome)
    }
    if ($node -isnot [BinaryExpressionAst]) { return $false }
    $operator = [string] $node.Operator
    if ($operator -in 'And', 'Or') {
        $left = Test-MeansCore $node.Left $Outcome
        $right = Test-MeansCore $node.Right $Outcome
        # An -and that is true, and an -or that is false, say something about both sides.
        if (($operator -eq 'And') -eq $Outcome) { return $left -or $right }
        return $left -and $right
    }
    if ($operator -notin 'Ieq', 'Ceq', 'Ine', 'Cne') { return $false }
    $constant = $null
    if (Test-Edition $node.Left) { $constant = $node.Right } elseif (Test-Edition $node.Right) { $constant = $node.Left }
    if ($constant -isnot [StringConstantExpressionAst]) { return $false }
    $equal = ($operator -in 'Ieq', 'Ceq') -eq $Outcome
    return ($equal -and $constant.Value -eq 'Core') -or (-not $equal -and $constant.Value -eq 'Desktop')
}

function Test-Leaving($Block) {
    # Whether what comes after a block is not reached from it.
    if ($null -eq $Block -or $Block.Statements.Count -eq 0) { return $false }
    $last = $Block.Statements[$Block.Statements.Count - 1]
    $last.GetType().Name -in 'ReturnStatementAst', 'ThrowStatementAst', 'ExitStatementAst', 'ContinueStatementAst', 'BreakStatementAst'
}

function Test-CoreClause($If, $Part) {
    # Part is a condition, a block or the else block of an if statement: what is known when it is reached.
    foreach ($clause in $If.Clauses) {
        if ([object]::ReferenceEquals($clause.Item1, $Part)) { return $false }
        if ([object]::ReferenceEquals($clause.Item2, $Part)) { return Test-MeansCore $clause.Item1 $true }
        if (Test-MeansCore $clause.Item1 $false) { return $true }
    }
    return $false
}

function Test-CoreSwitch($Switch, $Part) {
    if (-not (Test-Edition (Get-BareExpression $Switch.Condition))) { return $false }
    $hasDesktop = $false
    foreach ($clause in $Switch.Clauses) {
        if ($clause.Item1.Value -eq 'Desktop') { $hasDesktop = $true }
        if ([object]::ReferenceEquals($clause.Item2, $Part)) { return $clause.Item1.Value -eq 'Core' }
    }
    return $hasDesktop -and [object]::ReferenceEquals($Switch.Default, $Part)
}

function Test-CoreAfter($Statements, $Part) {
    # After `if ($PSEdition -eq 'Desktop') { return }`.
    foreach ($statement in $Statements) {
        if ([object]::ReferenceEquals($statement, $Part)) { return $false }
        if ($statement -isnot [IfStatementAst]) { continue }
        $first = $statement.Clauses[0]
        if ((Test-Leaving $first.Item2) -and (Test-MeansCore $first.Item1 $false)) { return $true }
        if ($statement.Clauses.Count -eq 1 -and (Test-Leaving $statement.ElseClause) -and (Test-MeansCore $first.Item1 $true)) {
            return $true
        }
    }
    return $false
}

function Test-CoreOnly($Node) {
    $part = $Node
    while ($null -ne $part.Parent) {
        $parent = $part.Parent
        switch ($parent.GetType().Name) {
            'IfStatementAst' { if (Test-CoreClause $parent $part) { return $true } }
            'SwitchStatementAst' { if (Test-CoreSwitch $parent $part) { return $true } }
            'StatementBlockAst' { if (Test-CoreAfter $parent.Statements $part) { return $true } }
            'NamedBlockAst' { if (Test-CoreAfter $parent.Statements $part) { return $true } }
            'BinaryExpressionAst' {
                # The right side of -and and -or is only looked at after the left one.
                if ([object]::ReferenceEquals($parent.Right, $part) -and [string] $parent.Operator -in 'And', 'Or' -and
                    (Test-MeansCore $parent.Left ([string] $parent.Operator -eq 'And'))) { return $true }
            }
            # A class is compiled before the branch that it stands in is chosen.
            'TypeDefinitionAst' { return $false }
        }
        $part = $parent
    }
    return $false
}
