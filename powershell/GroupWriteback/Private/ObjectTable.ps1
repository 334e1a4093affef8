# The output types: their properties in order (the contract in the help; a test compares it with what the library sends).
$script:GwbObjectTable = @{
    Context            = 'ConfigurationName TenantId ClientId SignIn Environment Permissions Server Domain DirectoryAccount EngineVersion AbiVersion'
    Feature            = 'ConfigurationName Enabled Version OrganizationalUnit UnifiedGroupWriteback GroupWritebackV2 NewGroupDefault OwnedGroupCount LastRunId'
    Configuration      = 'ConfigurationName OrganizationalUnit TargetRule CloudFilter NamingPreset NamePattern SamAccountNamePattern GroupScope AttributeMapping DeprovisionAction DeprovisionContainer GraceDays DriftAction BatchSize ThresholdEnabled DeletionThreshold DeletionThresholdPercent MemberRemovalThreshold MemberRemovalThresholdPercent MinimumGroupSize'
    SyncCycle          = 'Result RunId PolicyType StartTimeInUTC'
    RunStatus          = 'RunState ConnectorName RunId PolicyType Phase Done Total PercentComplete StartTimeInUTC HostName'
    RunResult          = 'RunId PlanId ConfigurationName PolicyType Result StartTimeInUTC EndTimeInUTC Duration GroupsRead Created Updated Renamed Converted Deleted MembersAdded MembersRemoved MembersSkipped GroupsFailed GraphRequests DirectoryOperations Server Steps'
    Step               = 'StepNumber Name Result StartTimeInUTC EndTimeInUTC Done'
    Plan               = 'PlanId ConfigurationName Origin PolicyType CreatedInUTC Creates Updates Renames Converts Deletes MemberAdds MemberRemovals Complete State'
    Operation          = 'Id GroupId GroupName GroupDN Action Attribute OldValue NewValue MemberId MemberDN Reason Severity PlanId Status Error'
    Group              = 'Id DisplayName Type SourceOfAuthority WriteBackEnabled WriteBackOnPremGroupType EffectiveWriteBack DistinguishedName ObjectGUID ObjectSid SamAccountName Mail CloudMemberCount DirectoryMemberCount SkippedMemberCount State Drift LastSyncTimeInUTC NeedsUpdateRecipient ConfigurationName'
    Threshold          = 'Enabled DeletionThreshold DeletionThresholdPercent MemberRemovalThreshold MemberRemovalThresholdPercent MinimumGroupSize'
    PermissionReport   = 'OrganizationalUnit Account Right Required Granted Remedy'
    ConnectivityReport = 'Service Endpoint Succeeded LatencyMs Message Remedy'
}
foreach ($type in @($script:GwbObjectTable.Keys)) { $script:GwbObjectTable[$type] = $script:GwbObjectTable[$type].Split(' ') }

# Objects within objects.
$script:GwbNestedTypes = @{ Steps = 'Step' }

# Which properties of which types feed completion.
$script:GwbCompletionSources = @{
    ConfigurationName  = 'Context', 'Feature', 'Configuration'
    OrganizationalUnit = 'Feature', 'Configuration'
    RunId              = 'SyncCycle', 'RunStatus', 'RunResult'
    PlanId             = 'RunResult', 'Plan'
}
