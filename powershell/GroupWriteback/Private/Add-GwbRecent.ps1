function Add-GwbRecent {
    # Remembers a name or id for completion: the newest first, each once, at most fifty.
    param([Parameter(Mandatory)] [string] $Kind, $Value)

    if (-not $Value) { return }
    $list = $script:GwbRecent[$Kind]
    if ($null -eq $list) {
        $list = New-Object 'System.Collections.Generic.List[string]'
        $script:GwbRecent[$Kind] = $list
    }
    $null = $list.Remove([string] $Value)
    $list.Insert(0, [string] $Value)
    if ($list.Count -gt 50) { $list.RemoveAt(50) }
}
