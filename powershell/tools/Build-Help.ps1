# Makes en-US/GroupWriteback-help.xml of the pages in docs/help. Syntax, types, aliases and values come from the commands.
#   pwsh -NoProfile -File powershell/tools/Build-Help.ps1
# With -PassThru the text is returned instead of written: the tests compare it with the file.
param([switch] $PassThru)

$ErrorActionPreference = 'Stop'
Set-StrictMode -Version Latest
$root = [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($PSScriptRoot, '..', '..'))
$module = Import-Module ([System.IO.Path]::Combine($root, 'powershell', 'GroupWriteback', 'GroupWriteback.psd1')) -PassThru
$pages = [System.IO.Path]::Combine($root, 'docs', 'help')
$common = @([System.Management.Automation.PSCmdlet]::CommonParameters)

function Escape([string] $Text) { [System.Security.SecurityElement]::Escape($Text) }

# Markdown paragraphs as help paragraphs: lines joined, code and link marks dropped.
function Paragraph([string] $Text) {
    foreach ($block in $Text.Trim() -split '\n\s*\n') {
        if (-not $block.Trim()) { continue }
        $line = ($block -split '\n' | ForEach-Object { $_.Trim() }) -join ' '
        $line = $line -replace '\[([^\]]+)\]\([^)]+\)', '$1' -replace '`', ''
        '<maml:para>' + (Escape $line) + '</maml:para>'
    }
}

# A page as a table: heading -> text, with the parameters under their names and the examples in order.
function Read-Page([string] $Path) {
    $page = @{ Synopsis = ''; Description = ''; Parameters = @{}; Examples = @(); Related = @() }
    $section = ''
    $current = ''
    $text = ([System.IO.File]::ReadAllText($Path) -replace '\r\n', "`n")
    foreach ($part in [regex]::Split($text, '(?m)^(?=#{1,3} )')) {
        if (-not $part.Trim()) { continue }
        $heading, $body = $part -split '\n', 2
        $mark, $title = $heading -split ' ', 2
        if ($mark -eq '#') { $page.Synopsis = $body.Trim() }
        if ($mark -eq '##') {
            $section = $title.Trim()
            if ($section -eq 'Description') { $page.Description = $body }
            if ($section -eq 'Related') { $page.Related = @($body.Trim() -split '\n' | ForEach-Object { $_.TrimStart([char] '-').Trim() }) }
        }
        if ($mark -eq '###') {
            $current = $title.Trim()
            if ($current.StartsWith('-')) { $page.Parameters[$current.Substring(1)] = $body }
            else {
                $code = @($body -split '\n' | Where-Object { $_ -match '^    ' } | ForEach-Object { $_.Substring(4) })
                $remarks = (@($body -split '\n' | Where-Object { $_ -notmatch '^    ' }) -join "`n").Trim()
                $page.Examples += @{ Title = $current; Code = $code -join "`n"; Remarks = $remarks }
            }
        }
    }
    $page
}

function Type-Name([type] $Type) {
    switch ($Type.FullName) {
        'System.Management.Automation.SwitchParameter' { 'SwitchParameter' }
        default { $Type.Name }
    }
}

# One parameter, as it is in one parameter set.
function Parameter-Xml($Parameter, $InSet, [string] $Text, [bool] $Syntax, [string] $Default) {
    $type = Type-Name $Parameter.ParameterType
    $pipeline = 'False'
    if ($InSet.ValueFromPipeline -and $InSet.ValueFromPipelineByPropertyName) { $pipeline = 'True (ByValue, ByPropertyName)' }
    elseif ($InSet.ValueFromPipeline) { $pipeline = 'True (ByValue)' }
    elseif ($InSet.ValueFromPipelineByPropertyName) { $pipeline = 'True (ByPropertyName)' }
    $position = 'named'
    if ($InSet.Position -ge 0) { $position = [string] $InSet.Position }
    $aliases = 'none'
    $names = @($Parameter.Aliases | Sort-Object)
    if ($names.Count -gt 0) { $aliases = $names -join ', ' }
    $globbing = [string] [bool] @($Parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.SupportsWildcardsAttribute] }).Count
    $xml = '<command:parameter required="{0}" variableLength="{1}" globbing="{2}" pipelineInput="{3}" position="{4}" aliases="{5}"><maml:name>{6}</maml:name>' -f @(
        ([string] $InSet.IsMandatory).ToLowerInvariant(), ([string] $Parameter.ParameterType.IsArray).ToLowerInvariant(), $globbing.ToLowerInvariant(),
        $pipeline, $position, $aliases, $Parameter.Name)
    $xml += '<maml:description>' + ((Paragraph $Text) -join '') + '</maml:description>'
    $values = @($Parameter.Attributes | Where-Object { $_ -is [System.Management.Automation.ValidateSetAttribute] } | ForEach-Object { $_.ValidValues })
    if ($Syntax -and $values.Count -gt 0) {
        $xml += '<command:parameterValueGroup>' + (($values | ForEach-Object { "<command:parameterValue required=`"false`" variableLength=`"false`">$_</command:parameterValue>" }) -join '') + '</command:parameterValueGroup>'
    }
    if ($type -ne 'SwitchParameter' -or -not $Syntax) {
        $xml += "<command:parameterValue required=`"true`" variableLength=`"false`">$type</command:parameterValue>"
    }
    $xml + "<dev:type><maml:name>$type</maml:name><maml:uri /></dev:type><dev:defaultValue>$(Escape $Default)</dev:defaultValue></command:parameter>"
}

$shared = (Read-Page ([System.IO.Path]::Combine($pages, 'common.md'))).Parameters
$out = New-Object System.Collections.Generic.List[string]
$out.Add('<?xml version="1.0" encoding="utf-8"?>')
$out.Add('<!-- Made by powershell/tools/Build-Help.ps1 of docs/help: change it there. -->')
$out.Add('<helpItems schema="maml" xmlns="http://msh">')
foreach ($name in @($module.ExportedFunctions.Keys | Sort-Object)) {
    $command = Get-Command -Name $name -Module GroupWriteback
    $page = Read-Page ([System.IO.Path]::Combine($pages, "$name.md"))
    $defaults = @{}
    foreach ($parameter in $command.ScriptBlock.Ast.Body.ParamBlock.Parameters) {
        if ($null -ne $parameter.DefaultValue) { $defaults[$parameter.Name.VariablePath.UserPath] = $parameter.DefaultValue.Extent.Text.Trim([char[]] "'") }
    }
    $defaults['Credential'] = ''
    $describe = {
        param($ParameterName)
        if ($page.Parameters.ContainsKey($ParameterName)) { $page.Parameters[$ParameterName] }
        elseif ($shared.ContainsKey($ParameterName)) { $shared[$ParameterName] }
    }
    $out.Add('<command:command xmlns:maml="http://schemas.microsoft.com/maml/2004/10" xmlns:command="http://schemas.microsoft.com/maml/dev/command/2004/10" xmlns:dev="http://schemas.microsoft.com/maml/dev/2004/10">')
    $out.Add("<command:details><command:name>$name</command:name><command:verb>$($command.Verb)</command:verb><command:noun>$($command.Noun)</command:noun>" +
        '<maml:description>' + ((Paragraph $page.Synopsis) -join '') + '</maml:description></command:details>')
    $out.Add('<maml:description>' + ((Paragraph $page.Description) -join '') + '</maml:description>')

    $out.Add('<command:syntax>')
    $all = [ordered]@{}
    foreach ($set in @($command.ParameterSets | Sort-Object -Property @{ Expression = { -not $_.IsDefault } }, Name)) {
        $item = "<command:syntaxItem><maml:name>$name</maml:name>"
        $members = @($set.Parameters | Where-Object { $common -notcontains $_.Name } |
                Sort-Object -Property @{ Expression = { if ($_.Position -lt 0) { 1000 } else { $_.Position } } }, @{ Expression = { -not $_.IsMandatory } }, Name)
        foreach ($member in $members) {
            $item += Parameter-Xml $command.Parameters[$member.Name] $member '' $true ''
            if (-not $all.Contains($member.Name)) { $all[$member.Name] = $member }
        }
        $out.Add($item + '</command:syntaxItem>')
    }
    $out.Add('</command:syntax>')
    $out.Add('<command:parameters>')
    foreach ($parameter in @($all.Keys | Sort-Object)) {
        $default = ''
        if ($defaults.ContainsKey($parameter)) { $default = $defaults[$parameter] }
        $out.Add((Parameter-Xml $command.Parameters[$parameter] $all[$parameter] (& $describe $parameter) $false $default))
    }
    $out.Add('</command:parameters>')

    $inputs = @($all.Values | Where-Object { $_.ValueFromPipeline } | ForEach-Object { Type-Name $_.ParameterType })
    if ($inputs.Count -eq 0 -and @($all.Values | Where-Object { $_.ValueFromPipelineByPropertyName }).Count -gt 0) { $inputs = @('GroupWriteback.RunResult') }
    if ($inputs.Count -eq 0) { $inputs = @('None') }
    $out.Add('<command:inputTypes>' + (($inputs | ForEach-Object { "<command:inputType><dev:type><maml:name>$_</maml:name></dev:type></command:inputType>" }) -join '') + '</command:inputTypes>')
    $types = @($command.OutputType | ForEach-Object { $_.Name })
    if ($types.Count -eq 0) { $types = @('None') }
    $out.Add('<command:returnValues>' + (($types | ForEach-Object { "<command:returnValue><dev:type><maml:name>$_</maml:name></dev:type></command:returnValue>" }) -join '') + '</command:returnValues>')

    $out.Add('<command:examples>')
    foreach ($example in $page.Examples) {
        $remarks = '<maml:para></maml:para>'
        if ($example.Remarks) { $remarks = (Paragraph $example.Remarks) -join '' }
        $out.Add('<command:example><maml:title>' + (Escape $example.Title) + '</maml:title><dev:code>' + (Escape $example.Code) + "</dev:code><dev:remarks>$remarks</dev:remarks></command:example>")
    }
    $out.Add('</command:examples>')
    $out.Add('<command:relatedLinks>' + (($page.Related | ForEach-Object { "<maml:navigationLink><maml:linkText>$(Escape $_)</maml:linkText><maml:uri></maml:uri></maml:navigationLink>" }) -join '') + '</command:relatedLinks>')
    $out.Add('</command:command>')
}
$out.Add('</helpItems>')
$xml = ($out -join "`n") + "`n"
if ($PassThru) { return $xml }
$target = [System.IO.Path]::Combine($root, 'powershell', 'GroupWriteback', 'en-US', 'GroupWriteback-help.xml')
[System.IO.File]::WriteAllText($target, $xml, (New-Object System.Text.UTF8Encoding $false))
Write-Host "$($module.ExportedFunctions.Count) pages written to $target"
