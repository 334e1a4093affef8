function Write-GwbWarning {
    # A warning of the library. The first cycle of a large tenant warns of left-out members once a group: ten of them are shown, the
    # others are messages of -Verbose, and Write-GwbLeftOut counts them.
    # Not $Cmdlet.WriteWarning: with -Debug it asks at each warning, and fails where nobody can answer.
    param([Parameter(Mandatory)] $Cmdlet, [Parameter(Mandatory)] $Problem, [Parameter(Mandatory)] $LeftOut)

    $text = Format-GwbWarning $Problem
    if ((Get-GwbValue $Problem id) -ne 'MemberNotOnPremises') { Write-Warning $text; return }
    if ($LeftOut.Shown -lt 10) {
        $LeftOut.Shown++
        Write-Warning $text
        return
    }
    $LeftOut.More++
    $Cmdlet.WriteVerbose($text)
}
