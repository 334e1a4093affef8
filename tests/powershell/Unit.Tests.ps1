# The module's parts by themselves: no library, no lab.

BeforeAll {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force

    # A public function's stand-in: it has a $PSCmdlet of its own and hands it to the module.
    function Test-Caller {
        [CmdletBinding(SupportsShouldProcess, ConfirmImpact = 'Medium')]
        param([scriptblock] $Do, $With)
        & (Get-Module GroupWriteback) { param($Do, $Cmdlet, $With) . $Do $Cmdlet $With } $Do $PSCmdlet $With
    }

    function ConvertTo-Identity($Value) {
        & (Get-Module GroupWriteback) { param($Value) , ([GwbIdentityTransformation]::new().Transform($null, $Value)) } $Value
    }

    function Get-Deserialized($Value) {
        [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($Value))
    }
}

Describe 'Values of the library' {
    It 'become times in UTC where the name says so' {
        InModuleScope GroupWriteback {
            $object = ConvertFrom-GwbJson -Text '{"StartTimeInUTC":"2026-11-24T12:00:00.123Z","Name":"2026-11-24T12:00:00Z","Path":"/Date(1)/"}'
            $run = ConvertTo-GwbObject -Type RunResult -Value $object
            $run.StartTimeInUTC | Should -BeOfType [datetime]
            $run.StartTimeInUTC.Kind | Should -Be 'Utc'
            $run.StartTimeInUTC.ToString('o') | Should -Be '2026-11-24T12:00:00.1230000Z'
            # A group may be called like a time: it stays a name.
            $run.Name | Should -BeExactly '2026-11-24T12:00:00Z'
            $run.Path | Should -BeExactly '/Date(1)/'
        }
    }

    It 'become spans where the name says so' {
        InModuleScope GroupWriteback {
            (ConvertTo-GwbValue -Name Duration -Value 93.5) | Should -Be ([timespan]::new(0, 0, 1, 33, 500))
            (ConvertTo-GwbValue -Name AllowedSyncCycleInterval -Value 1800) | Should -Be ([timespan]::FromMinutes(30))
            (ConvertTo-GwbValue -Name Duration -Value 0.0001234).Ticks | Should -Be 1234
            # Whole seconds are spans, too.
            (ConvertTo-GwbObject -Type RunResult -Value (ConvertFrom-GwbJson -Text '{"Duration":2}')).Duration | Should -Be ([timespan]::FromSeconds(2))
        }
    }

    It 'have the same number types in every edition' {
        InModuleScope GroupWriteback {
            (ConvertTo-GwbValue -Name Done -Value ([int] 5)) | Should -BeOfType [long]
            (ConvertTo-GwbValue -Name Done -Value ([long] 5)) | Should -BeOfType [long]
            (ConvertTo-GwbValue -Name Rate -Value ([decimal] 5.5)) | Should -BeOfType [double]
            (ConvertTo-GwbValue -Name Enabled -Value $false) | Should -BeOfType [bool]
            (ConvertTo-GwbValue -Name LastRunId -Value $null) | Should -BeNullOrEmpty
        }
    }

    It 'keep arrays, also of none and of one' {
        InModuleScope GroupWriteback {
            foreach ($text in '[]', '["a"]', '["a","b"]') {
                $context = ConvertTo-GwbObject -Type Context -Value (ConvertFrom-GwbJson -Text ('{"Permissions":' + $text + '}'))
                , $context.Permissions | Should -BeOfType [array]
                $context.Permissions.Count | Should -Be @($text | ConvertFrom-Json).Count
            }
        }
    }

    It 'convert what is nested' {
        InModuleScope GroupWriteback {
            $run = ConvertTo-GwbObject -Type RunResult -Value (ConvertFrom-GwbJson -Text '{"Steps":[{"Name":"Import","StartTimeInUTC":"2026-11-24T12:00:00Z","Done":4}]}')
            $run.Steps[0].StartTimeInUTC.Kind | Should -Be 'Utc'
            $run.Steps[0].Done | Should -BeOfType [long]
        }
    }

    It 'come in the order of the contract, absent ones as $null, further ones at the end' {
        InModuleScope GroupWriteback {
            $object = ConvertTo-GwbObject -Type Threshold -Value ([pscustomobject] @{ MinimumGroupSize = 20; Enabled = $true; Extra = 'x' })
            $object.PSObject.TypeNames[0] | Should -Be 'GroupWriteback.Threshold'
            $names = @($object.PSObject.Properties.Name)
            $names[0..5] -join ' ' | Should -Be ($script:GwbObjectTable['Threshold'] -join ' ')
            $names[6] | Should -Be 'Extra'
            $object.DeletionThreshold | Should -BeNullOrEmpty
        }
    }

    It 'are read line by line from a batch with any text' {
        InModuleScope GroupWriteback {
            $text = [string]::Join("`n", @('{"event":"item","value":{"DisplayName":"a \"b\", [c]: {d} \u00e4\ud83d\ude00"}}', '', '{"event":"result"}', ''))
            $events = @(ConvertFrom-GwbJson -Text $text)
            $events.Count | Should -Be 2
            $events[0].value.DisplayName | Should -Be ('a "b", [c]: {d} ' + [char] 0xe4 + [char]::ConvertFromUtf32(0x1f600))
            @(ConvertFrom-GwbJson -Text '').Count | Should -Be 0
        }
    }

    It 'survive jobs, remoting and files' {
        InModuleScope GroupWriteback {
            $run = ConvertTo-GwbObject -Type RunResult -Value (ConvertFrom-GwbJson -Text '{"RunId":"r","Duration":1.5,"StartTimeInUTC":"2026-11-24T12:00:00Z","Created":4,"Steps":[]}')
            $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($run, 4))
            $copy.PSObject.TypeNames[0] | Should -Be 'Deserialized.GroupWriteback.RunResult'
            $copy.Duration | Should -Be $run.Duration
            $copy.StartTimeInUTC.Kind | Should -Be 'Utc'
            $copy.Created | Should -Be 4
        }
    }
}

Describe '-Identity' {
    It 'takes strings and GUIDs' {
        (ConvertTo-Identity 'sales@contoso.test') | Should -Be 'sales@contoso.test'
        (ConvertTo-Identity ' x ') | Should -Be 'x'
        (ConvertTo-Identity ([guid] '5f0f8b39-0000-0000-0000-5f8f1d0e6a11')) | Should -Be '5f0f8b39-0000-0000-0000-5f8f1d0e6a11'
        (ConvertTo-Identity @('a', 'b')) | Should -Be 'a', 'b'
    }

    It 'prefers the cloud id, then a GUID as Id, then objectGUID, Guid and DN' {
        $guid = '11111111-2222-3333-4444-555555555555'
        $object = [pscustomobject] @{ DistinguishedName = 'CN=a,DC=x'; Guid = 'bbbbbbbb-2222-3333-4444-555555555555'; ObjectGUID = 'aaaaaaaa-2222-3333-4444-555555555555'; Id = $guid; ExternalDirectoryObjectId = 'eeeeeeee-2222-3333-4444-555555555555' }
        ConvertTo-Identity $object | Should -Be 'eeeeeeee-2222-3333-4444-555555555555'
        $object.ExternalDirectoryObjectId = ''
        ConvertTo-Identity $object | Should -Be $guid
        $object.Id = 'contoso.test/Groups/Sales'
        ConvertTo-Identity $object | Should -Be 'aaaaaaaa-2222-3333-4444-555555555555'
        $object.ObjectGUID = [guid]::Empty
        ConvertTo-Identity $object | Should -Be 'bbbbbbbb-2222-3333-4444-555555555555'
        $object.Guid = $null
        ConvertTo-Identity $object | Should -Be 'CN=a,DC=x'
    }

    It 'takes deserialized objects, dictionaries, lists, and operations of this module by their group' {
        $group = [pscustomobject] @{ PSTypeName = 'GroupWriteback.Group'; Id = '11111111-2222-3333-4444-555555555555'; DistinguishedName = 'CN=a' }
        ConvertTo-Identity (Get-Deserialized $group) | Should -Be $group.Id
        ConvertTo-Identity @{ id = $group.Id; displayName = 'x' } | Should -Be $group.Id
        $list = New-Object System.Collections.ArrayList
        $null = $list.Add($group)
        $null = $list.Add('b')
        (ConvertTo-Identity $list) | Should -Be $group.Id, 'b'
        $operation = [pscustomobject] @{ Id = '99999999-2222-3333-4444-555555555555'; GroupId = $group.Id; PlanId = 'p' }
        ConvertTo-Identity $operation | Should -Be $group.Id
    }

    It 'is $null, never an exception, for what bears no identity' {
        foreach ($nothing in $null, '', '  ', 5, $true, ([guid]::Empty), ([pscustomobject] @{ Name = 'x' }), @{}, @(), ([pscustomobject] @{ Id = 'name'; DistinguishedName = @('a', 'b') })) {
            $found = & (Get-Module GroupWriteback) { param($Value) [GwbIdentityTransformation]::new().Transform($null, $Value) } $nothing
            $found | Should -BeNullOrEmpty
        }
        $angry = New-Object psobject
        $angry | Add-Member -MemberType ScriptProperty -Name Id -Value { throw 'no' }
        ConvertTo-Identity $angry | Should -BeNullOrEmpty
    }

    It 'empty is an error of <_>, never all groups' -ForEach 'Get-GroupWritebackGroup', 'Sync-GroupWritebackGroup', 'Get-GroupWritebackOperation' {
        $command = $_
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        foreach ($nothing in @($null, '', '  ', @(), @($null), ([pscustomobject] @{ Name = 'x' }))) {
            $found = & $command -Identity $nothing -ErrorAction SilentlyContinue -ErrorVariable problem
            $found | Should -BeNullOrEmpty
            $problem[0].FullyQualifiedErrorId | Should -Be "GroupNotFound,$command"
        }
        $found = $null, '' | & $command -ErrorAction SilentlyContinue -ErrorVariable problem
        $found | Should -BeNullOrEmpty
        $problem.Count | Should -Be 2
        Should -Invoke Invoke-GwbOperation -ModuleName GroupWriteback -Times 0 -Exactly
        # Nothing piped in is nothing done.
        @() | & $command | Should -BeNullOrEmpty
        Should -Invoke Invoke-GwbOperation -ModuleName GroupWriteback -Times 0 -Exactly
        # One bad among good ones is reported, the others go on.
        $found = 'a', '', 'b' | & $command -ErrorAction SilentlyContinue
        @($found).Count | Should -Be 2
    }

    It 'binds objects of Exchange by pipeline' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request.identity }
        $group = [pscustomobject] @{ Name = 'Sales'; Identity = 'contoso.test/Groups/Sales'; Id = 'contoso.test/Groups/Sales'; Guid = [guid] 'bbbbbbbb-2222-3333-4444-555555555555'; DistinguishedName = 'CN=Sales,DC=contoso,DC=test'; ExternalDirectoryObjectId = '' }
        $group | Get-GroupWritebackGroup | Should -Be 'bbbbbbbb-2222-3333-4444-555555555555'
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($group))
        $copy | Sync-GroupWritebackGroup | Should -Be 'bbbbbbbb-2222-3333-4444-555555555555'
    }
}

Describe 'Plans and runs in the pipeline' {
    It 'a plan or run result piped to Get-GroupWritebackOperation gives its stored plan' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        $plan = [pscustomobject] @{ PSTypeName = 'GroupWriteback.Plan'; PlanId = 'p1'; Creates = 1 }
        $request = $plan | Get-GroupWritebackOperation -Action DeleteGroup
        $request.op | Should -Be 'operations'
        $request.planId | Should -Be 'p1'
        $request.action | Should -Be 'DeleteGroup'
        (Get-GroupWritebackOperation -PlanId p2 -Summary).summary | Should -BeTrue
        (Get-GroupWritebackOperation -Identity a).op | Should -Be 'plan'
        (Get-GroupWritebackOperation).op | Should -Be 'plan'
    }

    It 'operations are collected, also deserialized, and applied once; several plans are refused' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        $operations = foreach ($id in '1', '2') { [pscustomobject] @{ PSTypeName = 'GroupWriteback.Operation'; Id = $id; PlanId = 'p' } }
        $copies = foreach ($one in $operations) { [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($one)) }
        foreach ($set in $operations, $copies) {
            $request = $set | Invoke-GroupWritebackOperation -Confirm:$false
            @($request).Count | Should -Be 1
            $request.planId | Should -Be 'p'
            $request.operationIds -join ' ' | Should -Be '1 2'
        }
        $operations[1].PlanId = 'q'
        { $operations | Invoke-GroupWritebackOperation } | Should -Throw -ErrorId 'InvalidArgument,Invoke-GroupWritebackOperation'
        [pscustomobject] @{ Name = 'x' } | Invoke-GroupWritebackOperation -ErrorAction SilentlyContinue -ErrorVariable problem
        $problem[0].FullyQualifiedErrorId | Should -Be 'InvalidArgument,Invoke-GroupWritebackOperation'
    }

    It 'a run result piped on names its run' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        $run = [pscustomobject] @{ PSTypeName = 'GroupWriteback.RunResult'; RunId = '5f0f8b39-0000-0000-0000-5f8f1d0e6a11'; PlanId = 'p' }
        ($run | Get-GroupWritebackRunResult -Skipped).runId | Should -Be $run.RunId
        ($run | Wait-GroupWritebackSyncCycle -TimeoutSec 5).runId | Should -Be $run.RunId
    }
}

Describe 'Requests' {
    It 'carry the library''s exact words whatever case the caller used' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Use-GwbSession { $Operation.Request }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        (Start-GroupWritebackSyncCycle delta -WhatIf).policyType | Should -BeExactly 'Delta'
        (Enable-GroupWriteback -Version cloudsync).version | Should -BeExactly 'CloudSync'
        ConvertTo-Json (Enable-GroupWriteback) -Compress | Should -Be '{"createContainer":false,"withoutExchange":false,"takeOver":false,"whatIf":false}'
        ConvertTo-Json (Enable-GroupWriteback -WithoutExchange -TakeOver) -Compress | Should -Be '{"createContainer":false,"withoutExchange":true,"takeOver":true,"whatIf":false}'
        (Get-GroupWritebackGroup -State insync, DRIFTED).state | Should -BeExactly 'InSync', 'Drifted'
        (Test-GroupWritebackConnectivity -Service graph).services | Should -BeExactly 'Graph'
        (Set-GroupWritebackConfiguration -NamingPreset cloudsync -Confirm:$false).changes.namingPreset | Should -BeExactly 'CloudSync'
    }

    It 'of Set-GroupWritebackConfiguration hold only what was given, empty as reset' {
        Mock -ModuleName GroupWriteback Use-GwbSession { $Operation.Request }
        $request = Set-GroupWritebackConfiguration -CloudFilter '' -BatchSize 100 -AttributeMapping @{ description = '' }
        @($request.changes.Keys) -join ' ' | Should -Be 'cloudFilter attributeMapping batchSize'
        $request.changes.cloudFilter | Should -BeNullOrEmpty
        $request.whatIf | Should -BeFalse
        ConvertTo-Json $request -Compress -Depth 6 | Should -Be '{"op":"setConfiguration","changes":{"cloudFilter":null,"attributeMapping":{"description":""},"batchSize":100},"whatIf":false}'
        { Set-GroupWritebackConfiguration } | Should -Throw -ErrorId 'InvalidArgument,Set-GroupWritebackConfiguration'
        # The library's ranges.
        foreach ($given in @{ GraceDays = 0; BatchSize = 1 }, @{ GraceDays = 3650; BatchSize = 5000 }) { (Set-GroupWritebackConfiguration @given).changes.Count | Should -Be 2 }
        foreach ($given in @{ GraceDays = -1 }, @{ GraceDays = 3651 }, @{ BatchSize = 0 }, @{ BatchSize = 5001 }) { { Set-GroupWritebackConfiguration @given } | Should -Throw -ErrorId 'ParameterArgumentValidationError,*' }
    }

    It 'of the thresholds hold only what was given' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        $request = Enable-GroupWritebackDeletionThreshold 10 -MemberRemovalThresholdPercent 0
        @($request.Keys) -join ' ' | Should -Be 'op enabled deletionThreshold memberRemovalThresholdPercent'
        (Disable-GroupWritebackDeletionThreshold -Confirm:$false).enabled | Should -BeFalse
        Get-GroupWritebackDeletionThreshold | ForEach-Object { $_.op } | Should -Be 'threshold'
        Invoke-Quiet { Enable-GroupWritebackDeletionThreshold 10 -WhatIf } | Should -BeNullOrEmpty
    }

    It 'ask for approval as the preferences want it' {
        Mock -ModuleName GroupWriteback Get-GwbSession { [pscustomobject] @{ Name = 'Default' } }
        Mock -ModuleName GroupWriteback Invoke-GwbOperation { $Request }
        (Start-GroupWritebackSyncCycle -Wait).approve | Should -Be 'deletes'
        (Start-GroupWritebackSyncCycle -Wait -Confirm).approve | Should -Be 'all'
        (Start-GroupWritebackSyncCycle -Wait -Confirm:$false).approve | Should -Be 'deletes'
        $request = Start-GroupWritebackSyncCycle
        $request.detached | Should -BeTrue
        $request.approve | Should -Be 'none'
        (Start-GroupWritebackSyncCycle -WhatIf).whatIf | Should -BeTrue
        (Sync-GroupWritebackGroup a -WhatIf).whatIf | Should -BeTrue
        (Invoke-GroupWritebackOperation -PlanId p -WhatIf).whatIf | Should -BeTrue
        (Invoke-Quiet { Disable-GroupWriteback -WhatIf }).whatIf | Should -BeTrue
        (Invoke-Quiet { Enable-GroupWriteback -TakeOver -WhatIf }).whatIf | Should -BeTrue
        (Invoke-GroupWritebackOperation -PlanId p).approveThreshold | Should -BeFalse
        (Invoke-GroupWritebackOperation -PlanId p -Force).approveThreshold | Should -BeFalse
    }
}
