function New-GwbSignature {
    # RSASSA-PSS with SHA-256 by the certificate's private key, which never leaves its store or card.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] $Certificate, [Parameter(Mandatory)] [byte[]] $Data)

    $ErrorActionPreference = 'Stop'
    $key = $null
    try {
        $key = [System.Security.Cryptography.X509Certificates.RSACertificateExtensions]::GetRSAPrivateKey($Certificate)
        if ($null -eq $key) {
            Stop-GwbCommand -Cmdlet $Cmdlet -Id CertificateNotFound -Target $Certificate.Thumbprint -Message (
                "The certificate $($Certificate.Subject) ($($Certificate.Thumbprint)) has no RSA private key that this account may use.")
        }
        $signature = $key.SignData($Data, [System.Security.Cryptography.HashAlgorithmName]::SHA256, [System.Security.Cryptography.RSASignaturePadding]::Pss)
    }
    catch [System.Security.Cryptography.CryptographicException], [System.NotSupportedException] {
        Stop-GwbCommand -Cmdlet $Cmdlet -Id GraphAuthenticationFailed -Target $Certificate.Thumbprint -Exception $_.Exception -Message (
            "The private key of the certificate $($Certificate.Subject) ($($Certificate.Thumbprint)) can't sign with RSA-PSS and SHA-256: " +
            "$($_.Exception.GetBaseException().Message) Keys of the old cryptographic service providers (CSP) can't; create the certificate " +
            'with the provider "Microsoft Software Key Storage Provider".')
    }
    finally {
        if ($null -ne $key) { $key.Dispose() }
    }
    return , $signature
}
