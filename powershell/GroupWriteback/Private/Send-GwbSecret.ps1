function Send-GwbSecret {
    # Gives a SecureString to the library: its characters stand in clear only in memory that is pinned or unmanaged, and zeroed at once.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Native,
        [Parameter(Mandatory)] [uint64] $Operation,
        [Parameter(Mandatory)] $Ask,
        [Parameter(Mandatory)] [securestring] $Secret
    )

    $ErrorActionPreference = 'Stop'
    $length = $Secret.Length
    $chars = New-Object char[] $length
    $utf8 = [System.Text.Encoding]::UTF8
    $bytes = New-Object byte[] ($utf8.GetMaxByteCount($length))
    $payload = $null
    $pins = @(foreach ($array in @($chars, $bytes)) {
            [System.Runtime.InteropServices.GCHandle]::Alloc($array, [System.Runtime.InteropServices.GCHandleType]::Pinned)
        })
    $pointer = [IntPtr]::Zero
    try {
        $pointer = [System.Runtime.InteropServices.Marshal]::SecureStringToGlobalAllocUnicode($Secret)
        [System.Runtime.InteropServices.Marshal]::Copy($pointer, $chars, 0, $length)
        $count = $utf8.GetBytes($chars, 0, $length, $bytes, 0)
        $payload = New-Object byte[] $count
        $pins += [System.Runtime.InteropServices.GCHandle]::Alloc($payload, [System.Runtime.InteropServices.GCHandleType]::Pinned)
        [System.Buffer]::BlockCopy($bytes, 0, $payload, 0, $count)
        Send-GwbAnswer -Cmdlet $Cmdlet -Native $Native -Operation $Operation -Answer ([ordered]@{ ask = $Ask }) -Payload $payload
    }
    finally {
        if ($pointer -ne [IntPtr]::Zero) { [System.Runtime.InteropServices.Marshal]::ZeroFreeGlobalAllocUnicode($pointer) }
        [array]::Clear($chars, 0, $chars.Length)
        [array]::Clear($bytes, 0, $bytes.Length)
        if ($null -ne $payload) { [array]::Clear($payload, 0, $payload.Length) }
        foreach ($pin in $pins) { $pin.Free() }
    }
}
