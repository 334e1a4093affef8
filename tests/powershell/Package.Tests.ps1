# The module as it is published: the package itself, and a life in the places where administrators put it.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $missing = -not ($env:GROUPWRITEBACK_MODULE -and (Test-Lab))
}

BeforeAll {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force

    function Copy-Module([string] $To) {
        # The tested module in GroupWriteback/<version> under another folder; gives its manifest.
        $from = Split-Path (Get-TestedModule)
        $folder = [System.IO.Path]::Combine($To, 'GroupWriteback', (Split-Path $from -Leaf))
        foreach ($file in Get-ChildItem -LiteralPath $from -Recurse -File) {
            $copy = $folder + $file.FullName.Substring($from.Length)
            $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($copy))
            [System.IO.File]::Copy($file.FullName, $copy)
        }
        [System.IO.Path]::Combine($folder, 'GroupWriteback.psd1')
    }

    function Invoke-Story([string] $Module, [string] $Store, [hashtable] $With = @{}) {
        # Connects, enables and runs a first cycle in a PowerShell of its own; gives all that it said.
        $text = (Get-LabScript $script:Lab $Store -Module $Module) + "`n"
        foreach ($name in $With.Keys) { $text += "`$connection['$name'] = '$($With[$name])'`n" }
        $text += @"
`$null = Connect-GroupWriteback @connection -ErrorAction Stop
`$null = Enable-GroupWriteback '$($script:Lab.OU)' -CreateContainer -TakeOver -ErrorAction Stop
'Result: ' + (Start-GroupWritebackSyncCycle Initial -Wait -WarningAction SilentlyContinue).Result
'Base: ' + (Get-Module GroupWriteback).ModuleBase
Disconnect-GroupWriteback
"@
        Wait-Child (Start-Child $text $TestDrive)
    }
}

Describe 'The NuGet package' -Skip:$missing {
    BeforeAll {
        $script:Version = Split-Path (Split-Path (Get-TestedModule)) -Leaf
        $script:Nupkg = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine((Split-Path (Get-TestedModule)), '..', '..', "GroupWriteback.$script:Version.nupkg"))
        $script:Content = @{}
        $file = [System.IO.File]::OpenRead($script:Nupkg)
        try {
            $zip = New-Object System.IO.Compression.ZipArchive -ArgumentList $file
            $script:Names = @($zip.Entries | ForEach-Object { $_.FullName })
            foreach ($entry in $zip.Entries) {
                $memory = New-Object System.IO.MemoryStream
                $stream = $entry.Open()
                $stream.CopyTo($memory)
                $stream.Dispose()
                $script:Content[$entry.FullName] = $memory.ToArray()
            }
        }
        finally { $file.Dispose() }
        function Get-Xml([string] $Name) { [xml] [System.Text.Encoding]::UTF8.GetString($script:Content[$Name]) }
    }

    It 'has the names that every unpacker takes' {
        @($script:Names | ForEach-Object { $_.ToLowerInvariant() } | Sort-Object -Unique).Count | Should -Be $script:Names.Count
        foreach ($name in $script:Names) {
            $name | Should -Not -Match '\\|^/|(^|/)\.\.(/|$)|/$|[^\x21-\x7e]'
            $name.Length | Should -BeLessThan 120
        }
    }

    It 'has a nuspec by the rules of NuGet and of the gallery' {
        $metadata = (Get-Xml 'GroupWriteback.nuspec').package.metadata
        $metadata.id | Should -Be 'GroupWriteback'
        $metadata.id | Should -Match '^\w+([_.-]\w+)*$'
        $metadata.version | Should -Be $script:Version
        $metadata.version | Should -Match '^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?$'
        foreach ($name in 'authors', 'description') { $metadata.$name.Length | Should -BeGreaterThan 0 }
        $metadata.description.Length | Should -BeLessOrEqual 4000
        $metadata.requireLicenseAcceptance | Should -Be 'false'
        $metadata.tags.Length | Should -BeLessOrEqual 4000
        $manifest = Test-ModuleManifest (Get-TestedModule)
        $wanted = @('PSModule', 'PSIncludes_Function') + $manifest.Tags
        foreach ($function in $manifest.ExportedFunctions.Keys) { $wanted += "PSFunction_$function", "PSCommand_$function" }
        (-split $metadata.tags | Sort-Object) | Should -Be ($wanted | Sort-Object)
        $metadata.description | Should -Be $manifest.Description
    }

    It 'is a package of parts: each has a type, each relation a target' {
        $types = (Get-Xml '[Content_Types].xml').Types
        foreach ($name in $script:Names | Where-Object { $_ -ne '[Content_Types].xml' }) {
            $extension = [System.IO.Path]::GetExtension($name).TrimStart('.')
            $type = @($types.Default | Where-Object { $_.Extension -eq $extension })
            $type.Count | Should -Be 1 -Because $name
        }
        $relations = @((Get-Xml '_rels/.rels').Relationships.Relationship)
        $relations.Count | Should -Be 2
        foreach ($relation in $relations) { $script:Names | Should -Contain $relation.Target.TrimStart('/') }
        $relations[0].Type | Should -Be 'http://schemas.microsoft.com/packaging/2010/07/manifest'
        @($relations.Id | Sort-Object -Unique).Count | Should -Be 2
    }

    It 'holds the module, file by file' {
        $folder = Split-Path (Get-TestedModule)
        $parts = 'GroupWriteback.nuspec', '[Content_Types].xml', '_rels/.rels'
        $files = @($script:Names | Where-Object { $_ -notin $parts -and $_ -notlike 'package/*' })
        $listed = (Import-PowerShellDataFile (Get-TestedModule)).FileList
        ($files | Sort-Object) | Should -Be ($listed | Sort-Object)
        foreach ($file in $files) {
            $same = [System.Linq.Enumerable]::SequenceEqual([byte[]] $script:Content[$file], [System.IO.File]::ReadAllBytes((Join-Path $folder $file)))
            $same | Should -BeTrue -Because $file
        }
    }

    It 'works where Install-PSResource unpacks it, found by its name' {
        # As PSResourceGet does: everything is unpacked, the parts that are NuGet's own are taken out.
        $modules = Join-Path $TestDrive 'installed'
        foreach ($name in $script:Names) {
            if ($name -match '^(GroupWriteback\.nuspec|\[Content_Types\]\.xml|_rels/.*|package/.*)$') { continue }
            $path = [System.IO.Path]::Combine($modules, 'GroupWriteback', $script:Version, $name)
            $null = [System.IO.Directory]::CreateDirectory([System.IO.Path]::GetDirectoryName($path))
            [System.IO.File]::WriteAllBytes($path, $script:Content[$name])
        }
        $text = @'
Import-Module GroupWriteback -ErrorAction Stop
'Base: ' + (Get-Module GroupWriteback).ModuleBase
'Configurations: ' + @(Get-GroupWritebackConfiguration).Count
'Help: ' + (Get-Help Start-GroupWritebackSyncCycle).Synopsis
'@
        $output = Wait-Child (Start-Child $text $TestDrive @{ PSModulePath = $modules; GROUPWRITEBACK_STORE = (Join-Path $TestDrive 'none'); GROUPWRITEBACK_LIBRARY = '' })
        $output | Should -Match ([regex]::Escape([System.IO.Path]::Combine('installed', 'GroupWriteback', $script:Version)))
        $output | Should -Match 'Configurations: 0'
        $output | Should -Match 'Help: \w+'
    }
}

Describe 'A module' -Skip:$missing {
    BeforeAll {
        $script:Lab = Start-Lab @('--users', '60', '--m365-groups', '6', '--memberships', '80', '--largest-group', '20')
    }
    AfterAll { Stop-Lab $script:Lab }

    It 'works in folders with spaces and letters of other languages, and so do store and authority file' {
        $name = 'Gr' + [char] 0xfc + 'n ' + [char] 0x65e5 + [char] 0x672c + ' (x86) ' + [char] 0x0416
        $folder = Join-Path $TestDrive $name
        $module = Copy-Module $folder
        $authority = Join-Path $folder ('Stra' + [char] 0xdf + 'e ca.pem')
        [System.IO.File]::Copy($script:Lab.Ready.caFile, $authority)
        $output = Invoke-Story $module (Join-Path $folder 'store here') @{ CertificateAuthorityPath = $authority }
        $output | Should -Match 'Result: Success'
        @(Get-ChildItem -LiteralPath (Join-Path $folder 'store here') -Recurse -File).Count | Should -BeGreaterThan 0
    }

    It 'works below a path of more than 260 characters, and so does its store' {
        $folder = $TestDrive
        while ($folder.Length -lt 270) { $folder = Join-Path $folder 'a folder with a rather long name' }
        $module = Copy-Module $folder
        $output = Invoke-Story $module (Join-Path $folder 'store')
        $output | Should -Match 'Result: Success'
        @(Get-ChildItem -LiteralPath (Join-Path $folder 'store') -Recurse -File).Count | Should -BeGreaterThan 0
    }

    It 'works in a folder that nobody may write to, and leaves it as it was' {
        $module = Copy-Module (Join-Path $TestDrive 'read only')
        $files = { Get-ChildItem -LiteralPath (Split-Path $module) -Recurse -File }
        $before = @(& $files | Get-FileHash | ForEach-Object { "$($_.Path) $($_.Hash)" })
        foreach ($file in & $files) { $file.IsReadOnly = $true }
        try {
            Invoke-Story $module (Join-Path $TestDrive 'read only store') | Should -Match 'Result: Success'
            @(& $files | Get-FileHash | ForEach-Object { "$($_.Path) $($_.Hash)" }) | Should -Be $before
        }
        finally { foreach ($file in & $files) { $file.IsReadOnly = $false } }
    }

    It 'of a second process says that the first is at work in the same store' {
        $store = Join-Path $TestDrive 'shared'
        Import-Module (Get-TestedModule) -Force
        $way = Get-LabConnection -Lab $script:Lab -Store $store
        $null = Connect-GroupWriteback @way
        $null = Enable-GroupWriteback $script:Lab.OU -CreateContainer -TakeOver
        $null = Invoke-Lab $script:Lab fault @{ fault = 'slow'; milliseconds = 3000 }
        $text = (Get-LabScript $script:Lab $store) + @"

`$null = Connect-GroupWriteback @connection
'Status: ' + (Get-GroupWritebackRunStatus).RunState
try { Start-GroupWritebackSyncCycle Delta -Wait -ErrorAction Stop } catch { `$_.FullyQualifiedErrorId; `$_.Exception.Message }
"@
        try {
            $cycle = Start-GroupWritebackSyncCycle Initial
            $output = Wait-Child (Start-Child $text $TestDrive)
        }
        finally { $null = Invoke-Lab $script:Lab fault -Method Delete }
        $output | Should -Match 'SyncCycleAlreadyRunning,Start-GroupWritebackSyncCycle'
        $output | Should -Match 'Status: Busy'
        # Who: this process.
        $output | Should -Match "\b$PID\b"
        ($cycle | Wait-GroupWritebackSyncCycle -TimeoutSec 60 -WarningAction SilentlyContinue).Result | Should -Be 'Success'
        Disconnect-GroupWriteback
    }

    It 'is updated beside a session that runs: the old one goes on, a new one gets the new' {
        $modules = Join-Path $TestDrive 'versions'
        $old = Copy-Module $modules
        $store = Join-Path $TestDrive 'update'
        $installed = Join-Path $TestDrive 'installed.txt'
        $connected = Join-Path $TestDrive 'connected.txt'
        $running = (Get-LabScript $script:Lab $store -Module $old) + @"

`$null = Connect-GroupWriteback @connection
`$null = Enable-GroupWriteback '$($script:Lab.OU)' -CreateContainer -TakeOver
[System.IO.File]::WriteAllText('$connected', 'x')
Wait-Until { Test-Path '$installed' } 60
'Old: ' + (Start-GroupWritebackSyncCycle Initial -Wait -WarningAction SilentlyContinue).Result
Disconnect-GroupWriteback
"@
        $first = Start-Child $running $TestDrive
        Wait-Until { (Test-Path $connected) -or $first.Process.HasExited } 60
        # The next version: the same files under another number.
        $version = Split-Path (Split-Path $old) -Leaf
        $folder = [System.IO.Path]::Combine($modules, 'GroupWriteback', '99.0.0')
        Copy-Item -LiteralPath (Split-Path $old) -Destination $folder -Recurse
        $manifest = Join-Path $folder 'GroupWriteback.psd1'
        $content = [System.IO.File]::ReadAllText($manifest)
        $content.Contains("'$version'") | Should -BeTrue
        [System.IO.File]::WriteAllText($manifest, $content.Replace("'$version'", "'99.0.0'"))
        $new = (Get-LabScript $script:Lab $store -Module GroupWriteback) + @"

'New: ' + (Get-Module GroupWriteback).Version
`$null = Connect-GroupWriteback @connection
'Tenant: ' + (Get-GroupWritebackContext).TenantId
"@
        $second = Wait-Child (Start-Child $new $TestDrive @{ PSModulePath = $modules })
        $second | Should -Match 'New: 99\.0\.0'
        $second | Should -Match "Tenant: $($script:Lab.Ready.tenantId)"
        [System.IO.File]::WriteAllText($installed, 'x')
        Wait-Child $first | Should -Match 'Old: Success'
    }
}
