function Close-GwbSession {
    # Closes sessions: what runs in them is cancelled, secrets are forgotten. Never fails: it runs when the module is removed, too.
    [CmdletBinding(DefaultParameterSetName = 'Session')]
    param(
        [Parameter(Mandatory, ParameterSetName = 'Session')] $Session,
        [Parameter(Mandatory, ParameterSetName = 'All')] [switch] $All
    )

    $closing = @($Session)
    if ($All) { $closing = @($script:GwbSessions.Values) }
    foreach ($one in $closing) {
        $known = $script:GwbSessions[$one.Name]
        if ($null -ne $known -and $known.Handle -eq $one.Handle) { $script:GwbSessions.Remove($one.Name) }
        $one.Secrets.Clear()
        $one.ConnectParameters.Clear()
        $problem = [Activator]::CreateInstance($one.Native.Buffer)
        $null = $one.Native.Library::gwb_close($one.Handle, [ref] $problem)
        $one.Native.Library::gwb_buffer_free([ref] $problem)
    }
    if (-not $script:GwbSessions.ContainsKey([string] $script:GwbCurrentName)) {
        $script:GwbCurrentName = $null
        foreach ($name in $script:GwbSessions.Keys) { $script:GwbCurrentName = $name }
    }
}
