function ConvertTo-GwbSecureString {
    # For text that reaches the process in clear anyway (an environment variable): from here on it is held as the others are.
    param([Parameter(Mandatory)] [string] $Text)

    $secure = New-Object securestring
    foreach ($char in $Text.ToCharArray()) { $secure.AppendChar($char) }
    $secure.MakeReadOnly()
    return $secure
}
