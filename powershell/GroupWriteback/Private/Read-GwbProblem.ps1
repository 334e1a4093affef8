function Read-GwbProblem {
    # The error object that a function of the library left behind; one is made when it left none.
    param([Parameter(Mandatory)] $Native, [Parameter(Mandatory)] [ref] $Buffer, [Parameter(Mandatory)] [int] $Status, [string] $Function)

    $ErrorActionPreference = 'Stop'
    $text = Read-GwbBuffer -Native $Native -Buffer $Buffer
    if ($text) {
        $problem = ConvertFrom-GwbJson -Text $text
        if (Get-GwbValue $problem id) { return $problem }
    }
    $id = 'InvalidArgument'
    if ($Status -eq $script:GwbStatus.InvalidHandle) { $id = 'NativeHandleInvalid' }
    if ($Status -eq $script:GwbStatus.Panic) { $id = 'NativeEnginePanic' }
    New-GwbProblem -Id $id -Message "The native function $Function failed with status $Status." -Target $Function
}
