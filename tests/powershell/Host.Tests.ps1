# How the module speaks with PowerShell: errors, progress, prompts, preferences, secrets, the binding.

BeforeAll {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force

    function Test-Caller {
        [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
        param([scriptblock] $Do, $With)
        # The block as one of the module's own, so that it sees the private functions.
        $own = (Get-Module GroupWriteback).NewBoundScriptBlock($Do)
        & $own $PSCmdlet $With
    }
}

Describe 'Errors' {
    It 'say what happened, about what, and what to do' {
        $problem = '{"id":"ContainerNotFound","category":"ObjectNotFound","message":"The container is missing.","target":"OU=x","recommendedAction":"Create it.","causes":["LDAP 32","no such object"]}'
        $record = InModuleScope GroupWriteback -Parameters @{ Text = $problem } { param($Text) New-GwbErrorRecord -Problem (ConvertFrom-GwbJson -Text $Text) }
        $record.FullyQualifiedErrorId | Should -Be 'ContainerNotFound'
        $record.CategoryInfo.Category | Should -Be 'ObjectNotFound'
        $record.TargetObject | Should -Be 'OU=x'
        $record.Exception | Should -BeOfType [System.Management.Automation.ItemNotFoundException]
        $record.Exception.Message | Should -Be 'The container is missing.'
        $record.Exception.InnerException.Message | Should -Be 'LDAP 32'
        $record.Exception.InnerException.InnerException.Message | Should -Be 'no such object'
        $record.ErrorDetails.Message | Should -Be 'The container is missing. Cause: LDAP 32 Cause: no such object'
        $record.ErrorDetails.RecommendedAction | Should -Be 'Create it.'
    }

    It 'are complete even when the library sends little' {
        $record = InModuleScope GroupWriteback { New-GwbErrorRecord -Problem (ConvertFrom-GwbJson -Text '{"id":"SomethingNew","message":""}') }
        $record.ErrorDetails.Message | Should -Be 'SomethingNew'
        $record.ErrorDetails.RecommendedAction | Should -Not -BeNullOrEmpty
        $record.CategoryInfo.Category | Should -Be 'NotSpecified'
        InModuleScope GroupWriteback {
            foreach ($id in $script:GwbErrorTable.Keys) {
                [Enum]::IsDefined([System.Management.Automation.ErrorCategory], $script:GwbErrorTable[$id][0]) | Should -BeTrue
                $record = New-GwbErrorRecord -Problem (New-GwbProblem -Id $id -Message 'm')
                [string] $record.CategoryInfo.Category | Should -Be $script:GwbErrorTable[$id][0]
                $record.ErrorDetails.RecommendedAction | Should -Be $script:GwbErrorTable[$id][1]
            }
        }
    }

    It 'of a busy configuration are an InvalidOperationException' {
        $record = InModuleScope GroupWriteback { New-GwbErrorRecord -Problem (ConvertFrom-GwbJson -Text '{"id":"SyncCycleAlreadyRunning","category":"ResourceBusy","message":"Default is busy."}') }
        $record.Exception.GetType().FullName | Should -Be 'System.InvalidOperationException'
        $script:nonTerminating = InModuleScope GroupWriteback { $script:GwbNonTerminating }
        $script:nonTerminating | Should -Contain 'SyncCycleAlreadyRunning'
    }

    It 'bear the name of the command and the user''s line' {
        try { Get-GroupWriteback } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'NotConnected,Get-GroupWriteback'
        $record.InvocationInfo.Line | Should -Match 'try \{ Get-GroupWriteback \}'
        $record.InvocationInfo.ScriptName | Should -Be $PSCommandPath
        $record.ErrorDetails.RecommendedAction | Should -Match 'Connect-GroupWriteback'
    }

    It 'say NotConnected for <_>' -ForEach 'Enable-GroupWriteback', 'Disable-GroupWriteback', 'Get-GroupWriteback', 'Start-GroupWritebackSyncCycle', 'Stop-GroupWritebackSyncCycle', 'Wait-GroupWritebackSyncCycle', 'Get-GroupWritebackRunStatus', 'Get-GroupWritebackRunResult', 'Get-GroupWritebackOperation', 'Get-GroupWritebackDeletionThreshold', 'Enable-GroupWritebackDeletionThreshold', 'Disable-GroupWritebackDeletionThreshold', 'Get-GroupWritebackGroup' {
        { & $_ } | Should -Throw -ErrorId "NotConnected,$_"
        { & $_ -ConfigurationName Fabrikam } | Should -Throw -ErrorId "NotConnected,$_"
        { Initialize-GroupWritebackContainer 'OU=x' } | Should -Throw -ErrorId 'NotConnected,Initialize-GroupWritebackContainer'
        { Invoke-GroupWritebackOperation -PlanId x } | Should -Throw -ErrorId 'NotConnected,Invoke-GroupWritebackOperation'
        { Sync-GroupWritebackGroup x } | Should -Throw -ErrorId 'NotConnected,Sync-GroupWritebackGroup'
    }

    It 'of one object let others go on, and obey -ErrorAction and the script''s own preference' {
        $do = { param($Cmdlet, $With) Write-GwbError -Cmdlet $Cmdlet -Id GroupNotFound -Message 'no' -CallerPreference $With; 'went on' }
        Test-Caller $do -With 'Continue' -ErrorAction SilentlyContinue -ErrorVariable problem | Should -Be 'went on'
        $problem[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Test-Caller'
        { Test-Caller $do -With 'Continue' -ErrorAction Stop } | Should -Throw -ErrorId 'GroupNotFound,Test-Caller'
        $ErrorActionPreference = 'Stop'
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        { Get-GroupWritebackGroup -Identity '' } | Should -Throw -ErrorId 'GroupNotFound,Get-GroupWritebackGroup'
    }

    It 'Disconnect and Get-GroupWritebackContext are silent without a connection' {
        Disconnect-GroupWriteback | Should -BeNullOrEmpty
        Disconnect-GroupWriteback -ConfigurationName x | Should -BeNullOrEmpty
        Get-GroupWritebackContext | Should -BeNullOrEmpty
    }
}

Describe 'Messages of the library' {
    It 'go to the stream of their level' {
        $do = { param($Cmdlet, $With) Write-GwbMessage -Cmdlet $Cmdlet -Level $With -Text 'words' }
        Test-Caller $do -With verbose -Verbose 4>&1 | Should -Be 'words'
        Test-Caller $do -With debug -Debug 5>&1 | Should -Be 'words'
        # Shown whatever the preference is: a device sign-in can't go on without it.
        [string] (Test-Caller $do -With information -InformationAction SilentlyContinue 6>&1) | Should -Be 'words'
        Test-Caller $do -With verbose 4>&1 | Should -BeNullOrEmpty
    }

    It 'are warnings with what to do' {
        $text = InModuleScope GroupWriteback { Format-GwbWarning (ConvertFrom-GwbJson -Text '{"event":"warning","id":"MemberNotOnPremises","message":"3 members left out.","recommendedAction":"Synchronise them."}') }
        $text | Should -Be '3 members left out. Synchronise them.'
    }
}

Describe 'Warnings of left-out members' {
    BeforeAll {
        $script:warn = {
            param($Cmdlet, $With)
            $leftOut = @{ Shown = 0; More = 0 }
            foreach ($number in 1..$With) { Write-GwbWarning -Cmdlet $Cmdlet -LeftOut $leftOut -Problem (New-GwbProblem -Id MemberNotOnPremises -Message "m$number") }
            Write-GwbWarning -Cmdlet $Cmdlet -LeftOut $leftOut -Problem (New-GwbProblem -Id DirectoryUnavailable -Message other)
            Write-GwbLeftOut -LeftOut $leftOut
            Write-GwbLeftOut -LeftOut $leftOut
        }
    }

    It 'are shown up to ten, then counted: <Count>' -ForEach @(
        @{ Count = 10; Warnings = 11; Last = 'other' }
        @{ Count = 11; Warnings = 12; Last = '1 more group has members left out; list them with Get-GroupWritebackRunResult -Skipped.' }
        @{ Count = 2000; Warnings = 12; Last = '1990 more groups have members left out; list them with Get-GroupWritebackRunResult -Skipped.' }
    ) {
        $words = @(Test-Caller $script:warn -With $Count -Verbose -WarningVariable warning 4>&1 3>$null)
        $warning.Count | Should -Be $Warnings
        [string] $warning[$Warnings - 1] | Should -Be $Last
        [string] $warning[9] | Should -Be 'm10'
        # Nothing is lost: the others are there with -Verbose.
        $words.Count | Should -Be ($Count - 10)
        Test-Caller $script:warn -With $Count 4>&1 3>$null | Should -BeNullOrEmpty
    }
}

Describe 'Progress' {
    BeforeAll {
        function New-Bar([bool] $Silent) { & (Get-Module GroupWriteback) { param($Silent) New-GwbProgress -Activity Test -Silent $Silent } $Silent }
        function Show-Bar($Bar, $Value) { & (Get-Module GroupWriteback) { param($Bar, $Value) Write-GwbProgress -Progress $Bar -Value $Value } $Bar ([pscustomobject] $Value) }
        function Hide-Bar($Bar) { & (Get-Module GroupWriteback) { param($Bar) Complete-GwbProgress -Progress $Bar } $Bar }
    }

    BeforeEach {
        $script:shown = New-Object System.Collections.ArrayList
        Mock -ModuleName GroupWriteback Write-Progress {
            $null = $script:shown.Add(@{ Status = $Status; Percent = $PercentComplete; Left = $SecondsRemaining; Id = $Id; Operation = $CurrentOperation; Completed = [bool] $Completed })
        }
    }

    It 'is shown at most four times a second, with percent, time left and rate' {
        $bar = New-Bar $false
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        $calls = 0
        while ($clock.ElapsedMilliseconds -lt 1000) {
            $calls++
            Show-Bar $bar @{ phase = 'Import'; done = 50; total = 200; rate = 12.34; secondsLeft = 12; text = 'Sales' }
        }
        $calls | Should -BeGreaterThan 20
        $script:shown.Count | Should -BeGreaterThan 1
        $script:shown.Count | Should -BeLessOrEqual 5
        $script:shown[0].Status | Should -Be 'Import: 50 of 200, 12.3/s'
        $script:shown[0].Percent | Should -Be 25
        $script:shown[0].Left | Should -Be 12
        $script:shown[0].Operation | Should -Be 'Sales'
        Hide-Bar $bar
        $script:shown[$script:shown.Count - 1].Completed | Should -BeTrue
        @($script:shown | ForEach-Object { $_.Id } | Sort-Object -Unique).Count | Should -Be 1
    }

    It 'copes with what is unknown, and is absent when not wanted' {
        $bar = New-Bar $false
        Show-Bar $bar @{ phase = 'Import'; done = 0; total = $null; rate = $null; secondsLeft = $null; text = '' }
        $script:shown[0].Status | Should -Be 'Import'
        $silent = New-Bar $true
        Show-Bar $silent @{ phase = 'Import'; done = 1; total = 2 }
        Hide-Bar $silent
        $script:shown.Count | Should -Be 1
    }
}

Describe 'Approval' {
    BeforeAll {
        $script:groups = @(
            [pscustomobject] @{ GroupId = 'g1'; GroupName = 'Sales'; GroupDN = 'CN=Sales'; Summary = 'Add 2 members'; IsDelete = $false }
            [pscustomobject] @{ GroupId = 'g2'; GroupName = 'Old'; GroupDN = 'CN=Old'; Summary = 'Delete the group'; IsDelete = $true }
            [pscustomobject] @{ GroupId = 'g3'; GroupName = 'Older'; GroupDN = 'CN=Older'; Summary = 'Delete the group'; IsDelete = $true }
        )
        $script:ask = { param($Cmdlet, $With) Resolve-GwbApproval -Cmdlet $Cmdlet -Groups $With }
        $script:askNone = { param($Cmdlet, $With) $ConfirmPreference = 'None'; Resolve-GwbApproval -Cmdlet $Cmdlet -Groups $With }
        $script:askAll = { param($Cmdlet, $With) $ConfirmPreference = 'Low'; Resolve-GwbApproval -Cmdlet $Cmdlet -Groups $With }
    }

    It 'refuses what would be asked where nobody can be asked, and says how to go on' {
        Mock -ModuleName GroupWriteback Test-GwbCanPrompt { $false }
        Test-Caller $script:ask -With $script:groups -WarningVariable warning 3>$null | Should -Be 'g2', 'g3'
        [string] $warning | Should -Match '-Confirm:\$false'
        Test-Caller $script:askAll -With $script:groups 3>$null | Should -Be 'g1', 'g2', 'g3'
    }

    It 'approves everything with -Confirm:$false, and does not ask' {
        Mock -ModuleName GroupWriteback Test-GwbCanPrompt { throw 'asked' }
        Test-Caller $script:askNone -With $script:groups -Confirm:$false | Should -BeNullOrEmpty
    }

    It 'asks for deletes by a function of impact High, once for all of them' {
        $binding = InModuleScope GroupWriteback { (Get-Command Confirm-GwbDelete).ScriptBlock.Attributes | Where-Object { $_ -is [System.Management.Automation.CmdletBindingAttribute] } }
        [string] $binding.ConfirmImpact | Should -Be 'High'
        Mock -ModuleName GroupWriteback Test-GwbCanPrompt { $true }
        Mock -ModuleName GroupWriteback Confirm-GwbDelete { if ($Group.GroupId -eq 'g3') { 'g3' } }
        Test-Caller $script:ask -With $script:groups | Should -Be 'g3'
    }

    It 'is not a prompt that hangs: commands of impact High fail without an answer' {
        Mock -ModuleName GroupWriteback Test-GwbCanPrompt { $false }
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { 'done' }
        { Disable-GroupWriteback } | Should -Throw -ErrorId 'NotConfirmed,Disable-GroupWriteback'
        { Disable-GroupWritebackDeletionThreshold } | Should -Throw -ErrorId 'NotConfirmed,Disable-GroupWritebackDeletionThreshold'
        { Start-GroupWritebackSyncCycle -Confirm } | Should -Throw -ErrorId 'NotConfirmed,Start-GroupWritebackSyncCycle'
        Disable-GroupWriteback -Confirm:$false | Should -Be 'done'
        Disable-GroupWriteback -Force | Should -Be 'done'
        Disable-GroupWritebackDeletionThreshold -Confirm:$false | Should -Be 'done'
        Start-GroupWritebackSyncCycle | Should -Be 'done'
    }
}

Describe 'Preferences of the caller''s script' {
    It 'are obeyed: $WhatIfPreference and $ConfirmPreference' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        $WhatIfPreference = $true
        Invoke-Quiet { Enable-GroupWritebackDeletionThreshold 5 } | Should -BeNullOrEmpty
        (Start-GroupWritebackSyncCycle Delta -Wait).whatIf | Should -BeTrue
        (Start-GroupWritebackSyncCycle Delta -Wait -WhatIf:$false).whatIf | Should -BeFalse
        $WhatIfPreference = $false
        $ConfirmPreference = 'None'
        Disable-GroupWritebackDeletionThreshold | Should -Not -BeNullOrEmpty
    }
}

Describe 'Secrets' {
    It 'never stand in a request, and reach the library byte for byte' {
        $secret = New-Object securestring
        foreach ($char in ('p' + [char] 0xe4 + [char]::ConvertFromUtf32(0x1f600) + "`n""x").ToCharArray()) { $secret.AppendChar($char) }
        $bytes = & (Get-Module GroupWriteback) {
            param($Secret)
            $script:sent = $null
            function script:Send-GwbAnswer { param($Cmdlet, $Native, $Operation, $Answer, $Payload) $script:sent = $Payload.Clone() }
            Send-GwbSecret -Cmdlet 1 -Native 1 -Operation 1 -Ask 3 -Secret $Secret
            , $script:sent
        } $secret
        [System.Text.Encoding]::UTF8.GetString($bytes) | Should -Be ('p' + [char] 0xe4 + [char]::ConvertFromUtf32(0x1f600) + "`n""x")
        Import-Module (Get-TestedModule) -Force
    }

    It 'come from the parameters: <Kind>' -ForEach @(
        @{ Kind = 'Secret'; Expect = 'clientSecret' }, @{ Kind = 'Token'; Expect = 'accessToken' }
    ) {
        InModuleScope GroupWriteback -Parameters @{ Kind = $Kind; Expect = $Expect } {
            param($Kind, $Expect)
            $secure = ConvertTo-GwbSecureString 'hunter2'
            $given = @{ TenantId = 't'; AccessToken = $secure; ClientSecretCredential = New-Object pscredential 'app', $secure }
            $signIn = Resolve-GwbSignIn -Cmdlet 'unused' -Kind $Kind -Given $given
            $signIn.Secrets[$Expect] | Should -Be $secure
            $signIn.Connection.signIn.kind | Should -Be $Expect
            ConvertTo-Json $signIn.Connection -Depth 5 | Should -Not -Match 'hunter2'
        }
    }

    It 'come from the environment, by the names of Azure''s tools' {
        InModuleScope GroupWriteback {
            $names = 'TENANT_ID', 'CLIENT_ID', 'CLIENT_SECRET', 'CLIENT_CERTIFICATE_PATH', 'CLIENT_CERTIFICATE_PASSWORD', 'FEDERATED_TOKEN_FILE'
            $old = @{}
            foreach ($name in $names) { $old[$name] = [Environment]::GetEnvironmentVariable("AZURE_$name"); [Environment]::SetEnvironmentVariable("AZURE_$name", $null) }
            try {
                { Connect-GroupWriteback -EnvironmentVariable } | Should -Throw -ErrorId 'InvalidArgument,Connect-GroupWriteback'
                $env:AZURE_TENANT_ID = 't'
                $env:AZURE_CLIENT_ID = 'c'
                $env:AZURE_FEDERATED_TOKEN_FILE = 'token.txt'
                $read = { param($Cmdlet) Resolve-GwbSignIn -Cmdlet $Cmdlet -Kind Variables -Given @{} }
                function Test-Reader { [CmdletBinding()] param() & $read $PSCmdlet }
                (Test-Reader).Connection.signIn.kind | Should -Be 'federatedFile'
                $env:AZURE_CLIENT_CERTIFICATE_PATH = 'app.pfx'
                $env:AZURE_CLIENT_CERTIFICATE_PASSWORD = 'pw'
                $found = Test-Reader
                $found.Connection.signIn.kind | Should -Be 'certificateFile'
                $found.Secrets.certificatePassword.Length | Should -Be 2
                $env:AZURE_CLIENT_SECRET = 'hunter2'
                $found = Test-Reader
                $found.Connection.signIn.kind | Should -Be 'clientSecret'
                $found.Connection.tenantId | Should -Be 't'
                $found.Secrets.clientSecret.Length | Should -Be 7
            }
            finally { foreach ($name in $names) { [Environment]::SetEnvironmentVariable("AZURE_$name", $old[$name]) } }
        }
    }

    It 'of a recorded certificate: it is the one that the ask names, and looked up once' {
        Mock -ModuleName GroupWriteback Get-GwbCertificate { "$Thumbprint$Sha256" }
        $code = { param([string] $Text) [Convert]::ToBase64String([System.Text.Encoding]::UTF8.GetBytes($Text)) }
        $secrets = @{}
        $find = { param($Cmdlet, $With) Resolve-GwbSigner -Cmdlet $Cmdlet -Session $With.Session -Ask ([pscustomobject] $With.Ask) }
        $with = @{ Session = [pscustomobject] @{ Secrets = $secrets }; Ask = @{} }
        # 43 signs in base64url: 32 bytes of 0xFB.
        $header = (& $code ('{"alg":"PS256","typ":"JWT","x5t#S256":"' + '-_v7' * 10 + '-_s"}')).TrimEnd([char] '=').Replace('+', '-').Replace('/', '_')
        foreach ($data in (& $code "$header.e30"), 'x') {
            $with.Ask = @{ data = $data }
            Test-Caller $find -With $with | Should -Be ('FB' * 32)
        }
        Should -Invoke Get-GwbCertificate -ModuleName GroupWriteback -Times 1 -Exactly
        $secrets.Clear()
        $with.Ask = @{ data = 'x'; thumbprint = 'AB12' }
        Test-Caller $find -With $with | Should -Be 'AB12'
        foreach ($data in 'x', (& $code 'not a token'), (& $code 'e30.e30'), (& $code '')) {
            $secrets.Clear()
            $with.Ask = @{ data = $data }
            Test-Caller $find -With $with | Should -BeNullOrEmpty
        }
    }

    It 'of a certificate: exactly one way is named, and an unknown one is an error' {
        { Connect-GroupWriteback -TenantId t -ClientId c } | Should -Throw -ErrorId 'InvalidArgument,Connect-GroupWriteback'
        { Connect-GroupWriteback -TenantId t -ClientId c -CertificateThumbprint 00 -CertificateSubjectName x } | Should -Throw -ErrorId 'InvalidArgument,Connect-GroupWriteback'
        { Connect-GroupWriteback -TenantId t -ClientId c -CertificateThumbprint 0123456789012345678901234567890123456789 } | Should -Throw -ErrorId 'CertificateNotFound,Connect-GroupWriteback'
    }
}

Describe 'Binding' {
    It 'is the header: the same functions with the same parameters' {
        $header = Get-Content (Join-Path $PSScriptRoot '../../include/group_writeback.h') -Raw
        $header = $header -replace '(?s)/\*.*?\*/', '' -replace '(?m)^#.*$', ''
        $found = @{}
        foreach ($match in [regex]::Matches($header, '(?s)\b(uint32_t|int32_t|void)\s+(gwb_\w+)\s*\(([^)]*)\)\s*;')) {
            $types = foreach ($parameter in $match.Groups[3].Value -split ',') {
                $text = ($parameter.Trim() -replace '\s+', ' ')
                if ($text -match '^const uint8_t \*') { 'bytes' }
                elseif ($text -match '^size_t ') { 'size' }
                elseif ($text -match '^uint64_t \*') { 'handle&' }
                elseif ($text -match '^uint64_t ') { 'handle' }
                elseif ($text -match '^uint32_t ') { 'u32' }
                elseif ($text -match '^(struct )?gwb_buffer \*') { 'buffer&' }
                elseif ($text -ne 'void') { "unknown: $text" }
            }
            $result = @{ uint32_t = 'u32'; int32_t = 'i32'; void = 'void' }[$match.Groups[1].Value]
            $found[$match.Groups[2].Value] = "$result ($($types -join ', '))"
        }
        $table = InModuleScope GroupWriteback { $script:GwbNativeTable }
        $bound = @{}
        foreach ($row in $table) { $bound[$row[0]] = "$($row[1]) ($($row[2] -join ', '))" }
        ($bound.Keys | Sort-Object) -join ' ' | Should -Be (($found.Keys | Sort-Object) -join ' ')
        foreach ($name in $found.Keys) { "$name $($bound[$name])" | Should -Be "$name $($found[$name])" }
    }

    It 'knows the header''s numbers' {
        $header = Get-Content (Join-Path $PSScriptRoot '../../include/group_writeback.h') -Raw
        $status, $abi = InModuleScope GroupWriteback { $script:GwbStatus; $script:GwbAbiVersion }
        foreach ($row in @{ GWB_OK = 'Ok'; GWB_PENDING = 'Pending'; GWB_END = 'End'; GWB_INVALID_HANDLE = 'InvalidHandle'; GWB_INVALID_ARGUMENT = 'InvalidArgument'; GWB_ERROR = 'Error'; GWB_PANIC = 'Panic' }.GetEnumerator()) {
            $header -match "#define $($row.Key) (\d+)" | Should -BeTrue
            [int] $Matches[1] | Should -Be $status[$row.Value]
        }
        $header -match '#define GWB_ABI_VERSION (\d+)' | Should -BeTrue
        [int] $Matches[1] | Should -Be $abi
        $header -match '(?s)typedef struct gwb_buffer \{.*?uint8_t \*ptr;.*?size_t len;\s*\} gwb_buffer;' | Should -BeTrue
    }

    It 'says where it looked for a library that is missing' {
        $old = $env:GROUPWRITEBACK_LIBRARY
        try {
            $env:GROUPWRITEBACK_LIBRARY = Join-Path $TestDrive 'nowhere.so'
            try { Get-GroupWritebackConfiguration } catch { $record = $_ }
            $record.FullyQualifiedErrorId | Should -Be 'NativeLibraryNotFound,Get-GroupWritebackConfiguration'
            $record.Exception.Message | Should -Match ([regex]::Escape($env:GROUPWRITEBACK_LIBRARY))
            $record.Exception.Message | Should -Match '(win|linux|linux-musl|osx)-(x64|arm64|x86)'
            $env:GROUPWRITEBACK_LIBRARY = $null
            $probe = InModuleScope GroupWriteback { Get-GwbLibraryPath }
            $probe.Probed[0].Replace('\', '/') | Should -Match 'GroupWriteback/([\d.]+/)?runtimes/[\w-]+/native/(lib)?group_writeback\.(so|dll|dylib)$'
            # A file that is no library, and one that is another library.
            $wrong = Join-Path $TestDrive 'wrong.so'
            Set-Content $wrong 'not a library'
            $env:GROUPWRITEBACK_LIBRARY = $wrong
            { Get-GroupWritebackConfiguration } | Should -Throw -ErrorId 'NativeLibraryNotFound,Get-GroupWritebackConfiguration'
        }
        finally { $env:GROUPWRITEBACK_LIBRARY = $old }
    }
}

Describe 'Import' {
    It 'loads no library and leaves no name behind but its own' {
        $before = (Get-Variable -Scope Global).Name
        Import-Module (Get-TestedModule) -Force
        @((Get-Variable -Scope Global).Name | Where-Object { $_ -notin $before -and $_ -ne 'before' }) | Should -BeNullOrEmpty
        @((Get-Module GroupWriteback).ExportedCommands.Values | Where-Object { $_.CommandType -ne 'Function' }) | Should -BeNullOrEmpty
        @((Get-Module GroupWriteback).ExportedVariables.Keys) | Should -BeNullOrEmpty
    }
}

Describe 'Completion' {
    It 'offers what the session has seen, without a network and without errors' {
        InModuleScope GroupWriteback {
            Add-GwbRecent -Kind ConfigurationName -Value 'Fabrikam'
            Add-GwbRecent -Kind OrganizationalUnit -Value 'OU=Cloud Groups,DC=contoso,DC=test'
            Add-GwbRecent -Kind PlanId -Value 'p-1'
        }
        (TabExpansion2 'Get-GroupWriteback -ConfigurationName F' -cursorColumn 39).CompletionMatches.CompletionText | Should -Be 'Fabrikam'
        (TabExpansion2 'Enable-GroupWriteback -OrganizationalUnit OU' -cursorColumn 44).CompletionMatches.CompletionText | Should -Be "'OU=Cloud Groups,DC=contoso,DC=test'"
        (TabExpansion2 'Get-GroupWritebackOperation -PlanId ' -cursorColumn 36).CompletionMatches[0].CompletionText | Should -Be 'p-1'
    }

    It 'keeps the newest fifty, each once' {
        InModuleScope GroupWriteback {
            foreach ($i in 1..60) { Add-GwbRecent -Kind RunId -Value "r$i" }
            Add-GwbRecent -Kind RunId -Value 'r55'
            $script:GwbRecent['RunId'].Count | Should -Be 50
            $script:GwbRecent['RunId'][0] | Should -Be 'r55'
            @($script:GwbRecent['RunId'] | Where-Object { $_ -eq 'r55' }).Count | Should -Be 1
        }
    }
}

Describe 'A domain controller that is gone for good' {
    It 'is part of the request of a cycle only when it is named' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        (Start-GroupWritebackSyncCycle -RemovedServer dc1.contoso.test -Wait).removedServer | Should -Be 'dc1.contoso.test'
        (Start-GroupWritebackSyncCycle -RemovedServer dc1.contoso.test -Confirm:$false).removedServer | Should -Be 'dc1.contoso.test'
        (Start-GroupWritebackSyncCycle -Wait).Contains('removedServer') | Should -BeFalse
        { Start-GroupWritebackSyncCycle -RemovedServer '' } | Should -Throw -ErrorId 'ParameterArgumentValidationError,Start-GroupWritebackSyncCycle'
    }
}
