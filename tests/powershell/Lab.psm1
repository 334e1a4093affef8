# A lab of one's own for end-to-end tests (docs/lab.md), and a child PowerShell for what can't be tried in this one.
Set-StrictMode -Version Latest

function Get-TestedModule {
    # The manifest of the module under test: the package's in the folder that GROUPWRITEBACK_MODULE names, else this tree's.
    $folder = $env:GROUPWRITEBACK_MODULE
    if (-not $folder) { $folder = [System.IO.Path]::Combine($PSScriptRoot, '..', '..', 'powershell', 'GroupWriteback') }
    [System.IO.Path]::GetFullPath([System.IO.Path]::Combine($folder, 'GroupWriteback.psd1'))
}

function Test-Lab {
    # Whether the end-to-end tests can run: they want a module with its library (a package's own, or one given for this tree) and a lab.
    $library = $env:GROUPWRITEBACK_MODULE -or ($env:GROUPWRITEBACK_LIBRARY -and [System.IO.File]::Exists($env:GROUPWRITEBACK_LIBRARY))
    $lab = $env:GROUPWRITEBACK_LAB -and ($env:GROUPWRITEBACK_LAB.StartsWith('tcp://') -or [System.IO.File]::Exists($env:GROUPWRITEBACK_LAB))
    [bool] ($library -and $lab)
}

function Test-Wine {
    # Whether this Windows is Wine.
    [System.IO.Path]::DirectorySeparatorChar -eq '\' -and (Test-Path 'HKCU:\Software\Wine')
}

function Start-Lab {
    # Starts a lab that ends with this process at the latest, with the directory that GROUPWRITEBACK_TEST_DIRECTORY names.
    param([string[]] $Option = @())

    if ($env:GROUPWRITEBACK_TEST_DIRECTORY) { $Option = @('--directory', $env:GROUPWRITEBACK_TEST_DIRECTORY) + $Option }

    if ($env:GROUPWRITEBACK_LAB.StartsWith('tcp://')) { return Connect-LabHost $Option }
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = $env:GROUPWRITEBACK_LAB
    $start.Arguments = (@('serve', '--until-stdin-closes') + $Option | ForEach-Object { if ($_ -match '[\s"]') { '"' + $_.Replace('"', '\"') + '"' } else { $_ } }) -join ' '
    $start.UseShellExecute = $false
    $start.RedirectStandardInput = $true
    $start.RedirectStandardOutput = $true
    $process = [System.Diagnostics.Process]::Start($start)
    $line = $process.StandardOutput.ReadLine()
    if (-not $line) { throw "The lab did not start; exit code $($process.ExitCode)." }
    New-LabObject $process ($line | ConvertFrom-Json)
}

function New-LabObject($Process, $Ready) {
    [pscustomobject] @{
        # A process, or the connection that stands for one.
        Process = $Process
        Ready   = $Ready
        # The container that tests write to.
        OU      = "OU=Cloud Groups,$($Ready.baseDn)"
    }
}

function Connect-LabHost([string[]] $Option) {
    # A lab where its program can't be started: GROUPWRITEBACK_LAB is tcp://address:port/key of one who does, for as long as the
    # connection lasts. Its paths are those of the system that Wine runs on.
    $at = [uri] $env:GROUPWRITEBACK_LAB
    $client = New-Object System.Net.Sockets.TcpClient
    $client.Connect($at.Host, $at.Port)
    $stream = $client.GetStream()
    $request = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json @{ key = $at.AbsolutePath.Trim('/'); options = @($Option) } -Compress) + "`n")
    $stream.Write($request, 0, $request.Length)
    $reader = New-Object System.IO.StreamReader -ArgumentList $stream
    $line = $reader.ReadLine()
    if (-not $line) { throw 'The lab did not start.' }
    $ready = $line | ConvertFrom-Json
    foreach ($property in $ready.PSObject.Properties) {
        if ($property.Value -is [string] -and $property.Value.StartsWith('/')) { $property.Value = 'Z:' + $property.Value.Replace('/', '\') }
    }
    New-LabObject $client $ready
}

function Stop-Lab {
    param($Lab)

    if ($null -eq $Lab) { return }
    if ($Lab.Process -is [System.Net.Sockets.TcpClient]) {
        # No more from us: the lab ends, and then the connection.
        $Lab.Process.Client.Shutdown('Send')
        $Lab.Process.Client.ReceiveTimeout = 10000
        $null = $Lab.Process.Client.Receive((New-Object byte[] 1))
        $Lab.Process.Close()
        return
    }
    $Lab.Process.StandardInput.Close()
    if (-not $Lab.Process.WaitForExit(5000)) { $Lab.Process.Kill() }
}

function Invoke-Lab {
    # A control verb: GET without a body, else POST.
    param([Parameter(Mandatory)] $Lab, [Parameter(Mandatory)] [string] $Verb, $Body, [string] $Method)

    $request = @{ Uri = "$($Lab.Ready.control)/$Verb"; Method = 'Get' }
    if ($null -ne $Body) {
        $request.Method = 'Post'
        $request.Body = [System.Text.Encoding]::UTF8.GetBytes((ConvertTo-Json -InputObject $Body -Depth 8 -Compress))
        $request.ContentType = 'application/json'
    }
    if ($Method) { $request.Method = $Method }
    Invoke-RestMethod @request
}

function Edit-Lab {
    # Changes to the tenant; gives the ids of what was created.
    param([Parameter(Mandatory)] $Lab, [Parameter(Mandatory)] [hashtable[]] $Change)

    (Invoke-Lab $Lab change @{ changes = @($Change) }).ids
}

function Get-LabGroup {
    # The M365 groups of the tenant that are not deleted, the largest first.
    param([Parameter(Mandatory)] $Lab)

    (Invoke-Lab $Lab dump).groups | Where-Object { $_.state -eq 'active' -and $_.groupTypes -contains 'Unified' } |
        Sort-Object -Property @{ Expression = { @($_.members).Count } ; Descending = $true }, id
}

function Get-LabWrite {
    # How many writes the directory has seen since the counters were reset.
    param([Parameter(Mandatory)] $Lab)

    (Invoke-Lab $Lab counters).ldap.writes
}

function New-LabCredential {
    param([Parameter(Mandatory)] [string] $UserName, [Parameter(Mandatory)] [AllowEmptyString()] [string] $Text)

    $secure = New-Object securestring
    foreach ($char in $Text.ToCharArray()) { $secure.AppendChar($char) }
    New-Object pscredential -ArgumentList $UserName, $secure
}

function Get-LabConnection {
    # The parameters of Connect-GroupWriteback for a lab, signing in by secret. -With replaces single ones, $null takes them out.
    param([Parameter(Mandatory)] $Lab, [Parameter(Mandatory)] [string] $Store, [hashtable] $With = @{})

    $ready = $Lab.Ready
    $connection = @{
        Environment              = 'Custom'
        LoginEndpoint            = $ready.login
        GraphEndpoint            = $ready.graph
        TenantId                 = $ready.tenantId
        ClientSecretCredential   = New-LabCredential $ready.clientId $ready.clientSecret
        Server                   = $ready.server
        Credential               = New-LabCredential $ready.bindUser $ready.bindPassword
        CertificateAuthorityPath = $ready.caFile
        StoreDirectory           = $Store
        # A lab answers at once: a test that waits longer has found something.
        ClientTimeout            = 15
    }
    foreach ($name in $With.Keys) {
        if ($null -eq $With[$name]) { $connection.Remove($name) } else { $connection[$name] = $With[$name] }
    }
    $connection
}

function Get-LabScript {
    # The lines that connect a child PowerShell to a lab, with the tested module or another.
    param([Parameter(Mandatory)] $Lab, [Parameter(Mandatory)] [string] $Store, [string] $Module = (Get-TestedModule))

    $json = ($Lab.Ready | ConvertTo-Json -Compress).Replace("'", "''")
    @"
Import-Module '$Module'
Import-Module '$PSCommandPath'
`$lab = [pscustomobject] @{ Ready = '$json' | ConvertFrom-Json }
`$connection = Get-LabConnection -Lab `$lab -Store '$Store'
"@
}

function Invoke-Quiet {
    # Runs a block in the caller's scope without its What if lines: they go to the host and can't be redirected, so the host is one
    # without a screen meanwhile. Where this PowerShell has no such thing, the lines are seen.
    param([Parameter(Mandatory)] [scriptblock] $Do)

    $any = [System.Reflection.BindingFlags]'Instance, Public, NonPublic'
    $type = [psobject].Assembly.GetType('Microsoft.PowerShell.DefaultHost')
    $set = $Host.GetType().GetMethod('SetHostRef', $any)
    $revert = $Host.GetType().GetMethod('RevertHostRef', $any)
    if ($null -eq $type -or $null -eq $set -or $null -eq $revert) {
        . $Do
        return
    }
    $culture = [System.Globalization.CultureInfo]::InvariantCulture
    $quiet = [Activator]::CreateInstance($type, $any, $null, [object[]] @($culture, $culture), $null)
    $null = $set.Invoke($Host, [object[]] @($quiet))
    try { . $Do }
    finally { $null = $revert.Invoke($Host, $null) }
}

function Start-Child {
    # Runs a script in a PowerShell of its own, with all its output in a file.
    param([Parameter(Mandatory)] [string] $Script, [Parameter(Mandatory)] [string] $Folder, [hashtable] $Variable = @{})

    $file = Join-Path $Folder "child-$([guid]::NewGuid().ToString('n')).ps1"
    # With a mark: Windows PowerShell reads anything else as a code page.
    [System.IO.File]::WriteAllText($file, $Script, (New-Object System.Text.UTF8Encoding -ArgumentList $true))
    $start = New-Object System.Diagnostics.ProcessStartInfo
    $start.FileName = (Get-Process -Id $PID).Path
    $start.Arguments = "-NoProfile -NonInteractive -File `"$file`""
    $start.UseShellExecute = $false
    # On Windows this gives it a console of its own, where it can be interrupted alone.
    $start.CreateNoWindow = $true
    $start.RedirectStandardOutput = $true
    $start.RedirectStandardError = $true
    $start.RedirectStandardInput = $true
    # Native code sees only what was in the environment at the start.
    foreach ($name in $Variable.Keys) { $start.EnvironmentVariables[$name] = [string] $Variable[$name] }
    $process = [System.Diagnostics.Process]::Start($start)
    $child = [pscustomobject] @{ Process = $process; Output = $process.StandardOutput.ReadToEndAsync(); ErrorOutput = $process.StandardError.ReadToEndAsync() }
    $process.StandardInput.Close()
    $child
}

function Wait-Child {
    # Its output as one text.
    param([Parameter(Mandatory)] $Child, [int] $Seconds = 120)

    if (-not $Child.Process.WaitForExit($Seconds * 1000)) {
        $Child.Process.Kill()
        throw 'The child did not end in time.'
    }
    $Child.Output.Result + $Child.ErrorOutput.Result
}

function Send-Interrupt {
    # Ctrl+C to a child.
    param([Parameter(Mandatory)] $Child, [Parameter(Mandatory)] [string] $Folder)

    if ([System.IO.Path]::DirectorySeparatorChar -eq '/') {
        $null = Start-Process -FilePath kill -ArgumentList '-INT', $Child.Process.Id -Wait -PassThru
        return
    }
    # Windows sends it to all that share a console: one more process joins the child's.
    $null = Wait-Child (Start-Child @"
Add-Type -Namespace Test -Name Console -MemberDefinition @'
[DllImport("kernel32.dll")] public static extern bool FreeConsole();
[DllImport("kernel32.dll")] public static extern bool AttachConsole(uint process);
[DllImport("kernel32.dll")] public static extern bool SetConsoleCtrlHandler(System.IntPtr handler, bool add);
[DllImport("kernel32.dll")] public static extern bool GenerateConsoleCtrlEvent(uint which, uint group);
'@
`$null = [Test.Console]::FreeConsole()
`$null = [Test.Console]::AttachConsole($($Child.Process.Id))
`$null = [Test.Console]::SetConsoleCtrlHandler([IntPtr]::Zero, `$true)
[System.IO.File]::WriteAllText('$Folder/sent.txt', [string] [DateTime]::UtcNow.Ticks)
`$null = [Test.Console]::GenerateConsoleCtrlEvent(0, 0)
"@ $Folder)
}

function Wait-Until {
    # Tries a condition until it holds.
    param([Parameter(Mandatory)] [scriptblock] $Condition, [int] $Seconds = 30)

    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    while (-not (& $Condition)) {
        if ($clock.Elapsed.TotalSeconds -gt $Seconds) { throw "Not within $Seconds seconds: $Condition" }
        Start-Sleep -Milliseconds 50
    }
}

Export-ModuleMember -Function *
