function Get-GwbApproveMode {
    # For which groups the library asks before it writes: all of them when the call or the preference wants every change confirmed,
    # else deletes. With -Confirm:$false they are still asked for and answered with yes, so that -Verbose names each.
    if ($ConfirmPreference -in 'Low', 'Medium') { 'all' } else { 'deletes' }
}
