function Get-GwbCertificate {
    # A certificate with a private key from the stores of the user and the computer, by thumbprint or by subject (the one that is valid
    # longest).
    param([Parameter(Mandatory)] $Cmdlet, [string] $Thumbprint, [string] $Subject)

    $ErrorActionPreference = 'Stop'
    $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindByThumbprint
    $text = ($Thumbprint -replace '[^0-9A-Fa-f]', '')
    if ($Subject) {
        $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindBySubjectDistinguishedName
        if ($Subject -notmatch '=') { $find = [System.Security.Cryptography.X509Certificates.X509FindType]::FindBySubjectName }
        $text = $Subject
    }
    $found = @(foreach ($location in 'CurrentUser', 'LocalMachine') {
            $store = New-Object System.Security.Cryptography.X509Certificates.X509Store -ArgumentList 'My', $location
            try {
                $store.Open([System.Security.Cryptography.X509Certificates.OpenFlags]'ReadOnly, OpenExistingOnly')
                foreach ($certificate in $store.Certificates.Find($find, $text, $false)) { if ($certificate.HasPrivateKey) { $certificate } }
            }
            catch [System.Security.Cryptography.CryptographicException] {
                # This platform has no such store, or the account may not read it.
                $Cmdlet.WriteVerbose("The certificate store $location\My can't be read: $($_.Exception.Message)")
            }
            finally { $store.Close() }
        })
    if ($found.Count -eq 0) {
        $wanted = "thumbprint $Thumbprint"
        if ($Subject) { $wanted = "subject $Subject" }
        Stop-GwbCommand -Cmdlet $Cmdlet -Id CertificateNotFound -Target $text -Message (
            "No certificate with the $wanted and a private key was found in CurrentUser\My or LocalMachine\My.")
    }
    ($found | Sort-Object -Property NotAfter -Descending)[0]
}
