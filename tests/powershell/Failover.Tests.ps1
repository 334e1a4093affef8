# A second domain controller that lacks what the first has: the cycle waits for replication, or for a word of the administrator.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    # Only the embedded directory's second controller can be held back.
    $missing = -not (Test-Lab) -or $env:GROUPWRITEBACK_TEST_DIRECTORY -eq 'samba'
}

BeforeAll {
    Import-Module "$PSScriptRoot/../../powershell/GroupWriteback/GroupWriteback.psd1" -Force
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $WarningPreference = 'SilentlyContinue'
}

Describe 'Failover before replication' -Skip:$missing {
    BeforeAll {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20')
        $way = Get-LabConnection -Lab $script:Lab -Store (Join-Path $TestDrive 'failover') -With @{ Server = @($script:Lab.Ready.servers) }
        $null = Connect-GroupWriteback @way
        $null = Enable-GroupWriteback $script:Lab.OU -CreateContainer
        $null = Invoke-Lab $script:Lab directory @{ op = 'holdReplication'; on = $true }
        $null = Start-GroupWritebackSyncCycle Initial -Wait
        $null = Invoke-Lab $script:Lab directory @{ op = 'stopServer'; index = 0 }
    }
    AfterAll {
        Disconnect-GroupWriteback
        Stop-Lab $script:Lab
    }

    It 'ends the cycle with both names, how far behind it is, and what to do' {
        $before = Get-LabWrite $script:Lab
        try { Start-GroupWritebackSyncCycle Delta -Wait; $record = $null } catch { $record = $_ }
        $record.FullyQualifiedErrorId | Should -Be 'DirectoryReplicationPending,Start-GroupWritebackSyncCycle'
        $record.CategoryInfo.Category | Should -Be 'ResourceUnavailable'
        $record.Exception.Message | Should -Match 'dc2\.contoso\.test may not have received .* dc1\.contoso\.test: .* lacks \d+ up to \d+'
        $record.ErrorDetails.RecommendedAction | Should -Match 'repadmin .* -RemovedServer dc1\.contoso\.test -Wait'
        Get-LabWrite $script:Lab | Should -Be $before
    }

    It 'goes on when the administrator names the controller as removed, and compares everything' {
        $result = Start-GroupWritebackSyncCycle -RemovedServer dc1.contoso.test -Wait -WarningVariable warning
        $result.Result | Should -Be 'Success'
        $result.PolicyType | Should -Be 'Initial'
        $result.Server | Should -Be 'dc2.contoso.test'
        $warning -join ' ' | Should -Match 'DirectoryReplicationPending|may not have received'
        (Start-GroupWritebackSyncCycle Delta -Wait).Result | Should -Be 'Success'
    }
}
