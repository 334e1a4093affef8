function Resolve-GwbEnvironmentSignIn {
    # Signing in by the variables that Azure's own tools read.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] $Connection, [Parameter(Mandatory)] [hashtable] $Secrets)

    $ErrorActionPreference = 'Stop'
    $read = @{}
    foreach ($name in 'TENANT_ID', 'CLIENT_ID', 'CLIENT_SECRET', 'CLIENT_CERTIFICATE_PATH', 'CLIENT_CERTIFICATE_PASSWORD', 'FEDERATED_TOKEN_FILE') {
        $read[$name] = [Environment]::GetEnvironmentVariable("AZURE_$name")
    }
    $missing = @(foreach ($name in 'TENANT_ID', 'CLIENT_ID') { if (-not $read[$name]) { "AZURE_$name" } })
    if (-not ($read.CLIENT_SECRET -or $read.CLIENT_CERTIFICATE_PATH -or $read.FEDERATED_TOKEN_FILE)) {
        $missing += 'one of AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_FEDERATED_TOKEN_FILE'
    }
    if ($missing.Count -gt 0) {
        Stop-GwbCommand -Cmdlet $Cmdlet -Id InvalidArgument -Target 'EnvironmentVariable' -Message (
            "-EnvironmentVariable needs environment variables that are not set: $($missing -join '; ').")
    }
    $Connection.tenantId = $read.TENANT_ID
    $Connection.clientId = $read.CLIENT_ID
    if ($read.CLIENT_SECRET) {
        $Connection.signIn = [ordered]@{ kind = 'clientSecret' }
        $Secrets.clientSecret = ConvertTo-GwbSecureString $read.CLIENT_SECRET
    }
    elseif ($read.CLIENT_CERTIFICATE_PATH) {
        $Connection.signIn = [ordered]@{ kind = 'certificateFile'; path = $Cmdlet.GetUnresolvedProviderPathFromPSPath($read.CLIENT_CERTIFICATE_PATH) }
        if ($read.CLIENT_CERTIFICATE_PASSWORD) { $Secrets.certificatePassword = ConvertTo-GwbSecureString $read.CLIENT_CERTIFICATE_PASSWORD }
    }
    else {
        $Connection.signIn = [ordered]@{ kind = 'federatedFile'; path = $Cmdlet.GetUnresolvedProviderPathFromPSPath($read.FEDERATED_TOKEN_FILE) }
    }
}
