# The story of one writeback, told on a lab: enable, first synchronization, a change, a plan, a mass deletion that is stopped, disable.
#   pwsh -NoProfile -File powershell/demo/Demo.ps1 -LabPath lab.json
# lab.json holds the ready line of `group-writeback-lab serve` (docs/lab.md). Every step checks what it got: the exit code is 0 only when
# each gave what it should. GROUPWRITEBACK_STORE says where state is kept.
param([Parameter(Mandatory)] [string] $LabPath)

$ErrorActionPreference = 'Stop'
$started = Get-Date
$failures = 0
$step = 0
# A story on a screen shows its progress, one in a log does not.
if ([Console]::IsOutputRedirected) { $ProgressPreference = 'SilentlyContinue' }

function Write-Step([string] $Title) {
    $script:step++
    Write-Host ''
    Write-Host "$script:step  $Title" -ForegroundColor Cyan
    Write-Host ('-' * 100) -ForegroundColor DarkGray
}

function Write-Command([string] $Text) {
    Write-Host "PS> $Text" -ForegroundColor Yellow
}

function Confirm-That([string] $What, [bool] $Holds) {
    if ($Holds) { Write-Host "  ok    $What" -ForegroundColor Green }
    else {
        Write-Host "  WRONG $What" -ForegroundColor Red
        $script:failures++
    }
}

# Tables as a console of 120 columns shows them, also in a log.
function Show-Table {
    param([string[]] $Property)
    $rows = @($input)
    $text = if ($Property) { $rows | Format-Table -Property $Property | Out-String -Width 120 } else { $rows | Format-Table | Out-String -Width 120 }
    Write-Host $text.TrimEnd()
}

function Edit-Tenant([hashtable[]] $Change) {
    $body = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject @{ changes = @($Change) } -Depth 6))
    (Invoke-RestMethod -Uri "$($lab.control)/change" -Method Post -Body $body -ContentType 'application/json').ids
}

function Get-Write { (Invoke-RestMethod -Uri "$($lab.control)/counters").ldap.writes }
function Reset-Counter { $null = Invoke-RestMethod -Uri "$($lab.control)/counters/reset" -Method Post -Body '{}' -ContentType 'application/json' }

function Get-CloudGroup {
    (Invoke-RestMethod -Uri "$($lab.control)/dump").groups | Where-Object { $_.state -eq 'active' -and $_.groupTypes -contains 'Unified' }
}

try {
    Write-Step 'Connect: sign in to the tenant, bind to the directory'
    Write-Command 'Connect-GroupWriteback -TenantId ... -ClientSecretCredential $secret -Server ... -Credential $directory'
    . ([System.IO.Path]::Combine($PSScriptRoot, 'Connect-Lab.ps1')) -LabPath $LabPath | Show-Table
    $context = Get-GroupWritebackContext
    Confirm-That "connected to the tenant $($context.TenantId) and the domain $($context.Domain)" ($context.TenantId -eq $lab.tenantId -and $context.Domain -eq $lab.domain)

    Write-Step 'Enable writeback; the container is created'
    Write-Command "Enable-GroupWriteback '$ou' -CreateContainer"
    $feature = Enable-GroupWriteback $ou -CreateContainer
    $feature | Show-Table
    Confirm-That 'writeback is on, no group is written yet' ($feature.Enabled -and $feature.OwnedGroupCount -eq 0)

    Write-Step 'First synchronization'
    Write-Command 'Start-GroupWritebackSyncCycle Initial -Wait'
    $cloud = @(Get-CloudGroup)
    $first = Start-GroupWritebackSyncCycle Initial -Wait -WarningAction SilentlyContinue -WarningVariable left
    $left | Select-Object -First 3 | ForEach-Object { Write-Warning $_ }
    if ($left.Count -gt 3) { Write-Host "  ($($left.Count - 3) more warnings of that kind; the reasons are listed below)" -ForegroundColor DarkGray }
    $first | Show-Table
    Confirm-That "all $($cloud.Count) Microsoft 365 groups were created in Active Directory" ($first.Result -eq 'Success' -and $first.Created -eq $cloud.Count)

    Write-Step 'Look at the groups, and at one with its members as Active Directory has them'
    Write-Command 'Get-GroupWritebackGroup | Sort-Object CloudMemberCount -Descending | Select-Object -First 8'
    $groups = @(Get-GroupWritebackGroup)
    $groups | Sort-Object CloudMemberCount -Descending | Select-Object -First 8 | Show-Table
    $inSync = @($groups | Where-Object { $_.State -eq 'InSync' -and $_.DistinguishedName })
    Confirm-That "$($cloud.Count) groups are in sync" ($inSync.Count -eq $cloud.Count)
    $one = $inSync | Where-Object { $_.DirectoryMemberCount -ge 3 } | Sort-Object DirectoryMemberCount | Select-Object -First 1
    Write-Command "Get-GroupWritebackGroup $($one.Id) -Properties member"
    $detail = $one | Get-GroupWritebackGroup -Properties member
    Write-Host ($detail | Format-List DisplayName, DistinguishedName, ObjectSid, CloudMemberCount, DirectoryMemberCount, SkippedMemberCount | Out-String -Width 120).TrimEnd()
    @($detail.member) | Select-Object -First 5 | ForEach-Object { Write-Host "    $_" }
    Confirm-That 'the members in Active Directory are those in the cloud, save those that were skipped with a reason' (
        @($detail.member).Count -eq $detail.DirectoryMemberCount -and $detail.DirectoryMemberCount + $detail.SkippedMemberCount -eq $detail.CloudMemberCount)
    $skipped = @(Get-GroupWritebackRunResult -Skipped)
    $skipped | Group-Object Reason | Show-Table -Property Count, Name
    Confirm-That "each of the $($first.MembersSkipped) skipped memberships is listed" ($skipped.Count -eq $first.MembersSkipped -and @($skipped | Where-Object { -not $_.Reason }).Count -eq 0)

    Write-Step 'The tenant changes; a delta cycle writes only that'
    $member = @($cloud | Where-Object id -eq $one.Id)[0].members | Where-Object kind -eq 'user' | Select-Object -First 1
    $new = Edit-Tenant @{ op = 'addGroup'; displayName = 'Project Aurora'; kind = 'm365'; members = @($member.id) }, @{ op = 'setGroup'; id = $one.Id; displayName = "$($one.DisplayName) (renamed)" }
    Reset-Counter
    Write-Command 'Start-GroupWritebackSyncCycle Delta -Wait'
    $delta = Start-GroupWritebackSyncCycle Delta -Wait
    $delta | Show-Table
    Confirm-That 'one group was created and one updated' ($delta.Result -eq 'Success' -and $delta.Created -eq 1 -and $delta.Updated -eq 1)
    Confirm-That 'nothing else was written' ((Get-Write) -le 3)
    Confirm-That 'the new name is in Active Directory' ((Get-GroupWritebackGroup $one.Id).DisplayName -like '*(renamed)')

    Write-Step 'What if? A group is deleted in the tenant; the plan shows it, nothing is written'
    $null = Edit-Tenant @{ op = 'hardDeleteGroup'; id = @($new)[0] }
    Reset-Counter
    Write-Command 'Start-GroupWritebackSyncCycle Delta -WhatIf'
    Start-GroupWritebackSyncCycle Delta -WhatIf
    $plan = Get-GroupWritebackOperation -PolicyType Delta
    $plan | Show-Table
    Confirm-That 'the plan deletes exactly that group' (@($plan).Count -eq 1 -and $plan.Action -eq 'DeleteGroup' -and $plan.GroupId -eq @($new)[0])
    Confirm-That 'nothing was written' ((Get-Write) -eq 0)
    Write-Command 'Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false'
    $delete = Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false
    Confirm-That 'the cycle then deletes it' ($delete.Deleted -eq 1)

    Write-Step 'A mass deletion is stopped before the first write'
    $half = @(Get-CloudGroup | Select-Object -First ([int] ($cloud.Count / 2)))
    $null = Edit-Tenant @($half | ForEach-Object { @{ op = 'hardDeleteGroup'; id = $_.id } })
    Reset-Counter
    Write-Command 'Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false'
    $stopped = $null
    try { $null = Start-GroupWritebackSyncCycle Delta -Wait -Confirm:$false }
    catch {
        $stopped = $_
        Write-Host "  $stopped" -ForegroundColor Red
        Write-Host "  $($stopped.ErrorDetails.RecommendedAction)" -ForegroundColor DarkGray
    }
    Confirm-That "$($half.Count) deletions were refused with DeletionThresholdExceeded" ($null -ne $stopped -and $stopped.FullyQualifiedErrorId -like 'DeletionThresholdExceeded,*')
    Confirm-That 'nothing was written' ((Get-Write) -eq 0)
    Write-Command "Get-GroupWritebackOperation -PlanId $($stopped.TargetObject)"
    $blocked = @(Get-GroupWritebackOperation -PlanId $stopped.TargetObject)
    $blocked | Select-Object -First 5 | Show-Table
    Get-GroupWritebackOperation -PlanId $stopped.TargetObject -Summary | Show-Table
    Confirm-That 'the plan is kept for a review' (@($blocked | Where-Object Action -eq 'DeleteGroup').Count -eq $half.Count)

    Write-Step 'Disable writeback and keep the groups'
    Write-Command 'Disable-GroupWriteback -GroupAction Keep -Confirm:$false'
    $off = Disable-GroupWriteback -GroupAction Keep -Confirm:$false
    $off | Show-Table
    Confirm-That 'writeback is off and every group is still there' (-not $off.Enabled -and (Get-Write) -eq 0)
    Get-GroupWritebackRunResult | Show-Table
    Disconnect-GroupWriteback
    Confirm-That 'nothing is connected any more' ($null -eq (Get-GroupWritebackContext))
}
catch {
    $failures++
    Write-Host "The story broke off in step $step`: $_" -ForegroundColor Red
    Write-Host ($_ | Format-List * -Force | Out-String)
}

Write-Host ''
if ($failures -eq 0) { Write-Host ('The story went as it should, in {0:0.0} seconds.' -f ((Get-Date) - $started).TotalSeconds) -ForegroundColor Green }
else { Write-Host "$failures check(s) failed." -ForegroundColor Red }
exit [math]::Min($failures, 1)
