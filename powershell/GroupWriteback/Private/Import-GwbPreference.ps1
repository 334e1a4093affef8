function Import-GwbPreference {
    # A module sees global preferences and those of the call, but not those that a caller's script has set for itself
    # ($ErrorActionPreference = 'Stop' in its first line, $WhatIfPreference = $true). Public functions begin with this, so that
    # they obey them as built-in cmdlets do.
    param([Parameter(Mandatory)] $Cmdlet)

    $given = $Cmdlet.MyInvocation.BoundParameters
    foreach ($row in @(
            @('ErrorActionPreference', 'ErrorAction'), @('WarningPreference', 'WarningAction'), @('InformationPreference', 'InformationAction'),
            @('VerbosePreference', 'Verbose'), @('DebugPreference', 'Debug'), @('ProgressPreference', 'ProgressAction'),
            @('ConfirmPreference', 'Confirm'), @('WhatIfPreference', 'WhatIf'))) {
        if ($given.ContainsKey($row[1])) { continue }
        $value = $Cmdlet.SessionState.PSVariable.GetValue($row[0])
        # -WhatIf and -Confirm of the call must not reach Set-Variable.
        if ($null -ne $value) { Set-Variable -Scope 1 -Name $row[0] -Value $value -WhatIf:$false -Confirm:$false }
    }
}
