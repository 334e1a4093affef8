# The contract of the commands as a table, transcribed from the project's reference and not from the code. One line a parameter:
# name, type, position (or -), V = pipeline by value, P = by property name, then its parameter sets (* = mandatory there; all = every set).
$Contract = @(
    @{ Name = 'Connect-GroupWriteback'; Impact = '-'; Output = 'Context'; Sets = 'Saved DeviceCode Certificate Secret Identity Token Variables'; Parameters = @'
ConfigurationName        string              0 - all
TenantId                 string              - - DeviceCode* Certificate* Secret*
ClientId                 string              - - DeviceCode* Certificate* Identity
UseDeviceCode            switch              - - DeviceCode*
CertificateThumbprint    string              - - Certificate
CertificateSubjectName   string              - - Certificate
Certificate              X509Certificate2    - - Certificate
ClientSecretCredential   pscredential        - - Secret*
ManagedIdentity          switch              - - Identity*
AccessToken              securestring        - - Token*
EnvironmentVariable      switch              - - Variables*
Environment              string              - - all
LoginEndpoint            string              - - all
GraphEndpoint            string              - - all
Server                   string[]            - - all
Credential               pscredential        - - all
AuthType                 string              - - all
KeytabPath               string              - - all
Site                     string              - - all
DnsServer                string              - - all
CertificateAuthorityPath string              - - all
StoreDirectory           string              - - all
ClientTimeout            int                 - - all
SaveSecret               switch              - - all
'@ }
    @{ Name = 'Disconnect-GroupWriteback'; Impact = '-'; Output = ''; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackContext'; Impact = '-'; Output = 'Context'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Enable-GroupWriteback'; Impact = 'Medium'; Output = 'Feature'; Sets = 'Default'; Parameters = @'
OrganizationalUnit       string              0 - all
Version                  string              - - all
CreateContainer          switch              - - all
WithoutExchange          switch              - - all
TakeOver                 switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Disable-GroupWriteback'; Impact = 'High'; Output = 'Feature'; Sets = 'Default'; Parameters = @'
GroupAction              string              - - all
Force                    switch              - - all
AsJob                    switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWriteback'; Impact = '-'; Output = 'Feature'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackConfiguration'; Impact = '-'; Output = 'Configuration'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              0 - all
'@ }
    @{ Name = 'Set-GroupWritebackConfiguration'; Impact = 'Medium'; Output = 'Configuration'; Sets = 'Default'; Parameters = @'
OrganizationalUnit       string              - - all
TargetRule               string              - - all
CloudFilter              string              - - all
NamingPreset             string              - - all
NamePattern              string              - - all
SamAccountNamePattern    string              - - all
GroupScope               string              - - all
AttributeMapping         object              - - all
DeprovisionAction        string              - - all
DeprovisionContainer     string              - - all
GraceDays                int                 - - all
DriftAction              string              - - all
BatchSize                int                 - - all
PassThru                 switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Initialize-GroupWritebackContainer'; Impact = 'Medium'; Output = 'PermissionReport'; Sets = 'Default'; Parameters = @'
OrganizationalUnit       string              0 - all*
Account                  string              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Test-GroupWritebackConnectivity'; Impact = '-'; Output = 'ConnectivityReport bool'; Sets = 'Default'; Parameters = @'
Service                  string[]            - - all
Quiet                    switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Start-GroupWritebackSyncCycle'; Impact = 'Medium'; Output = 'SyncCycle RunResult'; Sets = 'Default'; Parameters = @'
PolicyType               string              0 - all
Wait                     switch              - - all
TimeoutSec               int                 - - all
AsJob                    switch              - - all
RemovedServer            string              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Stop-GroupWritebackSyncCycle'; Impact = 'Medium'; Output = ''; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Wait-GroupWritebackSyncCycle'; Impact = '-'; Output = 'RunResult'; Sets = 'Default'; Parameters = @'
RunId                    guid                0 P all
TimeoutSec               int                 - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackRunStatus'; Impact = '-'; Output = 'RunStatus'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackRunResult'; Impact = '-'; Output = 'RunResult Operation'; Sets = 'Default'; Parameters = @'
RunId                    guid                0 P all
NumberRequested          int                 - - all
RunStepDetails           switch              - - all
Skipped                  switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackOperation'; Impact = '-'; Output = 'Operation Plan'; Sets = 'New Stored'; Parameters = @'
Identity                 string[]            0 VP New
PolicyType               string              - - New
PlanId                   string              - P Stored*
Action                   string[]            - - all
Summary                  switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Invoke-GroupWritebackOperation'; Impact = 'Medium'; Output = 'RunResult Operation'; Sets = 'Operation Plan'; Parameters = @'
Operation                psobject[]          0 V Operation*
PlanId                   string              - - Plan*
ApproveThreshold         switch              - - all
Force                    switch              - - all
PassThru                 switch              - - all
AsJob                    switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Sync-GroupWritebackGroup'; Impact = 'Medium'; Output = 'Operation'; Sets = 'Default'; Parameters = @'
Identity                 string[]            0 VP all*
Force                    switch              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackGroup'; Impact = '-'; Output = 'Group'; Sets = 'Filter Identity Forest'; Parameters = @'
Identity                 string[]            0 VP Identity* Forest*
IgnoreDefaultScope       switch              - - Forest*
LDAPFilter               string              - - Filter
CloudFilter              string              - - Filter
SearchBase               string              - - Filter
SearchScope              string              - - Filter
State                    string[]            - - Filter
Properties               string[]            - - all
ResultSize               string              - - all
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Get-GroupWritebackDeletionThreshold'; Impact = '-'; Output = 'Threshold'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
    @{ Name = 'Enable-GroupWritebackDeletionThreshold'; Impact = 'Medium'; Output = 'Threshold'; Sets = 'Default'; Parameters = @'
DeletionThreshold              uint32        0 - all
DeletionThresholdPercent       byte          - - all
MemberRemovalThreshold         uint32        - - all
MemberRemovalThresholdPercent  byte          - - all
MinimumGroupSize               uint32        - - all
ConfigurationName              string        - - all
'@ }
    @{ Name = 'Disable-GroupWritebackDeletionThreshold'; Impact = 'High'; Output = 'Threshold'; Sets = 'Default'; Parameters = @'
ConfigurationName        string              - - all
'@ }
)

# Aliases are the same wherever a parameter occurs.
$ContractAliases = @{
    Identity               = 'DistinguishedName DN ExternalDirectoryObjectId GroupId Guid Id ObjectGUID ObjectId'
    OrganizationalUnit     = 'ADobjectDN GroupWriteBackContainerDN OU SearchBase TargetContainer'
    SearchBase             = 'OrganizationalUnit OU Path'
    ConfigurationName      = 'ConfigName'
    Server                 = 'DomainController'
    KeytabPath             = 'Keytab'
    Site                   = 'SiteName'
    Properties             = 'Property'
    ResultSize             = 'ResultSetSize'
    Account                = 'ADConnectorAccount ADConnectorAccountDN'
    RunId                  = 'RunHistoryId'
    TenantId               = 'Audience Tenant'
    ClientId               = 'AppId ApplicationId'
    CertificateSubjectName = 'CertificateName CertificateSubject'
    ClientSecretCredential = 'SecretCredential'
    ManagedIdentity        = 'Identity ManagedServiceIdentity MSI'
    Environment            = 'EnvironmentName NationalCloud'
    UseDeviceCode          = 'Device DeviceAuth DeviceCode UseDeviceAuthentication'
}

# Closed sets of values.
$ContractValues = @{
    Environment       = 'China Custom Global USGov USGovDoD'
    AuthType          = 'Basic Negotiate'
    Version           = 'CloudSync V1 V2'
    GroupAction       = 'ConvertToDistribution Delete Keep'
    NamingPreset      = 'CloudSync ConnectV1 ConnectV1DisplayName Custom'
    GroupScope        = 'DomainLocal Global Universal'
    DeprovisionAction = 'ConvertToDistribution Delete Freeze Move RemoveMembers Report'
    DriftAction       = 'Ignore Repair Report'
    PolicyType        = 'Delta Initial Unspecified'
    SearchScope       = 'Base OneLevel Subtree'
    Service           = 'Clock Directory Graph SignIn'
    State             = 'Drifted Failed InSync Orphaned OutOfScope Pending'
    Action            = 'AddMember ConvertGroup CreateGroup DeleteGroup MoveGroup RemoveMember RenameGroup SetAttribute'
}

# Output types: their properties in order.
$ContractObjects = @{
    Context            = 'ConfigurationName TenantId ClientId SignIn Environment Permissions Server Domain DirectoryAccount EngineVersion AbiVersion'
    Feature            = 'ConfigurationName Enabled Version OrganizationalUnit UnifiedGroupWriteback GroupWritebackV2 NewGroupDefault OwnedGroupCount LastRunId'
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
