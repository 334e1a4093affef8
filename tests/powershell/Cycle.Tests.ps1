# The whole way: enable, synchronize, look, plan, stop, disable; against a lab.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $missing = -not (Test-Lab)
}

BeforeAll {
    . "$PSScriptRoot/Contract.ps1"
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force
    # Every tenant has cloud-only members; where their warnings are tested, -WarningVariable holds them.
    $WarningPreference = 'SilentlyContinue'

    function Connect-Lab([hashtable] $With = @{}) {
        $way = Get-LabConnection -Lab $script:Lab -Store $script:Store -With $With
        $null = Connect-GroupWriteback @way
    }

    function Test-Shape($Object, [string] $Type) {
        $Object.PSObject.TypeNames[0] | Should -Be "GroupWriteback.$Type"
        @($Object.PSObject.Properties.Name)[0..((-split $ContractObjects[$Type]).Count - 1)] -join ' ' | Should -Be $ContractObjects[$Type]
    }
}

Describe 'Enabling' -Skip:$missing {
    BeforeAll {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20')
        $script:Store = Join-Path $TestDrive 'enabling'
        Connect-Lab
    }
    AfterAll {
        Disconnect-GroupWriteback
        Stop-Lab $script:Lab
    }

    It 'is refused without it: a cycle says FeatureNotEnabled' {
        { Start-GroupWritebackSyncCycle Delta -Wait } | Should -Throw -ErrorId 'FeatureNotEnabled,Start-GroupWritebackSyncCycle'
    }

    It 'fails in a container that is not there, and changes nothing' {
        try { Enable-GroupWriteback $script:Lab.OU; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'ContainerNotFound,Enable-GroupWriteback'
        $record.ErrorDetails.RecommendedAction | Should -Match 'Initialize-GroupWritebackContainer'
        { Enable-GroupWriteback 'OU=no, such; thing' } | Should -Throw
        Get-LabWrite $script:Lab | Should -Be 0
    }

    It 'with -WhatIf checks, shows and changes nothing' {
        Invoke-Quiet { Enable-GroupWriteback $script:Lab.OU -CreateContainer -WhatIf } | Should -BeNullOrEmpty
        Get-LabWrite $script:Lab | Should -Be 0
        $null = Invoke-Quiet { Initialize-GroupWritebackContainer $script:Lab.OU -WhatIf }
        Get-LabWrite $script:Lab | Should -Be 0
    }

    It 'works into a container made for it, which may be made twice' {
        $report = @(Initialize-GroupWritebackContainer $script:Lab.OU)
        $report.Count | Should -BeGreaterThan 0
        Test-Shape $report[0] PermissionReport
        { Initialize-GroupWritebackContainer $script:Lab.OU } | Should -Not -Throw
        # Each right in one piece at the width of a usual window.
        $text = ($report | Out-String -Width 120)
        foreach ($row in $report) { $text | Should -Match ([regex]::Escape($row.Right)) }
        $feature = Enable-GroupWriteback $script:Lab.OU
        Test-Shape $feature Feature
        $feature.Enabled | Should -BeTrue
        $feature.Version | Should -Be 'V1'
        $feature.OrganizationalUnit | Should -Be $script:Lab.OU
        (Get-GroupWriteback).Enabled | Should -BeTrue
    }

    It 'records the connection: Connect-GroupWriteback alone asks only for secrets' {
        Disconnect-GroupWriteback
        $secrets = @{ clientSecret = (New-LabCredential x $script:Lab.Ready.clientSecret).Password; directoryPassword = (New-LabCredential x $script:Lab.Ready.bindPassword).Password }
        & (Get-Module GroupWriteback) { param($Secrets) $script:GwbInheritedSecrets = $Secrets } $secrets
        try { (Connect-GroupWriteback -StoreDirectory $script:Store).TenantId | Should -Be $script:Lab.Ready.tenantId }
        finally { & (Get-Module GroupWriteback) { $script:GwbInheritedSecrets = @{} } }
        Disconnect-GroupWriteback
        # Nobody to ask here: an error, not a prompt.
        try { Connect-GroupWriteback -StoreDirectory $script:Store; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Match '^(SecretUnavailable|GraphAuthenticationFailed|DirectoryAuthenticationFailed),Connect-GroupWriteback$'
        Connect-Lab
    }

    It 'grants rights to another account where the directory lets it' {
        try { $null = Initialize-GroupWritebackContainer $script:Lab.OU -Account $script:Lab.Ready.readOnlyUser -ErrorAction Stop; $record = $null } catch { $record = $_ }
        # An account owns what it created; the embedded directory has descriptors for reading only.
        if ($script:Lab.Ready.directory -eq 'samba') { $record | Should -BeNullOrEmpty }
        else { $record.FullyQualifiedErrorId | Should -BeIn 'DirectoryAccessDenied,Initialize-GroupWritebackContainer', 'DirectoryOperationFailed,Initialize-GroupWritebackContainer' }
    }

    It 'is refused to an account that may only read' {
        $way = Get-LabConnection -Lab $script:Lab -Store (Join-Path $TestDrive 'readonly') -With @{ Credential = New-LabCredential $script:Lab.Ready.readOnlyUser $script:Lab.Ready.readOnlyPassword }
        $null = Connect-GroupWriteback @way -ConfigurationName ReadOnly
        { Enable-GroupWriteback "OU=Other,$($script:Lab.Ready.baseDn)" -CreateContainer -ConfigurationName ReadOnly } | Should -Throw -ErrorId '*,Enable-GroupWriteback'
        Disconnect-GroupWriteback -ConfigurationName ReadOnly
    }

    It 'has a configuration that can be read and changed, all faults at once' {
        $before = Get-GroupWritebackConfiguration
        $before.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Configuration'
        @($before | Where-Object ConfigurationName -eq 'Default').Count | Should -Be 1
        @(Get-GroupWritebackConfiguration 'Def*').Count | Should -Be 1
        @(Get-GroupWritebackConfiguration 'none*').Count | Should -Be 0
        Set-GroupWritebackConfiguration -BatchSize 250 | Should -BeNullOrEmpty
        (Set-GroupWritebackConfiguration -GraceDays 3 -PassThru).GraceDays | Should -Be 3
        (Get-GroupWritebackConfiguration Default).BatchSize | Should -Be 250
        Invoke-Quiet { Set-GroupWritebackConfiguration -BatchSize 100 -WhatIf }
        (Get-GroupWritebackConfiguration Default).BatchSize | Should -Be 250
        try { Set-GroupWritebackConfiguration -NamingPreset Custom -NamePattern 'Left(' -DeprovisionAction Move -DeprovisionContainer 'nonsense'; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'ConfigurationInvalid,Set-GroupWritebackConfiguration'
        foreach ($path in 'namePattern', 'deprovisionContainer') { $record.Exception.Message | Should -Match $path }
        (Get-GroupWritebackConfiguration Default).NamingPreset | Should -Be $before.NamingPreset
        Set-GroupWritebackConfiguration -BatchSize 500 -GraceDays 0
    }

    It 'has thresholds, on from the start' {
        $threshold = Get-GroupWritebackDeletionThreshold
        Test-Shape $threshold Threshold
        $threshold.Enabled | Should -BeTrue
        $threshold.DeletionThreshold | Should -Be 500
        (Enable-GroupWritebackDeletionThreshold 7 -MinimumGroupSize 5).DeletionThreshold | Should -Be 7
        Invoke-Quiet { Disable-GroupWritebackDeletionThreshold -WhatIf }
        (Get-GroupWritebackDeletionThreshold).Enabled | Should -BeTrue
        (Disable-GroupWritebackDeletionThreshold -Confirm:$false).Enabled | Should -BeFalse
        $again = Enable-GroupWritebackDeletionThreshold 500
        $again.MinimumGroupSize | Should -Be 5
    }
}

Describe 'Enabling where more must be accepted' -Skip:$missing {
    AfterEach {
        Disconnect-GroupWriteback
        Stop-Lab $script:Lab
    }

    It '-WithoutExchange: a forest without Exchange' {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20', '--exchange', 'none', '--ou', 'OU=Cloud Groups,DC=contoso,DC=test')
        $script:Store = Join-Path $TestDrive 'no-exchange'
        Connect-Lab
        try { Enable-GroupWriteback $script:Lab.OU; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'DirectorySchemaMissing,Enable-GroupWriteback'
        $record.ErrorDetails.RecommendedAction | Should -Match '-WithoutExchange'
        (Enable-GroupWriteback $script:Lab.OU -WithoutExchange).Enabled | Should -BeTrue
        $result = Start-GroupWritebackSyncCycle Initial -Wait
        $result.Result | Should -Be 'Success'
        $result.Created | Should -Be 6
    }

    It '-TakeOver: marked groups that this configuration does not know' {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20', '--ou', 'OU=Cloud Groups,DC=contoso,DC=test')
        $script:Store = Join-Path $TestDrive 'lost'
        Connect-Lab
        $null = Enable-GroupWriteback $script:Lab.OU
        $null = Start-GroupWritebackSyncCycle Initial -Wait
        $names = { @(Get-GroupWritebackGroup | Sort-Object Id | ForEach-Object { $_.Id, $_.ObjectGUID, $_.ObjectSid, $_.DistinguishedName -join ' ' }) }
        $before = & $names
        $before.Count | Should -Be 6
        Disconnect-GroupWriteback

        $script:Store = Join-Path $TestDrive 'new'
        Connect-Lab
        try { Enable-GroupWriteback $script:Lab.OU; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'OwnedByAnotherEngine,Enable-GroupWriteback'
        $record.ErrorDetails.RecommendedAction | Should -Match '-TakeOver'
        $feature = Enable-GroupWriteback $script:Lab.OU -TakeOver
        $feature.Enabled | Should -BeTrue
        $feature.UnifiedGroupWriteback | Should -BeTrue
        ($feature | Out-String -Width 120) | Should -Match 'UnifiedGroupWriteback GroupWritebackV2'
        (Start-GroupWritebackSyncCycle Initial -Wait).Created | Should -Be 0
        (& $names) | Should -Be $before
    }
}

Describe 'Synchronizing' -Skip:$missing {
    BeforeAll {
        $script:Lab = Start-Lab @('--seed', '11', '--ou', 'OU=Cloud Groups,DC=contoso,DC=test')
        $script:Store = Join-Path $TestDrive 'cycle'
        Connect-Lab
        $null = Enable-GroupWriteback $script:Lab.OU
    }
    AfterAll {
        Disconnect-GroupWriteback
        Stop-Lab $script:Lab
    }

    It 'shows the plan of the first cycle and writes nothing' {
        $null = Invoke-Lab $script:Lab counters/reset @{}
        $text = (Invoke-Quiet { Start-GroupWritebackSyncCycle Initial -WhatIf } | Out-String)
        $text.Trim() | Should -BeNullOrEmpty
        $plan = Get-GroupWritebackOperation -Summary
        Test-Shape $plan Plan
        $plan.Creates | Should -Be 60
        $operations = @($plan | Get-GroupWritebackOperation)
        Test-Shape $operations[0] Operation
        @($operations | Where-Object Action -eq 'CreateGroup').Count | Should -Be 60
        @($operations | Where-Object Action -eq 'AddMember').Count | Should -Be $plan.MemberAdds
        @($operations | Where-Object Status -ne 'Planned').Count | Should -Be 0
        Get-LabWrite $script:Lab | Should -Be 0
    }

    It 'prints one What if line a group' {
        $text = (Get-LabScript $script:Lab (Join-Path $TestDrive 'cycle')) + "`n`$null = Connect-GroupWriteback @connection`nStart-GroupWritebackSyncCycle Initial -WhatIf`n"
        $output = Wait-Child (Start-Child $text $TestDrive)
        [regex]::Matches($output, '(?m)^What if: Performing the operation "[^"]+" on target "').Count | Should -Be 60
    }

    It 'writes every group in the first cycle, with progress and with few warnings' {
        $words = @(Start-GroupWritebackSyncCycle Initial -Wait -Verbose -WarningVariable warning 4>&1)
        $result = $words | Where-Object { $_ -isnot [System.Management.Automation.VerboseRecord] }
        # Ten groups with left-out members, then how many more; those are messages of -Verbose.
        $leftOut = @(Get-GroupWritebackRunResult -Skipped | Select-Object -ExpandProperty GroupId -Unique).Count
        $leftOut | Should -BeGreaterThan 11
        $warning.Count | Should -Be 11
        [string] $warning[10] | Should -Be "$($leftOut - 10) more groups have members left out; list them with Get-GroupWritebackRunResult -Skipped."
        @($words | Where-Object { $_ -is [System.Management.Automation.VerboseRecord] -and $_.Message -match "members? of '.*' left out" }).Count | Should -Be ($leftOut - 10)
        Test-Shape $result RunResult
        $result.Result | Should -Be 'Success'
        $result.Created | Should -Be 60
        $result.MembersAdded | Should -BeGreaterThan 0
        $result.Duration | Should -BeOfType [timespan]
        $result.StartTimeInUTC.Kind | Should -Be 'Utc'
        (Get-GroupWriteback).OwnedGroupCount | Should -Be 60
        Get-GroupWritebackRunStatus | Should -BeNullOrEmpty
    }

    It 'reads the groups back' {
        $groups = @(Get-GroupWritebackGroup)
        $groups.Count | Should -BeGreaterOrEqual 60
        $written = @($groups | Where-Object { $_.DistinguishedName })
        $written.Count | Should -Be 60
        Test-Shape $written[0] Group
        ($written.State | Select-Object -Unique) | Should -Be 'InSync'
        $truth = @(Get-LabGroup $script:Lab)[0]
        $one = Get-GroupWritebackGroup $truth.id -Properties member
        $one.DisplayName | Should -Be $truth.displayName
        $one.CloudMemberCount | Should -Be @($truth.members).Count
        $one.DirectoryMemberCount + $one.SkippedMemberCount | Should -Be $one.CloudMemberCount
        @($one.member).Count | Should -Be $one.DirectoryMemberCount
    }

    It 'finds one group by each of its names' {
        $one = Get-GroupWritebackGroup (Get-LabGroup $script:Lab)[0].id
        foreach ($identity in $one.DistinguishedName, $one.ObjectGUID, $one.ObjectSid, $one.SamAccountName, $one.Mail) {
            if ($identity) { (Get-GroupWritebackGroup $identity).Id | Should -Be $one.Id }
        }
        ($one | Get-GroupWritebackGroup).Id | Should -Be $one.Id
        ([pscustomobject] @{ Name = 'x'; Guid = [guid] $one.ObjectGUID } | Get-GroupWritebackGroup).Id | Should -Be $one.Id
        (Get-GroupWritebackGroup -Identity $one.DistinguishedName -IgnoreDefaultScope).Id | Should -Be $one.Id
    }

    It 'reports groups that are not there one by one, and goes on' {
        $one = (Get-LabGroup $script:Lab)[0].id
        $found = '00000000-0000-0000-0000-00000000abcd', $one | Get-GroupWritebackGroup -ErrorAction SilentlyContinue -ErrorVariable problem
        @($found).Id | Should -Be $one
        $problem[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Get-GroupWritebackGroup'
    }

    It 'limits what it shows, and stops reading when no more is wanted' {
        @(Get-GroupWritebackGroup -ResultSize 5 -WarningVariable warning).Count | Should -Be 5
        $warning.Count | Should -BeGreaterThan 0
        $clock = [System.Diagnostics.Stopwatch]::StartNew()
        @(Get-GroupWritebackGroup | Select-Object -First 2).Count | Should -Be 2
        $clock.Elapsed.TotalSeconds | Should -BeLessThan 5
    }

    It 'writes only what changed in a delta cycle' {
        $group = (Get-LabGroup $script:Lab)[0]
        $null = Edit-Lab $script:Lab @{ op = 'setGroup'; id = $group.id; displayName = 'Renamed by the test' }
        $null = Invoke-Lab $script:Lab counters/reset @{}
        $result = Start-GroupWritebackSyncCycle Delta -Wait
        $result.Result | Should -Be 'Success'
        $result.Updated | Should -Be 1
        Get-LabWrite $script:Lab | Should -Be 1
        (Get-GroupWritebackGroup $group.id).DisplayName | Should -Be 'Renamed by the test'
        (Start-GroupWritebackSyncCycle Delta -Wait).Updated | Should -Be 0
    }

    It 'brings one group up to date now' {
        $group = (Get-LabGroup $script:Lab)[1]
        $null = Edit-Lab $script:Lab @{ op = 'setGroup'; id = $group.id; description = 'one group now' }
        $planned = @(Invoke-Quiet { Sync-GroupWritebackGroup $group.id -WhatIf })
        $planned | Should -BeNullOrEmpty
        $operations = @(Sync-GroupWritebackGroup $group.id)
        Test-Shape $operations[0] Operation
        @($operations | Where-Object { $_.NewValue -eq 'one group now' -and $_.Status -eq 'Applied' }).Count | Should -Be 1
        Sync-GroupWritebackGroup '00000000-0000-0000-0000-00000000abcd' -ErrorAction SilentlyContinue -ErrorVariable problem
        $problem[0].FullyQualifiedErrorId | Should -Be 'GroupNotFound,Sync-GroupWritebackGroup'
    }

    It 'plans as objects and applies chosen ones' {
        $groups = @(Get-LabGroup $script:Lab)
        $null = Edit-Lab $script:Lab @{ op = 'setGroup'; id = $groups[2].id; description = 'chosen' }, @{ op = 'setGroup'; id = $groups[3].id; description = 'not chosen' }
        $operations = @(Get-GroupWritebackOperation -PolicyType Delta | Where-Object NewValue -eq 'chosen')
        $operations.Count | Should -Be 1
        Invoke-Quiet { $operations | Invoke-GroupWritebackOperation -WhatIf } | Should -BeNullOrEmpty
        $applied = @($operations | Invoke-GroupWritebackOperation -PassThru)
        $applied[0].Status | Should -Be 'Applied'
        @(Get-GroupWritebackOperation -PolicyType Delta | Where-Object NewValue -eq 'chosen').Count | Should -Be 0
        (Start-GroupWritebackSyncCycle Delta -Wait).Updated | Should -Be 1
    }

    It 'runs by itself, shows in the status, is waited for, and refuses a second one as busy' {
        $slow = Invoke-Lab $script:Lab fault @{ fault = 'slow'; milliseconds = 800 }
        try {
            $cycle = Start-GroupWritebackSyncCycle Delta
            Test-Shape $cycle SyncCycle
            $cycle.Result | Should -Be 'Success'
            $status = Get-GroupWritebackRunStatus
            Test-Shape $status RunStatus
            $status.RunState | Should -Be 'Busy'
            $status.RunId | Should -Be $cycle.RunId
            Start-GroupWritebackSyncCycle Delta -ErrorAction SilentlyContinue -ErrorVariable problem | Should -BeNullOrEmpty
            $problem[0].FullyQualifiedErrorId | Should -Be 'SyncCycleAlreadyRunning,Start-GroupWritebackSyncCycle'
            $problem[0].Exception | Should -BeOfType [System.InvalidOperationException]
            $problem[0].Exception.Message | Should -Match 'is busy'
            { Start-GroupWritebackSyncCycle Delta -Wait -ErrorAction Stop } | Should -Throw -ErrorId 'SyncCycleAlreadyRunning,Start-GroupWritebackSyncCycle'
            { $cycle | Wait-GroupWritebackSyncCycle -TimeoutSec 1 } | Should -Throw -ErrorId 'OperationTimeout,Wait-GroupWritebackSyncCycle'
        }
        finally { $null = Invoke-Lab $script:Lab fault -Method Delete }
        ($cycle | Wait-GroupWritebackSyncCycle -TimeoutSec 60).RunId | Should -Be $cycle.RunId
        Get-GroupWritebackRunStatus | Should -BeNullOrEmpty
        $slow | Should -Not -BeNullOrEmpty
    }

    It 'stops when asked, harmlessly' {
        Stop-GroupWritebackSyncCycle | Should -BeNullOrEmpty
        $null = Invoke-Lab $script:Lab fault @{ fault = 'slow'; milliseconds = 2000 }
        try {
            $cycle = Start-GroupWritebackSyncCycle Initial
            Stop-GroupWritebackSyncCycle
            Wait-Until { -not (Get-GroupWritebackRunStatus) } 20
        }
        finally { $null = Invoke-Lab $script:Lab fault -Method Delete }
        ($cycle | Get-GroupWritebackRunResult).Result | Should -Be 'Stopped'
        (Start-GroupWritebackSyncCycle Initial -Wait).Result | Should -Be 'Success'
    }

    It 'goes on past -TimeoutSec when nothing is to be asked' {
        $null = Invoke-Lab $script:Lab fault @{ fault = 'slow'; milliseconds = 1500 }
        try { { Start-GroupWritebackSyncCycle Initial -Wait -TimeoutSec 1 -Confirm:$false } | Should -Throw -ErrorId 'OperationTimeout,Start-GroupWritebackSyncCycle' }
        finally { $null = Invoke-Lab $script:Lab fault -Method Delete }
        (Wait-GroupWritebackSyncCycle -TimeoutSec 60).Result | Should -Be 'Success'
    }

    It 'remembers its runs, with steps and with what was left out' {
        $runs = @(Get-GroupWritebackRunResult)
        $runs.Count | Should -BeGreaterThan 3
        ($runs | ForEach-Object { $_.StartTimeInUTC }) | Should -Be ($runs | ForEach-Object { $_.StartTimeInUTC } | Sort-Object -Descending)
        @(Get-GroupWritebackRunResult -NumberRequested 2).Count | Should -Be 2
        $steps = ($runs[0] | Get-GroupWritebackRunResult -RunStepDetails).Steps
        $steps.Name | Should -Contain 'Import'
        $steps[0].StartTimeInUTC | Should -BeOfType [datetime]
        $skipped = @(Get-GroupWritebackRunResult -Skipped)
        $skipped.Count | Should -BeGreaterThan 0
        $skipped.Reason | Should -Contain 'CloudOnly'
    }

    It 'runs in a job with a connection of its own' {
        $group = (Get-LabGroup $script:Lab)[4]
        $null = Edit-Lab $script:Lab @{ op = 'setGroup'; id = $group.id; description = 'from a job' }
        $job = Start-GroupWritebackSyncCycle Delta -AsJob
        $job.PSJobTypeName | Should -BeIn 'BackgroundJob', 'ThreadJob'
        $result = $job | Wait-Job | Receive-Job
        $job | Remove-Job
        $result.Result | Should -Be 'Success'
        $result.Updated | Should -Be 1
        $result.Duration | Should -BeOfType [timespan]
        $result.PSObject.TypeNames[0] | Should -Match 'GroupWriteback\.RunResult$'
    }

    It 'stops a mass deletion before the first write, and lets an approved plan through' {
        $null = Edit-Lab $script:Lab @(Get-LabGroup $script:Lab | Select-Object -Last 30 | ForEach-Object { @{ op = 'hardDeleteGroup'; id = $_.id } })
        $null = Invoke-Lab $script:Lab counters/reset @{}
        try { Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'DeletionThresholdExceeded,Start-GroupWritebackSyncCycle'
        Get-LabWrite $script:Lab | Should -Be 0
        $planId = $record.TargetObject
        (Get-GroupWritebackOperation -PlanId $planId -Summary).State | Should -Be 'Blocked'
        @(Get-GroupWritebackOperation -PlanId $planId -Action DeleteGroup).Count | Should -Be 30
        # Neither -Force nor -Confirm:$false passes a threshold.
        { Invoke-GroupWritebackOperation -PlanId $planId -Force } | Should -Throw -ErrorId 'DeletionThresholdExceeded,Invoke-GroupWritebackOperation'
        { Invoke-GroupWritebackOperation -PlanId $planId -Confirm:$false } | Should -Throw -ErrorId 'DeletionThresholdExceeded,Invoke-GroupWritebackOperation'
        Get-LabWrite $script:Lab | Should -Be 0
        # Approved, but nobody here to confirm the deletes: they are refused, with a word on how to go on.
        $result = Invoke-GroupWritebackOperation -PlanId $planId -ApproveThreshold -WarningVariable warning -ErrorAction SilentlyContinue
        [string] $warning | Should -Match '-Confirm:\$false'
        Get-LabWrite $script:Lab | Should -Be 0
        try { Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false; $record = $null } catch { $record = $_ }
        $result = Invoke-GroupWritebackOperation -PlanId $record.TargetObject -ApproveThreshold -Confirm:$false
        $result.Deleted | Should -Be 30
        (Start-GroupWritebackSyncCycle Delta -Wait).Result | Should -Be 'Success'
        { Invoke-GroupWritebackOperation -PlanId '00000000-0000-0000-0000-00000000abcd' -Confirm:$false } | Should -Throw -ErrorId 'PlanNotFound,Invoke-GroupWritebackOperation'
    }

    It 'is switched off and leaves the groups, which are adopted again' {
        { Disable-GroupWriteback } | Should -Throw -ErrorId 'NotConfirmed,Disable-GroupWriteback'
        (Disable-GroupWriteback -Confirm:$false).Enabled | Should -BeFalse
        { Start-GroupWritebackSyncCycle Delta -Wait } | Should -Throw -ErrorId 'FeatureNotEnabled,Start-GroupWritebackSyncCycle'
        (Enable-GroupWriteback).Enabled | Should -BeTrue
        $null = Invoke-Lab $script:Lab counters/reset @{}
        (Start-GroupWritebackSyncCycle Initial -Wait).Created | Should -Be 0
        Get-LabWrite $script:Lab | Should -Be 0
    }

    It 'is switched off and deletes the groups, behind the threshold' {
        { Disable-GroupWriteback -GroupAction Delete -Confirm:$false } | Should -Throw -ErrorId 'DeletionThresholdExceeded,Disable-GroupWriteback'
        $job = Disable-GroupWriteback -GroupAction Delete -Confirm:$false -AsJob | Wait-Job
        { $job | Receive-Job -ErrorAction Stop } | Should -Throw -ErrorId 'DeletionThresholdExceeded,Disable-GroupWriteback'
        $job | Remove-Job
        (Get-GroupWriteback).OwnedGroupCount | Should -Be 30
        $null = Disable-GroupWritebackDeletionThreshold -Confirm:$false
        Invoke-Quiet { Disable-GroupWriteback -GroupAction Delete -WhatIf } | Should -BeNullOrEmpty
        (Get-GroupWriteback).OwnedGroupCount | Should -Be 30
        $feature = Disable-GroupWriteback -GroupAction Delete -Confirm:$false
        $feature.Enabled | Should -BeFalse
        (Get-GroupWriteback).OwnedGroupCount | Should -Be 0
    }
}
