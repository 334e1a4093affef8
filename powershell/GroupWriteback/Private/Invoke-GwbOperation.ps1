function Invoke-GwbOperation {
    # Runs one operation of the library to its end: the only loop of the module. Objects leave on the pipeline as they come; progress,
    # messages, warnings and errors go where the public command's preferences want them.
    #
    # No call into the library lasts longer than a quarter of a second, so Ctrl+C and Select-Object -First take effect between two
    # calls; the finally block then cancels the work and forgets it.
    param(
        [Parameter(Mandatory)] $Cmdlet,
        [Parameter(Mandatory)] $Session,
        [Parameter(Mandatory)] [string] $Call,
        [Parameter(Mandatory)] [System.Collections.IDictionary] $Request,
        # The bar's title.
        [string] $Activity = 'Group Writeback',
        # Types that the command does not output.
        [string[]] $Omit = @(),
        # The work is stopped after that time; 0 = never.
        [int] $TimeoutSec,
        [System.Management.Automation.ActionPreference] $CallerPreference = $ErrorActionPreference
    )

    $ErrorActionPreference = 'Stop'
    $ok = $script:GwbStatus.Ok
    $end = $script:GwbStatus.End
    $pending = $script:GwbStatus.Pending
    $native = Get-GwbNative -Cmdlet $Cmdlet
    $progress = New-GwbProgress -Activity $Activity -Silent ($ProgressPreference -in 'SilentlyContinue', 'Ignore')
    $leftOut = @{ Shown = 0; More = 0 }
    $planGroups = New-Object 'System.Collections.Generic.List[object]'
    $clock = [System.Diagnostics.Stopwatch]::StartNew()
    [uint64] $operation = Start-GwbOperation -Cmdlet $Cmdlet -Native $native -Session $Session -Call $Call -Request $Request
    try {
        $running = $true
        while ($running) {
            $events = [Activator]::CreateInstance($native.Buffer)
            $problem = [Activator]::CreateInstance($native.Buffer)
            $status = $native.Library::gwb_next($operation, 200, [ref] $events, [ref] $problem)
            if ($TimeoutSec -gt 0 -and $clock.Elapsed.TotalSeconds -ge $TimeoutSec -and $status -ne $end) {
                $late = New-GwbProblem -Id OperationTimeout -Target $Session.Name -Message "The operation did not end within $TimeoutSec seconds and was stopped. The next cycle completes the work."
                $late.recommendedAction = 'Allow more time. With -Confirm:$false a cycle goes on when the time is up.'
                Stop-GwbCommand -Cmdlet $Cmdlet -Problem $late
            }
            if ($status -eq $end) { $running = $false }
            elseif ($status -eq $ok) {
                foreach ($message in ConvertFrom-GwbJson -Text (Read-GwbBuffer -Native $native -Buffer ([ref] $events))) {
                    switch ($message.event) {
                        'progress' { Write-GwbProgress -Progress $progress -Value $message }
                        'message' { Write-GwbMessage -Cmdlet $Cmdlet -Level $message.level -Text $message.text }
                        'warning' { Write-GwbWarning -Cmdlet $Cmdlet -Problem $message -LeftOut $leftOut }
                        'error' { Write-GwbError -Cmdlet $Cmdlet -Problem $message.error -CallerPreference $CallerPreference }
                        'ask' {
                            Complete-GwbProgress -Progress $progress
                            Resolve-GwbAsk -Cmdlet $Cmdlet -Native $native -Session $Session -Operation $operation -Ask $message -Groups $planGroups.ToArray()
                            if ($message.kind -eq 'approve') { $planGroups.Clear() }
                        }
                        'failed' {
                            Complete-GwbProgress -Progress $progress
                            Write-GwbLeftOut -LeftOut $leftOut
                            if ($script:GwbNonTerminating -contains $message.error.id) {
                                Write-GwbError -Cmdlet $Cmdlet -Problem $message.error -CallerPreference $CallerPreference
                            }
                            else { Stop-GwbCommand -Cmdlet $Cmdlet -Problem $message.error }
                        }
                        # item, result (the last event)
                        default {
                            $type = Get-GwbValue $message type
                            $value = Get-GwbValue $message value
                            if ($message.event -eq 'result') { Write-GwbLeftOut -LeftOut $leftOut }
                            if ($type -eq 'PlanGroup') {
                                $group = ConvertTo-GwbObject -Type $type -Value $value
                                $planGroups.Add($group)
                                # The standard What if line: with -WhatIf this gives $false and writes nothing else.
                                if ($WhatIfPreference) { $null = $Cmdlet.ShouldProcess((Get-GwbGroupTitle $group), $group.Summary) }
                            }
                            elseif ($null -ne $value -and $Omit -notcontains $type) { ConvertTo-GwbObject -Type $type -Value $value }
                        }
                    }
                }
            }
            elseif ($status -ne $pending) {
                Stop-GwbCommand -Cmdlet $Cmdlet -Problem (Read-GwbProblem -Native $native -Buffer ([ref] $problem) -Status $status -Function gwb_next)
            }
        }
    }
    finally {
        $problem = [Activator]::CreateInstance($native.Buffer)
        $null = $native.Library::gwb_release($operation, [ref] $problem)
        $native.Library::gwb_buffer_free([ref] $problem)
        Complete-GwbProgress -Progress $progress
    }
}
