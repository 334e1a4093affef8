# Where code stands: in scripts, in the script blocks of format and type files, in the examples of help pages.

function Get-EncodingViolation {
    # 5.1 reads a file without a byte order mark in the computer's code page: beyond ASCII it needs the mark of UTF-8.
    [CmdletBinding()]
    param([Parameter(Mandatory)] [AllowEmptyCollection()] [byte[]] $Bytes, [string] $File = '')

    $line = 1
    if ($Bytes.Length -ge 3 -and $Bytes[0] -eq 0xEF -and $Bytes[1] -eq 0xBB -and $Bytes[2] -eq 0xBF) {
        try { $null = (New-Object System.Text.UTF8Encoding -ArgumentList $false, $true).GetString($Bytes) ; return }
        catch { $what = 'the mark of UTF-8 before bytes that are not UTF-8' }
    }
    else {
        $text = [System.Text.Encoding]::GetEncoding('iso-8859-1').GetString($Bytes)
        $found = [regex]::Match($text, '[^\x01-\x7f]')
        if (-not $found.Success) { return }
        $line = $text.Substring(0, $found.Index).Split([char[]] "`n").Length
        $what = 'a character beyond ASCII without a byte order mark'
    }
    [pscustomobject]@{ File = $File; Line = $line; Kind = 'encoding'; What = $what; Advice = 'Write ASCII ([char] 0x00e9), or save the file as UTF-8 with a byte order mark.' }
}

function Get-ScriptText {
    # The pieces of code in a file: Text and the line on which it begins.
    [CmdletBinding()]
    param([Parameter(Mandatory)] [AllowEmptyString()] [string] $Text, [Parameter(Mandatory)] [string] $File)

    switch -Regex ($File) {
        '\.ps1xml$' {
            foreach ($match in [regex]::Matches($Text, '<(ScriptBlock|GetScriptBlock|SetScriptBlock|Script)>(.*?)</\1>', 'Singleline')) {
                $group = $match.Groups[2]
                @{ Text = [System.Net.WebUtility]::HtmlDecode($group.Value); Line = $Text.Substring(0, $group.Index).Split([char[]] "`n").Length }
            }
        }
        '\.md$' { Get-IndentedText $Text 4 }
        '\.help\.txt$' { Get-IndentedText $Text 9 }
        default { @{ Text = $Text; Line = 1 } }
    }
}

function Get-IndentedText([string] $Text, [int] $Indent) {
    # Examples: runs of lines that are indented so far. A prompt is taken away, a <placeholder> is a word.
    $lines = $Text -split '\r?\n'
    $start = -1
    for ($i = 0; $i -le $lines.Count; $i++) {
        $inside = $i -lt $lines.Count -and $lines[$i] -match "^ {$Indent}"
        if ($inside -and $start -lt 0) { $start = $i }
        elseif (-not $inside -and $start -ge 0) {
            $code = foreach ($line in $lines[$start..($i - 1)]) { $line.Substring($Indent) -replace '^PS> ', '' -replace '<[a-z][a-z ]*>', 'placeholder' }
            @{ Text = $code -join "`n"; Line = $start + 1 }
            $start = -1
        }
    }
}
