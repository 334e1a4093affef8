function Read-GwbBuffer {
    # The text of a gwb_buffer, which is given back to the library whatever happens.
    param([Parameter(Mandatory)] $Native, [Parameter(Mandatory)] [ref] $Buffer)

    $ErrorActionPreference = 'Stop'
    try {
        $length = [int] $Buffer.Value.Len.ToUInt64()
        if ($length -eq 0) { return '' }
        $bytes = New-Object byte[] $length
        [System.Runtime.InteropServices.Marshal]::Copy($Buffer.Value.Ptr, $bytes, 0, $length)
        [System.Text.Encoding]::UTF8.GetString($bytes)
    }
    finally {
        $Native.Library::gwb_buffer_free($Buffer)
    }
}
