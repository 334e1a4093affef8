# A text for each kind of violation, which must be refused for that and for nothing else, and a harmless twin, which must pass. The file's
# name is x.ps1 unless the row says another.
$Planted = @(
    # Syntax: the file would not be read.
    @{ What = 'ternary'; Kind = 'syntax'; Bad = '$b = $a ? 1 : 2'; Good = '$b = if ($a) { 1 } else { 2 }' }
    @{ What = '??'; Kind = 'syntax'; Bad = '$b = $a ?? 1'; Good = '$b = $a; if ($null -eq $b) { $b = 1 } # ?? in a comment' }
    @{ What = '??='; Kind = 'syntax'; Bad = '$a ??= 1'; Good = "`$a = '??='" }
    @{ What = '?.'; Kind = 'syntax'; Bad = '${a}?.Name'; Good = '${a?}.Name' }
    @{ What = '?[]'; Kind = 'syntax'; Bad = '${a}?[0]'; Good = '${a?}[0]' }
    @{ What = '?? in a string'; Kind = 'syntax'; Bad = '"x $($a ?? 1)"'; Good = '"x ?? $($a + 1)"' }
    @{ What = '&&'; Kind = 'syntax'; Bad = 'Get-Date && Get-Date'; Good = 'Get-Date; if ($?) { Get-Date }' }
    @{ What = '||'; Kind = 'syntax'; Bad = 'Get-Date || Get-Date'; Good = "Write-Output '||'" }
    @{ What = 'clean'; Kind = 'syntax'; Bad = 'function f { process { 1 } clean { 2 } }'; Good = 'function f { process { 1 } end { 2 } }' }
    @{ What = 'background'; Kind = 'syntax'; Bad = 'Get-Date &'; Good = '& Get-Date' }
    @{ What = 'foreach -parallel'; Kind = 'parse'; Bad = 'foreach -parallel ($a in 1, 2) { $a }'; Good = 'foreach ($a in 1, 2) { $a }' }
    @{ What = 'leading pipe'; Kind = 'syntax'; Bad = "Get-Date`n    | Out-Null"; Good = "Get-Date |`n    Out-Null" }
    @{ What = 'leading pipe after a backtick'; Kind = 'syntax'; Bad = "Get-Date # now`n    | Out-Null"; Good = "Get-Date ```n    | Out-Null" }
    @{ What = 'suffix u'; Kind = 'syntax'; Bad = '$a = 1u'; Good = '$a = [uint32] 1' }
    @{ What = 'suffix y'; Kind = 'syntax'; Bad = '$a = 1y'; Good = '$a = 1l, 1d, 0x1F, 1.5e3, 2kb, 1GB, -1, .5, 1.' }
    @{ What = 'suffix n'; Kind = 'syntax'; Bad = '$a = 1n'; Good = '$a = [bigint] 1' }
    @{ What = 'suffix ul'; Kind = 'syntax'; Bad = '$a = 0x1ul'; Good = '$a = 0x1l' }
    @{ What = 'binary number'; Kind = 'syntax'; Bad = '$a = 0b101'; Good = '$a = 0x5' }
    @{ What = 'enum of a type'; Kind = 'syntax'; Bad = 'enum E : byte { A }'; Good = 'enum E { A }' }
    @{ What = 'type arguments'; Kind = 'syntax'; Bad = '[array]::Empty[string]()'; Good = '[array]::Empty' }
    @{ What = 'syntax in a branch'; Kind = 'syntax'; Bad = 'if ($PSEdition -eq ''Core'') { $b = $a ?? 1 }'; Good = 'if ($PSEdition -eq ''Core'') { $b = $a }' }
    @{ What = 'no syntax at all'; Kind = 'parse'; Bad = 'if ($a) {'; Good = 'if ($a) { }' }

    # Syntax that 5.1 reads, and takes differently.
    @{ What = '`e'; Kind = 'escape'; Bad = '"`e[0m"'; Good = '"``e[0m `n"' }
    @{ What = '`u'; Kind = 'escape'; Bad = '"a`u{263a}"'; Good = '"a``u{263a}", ''`u{263a}''' }
    @{ What = '`e in a bare word'; Kind = 'escape'; Bad = 'Write-Output a`e[0m'; Good = 'Write-Output a`nb' }
    @{ What = '`e in a here-string'; Kind = 'escape'; Bad = "`$a = @`"`n``e`n`"@"; Good = "`$a = @'`n``e`n'@" }
    @{ What = '-replace with a block'; Kind = 'syntax'; Bad = '$a -replace ''x'', { $_ }'; Good = '$a -replace ''x'', ''y''' }
    @{ What = 'characters'; Kind = 'syntax'; Bad = '''a''..''z'''; Good = '''1''..''9''' }
    @{ What = '-split from the end'; Kind = 'syntax'; Bad = '$a -split '','', -2'; Good = '$a -split '','', 2' }

    # What a script or a manifest asks for.
    @{ What = '#requires -Version'; Kind = 'requires'; Bad = '#requires -Version 7.0'; Good = '#requires -Version 5.1' }
    @{ What = '#requires -PSEdition'; Kind = 'requires'; Bad = '#requires -PSEdition Core'; Good = '#requires -PSEdition Desktop' }
    @{ What = 'key of a manifest'; Kind = 'manifest'; File = 'x.psd1'; Bad = '@{ ModuleVersion = ''1.0''; Prerelease = ''rc1'' }'; Good = '@{ ModuleVersion = ''1.0''; PrivateData = @{ PSData = @{ Prerelease = ''rc1'' } } }' }
    @{ What = 'version of a manifest'; Kind = 'manifest'; File = 'x.psd1'; Bad = '@{ ModuleVersion = ''1.0''; PowerShellVersion = ''7.2'' }'; Good = '@{ ModuleVersion = ''1.0''; PowerShellVersion = ''5.1'' }' }
    @{ What = 'editions of a manifest'; Kind = 'manifest'; File = 'x.psd1'; Bad = '@{ ModuleVersion = ''1.0''; CompatiblePSEditions = @(''Core'') }'; Good = '@{ ModuleVersion = ''1.0''; CompatiblePSEditions = @(''Desktop'', ''Core'') }' }

    # Commands.
    @{ What = 'command'; Kind = 'command'; Bad = 'Get-Uptime'; Good = 'Get-Date' }
    @{ What = 'command of a gallery module'; Kind = 'command'; Bad = 'Start-ThreadJob { 1 }'; Good = '$c = Get-Command Start-ThreadJob -ErrorAction Ignore; & $c { 1 }' }
    @{ What = 'command of nobody'; Kind = 'command'; Bad = 'Get-Nothing'; Good = "function Get-Nothing { }`nGet-Nothing" }
    @{ What = 'command with its module'; Kind = 'command'; Bad = 'Microsoft.PowerShell.Utility\Join-String'; Good = 'Microsoft.PowerShell.Utility\Join-Path' }
    @{ What = 'alias'; Kind = 'command'; Bad = 'gerr'; Good = 'sort Name' }
    @{ What = 'command in a string'; Kind = 'command'; Bad = '"$(Get-Error)"'; Good = '"Get-Error $(Get-Date)"' }
    @{ What = 'command in a block'; Kind = 'command'; Bad = '1 | ForEach-Object { Remove-Alias x }'; Good = '1 | ForEach-Object { Remove-Item alias:x }' }

    # Parameters.
    @{ What = 'parameter'; Kind = 'parameter'; Bad = 'ConvertFrom-Json $a -AsHashtable'; Good = 'ConvertFrom-Json $a -ErrorAction Stop' }
    @{ What = '-Parallel'; Kind = 'parameter'; Bad = '1 | ForEach-Object -Parallel { $_ }'; Good = '1 | ForEach-Object -Process { $_ }' }
    @{ What = 'parameter through an alias'; Kind = 'parameter'; Bad = '1 | sort -Top 3'; Good = '1 | sort -Descending' }
    @{ What = 'short parameter'; Kind = 'parameter'; Bad = 'ConvertFrom-Json $a -AsH'; Good = 'ConvertFrom-Json -Inp $a -ea Stop' }
    @{ What = 'parameter with two meanings'; Kind = 'parameter'; Bad = 'Get-ChildItem -F x'; Good = 'Get-ChildItem -Fo' }
    @{ What = 'parameter with a colon'; Kind = 'parameter'; Bad = 'Get-ChildItem -FollowSymlink:$true'; Good = 'Get-ChildItem -Recurse:$true' }
    @{ What = 'splatted parameter'; Kind = 'parameter'; Bad = '$p = @{ Uri = $u; SkipHttpErrorCheck = $true }; Invoke-RestMethod @p'; Good = '$p = @{ Uri = $u; TimeoutSec = 1 }; Invoke-RestMethod @p' }
    @{ What = 'splatted by [ordered]'; Kind = 'parameter'; Bad = '$p = [ordered] @{ MaximumRetryCount = 3 }; Invoke-RestMethod @p'; Good = '$p = [ordered] @{ TimeoutSec = 3 }; Invoke-RestMethod @p' }
    @{ What = 'added to the table'; Kind = 'parameter'; Bad = '$p = @{}; Invoke-RestMethod @p; $p.Form = 1'; Good = '$p = @{}; Invoke-RestMethod @p; $p.Body = 1' }
    @{ What = 'added by an index'; Kind = 'parameter'; Bad = '$p = @{}; Invoke-RestMethod @p; $p[''Form''] = 1'; Good = '$p = @{}; Invoke-RestMethod @p; $p[''Body''] = 1' }
    @{ What = 'added by a method'; Kind = 'parameter'; Bad = '$p = @{}; $p.Add(''Form'', 1); Invoke-RestMethod @p'; Good = '$p = @{}; $p.Add(''Body'', 1); Invoke-RestMethod @p' }
    @{ What = 'another function''s table'; Kind = 'parameter'; Bad = 'function f { $p = @{ AsUTC = 1 }; Get-Date @p }'; Good = 'function f { $p = @{ Id = 1 }; Get-Job @p }; function g { $p = @{ Date = 1 }; Get-Date @p }' }
    @{ What = 'given twice'; Kind = 'parameter'; Bad = '$p = @{ Uri = $u }; Invoke-RestMethod @p -Uri $v'; Good = '$p = @{ Uri = $u }; Invoke-RestMethod @p -TimeoutSec 1' }
    @{ What = 'Join-Path of three'; Kind = 'parameter'; Bad = 'Join-Path a b c'; Good = 'Join-Path (Join-Path a b) c' }
    @{ What = 'provider''s parameter'; Kind = 'parameter'; Bad = 'Get-ChildItem Cert:\ -Nothing'; Good = 'Get-ChildItem Cert:\ -CodeSigningCert' }
    @{ What = 'Where-Object -Not'; Kind = 'parameter'; Bad = '$a | Where-Object -Not Name'; Good = '$a | Where-Object Name -eq x' }

    # Values.
    @{ What = 'encoding'; Kind = 'value'; Bad = 'Set-Content x 1 -Encoding utf8NoBOM'; Good = 'Set-Content x 1 -Encoding UTF8' }
    @{ What = '-ErrorAction Break'; Kind = 'value'; Bad = 'Get-Date -ea:Break'; Good = 'Get-Date -ea:Stop' }
    @{ What = 'ValidateRange by kind'; Kind = 'value'; Bad = 'param([ValidateRange(''Positive'')] $a)'; Good = 'param([ValidateRange(1, 5)] $a)' }

    # Types.
    @{ What = 'type'; Kind = 'type'; Bad = '[System.Text.Json.JsonSerializer]'; Good = '[System.Text.RegularExpressions.Regex]' }
    @{ What = 'accelerator'; Kind = 'type'; Bad = '[semver] ''1.0'''; Good = '[version] ''1.0''' }
    @{ What = 'short integer'; Kind = 'type'; Bad = '[ushort] 1'; Good = '[uint16] 1' }
    @{ What = 'type of a parameter'; Kind = 'type'; Bad = 'param([System.Half] $a)'; Good = 'param([System.Double] $a, [int[]] $b, [switch] $c)' }
    @{ What = 'type argument'; Kind = 'type'; Bad = 'New-Object ''System.Collections.Generic.List[System.Half]'''; Good = 'New-Object ''System.Collections.Generic.List[string]''' }
    @{ What = 'generic type'; Kind = 'type'; Bad = '[System.Collections.Generic.PriorityQueue[int, int]]'; Good = '[System.Collections.Generic.Dictionary[int, int]]' }
    @{ What = 'caught type'; Kind = 'type'; Bad = 'try { 1 } catch [System.Text.Json.JsonException] { 2 }'; Good = 'try { 1 } catch [System.IO.IOException] { 2 }' }
    @{ What = 'New-Object'; Kind = 'type'; Bad = 'New-Object -TypeName System.DateOnly'; Good = 'New-Object -ComObject Scripting.Dictionary' }
    @{ What = 'type in a string'; Kind = 'type'; Bad = '[type] ''System.Net.Http.SocketsHttpHandler'''; Good = '[type] ''System.Net.Http.HttpClientHandler''' }
    @{ What = '[ordered] as a type'; Kind = 'type'; Bad = '$a -is [ordered]'; Good = '[ordered] @{ a = 1 }' }
    @{ What = 'attribute'; Kind = 'type'; Bad = 'param([ArgumentCompletions(''a'')] $a)'; Good = 'param([ValidateSet(''a'')] [Parameter(Mandatory)] [Alias(''b'')] $a)' }
    @{ What = 'attribute of a class'; Kind = 'type'; Bad = '[NoRunspaceAffinity()] class A { }'; Good = 'class A { [ValidateSet(''x'')] [string] $B }' }
    @{ What = 'base of a class'; Kind = 'type'; Bad = 'class A : System.Management.Automation.IValidateSetValuesGenerator { }'; Good = 'class A : System.Exception { }; [A]::new()' }
    @{ What = 'name in a namespace'; Kind = 'type'; Bad = "using namespace System.Text`n[Rune]"; Good = "using namespace System.Text`n[StringBuilder]" }
    @{ What = 'class in a branch'; Kind = 'type'; Bad = 'if ($PSEdition -eq ''Core'') { class A { [System.Half] $b } }'; Good = 'class A { [object] M() { if ($global:PSVersionTable.PSEdition -eq ''Core'') { return [System.Half] } return 1 } }' }

    # Members.
    @{ What = 'static method'; Kind = 'member'; Bad = '[math]::Clamp(1, 2, 3)'; Good = '[math]::Min(1, 2)' }
    @{ What = 'static property'; Kind = 'member'; Bad = '[Environment]::ProcessId'; Good = '[Environment]::MachineName' }
    @{ What = 'inherited static member'; Kind = 'member'; Bad = '[System.Text.UTF8Encoding]::Latin1'; Good = '[System.Text.UTF8Encoding]::ASCII' }
    @{ What = 'value of an enumeration'; Kind = 'member'; Bad = '[System.Net.SecurityProtocolType]::Tls14'; Good = '[System.Net.SecurityProtocolType]::Tls12' }
    @{ What = 'value by its name'; Kind = 'member'; Bad = '[System.Text.RegularExpressions.RegexOptions] ''IgnoreCase, NonBacktracking'''; Good = '[System.Text.RegularExpressions.RegexOptions] ''IgnoreCase, Singleline''' }
    @{ What = 'type in a variable'; Kind = 'member'; Bad = '$f = [System.IO.File]; $f::ReadAllTextAsync(''x'')'; Good = '$f = [System.IO.File]; $f::ReadAllText(''x'')' }
    @{ What = 'constructor'; Kind = 'member'; Bad = '[math]::new()'; Good = '[System.Text.StringBuilder]::new()' }
    @{ What = 'member of a new object'; Kind = 'member'; Bad = '(New-Object System.Text.StringBuilder).AppendJoin('','', $a)'; Good = '(New-Object System.Text.StringBuilder).Append($a).ToString()' }
    @{ What = 'member of a text'; Kind = 'member'; Bad = '''a''.EnumerateRunes()'; Good = '''a''.Trim().ToUpper().Length' }
    @{ What = 'member of a variable'; Kind = 'member'; Bad = '$a = [System.Collections.Generic.List[int]]::new(); $a.EnsureCapacity(5)'; Good = '$a = [System.Collections.Generic.List[int]]::new(); $a = Get-Date; $a.EnsureCapacity(5)' }
    @{ What = 'member of a parameter'; Kind = 'member'; Bad = 'param([System.Diagnostics.ProcessStartInfo] $a) $a.ArgumentList'; Good = 'param([System.Diagnostics.ProcessStartInfo] $a) $a.Arguments' }
    @{ What = 'member of a result'; Kind = 'member'; Bad = '[System.Security.Cryptography.SHA256]::Create().ComputeHashAsync($s)'; Good = '[System.Security.Cryptography.SHA256]::Create().ComputeHash($b)' }
    @{ What = 'member of an error'; Kind = 'member'; Bad = 'try { 1 } catch { $_.Exception.GetBaseException().StackTraceMore.ToString(); $_.Exception.StackTrace.EnumerateRunes() }'; Good = 'try { 1 } catch { $_.Exception.StackTrace.Trim(); 1 | ForEach-Object { $_.EnumerateRunes() } }' }
    @{ What = 'member of $ExecutionContext'; Kind = 'member'; Bad = '$ExecutionContext.SessionState.InvokeCommand.GetCommand(1, 2).Name.EnumerateRunes()'; Good = '$ExecutionContext.SessionState.LanguageMode' }
    @{ What = 'inherited member'; Kind = 'member'; Bad = '(New-Object System.IO.MemoryStream).DisposeAsync()'; Good = '(New-Object System.IO.MemoryStream).Dispose()' }
    @{ What = 'member of a table'; Kind = 'member'; Bad = '@{ a = 1 }.TryAdd(1, 2); [System.Collections.Generic.Dictionary[int, int]]::new().TryAdd(1, 2)'; Good = '@{ TryAdd = 1 }.TryAdd; @(1).Count; ''a''.PSObject' }
    @{ What = 'longer overload'; Kind = 'member'; Bad = '[System.IO.File]::Move($a, $b, $true)'; Good = '[System.IO.File]::Move($a, $b)' }
    @{ What = 'Contains with a comparison'; Kind = 'member'; Bad = '''a''.Contains(''A'', ''OrdinalIgnoreCase'')'; Good = '''a''.IndexOf(''A'', [StringComparison]::OrdinalIgnoreCase)' }
    @{ What = 'Split by a text'; Kind = 'member'; Bad = '''a::b''.Split(''::'')'; Good = '''a:b''.Split('':'')' }
    @{ What = 'hash of a certificate'; Kind = 'member'; Bad = 'param([System.Security.Cryptography.X509Certificates.X509Certificate2] $a) $a.GetCertHashString(''SHA256'')'; Good = 'param([System.Security.Cryptography.X509Certificates.X509Certificate2] $a) $a.GetCertHashString() + $a.Subject + $a.DnsNameList' }
    @{ What = 'named argument of an attribute'; Kind = 'member'; Bad = 'param([ValidatePattern(''x'', ErrorMessage = ''y'')] $a)'; Good = 'param([ValidatePattern(''x'', Options = ''None'')] [Parameter(Position = 0, DontShow)] $a)' }
    @{ What = 'key of $PSVersionTable'; Kind = 'member'; Bad = '$PSVersionTable.Platform'; Good = '$PSVersionTable.PSVersion.Major' }

    # Variables.
    @{ What = '$IsWindows'; Kind = 'variable'; Bad = 'if ($IsWindows) { 1 }'; Good = '$IsWindowsOrNot = 1; $IsWindowsOrNot' }
    @{ What = '$PSStyle'; Kind = 'variable'; Bad = '"$($PSStyle.Reset)"'; Good = '''$PSStyle''' }
)

# Code for PowerShell 7 in branches: the left text is reached in 5.1, too, the right one is not.
foreach ($row in @(
        , @('if', 'if ($PSEdition -eq ''Desktop'') { #X }', 'if ($PSEdition -eq ''Core'') { #X }')
        , @('other words', 'if ($PSVersionTable.PSEdition -ne ''Core'') { #X }', 'if (''Desktop'' -ne $PSVersionTable[''PSEdition'']) { #X }')
        , @('negation', 'if (-not ($PSEdition -eq ''Core'')) { #X }', 'if (-not ($PSEdition -eq ''Desktop'')) { #X }')
        , @('else', 'if ($PSEdition -eq ''Core'') { 1 } else { #X }', 'if ($PSEdition -eq ''Desktop'') { 1 } else { #X }')
        , @('elseif', 'if ($a) { 1 } elseif ($b) { #X }', 'if ($PSEdition -eq ''Desktop'') { 1 } elseif ($b) { #X }')
        , @('and', 'if ($PSEdition -eq ''Core'' -or $a) { #X }', 'if ($PSEdition -eq ''Core'' -and $a) { #X }')
        , @('behind -and', '$b = (#X) -and $PSEdition -eq ''Core''', '$b = $PSEdition -eq ''Core'' -and (#X)')
        , @('behind -or', '$b = $PSEdition -eq ''Core'' -or (#X)', '$b = $PSEdition -eq ''Desktop'' -or (#X)')
        , @('early return', 'function f { if ($PSEdition -eq ''Core'') { return } #X }', 'function f { if ($PSEdition -eq ''Desktop'') { return } #X }')
        , @('return that is not sure', 'function f { if ($PSEdition -eq ''Desktop'') { 1 } #X }', 'function f { if ($PSEdition -ne ''Core'') { 1; throw 2 } 1; #X }')
        , @('return of the else', 'function f { if ($PSEdition -eq ''Desktop'') { 1 } else { return } #X }', 'function f { if ($PSEdition -eq ''Core'') { 1 } else { return } #X }')
        , @('return of a block within', 'function f { & { if ($PSEdition -eq ''Desktop'') { return } }; #X }', 'function f { if ($PSEdition -eq ''Desktop'') { return } & { #X } }')
        , @('switch', 'switch ($PSEdition) { ''Desktop'' { #X } }', 'switch ($PSEdition) { ''Core'' { #X } }')
        , @('default of a switch', 'switch ($PSEdition) { ''Core'' { 1 } default { #X } }', 'switch ($PSEdition) { ''Desktop'' { 1 } default { #X } }')
        , @('another variable', 'if ($Edition -eq ''Core'') { #X }', 'if ($PSEdition -ceq ''Core'') { #X }')
    )) {
    $Planted += @{ What = "branch: $($row[0])"; Kind = 'command'; Bad = $row[1].Replace('#X', 'Get-Uptime'); Good = $row[2].Replace('#X', 'Get-Uptime') }
}
