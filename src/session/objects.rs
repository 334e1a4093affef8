//! The output objects that callers see: names and properties of the module's contract, in PascalCase, for life.

use serde::Serialize;
use serde_json::{Map, Value};

/// Who is connected to what.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ContextObject {
    /// Name of the configuration.
    pub configuration_name: String,
    /// Tenant.
    pub tenant_id: String,
    /// App.
    pub client_id: String,
    /// Kind of sign-in.
    pub sign_in: String,
    /// Cloud.
    pub environment: String,
    /// Application permissions in the token.
    pub permissions: Vec<String>,
    /// Domain controller.
    pub server: String,
    /// DNS name of its domain.
    pub domain: String,
    /// Bound account.
    pub directory_account: String,
    /// Version of this library.
    pub engine_version: String,
    /// Version of its ABI.
    pub abi_version: u32,
}

/// Whether writeback is on, here and in the tenant.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct FeatureObject {
    /// Name of the configuration.
    pub configuration_name: String,
    /// On or off.
    pub enabled: bool,
    /// V1, V2, CloudSync.
    pub version: String,
    /// Container.
    pub organizational_unit: String,
    /// Tenant switch of V1, when it may be read.
    pub unified_group_writeback: Option<bool>,
    /// Tenant switch of V2, when it may be read.
    pub group_writeback_v2: Option<bool>,
    /// Tenant default for new M365 groups, when it may be read.
    pub new_group_default: Option<bool>,
    /// Groups of ours in AD.
    pub owned_group_count: u64,
    /// Last run.
    pub last_run_id: Option<String>,
}

/// Answer of a detached start.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct SyncCycleObject {
    /// `Success`: the run was started.
    pub result: &'static str,
    /// Run.
    pub run_id: String,
    /// Delta or Initial.
    pub policy_type: String,
    /// Start.
    #[serde(rename = "StartTimeInUTC")]
    pub start_time_in_utc: String,
}

/// A running cycle.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RunStatusObject {
    /// `Busy`.
    pub run_state: &'static str,
    /// Name of the configuration, where ADSync has its connector.
    pub connector_name: String,
    /// Run.
    pub run_id: String,
    /// Delta or Initial.
    pub policy_type: String,
    /// Phase.
    pub phase: String,
    /// Units done.
    pub done: u64,
    /// Units in all, when known.
    pub total: Option<u64>,
    /// Percent, when known.
    pub percent_complete: Option<u8>,
    /// Start.
    #[serde(rename = "StartTimeInUTC")]
    pub start_time_in_utc: String,
    /// Host.
    pub host_name: String,
}

/// A step of a run.
#[derive(Clone, Debug, Serialize, serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct StepObject {
    /// From 1.
    pub step_number: u32,
    /// Import, Plan, Export.
    pub name: String,
    /// As the run's.
    pub result: String,
    /// Start.
    #[serde(rename = "StartTimeInUTC")]
    pub start_time_in_utc: String,
    /// End.
    #[serde(rename = "EndTimeInUTC")]
    pub end_time_in_utc: String,
    /// Units done.
    pub done: u64,
}

/// What a run did.
#[derive(Clone, Debug, Default, Serialize, serde::Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct RunResultObject {
    /// Run.
    pub run_id: String,
    /// Its plan, when one was made.
    pub plan_id: Option<String>,
    /// Name of the configuration.
    pub configuration_name: String,
    /// Delta or Initial.
    pub policy_type: String,
    /// Success, CompletedWithErrors, Stopped, Blocked, Failed.
    pub result: String,
    /// Start.
    #[serde(rename = "StartTimeInUTC")]
    pub start_time_in_utc: String,
    /// End.
    #[serde(rename = "EndTimeInUTC")]
    pub end_time_in_utc: String,
    /// Seconds.
    pub duration: f64,
    /// Group rows read from the cloud.
    pub groups_read: u64,
    /// Groups created in AD.
    pub created: u64,
    /// Groups with changed attributes.
    pub updated: u64,
    /// Groups renamed or moved.
    pub renamed: u64,
    /// Groups with another type.
    pub converted: u64,
    /// Groups deleted.
    pub deleted: u64,
    /// Member values added.
    pub members_added: u64,
    /// Member values removed.
    pub members_removed: u64,
    /// Members left out, over all groups of the run.
    pub members_skipped: u64,
    /// Groups that failed.
    pub groups_failed: u64,
    /// HTTP requests to Graph.
    pub graph_requests: u64,
    /// LDAP operations.
    pub directory_operations: u64,
    /// The domain controller that was read and written.
    pub server: String,
    /// Steps.
    pub steps: Vec<StepObject>,
}

/// A plan in numbers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PlanObject {
    /// Plan.
    pub plan_id: String,
    /// Name of the configuration.
    pub configuration_name: String,
    /// Cycle, Group, Disable, WhatIf.
    pub origin: String,
    /// Delta or Initial.
    pub policy_type: String,
    /// When made.
    #[serde(rename = "CreatedInUTC")]
    pub created_in_utc: String,
    /// Groups to create.
    pub creates: u64,
    /// Groups to update.
    pub updates: u64,
    /// Groups to rename or move.
    pub renames: u64,
    /// Groups to convert.
    pub converts: u64,
    /// Groups to delete.
    pub deletes: u64,
    /// Members to add.
    pub member_adds: u64,
    /// Members to remove.
    pub member_removals: u64,
    /// Whether every group could be planned.
    pub complete: bool,
    /// Ready, Blocked, Applied, Stale.
    pub state: String,
}

/// A group on both sides.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupObject {
    /// objectId.
    pub id: String,
    /// displayName.
    pub display_name: String,
    /// M365, Security, Mail-Enabled Security, Distribution.
    #[serde(rename = "Type")]
    pub kind: String,
    /// Cloud or On-Premises.
    pub source_of_authority: String,
    /// The flag; null = not set.
    pub write_back_enabled: Option<bool>,
    /// The flag's type.
    pub write_back_on_prem_group_type: Option<String>,
    /// What the configuration makes of it.
    pub effective_write_back: String,
    /// DN in AD.
    pub distinguished_name: Option<String>,
    /// objectGUID in AD.
    #[serde(rename = "ObjectGUID")]
    pub object_guid: Option<String>,
    /// SID in AD.
    pub object_sid: Option<String>,
    /// sAMAccountName in AD.
    pub sam_account_name: Option<String>,
    /// Primary address.
    pub mail: Option<String>,
    /// Members in the cloud.
    pub cloud_member_count: Option<u64>,
    /// Members in AD.
    pub directory_member_count: Option<u64>,
    /// Members left out.
    pub skipped_member_count: u64,
    /// InSync, Pending, Drifted, OutOfScope, Orphaned, Failed.
    pub state: String,
    /// Attributes that differ in AD.
    pub drift: Vec<String>,
    /// When it was last written or found in sync.
    #[serde(rename = "LastSyncTimeInUTC")]
    pub last_sync_time_in_utc: Option<String>,
    /// Whether `Update-Recipient` is still due.
    pub needs_update_recipient: bool,
    /// Name of the configuration.
    pub configuration_name: String,
    /// Further AD attributes asked for.
    #[serde(flatten)]
    pub properties: Map<String, Value>,
}

/// A right the account needs.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PermissionReportObject {
    /// Container.
    pub organizational_unit: String,
    /// Account.
    pub account: String,
    /// What right.
    pub right: String,
    /// Whether it is needed.
    pub required: bool,
    /// Whether it is there.
    pub granted: bool,
    /// What to do.
    pub remedy: String,
}

/// Whether a service can be reached and used.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ConnectivityReportObject {
    /// Graph, SignIn, Directory, Clock.
    pub service: String,
    /// Where.
    pub endpoint: String,
    /// Works.
    pub succeeded: bool,
    /// Milliseconds.
    pub latency_ms: u64,
    /// What was found.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// Serialises an output object; these types can't fail to.
pub fn to_value(object: &impl Serialize) -> Value {
    serde_json::to_value(object).unwrap_or_default()
}
