function Send-GwbAnswer {
    # Answers what the library asked. The payload follows the JSON line as raw bytes, which are zeroed here whatever happens.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Native,
        [Parameter(Mandatory)] [uint64] $Operation,
        [Parameter(Mandatory)] [System.Collections.IDictionary] $Answer,
        [byte[]] $Payload
    )

    $ErrorActionPreference = 'Stop'
    $line = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Answer -Compress -Depth 4))
    $extra = 0
    if ($null -ne $Payload) { $extra = 1 + $Payload.Length }
    $bytes = New-Object byte[] ($line.Length + $extra)
    # Pinned, so that the collector leaves no copy of a secret behind.
    $pin = [System.Runtime.InteropServices.GCHandle]::Alloc($bytes, [System.Runtime.InteropServices.GCHandleType]::Pinned)
    try {
        [System.Buffer]::BlockCopy($line, 0, $bytes, 0, $line.Length)
        if ($null -ne $Payload) {
            $bytes[$line.Length] = 10
            [System.Buffer]::BlockCopy($Payload, 0, $bytes, $line.Length + 1, $Payload.Length)
        }
        $problem = [Activator]::CreateInstance($Native.Buffer)
        $status = $Native.Library::gwb_answer($Operation, $bytes, [UIntPtr]::new([uint32] $bytes.Length), [ref] $problem)
    }
    finally {
        [array]::Clear($bytes, 0, $bytes.Length)
        $pin.Free()
    }
    if ($status -ne $script:GwbStatus.Ok) {
        Stop-GwbCommand -Cmdlet $Cmdlet -Problem (Read-GwbProblem -Native $Native -Buffer ([ref] $problem) -Status $status -Function gwb_answer)
    }
}
