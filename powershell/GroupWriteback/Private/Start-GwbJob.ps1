function Start-GwbJob {
    # Runs a public command in a job, which connects by itself as this session did: handles never cross runspaces. Secrets go as the
    # SecureString and credential objects that they are.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Session,
        # What the command was called with, and what the job gets instead.
        [Parameter(Mandatory)] [System.Collections.IDictionary] $Parameters,
        [hashtable] $Override = @{}
    )

    $ErrorActionPreference = 'Stop'
    $command = $Cmdlet.MyInvocation.MyCommand.Name
    $given = @{ ConfigurationName = $Session.Name }
    foreach ($key in $Parameters.Keys) {
        $value = $Parameters[$key]
        if ($value -is [System.Management.Automation.SwitchParameter]) { $value = $value.ToBool() }
        if ($key -ne 'AsJob') { $given[$key] = $value }
    }
    foreach ($key in $Override.Keys) { $given[$key] = $Override[$key] }
    $connect = @{}
    foreach ($key in $Session.ConnectParameters.Keys) { $connect[$key] = $Session.ConnectParameters[$key] }
    $thread = Get-Command -Name Start-ThreadJob -ErrorAction Ignore
    if ($null -eq $thread -and $null -ne $connect['Certificate']) {
        # A private key can't be handed to another process; the store can be read there.
        $connect['CertificateThumbprint'] = $connect['Certificate'].Thumbprint
        $connect.Remove('Certificate')
    }
    $block = {
        param($ModulePath, $Command, $Connect, $Given, $Secrets)
        $ErrorActionPreference = 'Stop'
        $module = Import-Module -Name $ModulePath -PassThru
        # Nobody answers in a job; what was asked for on the way to the first connection is handed over.
        & $module { param($Secrets) $script:GwbCanPrompt = $false; $script:GwbInheritedSecrets = $Secrets } $Secrets
        $null = Connect-GroupWriteback @Connect
        $ErrorActionPreference = 'Continue'
        try { & $Command @Given }
        finally { Disconnect-GroupWriteback }
    }
    $secrets = @{}
    foreach ($key in $Session.Secrets.Keys) { if ($Session.Secrets[$key] -is [securestring]) { $secrets[$key] = $Session.Secrets[$key] } }
    $manifest = [System.IO.Path]::Combine($script:GwbModuleRoot, 'GroupWriteback.psd1')
    $job = @{ Name = $command; ScriptBlock = $block; ArgumentList = @($manifest, $command, $connect, $given, $secrets) }
    if ($null -ne $thread) { & $thread @job } else { Start-Job @job }
}
