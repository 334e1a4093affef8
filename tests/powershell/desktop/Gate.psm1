using namespace System.Management.Automation.Language

# The gate: holds a script against what Windows PowerShell 5.1 has. Pure: text in, violations out. README.md says what it knows.

. "$PSScriptRoot/Gate.Data.ps1"
. "$PSScriptRoot/Gate.Branch.ps1"
. "$PSScriptRoot/Gate.Syntax.ps1"
. "$PSScriptRoot/Gate.Command.ps1"
. "$PSScriptRoot/Gate.Inference.ps1"
. "$PSScriptRoot/Gate.Type.ps1"
. "$PSScriptRoot/Gate.Text.ps1"

function Get-DesktopViolation {
    # What of a text 5.1 would refuse, or would take differently: File, Line, Kind, What, Advice.
    [CmdletBinding()]
    param(
        [Parameter(Mandatory)] [AllowEmptyString()] [string] $Text,
        [string] $File = '',
        # The line on which the text begins in the file.
        [int] $FirstLine = 1,
        # Commands and types that are there besides those of 5.1: the module's own.
        [string[]] $KnownCommand = @(),
        [string[]] $KnownType = @()
    )

    $tokens = $null
    $errors = $null
    $tree = [Parser]::ParseInput($Text, [ref] $tokens, [ref] $errors)
    $nodes = $tree.FindAll({ $true }, $true)
    $run = @{
        File     = $File
        Offset   = $FirstLine - 1
        Found    = New-Object 'System.Collections.Generic.List[object]'
        Commands = New-Object 'System.Collections.Generic.HashSet[string]' -ArgumentList ([System.StringComparer]::OrdinalIgnoreCase)
        Types    = New-Object 'System.Collections.Generic.HashSet[string]' -ArgumentList ([System.StringComparer]::OrdinalIgnoreCase)
        Using    = @('System')
        # Per function: what its variables get, and what was inferred of that.
        Assigned = @{}
        Inferred = @{}
    }
    foreach ($name in $KnownCommand) { $null = $run.Commands.Add($name) }
    foreach ($name in $KnownType) { $null = $run.Types.Add($name) }
    foreach ($node in $nodes) {
        switch ($node.GetType().Name) {
            'FunctionDefinitionAst' { $null = $run.Commands.Add(($node.Name -replace '^\w+:')) }
            'TypeDefinitionAst' { $null = $run.Types.Add($node.Name) }
            'UsingStatementAst' { if ($node.UsingStatementKind -eq 'Namespace') { $run.Using += $node.Name.Value } }
            'AssignmentStatementAst' { Add-Assignment $run $node }
            'ParameterAst' { Add-Variable $run $node.Name ($node.Attributes | Where-Object { $_ -is [TypeConstraintAst] } | Select-Object -First 1) }
            'InvokeMemberExpressionAst' {
                if ($node.Member.Extent.Text -eq 'Add' -and $node.Arguments) { Add-Key $run $node.Expression $node.Arguments[0] }
            }
            'ForEachStatementAst' { Add-Variable $run $node.Variable $null }
        }
    }

    foreach ($problem in $errors) { Add-Violation $run $problem.Extent 'parse' $problem.Message 'Correct the syntax.' }
    Test-Token $run $tokens
    Test-Requirement $run $tree
    foreach ($node in $nodes) {
        switch ($node.GetType().Name) {
            'PipelineChainAst' { Add-Violation $run $node.Extent 'syntax' "$($node.Operator) between commands" 'Write an if statement on $?.' }
            'PipelineAst' { Test-Pipeline $run $node }
            'TernaryExpressionAst' { Add-Violation $run $node.Extent 'syntax' 'the ternary operator' 'Write if and else.' }
            'ScriptBlockAst' { Test-Block $run $node }
            'TypeDefinitionAst' { Test-Definition $run $node }
            'BinaryExpressionAst' { Test-Operator $run $node }
            'VariableExpressionAst' { Test-Variable $run $node }
            'CommandAst' { Test-Command $run $node }
            'TypeExpressionAst' { Test-TypeName $run $node $node.TypeName }
            'TypeConstraintAst' { Test-TypeName $run $node $node.TypeName }
            'AttributeAst' { Test-Attribute $run $node }
            'ConvertExpressionAst' { Test-Conversion $run $node }
            'MemberExpressionAst' { Test-Member $run $node }
            'InvokeMemberExpressionAst' { Test-Member $run $node }
        }
    }
    if ($File -match '\.psd1$') { Test-Manifest $run $tree }
    $run.Found | Sort-Object -Property Line
}

Export-ModuleMember -Function Get-DesktopViolation, Get-EncodingViolation, Get-ScriptText
