function Start-GwbOperation {
    # Starts an operation of the library; gives its handle.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Native,
        [Parameter(Mandatory)] $Session,
        [Parameter(Mandatory)] [ValidateSet('enable', 'disable', 'sync', 'query')] [string] $Call,
        [Parameter(Mandatory)] [System.Collections.IDictionary] $Request
    )

    $ErrorActionPreference = 'Stop'
    $bytes = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Request -Compress -Depth 6))
    [uint64] $operation = 0
    $problem = [Activator]::CreateInstance($Native.Buffer)
    $function = "gwb_$Call"
    $status = $Native.Library::$function($Session.Handle, $bytes, [UIntPtr]::new([uint32] $bytes.Length), [ref] $operation, [ref] $problem)
    if ($status -ne $script:GwbStatus.Ok) {
        $found = Read-GwbProblem -Native $Native -Buffer ([ref] $problem) -Status $status -Function $function
        # The engine has forgotten this session (closed elsewhere): so does the module, and "connect again" then works.
        if ($status -eq $script:GwbStatus.InvalidHandle) { $script:GwbSessions.Remove($Session.Name) }
        Stop-GwbCommand -Cmdlet $Cmdlet -Problem $found
    }
    $operation
}
