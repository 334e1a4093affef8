function Register-GwbCompleter {
    # Completion from what this session has seen: no network, and never an error.
    $recent = $script:GwbRecent
    foreach ($row in @(
            @('ConfigurationName', 'ConfigurationName', '*-GroupWriteback*'), @('OrganizationalUnit', 'OrganizationalUnit', '*-GroupWriteback*'),
            @('SearchBase', 'OrganizationalUnit', 'Get-GroupWritebackGroup'), @('RunId', 'RunId', '*-GroupWriteback*'),
            @('PlanId', 'PlanId', '*-GroupWriteback*'))) {
        $kind = $row[1]
        # Completers run outside the module's scope: the closure carries the table along.
        $block = {
            param($commandName, $parameterName, $wordToComplete, $commandAst, $fakeBoundParameters)
            try {
                $word = ([string] $wordToComplete).Trim([char[]] @([char] 39, [char] 34))
                foreach ($value in @($recent[$kind])) {
                    if ($value -and $value.StartsWith($word, [StringComparison]::OrdinalIgnoreCase)) {
                        $text = $value
                        if ($value -notmatch '^[\w.-]+$') { $text = "'" + $value.Replace("'", "''") + "'" }
                        New-Object System.Management.Automation.CompletionResult -ArgumentList $text, $value, 'ParameterValue', $value
                    }
                }
            }
            catch { return }
        }.GetNewClosure()
        $commands = @(foreach ($name in $script:GwbPublicFunctions) { if ($name -like $row[2]) { $name } })
        Register-ArgumentCompleter -CommandName $commands -ParameterName $row[0] -ScriptBlock $block
    }
}
