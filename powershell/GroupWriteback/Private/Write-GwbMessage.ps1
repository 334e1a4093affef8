function Write-GwbMessage {
    # A message of the library on the stream of its level. `information` is what the administrator must see to go on (the code of
    # a device sign-in), so it is shown whatever $InformationPreference says, and can still be captured.
    param([Parameter(Mandatory)] $Cmdlet, [string] $Level, [AllowEmptyString()] [string] $Text)

    switch ($Level) {
        'debug' { $Cmdlet.WriteDebug($Text) }
        'information' { Write-Information -MessageData $Text -InformationAction Continue }
        default { $Cmdlet.WriteVerbose($Text) }
    }
}
