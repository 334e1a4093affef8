function Test-GwbFramework {
    # An old framework lacks methods that are called much later, where their absence would be a riddle: say it at the import.
    # 461808 is the release number of .NET Framework 4.7.2.
    if ($PSVersionTable.PSEdition -ne 'Desktop') { return }
    $key = 'HKLM:\SOFTWARE\Microsoft\NET Framework Setup\NDP\v4\Full'
    $found = Get-ItemProperty -LiteralPath $key -Name Release -ErrorAction SilentlyContinue
    if ($null -ne $found -and $found.Release -lt 461808) {
        Write-Warning 'GroupWriteback needs .NET Framework 4.7.2 or later. Certificate sign-in and the native library may fail on this computer.'
    }
}
