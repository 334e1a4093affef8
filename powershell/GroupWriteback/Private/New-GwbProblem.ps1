function New-GwbProblem {
    # An error object of this side, in the form that the library uses.
    param([Parameter(Mandatory)] [string] $Id, [Parameter(Mandatory)] [string] $Message, $Target)

    [pscustomobject]@{ id = $Id; category = $null; message = $Message; target = $Target; recommendedAction = $null; causes = @() }
}
