function New-GwbErrorRecord {
    # An ErrorRecord of an error object of the library (docs/abi.md), or of one that this module made in the same form.
    param([Parameter(Mandatory)] $Problem, [Exception] $Exception)

    $ErrorActionPreference = 'Stop'
    $known = $script:GwbErrorTable[$Problem.id]
    $categoryName = Get-GwbValue $Problem category
    if (-not $categoryName -and $known) { $categoryName = $known[0] }
    $category = [System.Management.Automation.ErrorCategory]::NotSpecified
    if ($categoryName -and [Enum]::IsDefined([System.Management.Automation.ErrorCategory], [string] $categoryName)) {
        $category = [System.Management.Automation.ErrorCategory] $categoryName
    }
    $action = Get-GwbValue $Problem recommendedAction
    if (-not $action -and $known) { $action = $known[1] }
    if (-not $action) { $action = 'Run the command again with -Verbose, and report the message if it stays.' }

    $message = [string] $Problem.message
    if (-not $message) { $message = [string] $Problem.id }

    # The chain of causes becomes the chain of inner exceptions, and the administrator reads it in the text as well.
    $inner = $Exception
    $causes = @(foreach ($cause in @(Get-GwbValue $Problem causes)) { if ($cause) { [string] $cause } })
    for ($i = $causes.Count - 1; $i -ge 0; $i--) { $inner = [Exception]::new($causes[$i], $inner) }
    $type = $script:GwbExceptionTypes[[string] $category]
    if ($null -eq $type) { $type = [System.InvalidOperationException] }
    # By its signature: with no inner exception, overloads that take a second string would fit as well.
    $outer = $type.GetConstructor([Type[]] @([string], [Exception])).Invoke([object[]] @($message, $inner))
    $outer.Data['GroupWriteback.Id'] = [string] $Problem.id

    $details = $message
    $last = $message
    foreach ($cause in $causes) {
        if (-not $last.Contains($cause)) { $details += " Cause: $cause" }
        $last = $cause
    }
    $record = New-Object System.Management.Automation.ErrorRecord -ArgumentList $outer, ([string] $Problem.id), $category, (Get-GwbValue $Problem target)
    $record.ErrorDetails = New-Object System.Management.Automation.ErrorDetails -ArgumentList $details
    $record.ErrorDetails.RecommendedAction = [string] $action
    $record
}
