function Get-GwbCertificate {
    # A certificate with a private key from the stores of the user and the computer, by thumbprint, by the SHA-256 of its bytes (in
    # hexadecimal), or by subject (the one that is valid longest).
    param([Parameter(Mandatory)] $Cmdlet, [string] $Thumbprint, [string] $Sha256, [string] $Subject)

    $ErrorActionPreference = 'Stop'
    $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindByThumbprint
    $text = ("$Thumbprint$Sha256" -replace '[^0-9A-Fa-f]', '')
    if ($Subject) {
        $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindBySubjectDistinguishedName
        if ($Subject -notmatch '=') { $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindBySubjectName }
        $text = $Subject
    }
    $found = @(foreach ($location in 'CurrentUser', 'LocalMachine') {
            $store = New-Object System.Security.Cryptography.X509Certificates.X509Store -ArgumentList 'My', $location
            try {
                $store.Open([System.Security.Cryptography.X509Certificates.OpenFlags]'ReadOnly, OpenExistingOnly')
                $matching = @(foreach ($certificate in $store.Certificates) {
                        if ($Sha256 -and [BitConverter]::ToString((Get-GwbCertificateHash $certificate)).Replace('-', '') -eq $Sha256) { $certificate }
                    })
                if (-not $Sha256) { $matching = $store.Certificates.Find($find, $text, $false) }
                foreach ($certificate in $matching) { if ($certificate.HasPrivateKey) { $certificate } }
            }
            catch [System.Security.Cryptography.CryptographicException] {
                # This platform has no such store, or the account may not read it.
                $Cmdlet.WriteVerbose("The certificate store $location\My can't be read: $($_.Exception.Message)")
            }
            finally { $store.Close() }
        })
    if ($found.Count -eq 0) {
        $wanted = "thumbprint $Thumbprint"
        if ($Sha256) { $wanted = "SHA-256 fingerprint $Sha256" }
        if ($Subject) { $wanted = "subject $Subject" }
        Stop-GwbCommand -Cmdlet $Cmdlet -Id CertificateNotFound -Target $text -Message (
            "No certificate with the $wanted and a private key was found in CurrentUser\My or LocalMachine\My.")
    }
    ($found | Sort-Object -Property NotAfter -Descending)[0]
}
