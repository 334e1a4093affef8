# What must be true of the module as such: its contract, its manifest, its files.

BeforeDiscovery {
    . "$PSScriptRoot/Contract.ps1"
    $parameters = foreach ($command in $Contract) {
        foreach ($line in $command.Parameters.Trim() -split '\r?\n') {
            $word = -split $line
            @{ Command = $command.Name; Name = $word[0]; Type = $word[1]; Position = $word[2]; Pipeline = $word[3]; In = $word[4..($word.Count - 1)]; AllSets = -split $command.Sets }
        }
    }
    $commands = foreach ($command in $Contract) {
        @{ Name = $command.Name; Impact = $command.Impact; Output = $command.Output; Sets = $command.Sets
            Names = @(foreach ($line in $command.Parameters.Trim() -split '\r?\n') { (-split $line)[0] })
        }
    }
    $objects = foreach ($type in $ContractObjects.Keys) { @{ Type = $type; Words = $ContractObjects[$type] } }
    # Steps are only ever part of a run result.
    $shown = $objects | Where-Object { $_.Type -ne 'Step' }
    $root = Resolve-Path "$PSScriptRoot/../../powershell"
    $scripts = foreach ($file in Get-ChildItem -Path $root, $PSScriptRoot -Recurse -File -Include *.ps1, *.psm1, *.psd1, *.ps1xml, *.xml, *.txt) {
        @{ Path = $file.FullName; File = $file.Name }
    }
    $code = foreach ($row in $scripts) { if ($row.File -match '\.(ps1|psm1|psd1)$') { $row } }
    $functions = foreach ($folder in 'Public', 'Private') {
        foreach ($file in Get-ChildItem "$root/GroupWriteback/$folder" -Filter *.ps1) { @{ Folder = $folder; Path = $file.FullName; Name = $file.BaseName } }
    }
}

BeforeAll {
    . "$PSScriptRoot/Contract.ps1"
    Import-Module "$PSScriptRoot/Lab.psm1" -Force
    $script:ManifestPath = Get-TestedModule
    $script:ModuleFolder = Split-Path $script:ManifestPath
    Import-Module $script:ManifestPath -Force
    $script:Manifest = Import-PowerShellDataFile $script:ManifestPath
    $script:Common = @([System.Management.Automation.PSCmdlet]::CommonParameters) + @([System.Management.Automation.PSCmdlet]::OptionalCommonParameters)
}

Describe 'Commands' {
    It 'exports exactly the functions of the contract' {
        $expected = $Contract | ForEach-Object { $_.Name } | Sort-Object
        (Get-Command -Module GroupWriteback).Name | Sort-Object | Should -Be $expected
        $script:Manifest.FunctionsToExport | Sort-Object | Should -Be $expected
    }

    It 'uses approved verbs only' {
        $verbs = (Get-Verb).Verb
        foreach ($command in Get-Command -Module GroupWriteback) { $command.Verb | Should -BeIn $verbs }
    }

    It '<Name> has exactly its parameters' -ForEach $commands {
        $found = (Get-Command $Name).Parameters.Keys | Where-Object { $_ -notin $script:Common } | Sort-Object
        $found | Should -Be ($Names | Sort-Object)
    }

    It '<Name> has impact <Impact>, its parameter sets and its output types' -ForEach $commands {
        $command = Get-Command $Name
        $command.Parameters.ContainsKey('WhatIf') | Should -Be ($Impact -ne '-')
        $binding = $command.ScriptBlock.Attributes | Where-Object { $_ -is [System.Management.Automation.CmdletBindingAttribute] }
        if ($Impact -ne '-') { [string] $binding.ConfirmImpact | Should -Be $Impact }
        $binding.DefaultParameterSetName | Should -Be (-split $Sets)[0]
        $command.ParameterSets.Name | Sort-Object | Should -Be (-split $Sets | Sort-Object)
        $types = @($command.OutputType.Name | Where-Object { $_ } | ForEach-Object { $_ -replace '^GroupWriteback\.', '' -replace '^System\.Boolean$', 'bool' })
        $types -join ' ' | Should -Be $Output
    }

    It '<Command> -<Name> is as the contract says' -ForEach $parameters {
        $parameter = (Get-Command $Command).Parameters[$Name]
        $expected = switch ($Type) {
            'switch' { [switch] }
            'X509Certificate2' { [System.Security.Cryptography.X509Certificates.X509Certificate2] }
            default { [type] $Type }
        }
        $parameter.ParameterType | Should -Be $expected
        $wanted = @{}
        foreach ($word in $In) {
            $set = $word.TrimEnd('*')
            $sets = @($set)
            if ($set -eq 'all') { $sets = $AllSets }
            foreach ($set in $sets) { $wanted[$set] = $word.EndsWith('*') }
        }
        $found = @{}
        foreach ($attribute in $parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.ParameterAttribute] }) {
            $sets = @($attribute.ParameterSetName)
            if ($sets[0] -eq '__AllParameterSets') { $sets = $AllSets }
            foreach ($set in $sets) { $found[$set] = $attribute.Mandatory }
            $position = '-'
            if ($attribute.Position -ge 0) { $position = [string] $attribute.Position }
            $position | Should -Be $Position
            $attribute.ValueFromPipeline | Should -Be $Pipeline.Contains('V')
            $attribute.ValueFromPipelineByPropertyName | Should -Be $Pipeline.Contains('P')
        }
        ($found.Keys | Sort-Object) | Should -Be ($wanted.Keys | Sort-Object)
        foreach ($set in $wanted.Keys) { $found[$set] | Should -Be $wanted[$set] }
        $aliases = ''
        if ($ContractAliases.ContainsKey($Name)) { $aliases = $ContractAliases[$Name] }
        ($parameter.Aliases | Sort-Object) -join ' ' | Should -Be $aliases
        $values = $parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.ValidateSetAttribute] }
        if ($values) { ($values.ValidValues | Sort-Object) -join ' ' | Should -Be $ContractValues[$Name] }
        else { $ContractValues.ContainsKey($Name) | Should -BeFalse }
    }

    It 'is tested: <Name> is called in these tests' -ForEach $commands {
        $calls = Get-ChildItem $PSScriptRoot -Filter *.Tests.ps1 | Where-Object Name -ne 'Module.Tests.ps1' | Select-String -Pattern "\b$Name\b" -List
        $calls | Should -Not -BeNullOrEmpty
    }
}

Describe 'Output types' {
    It '<Type> has the properties of the contract in order' -ForEach $objects {
        $found = & (Get-Module GroupWriteback) { param($Type) $script:GwbObjectTable[$Type] } $Type
        $found -join ' ' | Should -Be $Words
    }

    It '<Type> has one table view that fits 120 columns, live and deserialized' -ForEach $shown {
        [xml] $format = Get-Content (Join-Path $script:ModuleFolder 'GroupWriteback.Format.ps1xml') -Raw
        $views = @($format.Configuration.ViewDefinitions.View | Where-Object { $_.ViewSelectedBy.TypeName -contains "GroupWriteback.$Type" })
        $views.Count | Should -Be 1
        $views[0].ViewSelectedBy.TypeName | Should -Contain "Deserialized.GroupWriteback.$Type"
        $value = [ordered]@{ PSTypeName = "GroupWriteback.$Type" }
        foreach ($word in -split $Words) { $value[$word] = 'x' * 60 }
        $object = [pscustomobject] $value
        $copy = [System.Management.Automation.PSSerializer]::Deserialize([System.Management.Automation.PSSerializer]::Serialize($object))
        $headers = @($views[0].TableControl.TableHeaders.TableColumnHeader | ForEach-Object { $_.Label })
        foreach ($one in $object, $copy) {
            $lines = ($one | Out-String -Width 120) -split '\r?\n'
            ($lines | ForEach-Object { $_.Length } | Measure-Object -Maximum).Maximum | Should -BeLessOrEqual 120
            $line = @($lines | Where-Object { $_.Trim() })[0]
            foreach ($label in $headers) { $line | Should -Match ([regex]::Escape($label)) }
        }
    }

    It '<Type> shows only properties that it has' -ForEach $shown {
        [xml] $types = Get-Content (Join-Path $script:ModuleFolder 'GroupWriteback.Types.ps1xml') -Raw
        foreach ($prefix in '', 'Deserialized.') {
            $entry = @($types.Types.Type | Where-Object { $_.Name -eq "${prefix}GroupWriteback.$Type" })
            $entry.Count | Should -Be 1
            foreach ($word in $entry[0].SelectNodes('.//ReferencedProperties/Name').InnerText) { $word | Should -BeIn (-split $Words) }
        }
    }
}

Describe 'Manifest' {
    It 'is valid and says what it needs' {
        (Test-ModuleManifest $script:ManifestPath).Version | Should -Be ([version] '0.1.0')
        $script:Manifest.PowerShellVersion | Should -Be '5.1'
        $script:Manifest.CompatiblePSEditions | Should -Be 'Desktop', 'Core'
        $script:Manifest.DotNetFrameworkVersion | Should -Be '4.7.2'
        foreach ($key in 'FunctionsToExport', 'CmdletsToExport', 'VariablesToExport', 'AliasesToExport') { $script:Manifest.ContainsKey($key) | Should -BeTrue }
        $script:Manifest.FunctionsToExport | Should -Not -Contain '*'
        $script:Manifest.ContainsKey('RequiredModules') | Should -BeFalse
        $script:Manifest.ContainsKey('DefaultCommandPrefix') | Should -BeFalse
        foreach ($tag in 'PSEdition_Desktop', 'PSEdition_Core', 'Windows', 'Linux') { $script:Manifest.PrivateData.PSData.Tags | Should -Contain $tag }
    }

    It 'has the version of the crate' {
        $cargo = Get-Content "$PSScriptRoot/../../Cargo.toml" -Raw
        $cargo -match '(?m)^version = "([^"]+)"' | Should -BeTrue
        $script:Manifest.ModuleVersion | Should -Be $Matches[1]
    }

    It 'lists its files' {
        $found = Get-ChildItem $script:ModuleFolder -Recurse -File | ForEach-Object { $_.FullName.Substring($script:ModuleFolder.Length + 1).Replace('\', '/') } |
            Where-Object { $env:GROUPWRITEBACK_MODULE -or $_ -notlike 'runtimes/*' }
        ($found | Sort-Object) | Should -Be ($script:Manifest.FileList | Sort-Object)
    }
}

Describe 'Files' {
    It '<File> is ASCII with line feeds, without trailing blanks or tabs' -ForEach $scripts {
        $text = [System.Text.Encoding]::GetEncoding('iso-8859-1').GetString([System.IO.File]::ReadAllBytes($Path))
        $text | Should -Not -Match '[^\n\x20-\x7e]'
        $text | Should -Not -Match '[ ](\n|$)'
        $text | Should -Match '\n$'
        if ($File -notmatch '\.xml$') { ($text -split '\n').Count | Should -BeLessOrEqual 450 }
    }

    It '<File> never jumps out of a pipeline' -ForEach $code {
        $tree = [System.Management.Automation.Language.Parser]::ParseFile($Path, [ref] $null, [ref] $null)
        foreach ($call in $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.CommandAst] }, $true)) {
            # continue and break in ForEach-Object leave the caller's loop or end the script.
            if ($call.GetCommandName() -in 'ForEach-Object', 'Where-Object') {
                $jumps = $call.FindAll({ param($node) $node -is [System.Management.Automation.Language.ContinueStatementAst] -or $node -is [System.Management.Automation.Language.BreakStatementAst] }, $true)
                @($jumps).Count | Should -Be 0
            }
        }
    }

    It '<Folder>/<Name> holds that function and, when public, only the pointer to its help' -ForEach $functions {
        $tree = [System.Management.Automation.Language.Parser]::ParseFile($Path, [ref] $null, [ref] $null)
        $found = @($tree.EndBlock.Statements | Where-Object { $_ -is [System.Management.Automation.Language.FunctionDefinitionAst] })
        if ($Folder -eq 'Public') {
            $found.Name | Should -Be $Name
            $found[0].Extent.Text | Should -Match '\n    # \.ExternalHelp GroupWriteback-help\.xml\n    \[CmdletBinding\('
        }
        elseif ($found.Count -gt 0 -and $Name -ne 'NativeBinding') { $found.Name | Should -Be $Name }
        # They would show a line of the module instead of the user's: Stop-GwbCommand and Write-GwbError report.
        $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.ThrowStatementAst] }, $true) | Should -BeNullOrEmpty
        $tree.FindAll({ param($node) $node -is [System.Management.Automation.Language.CommandAst] -and $node.GetCommandName() -eq 'Write-Error' }, $true) | Should -BeNullOrEmpty
    }
}
