# No secret in any stream, transcript, error record, history, store or temporary file of a session (tests/secrets does the same for
# the library alone).

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $missing = -not (Test-Lab)
}

Describe 'Secrets' -Skip:$missing {
    BeforeAll {
        Import-Module "$PSScriptRoot/Lab.psm1" -Force
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20')

        function Get-Form([string] $Secret) {
            # The texts in which a secret might be left; Latin-1 shows the bytes of any encoding.
            $bytes = [System.Text.Encoding]::UTF8.GetBytes($Secret)
            $latin = [System.Text.Encoding]::GetEncoding(28591)
            $hex = ($bytes | ForEach-Object { $_.ToString('x2') }) -join ''
            $Secret
            $latin.GetString([System.Text.Encoding]::Unicode.GetBytes($Secret))
            $latin.GetString([System.Text.Encoding]::BigEndianUnicode.GetBytes($Secret))
            $hex
            $hex.ToUpperInvariant()
            [uri]::EscapeDataString($Secret)
            foreach ($shift in 0..2) {
                # In the middle of something longer it is cut at another place; the ends hold bits of the neighbours.
                $text = [Convert]::ToBase64String([byte[]] (@(0) * $shift + $bytes)).TrimEnd('=')
                $text = $text.Substring(@(0, 2, 3)[$shift])
                $text = $text.Substring(0, $text.Length - 1)
                $text
                $text.Replace('+', '-').Replace('/', '_')
            }
        }

        function Find-Secret([string] $Text, [hashtable] $Secret) {
            foreach ($name in $Secret.Keys) {
                foreach ($form in Get-Form $Secret[$name]) {
                    if ($Text.IndexOf($form, [System.StringComparison]::Ordinal) -ge 0) { "$name as $form" }
                }
            }
        }

        function Find-SecretInFolder([string] $Folder, [hashtable] $Secret) {
            foreach ($file in Get-ChildItem -LiteralPath $Folder -Recurse -File -Force) {
                $content = [System.Text.Encoding]::GetEncoding(28591).GetString([System.IO.File]::ReadAllBytes($file.FullName))
                Find-Secret $content $Secret | ForEach-Object { "$_ in $($file.Name)" }
            }
        }
    }

    AfterAll { Stop-Lab $script:Lab }

    It 'finds a planted one in every form' {
        $secret = @{ planted = 'Bind-1!72-YnwuLqZ~mn' }
        $bytes = [System.Text.Encoding]::UTF8.GetBytes('ab' + $secret.planted + 'c')
        Find-Secret ([Convert]::ToBase64String($bytes)) $secret | Should -Not -BeNullOrEmpty
        Find-Secret ([uri]::EscapeDataString($secret.planted)) $secret | Should -Not -BeNullOrEmpty
        [System.IO.File]::WriteAllText((Join-Path $TestDrive 'planted.txt'), $secret.planted, [System.Text.Encoding]::Unicode)
        Find-SecretInFolder $TestDrive $secret | Should -Not -BeNullOrEmpty
        [System.IO.File]::Delete((Join-Path $TestDrive 'planted.txt'))
        Find-Secret 'Bind-1!72-YnwuLqZ' $secret | Should -BeNullOrEmpty
    }

    It 'are in no stream, transcript, error, history, store or temporary file' {
        $ready = $script:Lab.Ready
        $folder = Join-Path $TestDrive 'session'
        $temporary = Join-Path $folder 'temporary'
        $null = New-Item -ItemType Directory -Path $temporary
        $script = (Get-LabScript $script:Lab (Join-Path $folder 'store')) + @"

`$DebugPreference = 'Continue'
`$VerbosePreference = 'Continue'
`$InformationPreference = 'Continue'
`$null = Start-Transcript -LiteralPath '$folder/transcript.txt' -IncludeInvocationHeader
# Everything there is to see, at the width of a file.
function Show { process { `$_ | Format-List * -Force | Out-String -Width 500; `$_ | Out-String -Width 500 } }
function Use([hashtable] `$With) {
    `$way = Get-LabConnection -Lab `$lab -Store '$folder/store' -With `$With
    Connect-GroupWriteback @way -Debug *>&1 | Show
}
Use @{}
Enable-GroupWriteback '$($script:Lab.OU)' -CreateContainer *>&1 | Show
Start-GroupWritebackSyncCycle Initial -WhatIf *>&1 | Show
Start-GroupWritebackSyncCycle Initial -Wait *>&1 | Show
Test-GroupWritebackConnectivity *>&1 | Show
Get-GroupWritebackContext *>&1 | Show
Get-GroupWritebackConfiguration *>&1 | Show
Get-GroupWritebackRunResult *>&1 | Show
'reached: written'
# What goes wrong, in the order in which a connection is made.
Use @{ ClientSecretCredential = New-LabCredential `$lab.Ready.clientId 'wrong-client-secret-1!' }
Use @{ AccessToken = (New-LabCredential x 'eyJhbGciOiJub25lIn0.e30.wrong-access-token-1!').Password; ClientSecretCredential = `$null; TenantId = `$null }
Use @{ Credential = New-LabCredential `$lab.Ready.bindUser 'wrong-directory-password-1!' }
# The recorded connection would have one.
Use @{ CertificateAuthorityPath = `$null; StoreDirectory = '$folder/elsewhere' }
Use @{ Server = 'localhost:1' }
Use @{ AccessToken = (New-LabCredential x `$lab.Ready.accessToken).Password; ClientSecretCredential = `$null; TenantId = `$null }
Invoke-Lab `$lab fault @{ fault = 'status'; code = 403; path = 'groups' } | Out-Null
Start-GroupWritebackSyncCycle Delta -Wait *>&1 | Show
Invoke-Lab `$lab fault -Method Delete | Out-Null
Disconnect-GroupWriteback
"errors: `$(`$error.Count)"
foreach (`$record in `$error) {
    `$record | Format-List * -Force | Out-String -Width 500
    for (`$e = `$record.Exception; `$e; `$e = `$e.InnerException) { `$e | Format-List * -Force | Out-String -Width 500 }
    if (`$record.PSObject.Properties['TargetObject']) { `$record.TargetObject | Out-String -Width 500 }
}
Get-History | Format-List * | Out-String -Width 500
Get-Variable | Where-Object { `$_.Name -ne 'lab' } | Out-String -Width 500
`$null = Stop-Transcript
'reached: the end'
"@
        # The script itself holds none: the child reads the lab's line from its environment.
        $json = ($ready | ConvertTo-Json -Compress).Replace("'", "''")
        $script = $script.Replace("'$json'", '$env:GWB_TEST_READY')
        $output = Wait-Child (Start-Child $script $temporary @{ GWB_TEST_READY = ($ready | ConvertTo-Json -Compress); TMPDIR = $temporary; TEMP = $temporary; TMP = $temporary })
        $output | Should -Match 'reached: written'
        $output | Should -Match 'reached: the end'
        foreach ($id in 'GraphAuthenticationFailed', 'DirectoryAuthenticationFailed', 'TlsVerificationFailed', 'DirectoryUnavailable') { $output | Should -Match $id }
        [System.IO.File]::Exists("$folder/transcript.txt") | Should -BeTrue

        $secret = @{
            'client secret'      = $ready.clientSecret
            'directory password' = $ready.bindPassword
            'access token'       = $ready.accessToken.Split('.')[2]
            # The first part of all tokens of the lab.
            'token'              = $ready.accessToken.Split('.')[0]
            'wrong secret'       = 'wrong-client-secret-1!'
            'wrong token'        = 'wrong-access-token-1!'
            'wrong password'     = 'wrong-directory-password-1!'
        }
        # These stand in the script as text; its own file is the only place where they may be.
        Get-ChildItem -LiteralPath $temporary -Filter 'child-*.ps1' | ForEach-Object { [System.IO.File]::Delete($_.FullName) }
        $found = @(Find-Secret $output $secret) + @(Find-SecretInFolder $folder $secret)
        $found | Should -BeNullOrEmpty
    }
}
