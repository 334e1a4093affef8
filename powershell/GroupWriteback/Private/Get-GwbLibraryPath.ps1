function Get-GwbLibraryPath {
    # Where the native library of this process is. Only the override and the module's own folder are looked at: a library in the
    # current directory or on the PATH must never be loaded into an administrator's session.
    $ErrorActionPreference = 'Stop'
    $runtime = [System.Runtime.InteropServices.RuntimeInformation]
    $platform = [System.Runtime.InteropServices.OSPlatform]
    $architecture = ([string] $runtime::ProcessArchitecture).ToLowerInvariant()
    if ($runtime::IsOSPlatform($platform::Windows)) {
        $rid = "win-$architecture"
        $file = 'group_writeback.dll'
    }
    elseif ($runtime::IsOSPlatform($platform::OSX)) {
        $rid = "osx-$architecture"
        $file = 'libgroup_writeback.dylib'
    }
    else {
        $rid = "linux-$architecture"
        $file = 'libgroup_writeback.so'
        $musl = [System.IO.Directory]::Exists('/lib') -and [System.IO.Directory]::GetFiles('/lib', 'ld-musl-*').Length -gt 0
        $glibc = [System.IO.File]::Exists('/lib64/ld-linux-x86-64.so.2') -or [System.IO.File]::Exists('/lib/ld-linux-aarch64.so.1')
        if ($musl -and -not $glibc) { $rid = "linux-musl-$architecture" }
    }

    $override = [Environment]::GetEnvironmentVariable('GROUPWRITEBACK_LIBRARY')
    if ($override) {
        # An override that is wrong is an error, not a reason to take another file.
        $probed = @([System.IO.Path]::GetFullPath($override))
    }
    else {
        $probed = @([System.IO.Path]::Combine($script:GwbModuleRoot, 'runtimes', $rid, 'native', $file))
    }
    $path = $null
    foreach ($candidate in $probed) {
        if (-not $path -and [System.IO.File]::Exists($candidate)) { $path = $candidate }
    }
    [pscustomobject]@{ Path = $path; Probed = $probed; Rid = $rid; Architecture = $architecture; FileName = $file }
}
