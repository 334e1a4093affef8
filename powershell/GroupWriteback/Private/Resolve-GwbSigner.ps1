function Resolve-GwbSigner {
    # The certificate for a `sign` ask: the one that was connected with, else, for a recorded connection, the one it names, from the
    # stores. The ask names it by `thumbprint`, and the data by the SHA-256 in its header: they are a JWT (x5t#S256, RFC 7515).
    # $null when neither does.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] $Session, [Parameter(Mandatory)] $Ask)

    $ErrorActionPreference = 'Stop'
    $certificate = $Session.Secrets['certificate']
    if ($null -ne $certificate) { return $certificate }
    $thumbprint = Get-GwbValue $Ask thumbprint
    if ($thumbprint) { $certificate = Get-GwbCertificate -Cmdlet $Cmdlet -Thumbprint $thumbprint }
    else {
        $decode = { param([string] $Text) [Convert]::FromBase64String($Text.Replace('-', '+').Replace('_', '/') + '=' * ((4 - $Text.Length % 4) % 4)) }
        $utf8 = [System.Text.Encoding]::UTF8
        try {
            $header = $utf8.GetString([Convert]::FromBase64String($Ask.data)).Split('.')[0]
            $name = Get-GwbValue (ConvertFrom-GwbJson -Text $utf8.GetString((& $decode $header))) 'x5t#S256'
            $hash = [BitConverter]::ToString((& $decode $name)).Replace('-', '')
        }
        catch { return $null }
        if (-not $hash) { return $null }
        $certificate = Get-GwbCertificate -Cmdlet $Cmdlet -Sha256 $hash
    }
    $Session.Secrets['certificate'] = $certificate
    $certificate
}
