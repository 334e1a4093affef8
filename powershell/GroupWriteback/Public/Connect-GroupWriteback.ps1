function Connect-GroupWriteback {
    # .ExternalHelp GroupWriteback-help.xml
    [CmdletBinding(DefaultParameterSetName = 'Saved')]
    [OutputType('GroupWriteback.Context')]
    param(
        [Parameter(Position = 0)] [Alias('ConfigName')] [ValidateNotNullOrEmpty()] [string] $ConfigurationName,

        [Parameter(Mandatory, ParameterSetName = 'DeviceCode')]
        [Parameter(Mandatory, ParameterSetName = 'Certificate')]
        [Parameter(Mandatory, ParameterSetName = 'Secret')]
        [Alias('Tenant', 'Audience')] [ValidateNotNullOrEmpty()] [string] $TenantId,

        [Parameter(Mandatory, ParameterSetName = 'DeviceCode')]
        [Parameter(Mandatory, ParameterSetName = 'Certificate')]
        [Parameter(ParameterSetName = 'Identity')]
        [Alias('AppId', 'ApplicationId')] [ValidateNotNullOrEmpty()] [string] $ClientId,

        [Parameter(Mandatory, ParameterSetName = 'DeviceCode')]
        [Alias('UseDeviceAuthentication', 'DeviceCode', 'DeviceAuth', 'Device')] [switch] $UseDeviceCode,

        [Parameter(ParameterSetName = 'Certificate')] [ValidateNotNullOrEmpty()] [string] $CertificateThumbprint,
        [Parameter(ParameterSetName = 'Certificate')]
        [Alias('CertificateSubject', 'CertificateName')] [ValidateNotNullOrEmpty()] [string] $CertificateSubjectName,
        [Parameter(ParameterSetName = 'Certificate')] [ValidateNotNull()]
        [System.Security.Cryptography.X509Certificates.X509Certificate2] $Certificate,

        [Parameter(Mandatory, ParameterSetName = 'Secret')] [Alias('SecretCredential')] [ValidateNotNull()] [pscredential] $ClientSecretCredential,

        [Parameter(Mandatory, ParameterSetName = 'Identity')] [Alias('Identity', 'ManagedServiceIdentity', 'MSI')] [switch] $ManagedIdentity,

        [Parameter(Mandatory, ParameterSetName = 'Token')] [ValidateNotNull()] [securestring] $AccessToken,

        [Parameter(Mandatory, ParameterSetName = 'Variables')] [switch] $EnvironmentVariable,

        [Alias('EnvironmentName', 'NationalCloud')] [ValidateSet('Global', 'USGov', 'USGovDoD', 'China', 'Custom')] [string] $Environment,
        [ValidateNotNullOrEmpty()] [string] $LoginEndpoint,
        [ValidateNotNullOrEmpty()] [string] $GraphEndpoint,

        [Alias('DomainController')] [ValidateNotNullOrEmpty()] [string[]] $Server,
        [System.Management.Automation.Credential()] [pscredential] $Credential = [pscredential]::Empty,
        [ValidateSet('Negotiate', 'Basic')] [string] $AuthType,
        [Alias('Keytab')] [ValidateNotNullOrEmpty()] [string] $KeytabPath,
        [Alias('SiteName')] [ValidateNotNullOrEmpty()] [string] $Site,
        [ValidateNotNullOrEmpty()] [string] $DnsServer,
        [ValidateNotNullOrEmpty()] [string] $CertificateAuthorityPath,
        [ValidateNotNullOrEmpty()] [string] $StoreDirectory,
        [ValidateRange(1, 86400)] [int] $ClientTimeout,
        [switch] $SaveSecret
    )

    process {
        Initialize-GwbCommand -Cmdlet $PSCmdlet
        $name = $ConfigurationName
        if (-not $name) { $name = 'Default' }

        $signIn = Resolve-GwbSignIn -Cmdlet $PSCmdlet -Kind $PSCmdlet.ParameterSetName -Given $PSBoundParameters
        $connection = $signIn.Connection
        foreach ($row in @(@('Environment', 'environment'), @('LoginEndpoint', 'loginEndpoint'), @('GraphEndpoint', 'graphEndpoint'),
                @('AuthType', 'authType'), @('Site', 'site'), @('DnsServer', 'dnsServer'))) {
            if ($PSBoundParameters.ContainsKey($row[0])) { $connection[$row[1]] = $PSBoundParameters[$row[0]] }
        }
        if ($Server) { $connection.server = $Server -join ',' }
        if ($KeytabPath) {
            $connection.keytabPath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($KeytabPath)
            # A keytab is of Kerberos and of nothing else.
            if (-not $AuthType) { $connection.authType = 'Negotiate' }
        }
        if ($CertificateAuthorityPath) { $connection.certificateAuthorityPath = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($CertificateAuthorityPath) }
        if ($Credential.UserName) {
            # Get-Credential of Windows PowerShell puts a backslash before a name without a domain.
            $connection.userName = $Credential.UserName.TrimStart([char] '\')
            $signIn.Secrets.directoryPassword = $Credential.Password
        }
        foreach ($key in @($script:GwbInheritedSecrets.Keys)) {
            if (-not $signIn.Secrets.ContainsKey($key)) { $signIn.Secrets[$key] = $script:GwbInheritedSecrets[$key] }
        }
        $saved = @{ ConfigurationName = $name }
        foreach ($key in $PSBoundParameters.Keys) {
            if ([System.Management.Automation.PSCmdlet]::CommonParameters -notcontains $key) { $saved[$key] = $PSBoundParameters[$key] }
        }
        $open = @{ Name = $name; Connection = $connection; Secrets = $signIn.Secrets; ClientTimeout = $ClientTimeout; ConnectParameters = $saved }
        if ($StoreDirectory) {
            $open.StoreDirectory = $PSCmdlet.GetUnresolvedProviderPathFromPSPath($StoreDirectory)
            $saved['StoreDirectory'] = $open.StoreDirectory
        }

        $session = Open-GwbSession -Cmdlet $PSCmdlet @open
        $connected = $false
        $null = $saved.Remove('SaveSecret')
        $given = [string[]] @(foreach ($key in $script:GwbSavedSecretNames) { if ($signIn.Secrets[$key] -is [securestring]) { $key } })
        try {
            $context = Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request @{ op = 'connect' } -Activity "Connecting ($name)"
            $connected = $null -ne $context
            # Only what has just proven right is saved.
            if ($connected -and $PSBoundParameters.ContainsKey('SaveSecret')) {
                $request = [ordered]@{ op = 'forgetSecrets' }
                if ($SaveSecret) { $request = [ordered]@{ op = 'saveSecrets'; names = $given } }
                Invoke-GwbOperation -Cmdlet $PSCmdlet -Session $session -Call query -Request $request
            }
        }
        finally {
            if (-not $connected) { Close-GwbSession -Session $session }
        }
        if (-not $connected) { return }

        $old = $script:GwbSessions[$name]
        $script:GwbSessions[$name] = $session
        $script:GwbCurrentName = $name
        if ($null -ne $old) { Close-GwbSession -Session $old }
        Register-GwbExit
        $context
    }
}
