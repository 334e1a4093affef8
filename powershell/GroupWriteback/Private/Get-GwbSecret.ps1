function Get-GwbSecret {
    # A secret of the session as SecureString, $null when there is none. Only a person at a console is asked, once.
    param([Parameter(Mandatory)] $Session, [Parameter(Mandatory)] [string] $Name, [string] $Prompt)

    $ErrorActionPreference = 'Stop'
    $secret = $Session.Secrets[$Name]
    # Never an empty secret: a directory takes an empty password for an anonymous bind and lets it pass.
    if ($null -ne $secret -and $secret.Length -eq 0) { $secret = $null }
    if ($null -ne $secret -or -not (Test-GwbCanPrompt)) { return $secret }
    if (-not $Prompt) { $Prompt = $Name }
    try { $secret = Read-Host -Prompt $Prompt -AsSecureString } catch { $secret = $null }
    if ($null -eq $secret -or $secret.Length -eq 0) { return $null }
    $Session.Secrets[$Name] = $secret
    $secret
}
