function Test-GwbCanPrompt {
    # Whether somebody can be asked. A host without a person must not be asked at all: with its input closed, a prompt takes the
    # default answer, which is Yes.
    $ErrorActionPreference = 'Stop'
    if (-not $script:GwbCanPrompt -or -not [Environment]::UserInteractive) { return $false }
    # Hosts other than the console (ISE, editors, remoting) have dialogues of their own.
    if ($Host.Name -ne 'ConsoleHost') { return $true }
    foreach ($argument in [Environment]::GetCommandLineArgs()) {
        # -NonInteractive may be cut short to -noni.
        if ($argument -match '^[-/]{1,2}noni') { return $false }
    }
    -not [Console]::IsInputRedirected
}
