function Initialize-GwbCommand {
    # Every public function begins with this.
    param([Parameter(Mandatory)] $Cmdlet)

    $given = $Cmdlet.MyInvocation.BoundParameters

    # A module sees global preferences and those of the call, but not those that a caller's script has set for itself
    # ($ErrorActionPreference = 'Stop' in its first line, $WhatIfPreference = $true). Obey them as built-in cmdlets do.
    foreach ($row in @(
            @('ErrorActionPreference', 'ErrorAction'), @('WarningPreference', 'WarningAction'), @('InformationPreference', 'InformationAction'),
            @('VerbosePreference', 'Verbose'), @('DebugPreference', 'Debug'), @('ProgressPreference', 'ProgressAction'),
            @('ConfirmPreference', 'Confirm'), @('WhatIfPreference', 'WhatIf'))) {
        if ($given.ContainsKey($row[1])) { continue }
        $value = $Cmdlet.SessionState.PSVariable.GetValue($row[0])
        # -WhatIf and -Confirm of the call must not reach Set-Variable.
        if ($null -ne $value) { Set-Variable -Scope 1 -Name $row[0] -Value $value -WhatIf:$false -Confirm:$false }
    }

    # ValidateSet takes any case; the library wants the words as they are written.
    foreach ($name in @($given.Keys)) {
        if ($given[$name] -isnot [string] -and $given[$name] -isnot [string[]]) { continue }
        foreach ($attribute in $Cmdlet.MyInvocation.MyCommand.Parameters[$name].Attributes) {
            if ($attribute -isnot [System.Management.Automation.ValidateSetAttribute]) { continue }
            $exact = [string[]] @(foreach ($value in @($given[$name])) { foreach ($word in $attribute.ValidValues) { if ($word -eq $value) { $word } } })
            if ($given[$name] -is [string]) { $exact = $exact[0] }
            $given[$name] = $exact
            Set-Variable -Scope 1 -Name $name -Value $exact -WhatIf:$false -Confirm:$false
        }
    }
}
