# The help: complete, and made of the pages in docs/help.

BeforeDiscovery {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force
    $commands = foreach ($command in Get-Command -Module GroupWriteback) { @{ Name = $command.Name } }
}

BeforeAll {
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    Import-Module (Get-TestedModule) -Force
    $script:Root = (Resolve-Path "$PSScriptRoot/../..").Path
    $script:Common = @([System.Management.Automation.PSCmdlet]::CommonParameters)
}

Describe 'Help' {
    It 'is what the pages give: run powershell/tools/Build-Help.ps1 when this fails' {
        # It imports the tree's module, and a session takes one module's types only.
        Remove-Module GroupWriteback
        try { $made = & "$script:Root/powershell/tools/Build-Help.ps1" -PassThru }
        finally {
            Get-Module GroupWriteback | Remove-Module
            Import-Module (Get-TestedModule)
        }
        $file = [System.IO.File]::ReadAllText((Join-Path (Split-Path (Get-TestedModule)) 'en-US/GroupWriteback-help.xml'))
        $made -eq $file | Should -BeTrue
    }

    It 'of <Name> has a synopsis, a description, every parameter, two examples and an output' -ForEach $commands {
        $help = Get-Help $Name -Full
        $help.Synopsis | Should -Match '\.$'
        $help.Synopsis | Should -Not -Match ([regex]::Escape($Name))
        ($help.description | Out-String).Trim().Length | Should -BeGreaterThan 30
        @($help.examples.example).Count | Should -BeGreaterOrEqual 2
        foreach ($example in $help.examples.example) {
            $example.title | Should -Not -BeNullOrEmpty
            $example.code | Should -Match 'PS> '
        }
        @($help.examples.example | Where-Object { $_.code -match "\b$Name\b" }).Count | Should -BeGreaterOrEqual 2
        $documented = @($help.parameters.parameter | ForEach-Object { $_.name })
        $parameters = @((Get-Command $Name).Parameters.Keys | Where-Object { $_ -notin $script:Common })
        ($documented | Sort-Object) -join ' ' | Should -Be (($parameters | Sort-Object) -join ' ')
        foreach ($parameter in $help.parameters.parameter) { ($parameter.description | Out-String).Trim().Length | Should -BeGreaterThan 10 -Because "$Name -$($parameter.name) is described" }
        ($help | Out-String) | Should -Not -Match '\{\{'
        @($help.syntax.syntaxItem).Count | Should -Be @((Get-Command $Name).ParameterSets).Count
        $help.returnValues.returnValue.type.name | Should -Not -BeNullOrEmpty
    }

    It 'of <Name> shows only examples that parse and use parameters that exist' -ForEach $commands {
        foreach ($example in (Get-Help $Name -Examples).examples.example) {
            $text = ($example.code -split '\n' | ForEach-Object { $_ -replace '^PS> ', '' }) -join "`n"
            $errors = $null
            $tree = [System.Management.Automation.Language.Parser]::ParseInput($text, [ref] $null, [ref] $errors)
            $errors | Should -BeNullOrEmpty
            foreach ($call in $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.CommandAst] }, $true)) {
                $command = Get-Command $call.GetCommandName() -Module GroupWriteback -ErrorAction Ignore
                if (-not $command) { continue }
                foreach ($element in $call.CommandElements) {
                    if ($element -is [System.Management.Automation.Language.CommandParameterAst]) { { $command.ResolveParameter($element.ParameterName) } | Should -Not -Throw }
                }
            }
        }
    }

    It 'has a page for every command, and no page for a command that is not there' {
        $pages = (Get-ChildItem "$script:Root/docs/help" -Filter *-*.md).BaseName | Sort-Object
        $pages | Should -Be ((Get-Command -Module GroupWriteback).Name | Sort-Object)
        foreach ($page in $pages) {
            $text = Get-Content "$script:Root/docs/help/$page.md" -Raw
            foreach ($match in [regex]::Matches($text, '(?m)^- (\w+-\w+)$')) { $match.Groups[1].Value | Should -BeIn $pages }
            # No parameter that the command has not.
            foreach ($match in [regex]::Matches($text, '(?m)^### -(\w+)$')) { (Get-Command $page).Parameters.Keys | Should -Contain $match.Groups[1].Value }
        }
    }

    It 'has an about topic whose commands exist' {
        $text = (Get-Help about_GroupWriteback | Out-String)
        $text | Should -Match 'FIRST STEPS'
        foreach ($match in [regex]::Matches($text, '\b(?:Connect|Enable|Start|Get|Invoke|Disable|Wait)-GroupWriteback\w*')) { Get-Command $match.Value -Module GroupWriteback | Should -Not -BeNullOrEmpty }
    }
}
