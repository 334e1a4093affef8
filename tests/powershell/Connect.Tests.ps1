# Connecting to a tenant and a directory, and every way in which that fails.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $missing = -not (Test-Lab)
}

Describe 'Connecting' -Skip:$missing {
    BeforeAll {
        Import-Module "$PSScriptRoot/Lab.psm1" -Force
        Import-Module (Get-TestedModule) -Force
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20')
        $script:Store = Join-Path $TestDrive 'store'
        function Get-Way([hashtable] $With = @{}) { Get-LabConnection -Lab $script:Lab -Store $script:Store -With $With }
    }

    AfterEach { Disconnect-GroupWriteback }
    AfterAll { Stop-Lab $script:Lab }

    It 'works with a client secret and tells who is connected to what' {
        $way = Get-Way
        $context = Connect-GroupWriteback @way
        $context.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Context'
        $context.ConfigurationName | Should -Be 'Default'
        $context.TenantId | Should -Be $script:Lab.Ready.tenantId
        $context.ClientId | Should -Be $script:Lab.Ready.clientId
        $context.Environment | Should -Be 'Custom'
        $context.Domain | Should -Be 'contoso.test'
        $context.AbiVersion | Should -Be 1
        $context.EngineVersion | Should -Be '0.1.0'
        $context.Permissions | Should -Contain 'GroupMember.Read.All'
        (Get-GroupWritebackContext).TenantId | Should -Be $context.TenantId
    }

    It 'saves secrets for sessions that nobody attends, until they are to be forgotten' {
        $folder = Join-Path $TestDrive 'unattended'
        $way = Get-Way @{ StoreDirectory = $folder }
        $null = Connect-GroupWriteback @way -SaveSecret
        $null = Enable-GroupWriteback $script:Lab.OU -CreateContainer
        Disconnect-GroupWriteback
        $files = @(Get-ChildItem -LiteralPath $folder -Filter '*.secret')
        @($files.Name | Sort-Object) | Should -Be @('Default.clientSecret.secret', 'Default.directoryPassword.secret')
        if ([System.Environment]::OSVersion.Platform -eq 'Win32NT') {
            # Sealed: what is in the file is not the secret.
            [System.IO.File]::ReadAllText($files[0].FullName) | Should -Not -Be $script:Lab.Ready.clientSecret
        }
        (Connect-GroupWriteback -StoreDirectory $folder).ClientId | Should -Be $script:Lab.Ready.clientId
        Disconnect-GroupWriteback
        # What is given goes before what is saved.
        $wrong = Get-Way @{ StoreDirectory = $folder; ClientSecretCredential = (New-LabCredential $script:Lab.Ready.clientId 'wrong-secret') }
        { Connect-GroupWriteback @wrong } | Should -Throw -ErrorId 'GraphAuthenticationFailed,Connect-GroupWriteback'
        $null = Connect-GroupWriteback @way -SaveSecret:$false
        Disconnect-GroupWriteback
        Get-ChildItem -LiteralPath $folder -Filter '*.secret' | Should -BeNullOrEmpty
        { Connect-GroupWriteback -StoreDirectory $folder } | Should -Throw -ErrorId 'SecretUnavailable,Connect-GroupWriteback'
    }

    It 'works with a certificate whose key stays here' {
        if (Test-Wine) { Set-ItResult -Skipped -Because 'Wine 8 crashes when a certificate''s private key is opened (NCryptGetProperty)'; return }
        $pfx = $script:Lab.Ready.certificatePfx
        $certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList $pfx, $script:Lab.Ready.pfxPassword
        $way = Get-Way @{ ClientSecretCredential = $null; ClientId = $script:Lab.Ready.clientId; Certificate = $certificate }
        (Connect-GroupWriteback @way).ClientId | Should -Be $script:Lab.Ready.clientId
    }

    It 'works again with a recorded certificate, by what is in the store' {
        if (Test-Wine) { Set-ItResult -Skipped -Because 'Wine 8 crashes when a certificate''s private key is opened (NCryptGetProperty)'; return }
        $store = New-Object System.Security.Cryptography.X509Certificates.X509Store -ArgumentList My, CurrentUser
        $certificate = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList $script:Lab.Ready.certificatePfx, $script:Lab.Ready.pfxPassword, 'PersistKeySet'
        try {
            $store.Open('ReadWrite')
            $store.Add($certificate)
        }
        catch {
            Set-ItResult -Skipped -Because "this account can't write its certificate store: $_"
            return
        }
        $way = Get-Way @{ ClientSecretCredential = $null; ClientId = $script:Lab.Ready.clientId; CertificateThumbprint = $certificate.Thumbprint; StoreDirectory = (Join-Path $TestDrive 'recorded') }
        $again = @{ StoreDirectory = $way.StoreDirectory; Credential = $way.Credential }
        try {
            $null = Connect-GroupWriteback @way
            $null = Enable-GroupWriteback $script:Lab.OU -CreateContainer
            Disconnect-GroupWriteback
            $context = Connect-GroupWriteback @again
            $context.ClientId | Should -Be $script:Lab.Ready.clientId
            $context.SignIn | Should -Be 'Certificate'
        }
        finally {
            $store.Remove($certificate)
            $store.Close()
        }
        Disconnect-GroupWriteback
        try { Connect-GroupWriteback @again; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'CertificateNotFound,Connect-GroupWriteback'
    }

    It 'works with an access token' {
        $token = (New-LabCredential x $script:Lab.Ready.accessToken).Password
        $way = Get-Way @{ ClientSecretCredential = $null; TenantId = $null; AccessToken = $token }
        (Connect-GroupWriteback @way).TenantId | Should -Be $script:Lab.Ready.tenantId
    }

    It 'works by the environment: <Name>' -ForEach @(
        @{ Name = 'secret'; Variables = @{ AZURE_CLIENT_SECRET = 'clientSecret' } }
        @{ Name = 'PEM file'; Variables = @{ AZURE_CLIENT_CERTIFICATE_PATH = 'certificatePem' } }
        @{ Name = 'PFX file'; Variables = @{ AZURE_CLIENT_CERTIFICATE_PATH = 'certificatePfx'; AZURE_CLIENT_CERTIFICATE_PASSWORD = 'pfxPassword' } }
    ) {
        $names = 'AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_SECRET', 'AZURE_CLIENT_CERTIFICATE_PATH', 'AZURE_CLIENT_CERTIFICATE_PASSWORD'
        try {
            $env:AZURE_TENANT_ID = $script:Lab.Ready.tenantId
            $env:AZURE_CLIENT_ID = $script:Lab.Ready.clientId
            foreach ($key in $Variables.Keys) { [Environment]::SetEnvironmentVariable($key, $script:Lab.Ready.($Variables[$key])) }
            $way = Get-Way @{ ClientSecretCredential = $null; TenantId = $null; EnvironmentVariable = $true }
            (Connect-GroupWriteback @way).TenantId | Should -Be $script:Lab.Ready.tenantId
        }
        finally { foreach ($name in $names) { [Environment]::SetEnvironmentVariable($name, $null) } }
    }

    It 'works with a workload identity: an assertion in a file' {
        try {
            $env:AZURE_TENANT_ID = $script:Lab.Ready.tenantId
            $env:AZURE_CLIENT_ID = $script:Lab.Ready.clientId
            $env:AZURE_FEDERATED_TOKEN_FILE = $script:Lab.Ready.federatedTokenFile
            $way = Get-Way @{ ClientSecretCredential = $null; TenantId = $null; EnvironmentVariable = $true }
            (Connect-GroupWriteback @way).TenantId | Should -Be $script:Lab.Ready.tenantId
        }
        finally { foreach ($name in 'AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_FEDERATED_TOKEN_FILE') { [Environment]::SetEnvironmentVariable($name, $null) } }
    }

    It 'works with a managed identity' {
        $text = (Get-LabScript $script:Lab (Join-Path $TestDrive 'managed')) + @'

foreach ($name in 'ClientSecretCredential', 'TenantId') { $connection.Remove($name) }
'Permissions: ' + (Connect-GroupWriteback @connection -ManagedIdentity).Permissions.Count
'@
        $service = $script:Lab.Ready.identityEndpoint -replace '/metadata/.*$', ''
        Wait-Child (Start-Child $text $TestDrive @{ AZURE_POD_IDENTITY_AUTHORITY_HOST = $service }) | Should -Match 'Permissions: [1-9]'
    }

    It 'works with a device code, whose message is seen at once; a refusal is an error' {
        foreach ($action in 'approve', 'decline') {
            $seen = Join-Path $TestDrive "device-$action.txt"
            $text = (Get-LabScript $script:Lab (Join-Path $TestDrive 'device')) + @"

`$connection.Remove('ClientSecretCredential')
# What a person would read on the screen, at the moment it comes.
`$context = Connect-GroupWriteback @connection -ClientId '$($script:Lab.Ready.clientId)' -UseDeviceCode 6>&1 | ForEach-Object {
    if (`$_ -is [System.Management.Automation.InformationRecord]) { [System.IO.File]::AppendAllText('$seen', [string] `$_) } else { `$_ }
}
"SignIn: `$(`$context.SignIn)"
if (`$error) { `$error[0].FullyQualifiedErrorId }
"@
            $child = Start-Child $text $TestDrive
            Wait-Until { Test-Path $seen } 30
            Wait-Until { (Get-Content $seen -Raw) -cmatch '\b([A-Z0-9]{9})\b' } 10
            $null = (Get-Content $seen -Raw) -cmatch '\b([A-Z0-9]{9})\b'
            $null = Invoke-Lab $script:Lab devicecode @{ userCode = $Matches[1]; action = $action }
            $expected = 'SignIn: DeviceCode'
            if ($action -eq 'decline') { $expected = 'GraphAuthenticationFailed,Connect-GroupWriteback' }
            Wait-Child $child | Should -Match $expected
        }
    }

    It 'keeps several configurations side by side' {
        $way = Get-Way
        $null = Connect-GroupWriteback @way -ConfigurationName One
        $null = Connect-GroupWriteback @way -ConfigurationName Two
        (Get-GroupWritebackContext).ConfigurationName | Should -Be 'Two'
        (Get-GroupWritebackContext -ConfigurationName one).ConfigurationName | Should -Be 'One'
        Disconnect-GroupWriteback -ConfigurationName Two
        (Get-GroupWritebackContext).ConfigurationName | Should -Be 'One'
        { Get-GroupWriteback -ConfigurationName Two } | Should -Throw -ErrorId 'NotConnected,Get-GroupWriteback'
    }

    It 'again replaces the connection, and a failed attempt leaves it' {
        $way = Get-Way
        $null = Connect-GroupWriteback @way
        $null = Connect-GroupWriteback @way
        $wrong = Get-Way @{ Credential = New-LabCredential $script:Lab.Ready.bindUser 'wrong' }
        { Connect-GroupWriteback @wrong } | Should -Throw -ErrorId 'DirectoryAuthenticationFailed,Connect-GroupWriteback'
        (Get-GroupWritebackContext).ConfigurationName | Should -Be 'Default'
    }

    It 'fails with <Id>: <Name>' -ForEach @(
        @{ Name = 'wrong secret'; Id = 'GraphAuthenticationFailed'; With = { @{ ClientSecretCredential = New-LabCredential $args[0].clientId 'wrong-secret' } } }
        @{ Name = 'expired secret'; Id = 'GraphAuthenticationFailed'; With = { @{ ClientSecretCredential = New-LabCredential $args[0].clientId $args[0].expiredSecret } } }
        @{ Name = 'unknown client id'; Id = 'GraphAuthenticationFailed'; With = { @{ ClientSecretCredential = New-LabCredential '00000000-0000-0000-0000-0000000000aa' $args[0].clientSecret } } }
        @{ Name = 'wrong tenant'; Id = 'GraphAuthenticationFailed'; With = { @{ TenantId = '00000000-0000-0000-0000-0000000000aa' } } }
        @{ Name = 'wrong token'; Id = 'GraphAuthenticationFailed'; With = { @{ ClientSecretCredential = $null; TenantId = $null; AccessToken = (New-LabCredential x 'not-a-token').Password } } }
        @{ Name = 'unreachable cloud'; Id = 'GraphUnavailable'; With = { @{ LoginEndpoint = 'http://127.0.0.1:1'; GraphEndpoint = 'http://127.0.0.1:1' } } }
        @{ Name = 'unreachable directory'; Id = 'DirectoryUnavailable'; With = { @{ Server = 'localhost:1' } } }
        @{ Name = 'wrong directory password'; Id = 'DirectoryAuthenticationFailed'; With = { @{ Credential = New-LabCredential $args[0].bindUser 'wrong' } } }
        @{ Name = 'unknown directory account'; Id = 'DirectoryAuthenticationFailed'; With = { @{ Credential = New-LabCredential 'nobody@contoso.test' 'wrong' } } }
        @{ Name = 'untrusted directory certificate'; Id = 'TlsVerificationFailed'; With = { @{ CertificateAuthorityPath = $null } } }
        @{ Name = 'plain http to another host'; Id = 'ConfigurationInvalid'; With = { @{ GraphEndpoint = 'http://graph.example.test' } } }
        @{ Name = 'endpoints without Custom'; Id = 'ConfigurationInvalid'; With = { @{ Environment = 'Global' } } }
        @{ Name = 'malformed server'; Id = 'ConfigurationInvalid'; With = { @{ Server = 'ldaps://dc1/x' } } }
        @{ Name = 'malformed tenant'; Id = 'ConfigurationInvalid'; With = { @{ TenantId = 'no tenant' } } }
    ) {
        $way = Get-Way (& $With $script:Lab.Ready)
        try { Connect-GroupWriteback @way; $record = $null } catch { $record = $_ }
        $record | Should -Not -BeNullOrEmpty
        $record.FullyQualifiedErrorId | Should -Be "$Id,Connect-GroupWriteback"
        $record.ErrorDetails.Message | Should -Not -BeNullOrEmpty
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        ($record | Out-String) | Should -Not -Match ([regex]::Escape($script:Lab.Ready.clientSecret))
        Get-GroupWritebackContext | Should -BeNullOrEmpty
    }

    It 'fails with all faults at once when several settings are malformed' {
        $way = Get-Way @{ Server = 'ldaps://dc1/x'; TenantId = 'no tenant'; GraphEndpoint = 'nonsense' }
        try { Connect-GroupWriteback @way; $record = $null } catch { $record = $_ }
        foreach ($path in 'connection.server', 'connection.tenantId', 'connection.graphEndpoint') { $record.Exception.Message | Should -Match ([regex]::Escape($path)) }
    }

    It 'fails with GraphAuthenticationFailed: a certificate that the app does not know' {
        if (Test-Wine) { Set-ItResult -Skipped -Because 'Wine 8 can''t make a certificate (CertificateRequest)'; return }
        $key = [System.Security.Cryptography.RSA]::Create(2048)
        $request = New-Object System.Security.Cryptography.X509Certificates.CertificateRequest -ArgumentList 'CN=stranger', $key, ([System.Security.Cryptography.HashAlgorithmName]::SHA256), ([System.Security.Cryptography.RSASignaturePadding]::Pkcs1)
        $certificate = $request.CreateSelfSigned([DateTimeOffset]::UtcNow.AddDays(-1), [DateTimeOffset]::UtcNow.AddDays(1))
        $way = Get-Way @{ ClientSecretCredential = $null; ClientId = $script:Lab.Ready.clientId; Certificate = $certificate }
        { Connect-GroupWriteback @way } | Should -Throw -ErrorId 'GraphAuthenticationFailed,Connect-GroupWriteback'
        # A certificate without its key can't sign at all.
        $public = New-Object System.Security.Cryptography.X509Certificates.X509Certificate2 -ArgumentList (, $certificate.RawData)
        $way.Certificate = $public
        { Connect-GroupWriteback @way } | Should -Throw -ErrorId 'CertificateNotFound,Connect-GroupWriteback'
    }

    It 'fails with a readable error: a certificate file that is none' {
        try {
            $env:AZURE_TENANT_ID = $script:Lab.Ready.tenantId
            $env:AZURE_CLIENT_ID = $script:Lab.Ready.clientId
            $env:AZURE_CLIENT_CERTIFICATE_PATH = Join-Path $TestDrive 'bad.pem'
            Set-Content $env:AZURE_CLIENT_CERTIFICATE_PATH 'this is not a certificate'
            $way = Get-Way @{ ClientSecretCredential = $null; TenantId = $null; EnvironmentVariable = $true }
            try { Connect-GroupWriteback @way; $record = $null } catch { $record = $_ }
            $record.FullyQualifiedErrorId | Should -BeIn 'GraphAuthenticationFailed,Connect-GroupWriteback', 'ConfigurationInvalid,Connect-GroupWriteback'
            $record.Exception.Message | Should -Match 'bad\.pem'
        }
        finally { foreach ($name in 'AZURE_TENANT_ID', 'AZURE_CLIENT_ID', 'AZURE_CLIENT_CERTIFICATE_PATH') { [Environment]::SetEnvironmentVariable($name, $null) } }
    }

    It 'tells what the app lacks, at the latest when writeback is enabled' {
        $null = Invoke-Lab $script:Lab permissions @{ roles = @('User.Read.All') }
        try {
            $way = Get-Way
            try {
                $null = Connect-GroupWriteback @way
                $null = Enable-GroupWriteback $script:Lab.OU -CreateContainer
                $record = $null
            }
            catch { $record = $_ }
            $record.FullyQualifiedErrorId | Should -Match '^(GraphPermissionMissing|PrerequisitesNotMet),'
            $record.Exception.Message | Should -Match 'GroupMember\.Read\.All|Group\.Read\.All'
        }
        finally {
            $null = Invoke-Lab $script:Lab permissions @{ roles = @('GroupMember.Read.All', 'Group.Read.All', 'User.Read.All', 'Device.Read.All', 'OrgContact.Read.All') }
        }
    }

    It 'is tested by Test-GroupWritebackConnectivity, with figures and as one word' {
        $way = Get-Way
        $null = Connect-GroupWriteback @way
        $report = @(Test-GroupWritebackConnectivity)
        ($report.Service | Sort-Object -Unique) -join ' ' | Should -Be 'Clock Directory Graph SignIn'
        @($report | Where-Object { -not $_.Succeeded }) | Should -BeNullOrEmpty
        Test-GroupWritebackConnectivity -Quiet | Should -BeTrue
        @(Test-GroupWritebackConnectivity -Service Directory).Service | Select-Object -Unique | Should -Be 'Directory'
    }

    It 'belongs to its runspace: others see nothing of it and make their own' {
        $way = Get-Way
        $null = Connect-GroupWriteback @way
        $manifest = (Get-Module GroupWriteback).Path -replace 'psm1$', 'psd1'
        $shells = foreach ($number in 1..3) {
            $shell = [powershell]::Create()
            $null = $shell.AddScript({
                    param($Manifest, $Way)
                    Import-Module $Manifest
                    $before = Get-GroupWritebackContext
                    $context = Connect-GroupWriteback @Way
                    [pscustomobject] @{ Before = $before; Tenant = $context.TenantId; Good = Test-GroupWritebackConnectivity -Quiet }
                    Disconnect-GroupWriteback
                }).AddArgument($manifest).AddArgument($way)
            @{ Shell = $shell; Wait = $shell.BeginInvoke() }
        }
        foreach ($one in $shells) {
            $found = $one.Shell.EndInvoke($one.Wait)
            $one.Shell.Streams.Error | Should -BeNullOrEmpty
            $found.Before | Should -BeNullOrEmpty
            $found.Tenant | Should -Be $script:Lab.Ready.tenantId
            $found.Good | Should -BeTrue
            $one.Shell.Dispose()
        }
        (Get-GroupWritebackContext).TenantId | Should -Be $script:Lab.Ready.tenantId
    }

    It 'ends when the module is removed' {
        $way = Get-Way
        $null = Connect-GroupWriteback @way
        Import-Module (Get-TestedModule) -Force
        Get-GroupWritebackContext | Should -BeNullOrEmpty
    }
}
