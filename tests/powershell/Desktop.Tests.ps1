# The gate for Windows PowerShell 5.1, which can't be run here: every script is held against what a real one has (desktop/README.md).

BeforeDiscovery {
    . "$PSScriptRoot/desktop/Planted.ps1"
    $root = (Resolve-Path "$PSScriptRoot/../..").Path
    # What ships, its examples, and for developers the tools and these tests.
    $files = foreach ($folder in 'powershell/GroupWriteback', 'powershell/demo', 'docs/help', 'powershell/tools', 'tests/powershell') {
        foreach ($file in Get-ChildItem (Join-Path $root $folder) -Recurse -File -Include *.ps1, *.psm1, *.psd1, *.ps1xml, *.help.txt, *-*.md) {
            @{ Path = $file.FullName; File = $file.FullName.Substring($root.Length + 1).Replace('\', '/') }
        }
    }
}

BeforeAll {
    Import-Module "$PSScriptRoot/desktop/Gate.psm1" -Force
    $script:Root = (Resolve-Path "$PSScriptRoot/../..").Path

    function Get-Defined([string[]] $Folder, [string] $Word) {
        # Functions or classes that scripts define.
        $scripts = Get-ChildItem ($Folder | ForEach-Object { Join-Path $script:Root $_ }) -Recurse -File -Include *.ps1, *.psm1
        foreach ($found in $scripts | Select-String -Pattern "^\s*$Word ([\w-]+)" -AllMatches) { $found.Matches | ForEach-Object { $_.Groups[1].Value } }
    }

    $product = @(Get-Defined 'powershell/GroupWriteback' function)
    $tests = @(Get-Defined 'tests/powershell' function) + @((Get-Command -Module Pester).Name)
    # Commands of others that examples name: Exchange's, and one that stands for the reader's own.
    $others = 'Get-DistributionGroup', 'Get-UnifiedGroup', 'Send-Alert'
    $script:Commands = @{ powershell = $product; docs = $product + $others; tests = $product + $tests; help = $product + $others }
    $script:Types = @(Get-Defined 'powershell/GroupWriteback' class)

    function Get-FileViolation([string] $Path, [string] $File, [string[]] $Command) {
        Get-EncodingViolation -Bytes ([System.IO.File]::ReadAllBytes($Path)) -File $File
        foreach ($part in Get-ScriptText -Text ([System.IO.File]::ReadAllText($Path)) -File $File) {
            Get-DesktopViolation -Text $part.Text -FirstLine $part.Line -File $File -KnownCommand $Command -KnownType $script:Types
        }
    }
}

Describe 'Windows PowerShell 5.1: the gate' {
    It 'refuses <What> (<Kind>), and not its twin' -ForEach $Planted {
        $name = 'x.ps1'
        if ($File) { $name = $File }
        $found = @(Get-DesktopViolation -Text $Bad -File $name)
        $found.Count | Should -Be 1 -Because "$Bad gives: $($found.What -join ', ')"
        $found[0].Kind | Should -Be $Kind
        $found[0].What | Should -Not -BeNullOrEmpty
        $found[0].Advice | Should -Not -BeNullOrEmpty
        @(Get-DesktopViolation -Text $Good -File $name).What | Should -BeNullOrEmpty -Because $Good
    }

    It 'says where' {
        $found = @(Get-DesktopViolation -File 'a/b.ps1' -FirstLine 10 -Text "Get-Date`n`nGet-Uptime; [semver] '1.0'`n`$IsLinux")
        $found.File | Should -Be 'a/b.ps1', 'a/b.ps1', 'a/b.ps1'
        $found.Line | Should -Be 12, 12, 13
        $found.Kind | Sort-Object | Should -Be 'command', 'type', 'variable'
    }

    It 'knows the commands and types of the module' {
        $text = 'Get-Ours; [Ours]::Anything; function f { param([Ours()] $a) }'
        @(Get-DesktopViolation -Text $text).Kind | Should -Be 'command', 'type', 'type'
        Get-DesktopViolation -Text $text -KnownCommand get-ours -KnownType ours | Should -BeNullOrEmpty
    }

    It 'refuses <What> (encoding)' -ForEach @(
        @{ What = 'UTF-8 without a mark'; Bytes = [byte[]] (65, 10, 0xC3, 0xA9); Line = 2 }
        @{ What = 'a code page'; Bytes = [byte[]] (65, 0xE9); Line = 1 }
        @{ What = 'UTF-16'; Bytes = [byte[]] (0xFF, 0xFE, 65, 0); Line = 1 }
        @{ What = 'UTF-16 without a mark'; Bytes = [byte[]] (65, 0); Line = 1 }
        @{ What = 'a mark before a code page'; Bytes = [byte[]] (0xEF, 0xBB, 0xBF, 65, 0xE9); Line = 1 }
    ) {
        $found = @(Get-EncodingViolation -Bytes $Bytes -File 'x.ps1')
        $found.Count | Should -Be 1
        $found[0].Kind | Should -Be 'encoding'
        $found[0].Line | Should -Be $Line
    }

    It 'takes ASCII, UTF-8 with a mark, and nothing at all' {
        foreach ($bytes in [byte[]] (65, 10), [byte[]] (0xEF, 0xBB, 0xBF, 0xC3, 0xA9), [byte[]] @()) { Get-EncodingViolation -Bytes $bytes | Should -BeNullOrEmpty }
    }

    It 'finds the code in <File>' -ForEach @(
        @{ File = 'a.ps1xml'; Text = "<a>`n<ScriptBlock>`$_.A -gt 1`n</ScriptBlock><ScriptBlock>if (`$_.A -and &quot;x&quot;) { Get-Uptime }</ScriptBlock></a>"; Line = 3 }
        @{ File = 'a.Types.ps1xml'; Text = "<a><GetScriptBlock>`n`nGet-Uptime</GetScriptBlock></a>"; Line = 3 }
        @{ File = 'a.md'; Text = "Use Get-Error.`n`n    PS> Get-Date`n    PS> Get-Uptime`n`nMore."; Line = 4 }
        @{ File = 'about_a.help.txt'; Text = "TOPIC`n    Get-Error`n`n         Get-Date <some day>`n         Get-Uptime"; Line = 5 }
    ) {
        $found = @(foreach ($part in Get-ScriptText -Text $Text -File $File) { Get-DesktopViolation -Text $part.Text -FirstLine $part.Line -File $File })
        $found.What | Should -Be 'Get-Uptime'
        $found.Line | Should -Be $Line
    }
}

Describe 'Windows PowerShell 5.1: the files' {
    It '<File> asks for nothing that it has not' -ForEach $files {
        $room = ($File -split '/')[0]
        if ($File -match '\.help\.txt$') { $room = 'help' }
        $found = foreach ($one in Get-FileViolation $Path $File $script:Commands[$room]) { "$($one.File):$($one.Line) $($one.Kind): $($one.What). $($one.Advice)" }
        $found -join "`n" | Should -BeNullOrEmpty
    }
}

Describe 'Constrained Language Mode' {
    It 'is refused at the import, in one sentence that says why and what to do' {
        $state = [initialsessionstate]::CreateDefault()
        $state.LanguageMode = 'ConstrainedLanguage'
        $shell = [powershell]::Create($state)
        try {
            $null = $shell.AddScript('param($Path) Import-Module $Path').AddArgument("$script:Root/powershell/GroupWriteback/GroupWriteback.psd1").Invoke()
            $shell.Streams.Error.Count | Should -Be 1
            $problem = $shell.Streams.Error[0]
            $problem.FullyQualifiedErrorId | Should -Be 'LanguageModeNotSupported,Microsoft.PowerShell.Commands.ImportModuleCommand'
            $problem.CategoryInfo.Category | Should -Be 'PermissionDenied'
            [string] $problem | Should -Match '^GroupWriteback can''t be used in ConstrainedLanguage mode: .*native library.*(WDAC or AppLocker).*FullLanguage mode\.$'
            $shell.Commands.Clear()
            $shell.AddCommand('Get-Module').AddParameter('Name', 'GroupWriteback').Invoke() | Should -BeNullOrEmpty
        }
        finally { $shell.Dispose() }
    }

    It 'of the session alone does not matter to a module that is there' {
        $shell = [powershell]::Create()
        try {
            $null = $shell.AddScript('param($Path) Import-Module $Path').AddArgument("$script:Root/powershell/GroupWriteback/GroupWriteback.psd1").Invoke()
            $shell.Commands.Clear()
            $shell.Runspace.SessionStateProxy.LanguageMode = 'ConstrainedLanguage'
            $null = $shell.AddScript('Get-GroupWritebackContext').Invoke()
            $shell.Streams.Error | Should -BeNullOrEmpty
        }
        finally { $shell.Dispose() }
    }
}
