//! Typed configuration: what is recorded about a writeback, and what a connection needs. No secrets, no I/O.

mod change;
pub mod server;
#[cfg(test)]
mod tests;
mod validate;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

pub use change::{apply_changes, apply_threshold_changes};
pub use validate::{Fault, validate, validate_with};

/// The clouds of Microsoft; hosts in [`Connection::login_endpoint`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Environment {
    /// Commercial cloud and GCC.
    #[default]
    Global,
    /// US Government L4 (GCC High).
    USGov,
    /// US Government L5 (DoD).
    USGovDoD,
    /// 21Vianet.
    China,
    /// Hosts are given: clouds whose hosts aren't published, and the lab.
    Custom,
}

/// How the app signs in. Secrets are asked for, never recorded.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum SignIn {
    /// `client_secret`.
    #[default]
    ClientSecret,
    /// PEM or PFX file; the password is asked for when it is encrypted.
    CertificateFile {
        /// Path of the file.
        path: String,
    },
    /// The host holds the key and signs.
    HostCertificate {
        /// SHA-1 of the DER, hexadecimal.
        thumbprint: String,
        /// SHA-256 of the DER, base64url without padding (`x5t#S256`).
        sha256: String,
    },
    /// A ready token, asked for again when it is about to expire.
    AccessToken,
    /// Workload identity: the assertion is read from a file for each token.
    FederatedFile {
        /// Path of the file.
        path: String,
    },
    /// A person signs in elsewhere with a code.
    DeviceCode,
    /// Managed identity of an Azure VM or an Azure Arc machine.
    ManagedIdentity {
        /// Client id of a user-assigned identity.
        #[serde(default)]
        client_id: Option<String>,
    },
}

/// How the account binds to the directory.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum AuthType {
    /// Simple bind inside TLS.
    #[default]
    Basic,
    /// Kerberos with sign and seal.
    Negotiate,
}

/// Where and how to connect, cloud and directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Connection {
    /// Which cloud.
    pub environment: Environment,
    /// Sign-in host, only with `Custom`.
    pub login_endpoint: Option<String>,
    /// Graph host (also the token's audience), only with `Custom`.
    pub graph_endpoint: Option<String>,
    /// Tenant id or domain.
    pub tenant_id: String,
    /// Application (client) id.
    pub client_id: String,
    /// Kind of sign-in.
    pub sign_in: SignIn,
    /// Domain controllers or domains, `[ldap[s]://]host[:port]` with commas between; tried in that order.
    pub server: String,
    /// AD site whose controllers come first when `server` is a domain.
    pub site: Option<String>,
    /// DNS server to ask about the domain and its controllers instead of the system's, `address[:port]`.
    pub dns_server: Option<String>,
    /// Kind of bind.
    pub auth_type: AuthType,
    /// Account: UPN, `DOMAIN\name` or DN. With Kerberos a UPN, or nothing for whom the ticket or keytab names.
    pub user_name: String,
    /// Kerberos keytab to sign in with.
    pub keytab_path: Option<String>,
    /// PEM file with the CA certificates to trust besides the system's.
    pub certificate_authority_path: Option<String>,
}

/// Which of the three shapes of writeback: presets of scope, type, names and marks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Version {
    /// Microsoft 365 groups as universal distribution groups.
    #[default]
    V1,
    /// Also cloud security groups, with the per-group flag and type.
    V2,
    /// Cloud security groups as universal security groups, Cloud Sync's names.
    CloudSync,
}

/// How `CN` is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum NamingPreset {
    /// `Group_<objectId>`
    #[default]
    ConnectV1,
    /// `<displayName>_<last 12>`, cut at 51 units.
    ConnectV1DisplayName,
    /// Cloud Sync's documented expression.
    CloudSync,
    /// [`Configuration::name_pattern`].
    Custom,
}

/// AD group scope.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum GroupScope {
    /// The default and the only scope Microsoft writes.
    #[default]
    Universal,
    /// Opt-in.
    Global,
    /// Opt-in.
    DomainLocal,
}

impl GroupScope {
    /// A distribution group of this scope.
    pub fn group_type(self) -> crate::model::GroupType {
        crate::model::GroupType(match self {
            GroupScope::Universal => 0x8,
            GroupScope::Global => 0x2,
            GroupScope::DomainLocal => 0x4,
        })
    }
}

/// What happens to a written group whose cloud group left scope or was soft-deleted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DeprovisionAction {
    /// Stays as it is.
    #[default]
    Freeze,
    /// Deleted, behind the threshold.
    Delete,
    /// Loses its security flag: keeps the SID, gives no access.
    ConvertToDistribution,
    /// Loses its members.
    RemoveMembers,
    /// Moves to [`Configuration::deprovision_container`].
    Move,
    /// Only reported.
    Report,
}

/// What happens to changes made in AD by others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum DriftAction {
    /// Overwritten on a full cycle.
    #[default]
    Repair,
    /// Listed only.
    Report,
    /// Not looked for.
    Ignore,
}

/// Limits past which a run stops before its first write.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Thresholds {
    /// Off = no limit at all.
    pub enabled: bool,
    /// Groups deleted in a run.
    pub deletion_threshold: u32,
    /// Share of the written groups deleted in a run, percent.
    pub deletion_threshold_percent: u8,
    /// Members removed from one group in a run.
    pub member_removal_threshold: u32,
    /// Share of one group's members removed in a run, percent.
    pub member_removal_threshold_percent: u8,
    /// Percentages don't apply below this many members (or, for deletions, written groups).
    pub minimum_group_size: u32,
}

impl Default for Thresholds {
    fn default() -> Self {
        Thresholds {
            enabled: true,
            deletion_threshold: 500,
            deletion_threshold_percent: 20,
            member_removal_threshold: 1000,
            member_removal_threshold_percent: 50,
            minimum_group_size: 20,
        }
    }
}

/// Everything recorded about one writeback. The names are those of `Set-GroupWritebackConfiguration`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Configuration {
    /// Format of this record, for upgrades.
    pub schema_version: u32,
    /// Whether writeback is on.
    pub enabled: bool,
    /// Preset.
    pub version: Version,
    /// Connection recorded when writeback was enabled.
    pub connection: Connection,
    /// Container of the written groups.
    pub organizational_unit: String,
    /// Expression that gives the parent DN instead of `organizational_unit`.
    pub target_rule: Option<String>,
    /// OData filter on cloud groups, ANDed with the preset's scope.
    pub cloud_filter: Option<String>,
    /// CN preset; `None` = the version's own.
    pub naming_preset: Option<NamingPreset>,
    /// Expression for CN with `Custom`.
    pub name_pattern: Option<String>,
    /// Expression for sAMAccountName; unset = AD generates it.
    pub sam_account_name_pattern: Option<String>,
    /// Scope of new groups.
    pub group_scope: GroupScope,
    /// Attribute -> expression, over the preset's rows; an empty expression switches a row off.
    pub attribute_mapping: BTreeMap<String, String>,
    /// For soft-deleted and out-of-scope groups. Hard-deleted ones are deleted.
    pub deprovision_action: DeprovisionAction,
    /// Target of `Move`.
    pub deprovision_container: Option<String>,
    /// Days between the event and the action.
    pub grace_days: u32,
    /// What full cycles do about drift.
    pub drift_action: DriftAction,
    /// Member values a modify at most.
    pub batch_size: u32,
    /// Limits.
    pub thresholds: Thresholds,
}

impl Default for Configuration {
    fn default() -> Self {
        Configuration {
            schema_version: 1,
            enabled: false,
            version: Version::V1,
            connection: Connection::default(),
            organizational_unit: String::new(),
            target_rule: None,
            cloud_filter: None,
            naming_preset: None,
            name_pattern: None,
            sam_account_name_pattern: None,
            group_scope: GroupScope::Universal,
            attribute_mapping: BTreeMap::new(),
            deprovision_action: DeprovisionAction::Freeze,
            deprovision_container: None,
            grace_days: 0,
            drift_action: DriftAction::Repair,
            batch_size: 500,
            thresholds: Thresholds::default(),
        }
    }
}
