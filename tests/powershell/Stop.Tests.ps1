# Being interrupted: what runs ends at once and cleanly, and the next cycle completes it; against a lab.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $missing = -not (Test-Lab)
}

BeforeAll {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force
    $WarningPreference = 'SilentlyContinue'
}

Describe 'Being stopped' -Skip:$missing {
    BeforeAll {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '20', '--memberships', '80', '--largest-group', '20', '--ou', 'OU=Cloud Groups,DC=contoso,DC=test')
    }
    AfterAll { Stop-Lab $script:Lab }

    It 'Ctrl+C ends a cycle within a second, and the next one completes it' -Skip:($PSVersionTable.PSEdition -eq 'Desktop') {
        $store = Join-Path $TestDrive 'interrupted'
        $started = Join-Path $TestDrive 'started.txt'
        $text = (Get-LabScript $script:Lab $store) + @"

`$null = Connect-GroupWriteback @connection
`$null = Enable-GroupWriteback '$($script:Lab.OU)'
`$null = Invoke-Lab `$lab fault @{ fault = 'slow'; milliseconds = 20000 }
[System.IO.File]::WriteAllText('$started', 'x')
try { Start-GroupWritebackSyncCycle Initial -Wait }
finally { Write-Host "stopped at `$([DateTime]::UtcNow.Ticks)" }
"@
        $child = Start-Child $text $TestDrive
        Wait-Until { Test-Path $started } 60
        Start-Sleep -Milliseconds 1500
        $child.Process.HasExited | Should -BeFalse
        $sent = [DateTime]::UtcNow
        Send-Interrupt $child $TestDrive
        # The one who sends it on Windows takes a while to start, and notes when it is there.
        $note = Join-Path $TestDrive 'sent.txt'
        if (Test-Path $note) { $sent = New-Object DateTime -ArgumentList ([long] (Get-Content $note)) }
        $child.Process.WaitForExit(15000) | Should -BeTrue
        $output = Wait-Child $child
        $output | Should -Match 'stopped at \d+'
        $null = $output -match 'stopped at (\d+)'
        ((New-Object DateTime -ArgumentList ([long] $Matches[1])) - $sent).TotalSeconds | Should -BeLessThan 1
        $null = Invoke-Lab $script:Lab fault -Method Delete

        $way = Get-LabConnection -Lab $script:Lab -Store $store
        $null = Connect-GroupWriteback @way
        (Start-GroupWritebackSyncCycle Initial -Wait).Result | Should -Be 'Success'
        (Get-GroupWriteback).OwnedGroupCount | Should -Be 20
        Disconnect-GroupWriteback
    }

    It 'the end of the session stops what runs in it, cleanly' {
        # Another store would be another product in the same container.
        $store = Join-Path $TestDrive 'interrupted'
        $text = (Get-LabScript $script:Lab $store) + @"

`$null = Connect-GroupWriteback @connection
`$null = Invoke-Lab `$lab fault @{ fault = 'slow'; milliseconds = 20000 }
`$null = Start-GroupWritebackSyncCycle Initial
"@
        Wait-Child (Start-Child $text $TestDrive) 20 | Should -BeNullOrEmpty
        $null = Invoke-Lab $script:Lab fault -Method Delete
        $way = Get-LabConnection -Lab $script:Lab -Store $store
        $null = Connect-GroupWriteback @way
        Get-GroupWritebackRunStatus | Should -BeNullOrEmpty
        (Get-GroupWritebackRunResult -NumberRequested 1).Result | Should -Be 'Stopped'
        Disconnect-GroupWriteback
    }
}
