# Connects this session to a lab (docs/lab.md): dot-source it, then try the commands.
#   . powershell/demo/Connect-Lab.ps1 -LabPath lab.json
# $lab holds the lab's ready line, $ou a container to write to.
param([Parameter(Mandatory)] [string] $LabPath)

Import-Module ([System.IO.Path]::Combine($PSScriptRoot, '..', 'GroupWriteback', 'GroupWriteback.psd1'))
$lab = Get-Content -LiteralPath $LabPath -Raw | ConvertFrom-Json
$ou = "OU=Cloud Groups,$($lab.baseDn)"

function New-LabCredential([string] $UserName, [string] $Text) {
    # The lab's passwords are no secrets; a person would use Get-Credential.
    $secure = New-Object securestring
    foreach ($char in $Text.ToCharArray()) { $secure.AppendChar($char) }
    New-Object pscredential -ArgumentList $UserName, $secure
}

$connection = @{
    Environment              = 'Custom'
    LoginEndpoint            = $lab.login
    GraphEndpoint            = $lab.graph
    TenantId                 = $lab.tenantId
    ClientSecretCredential   = New-LabCredential $lab.clientId $lab.clientSecret
    Server                   = $lab.server
    Credential               = New-LabCredential $lab.bindUser $lab.bindPassword
    CertificateAuthorityPath = $lab.caFile
}
Connect-GroupWriteback @connection
