function Select-GwbIdentity {
    # The identities that say something. An empty one is an error of its own: it never means all groups.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [AllowNull()] [string[]] $Identity,
        [System.Management.Automation.ActionPreference] $CallerPreference = $ErrorActionPreference
    )

    $values = $Identity
    if ($null -eq $values -or $values.Length -eq 0) { $values = @('') }
    foreach ($value in $values) {
        if ([string]::IsNullOrWhiteSpace($value)) {
            Write-GwbError -Cmdlet $Cmdlet -Id GroupNotFound -Target $null -CallerPreference $CallerPreference -Message (
                'The identity is empty, or the object given bears none. Nothing was selected.')
        }
        else { $value }
    }
}
