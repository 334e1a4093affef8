function Get-GwbNative {
    # The bound library, bound at the first call: importing the module stays fast and works where the library is missing.
    param([Parameter(Mandatory)] $Cmdlet)

    $ErrorActionPreference = 'Stop'
    $probe = Get-GwbLibraryPath
    if (-not $probe.Path) {
        Stop-GwbCommand -Cmdlet $Cmdlet -Id NativeLibraryNotFound -Target $probe.FileName -Message (
            "The native library $($probe.FileName) for $($probe.Rid) (process architecture $($probe.Architecture)) was not found. " +
            "Looked for: $($probe.Probed -join '; ').")
    }

    # A library is never unloaded, so runspaces and later imports of this version share one binding.
    $key = "GroupWriteback.Native|$($ExecutionContext.SessionState.Module.Version)|$($probe.Path)"
    $native = [AppDomain]::CurrentDomain.GetData($key)
    if ($null -ne $native) { return $native }

    try {
        $native = New-GwbNativeType -Path $probe.Path
        $native.AbiVersion = $native.Library::gwb_abi_version()
    }
    catch {
        $reason = $_.Exception.GetBaseException()
        $text = "The native library $($probe.Path) can't be loaded into this $($probe.Architecture) process: $($reason.Message)"
        if ($reason -is [EntryPointNotFoundException]) { $text = "$($probe.Path) is not the library of this module: $($reason.Message)" }
        Stop-GwbCommand -Cmdlet $Cmdlet -Id NativeLibraryNotFound -Target $probe.Path -Message $text -Exception $reason
    }
    if ($native.AbiVersion -ne $script:GwbAbiVersion) {
        Stop-GwbCommand -Cmdlet $Cmdlet -Id NativeLibraryVersionMismatch -Target $probe.Path -Message (
            "The native library $($probe.Path) has ABI version $($native.AbiVersion), this module needs $script:GwbAbiVersion.")
    }
    [AppDomain]::CurrentDomain.SetData($key, $native)
    $native
}
