using namespace System.Management.Automation.Language

# Syntax that came after 5.1. Most of it is refused everywhere, also in branches: 5.1 would not read the file at all.

$script:NewerTokens = @{
    QuestionQuestion       = @('the operator ??', 'Write if ($null -eq ...).')
    QuestionQuestionEquals = @('the operator ??=', 'Write if ($null -eq ...).')
    QuestionDot            = @('the operator ?.', 'Write if ($null -ne ...).')
    QuestionLBracket       = @('the operator ?[]', 'Write if ($null -ne ...).')
}
$script:NumberForm = '^[-+]?(0x[0-9a-f]+|(\d+\.?\d*|\.\d+)(e[-+]?\d+)?)[ld]?([kmgtp]b)?$'
# An odd number of backticks before e or u{.
$script:NewerEscape = New-Object regex -ArgumentList '(?<!`)(?:``)*`(e|u\{)'

function Test-Token($Run, $Tokens) {
    $before = $null
    foreach ($token in $Tokens) {
        $kind = [string] $token.Kind
        $known = $script:NewerTokens[$kind]
        if ($known) { Add-Violation $Run $token.Extent 'syntax' $known[0] $known[1] }
        elseif ($kind -eq 'Number' -and $token.Text -notmatch $script:NumberForm) {
            Add-Violation $Run $token.Extent 'syntax' "the number $($token.Text)" 'Write a cast: [uint32] 1, [byte] 1.'
        }
        elseif ($kind -eq 'Pipe' -and $before -eq 'NewLine') {
            Add-Violation $Run $token.Extent 'syntax' 'a line that begins with |' 'End the line before with |.'
        }
        elseif ($kind -in 'StringExpandable', 'HereStringExpandable', 'Generic' -and $token.Text.Contains('`')) {
            $escape = $script:NewerEscape.Match($token.Text)
            if ($escape.Success) {
                Add-Violation $Run $token.Extent 'escape' "the escape sequence ``$($escape.Groups[1].Value.TrimEnd('{'))" 'Write $([char] 0x1b): 5.1 reads the letter itself.'
            }
        }
        # What stands in $( ) of a string.
        if ($token -is [StringExpandableToken] -and $token.NestedTokens) { Test-Token $Run $token.NestedTokens }
        $before = $kind
    }
}

function Test-Requirement($Run, $Tree) {
    $needs = $Tree.ScriptRequirements
    if ($null -eq $needs) { return }
    if ($needs.RequiredPSVersion -gt [version] '5.1') {
        Add-Violation $Run $Tree.Extent 'requires' "#requires -Version $($needs.RequiredPSVersion)" 'Require 5.1 at most.'
    }
    if ($needs.RequiredPSEditions -and $needs.RequiredPSEditions -notcontains 'Desktop') {
        Add-Violation $Run $Tree.Extent 'requires' '#requires -PSEdition Core' 'Leave it out.'
    }
}

function Test-Pipeline($Run, $Node) {
    if ($Node.Background) { Add-Violation $Run $Node.Extent 'syntax' 'the background operator &' 'Write Start-Job.' }
}

function Test-Block($Run, $Node) {
    if ($null -ne $Node.CleanBlock) { Add-Violation $Run $Node.CleanBlock.Extent 'syntax' 'a clean block' 'Write try and finally.' }
}

function Test-Definition($Run, $Node) {
    if ($Node.IsEnum -and $Node.BaseTypes.Count -gt 0) {
        Add-Violation $Run $Node.Extent 'syntax' "the enum $($Node.Name) with an underlying type" 'Leave the type out: it is int.'
    }
}

function Test-Operator($Run, $Node) {
    $operator = [string] $Node.Operator
    if ($operator -in 'Ireplace', 'Creplace' -and $Node.Right -is [ArrayLiteralAst] -and
        $Node.Right.Elements.Count -gt 1 -and $Node.Right.Elements[1] -is [ScriptBlockExpressionAst]) {
        Add-NewerViolation $Run $Node 'syntax' '-replace with a script block' 'Write [regex]::Replace with an evaluator.'
    }
    elseif ($operator -eq 'DotDot') {
        foreach ($side in $Node.Left, $Node.Right) {
            if ($side -is [StringConstantExpressionAst] -and $side.Value -notmatch '^\s*-?\d+\s*$') {
                Add-NewerViolation $Run $Node 'syntax' 'a range of characters' 'Write ([int] [char] ''a'')..([int] [char] ''z'').'
                break
            }
        }
    }
    elseif ($operator -in 'Isplit', 'Csplit' -and $Node.Right -is [ArrayLiteralAst] -and
        $Node.Right.Elements.Count -gt 1 -and $Node.Right.Elements[1].Extent.Text -match '^-\s*\d') {
        Add-NewerViolation $Run $Node 'syntax' '-split from the end' 'Split all, and take the last ones.'
    }
}

function Test-Variable($Run, $Node) {
    $name = $Node.VariablePath.UserPath -replace '^(global|script|local|private|using|variable):', ''
    if ($script:Language.NewerVariables -contains $name) {
        Add-NewerViolation $Run $Node 'variable' "`$$name" 'Ask [Environment]::OSVersion.Platform, [System.Runtime.InteropServices.RuntimeInformation] or $PSEdition.'
    }
}

# Keys of a manifest are the parameters of New-ModuleManifest, except that.
$script:ManifestKeys = @('ModuleToProcess')

function Test-Manifest($Run, $Tree) {
    $statement = $Tree.EndBlock.Statements | Select-Object -First 1
    if ($null -eq $statement) { return }
    $table = Get-BareExpression $statement
    if ($table -isnot [HashtableAst]) { return }
    $known = $script:CommandTable['New-ModuleManifest'] + $script:ManifestKeys
    # Only a manifest has a version: other data files may hold what they like.
    if ($table.KeyValuePairs.Item1.Value -notcontains 'ModuleVersion') { return }
    foreach ($pair in $table.KeyValuePairs) {
        $key = $pair.Item1.Value
        if ($known -notcontains $key) {
            Add-Violation $Run $pair.Item1.Extent 'manifest' "the key $key" 'Leave it out: 5.1 refuses to import the module.'
        }
        $value = (Get-BareExpression $pair.Item2).Value
        if ($key -eq 'PowerShellVersion' -and [version] $value -gt [version] '5.1') {
            Add-Violation $Run $pair.Item2.Extent 'manifest' "PowerShellVersion $value" 'Write 5.1.'
        }
        if ($key -eq 'CompatiblePSEditions' -and $pair.Item2.Extent.Text -notmatch 'Desktop') {
            Add-Violation $Run $pair.Item2.Extent 'manifest' 'CompatiblePSEditions without Desktop' 'Name both editions.'
        }
    }
}
