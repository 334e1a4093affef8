function Format-GwbWarning {
    # A warning's text: what was left out, about what, and what to do.
    param([Parameter(Mandatory)] $Problem)

    $text = [string] (Get-GwbValue $Problem message)
    $action = [string] (Get-GwbValue $Problem recommendedAction)
    if ($action) { $text += " $action" }
    $text
}
