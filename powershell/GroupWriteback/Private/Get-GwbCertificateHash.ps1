function Get-GwbCertificateHash {
    # The SHA-256 of a certificate's bytes. GetCertHashString with an algorithm is newer than .NET Framework 4.7.2.
    param([Parameter(Mandatory)] $Certificate)

    $ErrorActionPreference = 'Stop'
    $hash = [System.Security.Cryptography.SHA256]::Create()
    try { $digest = $hash.ComputeHash($Certificate.RawData) } finally { $hash.Dispose() }
    return , $digest
}
