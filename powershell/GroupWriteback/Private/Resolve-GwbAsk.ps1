function Resolve-GwbAsk {
    # Answers one `ask` event: a secret, a signature, or which groups may be written.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Native,
        [Parameter(Mandatory)] $Session,
        [Parameter(Mandatory)] [uint64] $Operation,
        [Parameter(Mandatory)] $Ask,
        [object[]] $Groups = @()
    )

    $ErrorActionPreference = 'Stop'
    $to = @{ Cmdlet = $Cmdlet; Native = $Native; Operation = $Operation }
    switch ($Ask.kind) {
        'secret' {
            $secret = Get-GwbSecret -Session $Session -Name $Ask.name -Prompt (Get-GwbValue $Ask prompt)
            if ($null -eq $secret) { Send-GwbAnswer @to -Answer ([ordered]@{ ask = $Ask.ask; unavailable = $true }) }
            else { Send-GwbSecret @to -Ask $Ask.ask -Secret $secret }
        }
        'sign' {
            $certificate = Resolve-GwbSigner -Cmdlet $Cmdlet -Session $Session -Ask $Ask
            if ($null -eq $certificate) { Send-GwbAnswer @to -Answer ([ordered]@{ ask = $Ask.ask; unavailable = $true }) }
            else {
                $signature = New-GwbSignature -Cmdlet $Cmdlet -Certificate $certificate -Data ([Convert]::FromBase64String($Ask.data))
                Send-GwbAnswer @to -Answer ([ordered]@{ ask = $Ask.ask }) -Payload $signature
            }
        }
        'approve' {
            $refused = [string[]] @(Resolve-GwbApproval -Cmdlet $Cmdlet -Groups $Groups)
            Send-GwbAnswer @to -Answer ([ordered]@{ ask = $Ask.ask; approve = $true; refused = $refused })
        }
        default {
            Send-GwbAnswer @to -Answer ([ordered]@{ ask = $Ask.ask; unavailable = $true })
        }
    }
}
