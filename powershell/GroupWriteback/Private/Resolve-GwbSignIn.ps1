function Resolve-GwbSignIn {
    # What the parameters of Connect-GroupWriteback say about signing in: members of the ABI's `connection`, and the secrets, which
    # never are among them.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] [string] $Kind, [Parameter(Mandatory)] [System.Collections.IDictionary] $Given)

    $ErrorActionPreference = 'Stop'
    $connection = [ordered]@{}
    $secrets = @{}
    if ($Given.ContainsKey('TenantId')) { $connection.tenantId = $Given['TenantId'] }
    if ($Given.ContainsKey('ClientId')) { $connection.clientId = $Given['ClientId'] }
    switch ($Kind) {
        'DeviceCode' { $connection.signIn = [ordered]@{ kind = 'deviceCode' } }
        'Secret' {
            $connection.clientId = $Given['ClientSecretCredential'].UserName
            $connection.signIn = [ordered]@{ kind = 'clientSecret' }
            $secrets.clientSecret = $Given['ClientSecretCredential'].Password
        }
        'Certificate' {
            $ways = @(foreach ($name in 'Certificate', 'CertificateThumbprint', 'CertificateSubjectName') { if ($Given[$name]) { $name } })
            if ($ways.Count -ne 1) {
                Stop-GwbCommand -Cmdlet $Cmdlet -Id InvalidArgument -Target 'Certificate' -Message (
                    'Signing in as an application takes one of -CertificateThumbprint, -CertificateSubjectName, -Certificate, -ClientSecretCredential or -UseDeviceCode.')
            }
            $certificate = $Given['Certificate']
            if ($null -eq $certificate) {
                $certificate = Get-GwbCertificate -Cmdlet $Cmdlet -Thumbprint $Given['CertificateThumbprint'] -Subject $Given['CertificateSubjectName']
            }
            $digest = [Convert]::ToBase64String((Get-GwbCertificateHash $certificate))
            $connection.signIn = [ordered]@{
                kind = 'hostCertificate'; thumbprint = $certificate.Thumbprint
                sha256 = $digest.TrimEnd([char] '=').Replace('+', '-').Replace('/', '_')
            }
            $secrets.certificate = $certificate
        }
        'Identity' {
            $null = $connection.Remove('clientId')
            $connection.signIn = [ordered]@{ kind = 'managedIdentity' }
            if ($Given.ContainsKey('ClientId')) { $connection.signIn.clientId = $Given['ClientId'] }
        }
        'Token' {
            $connection.signIn = [ordered]@{ kind = 'accessToken' }
            $secrets.accessToken = $Given['AccessToken']
        }
        'Variables' { Resolve-GwbEnvironmentSignIn -Cmdlet $Cmdlet -Connection $connection -Secrets $secrets }
    }
    [pscustomobject]@{ Connection = $connection; Secrets = $secrets }
}
