//! The tenant's own switches and defaults.

use reqwest::Method;
use serde_json::{Value, json};

use super::GraphClient;
use super::fault::Fault;
use super::permissions::{READ_SETTINGS, READ_SWITCHES, SET_SWITCHES};
use super::session::{Call, json as parse, nothing};
use crate::error::{Error, ErrorId};
use crate::graph::Result;

/// Template of the directory setting for Microsoft 365 groups ("Group settings"), the same everywhere.
const UNIFIED_TEMPLATE: &str = "62375ab9-6b52-47ed-826b-58e47e0e304b";

/// A tenant switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TenantFeature {
    /// `unifiedGroupWritebackEnabled` (V1).
    UnifiedGroupWriteback,
    /// `groupWriteBackEnabled` (V2; the capital B is real).
    GroupWriteback,
}

impl TenantFeature {
    fn name(self) -> &'static str {
        match self {
            TenantFeature::UnifiedGroupWriteback => "unifiedGroupWritebackEnabled",
            TenantFeature::GroupWriteback => "groupWriteBackEnabled",
        }
    }
}

/// The tenant switches; `None` = the cloud doesn't say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TenantFeatures {
    /// Id of the `onPremisesDirectorySynchronization` object.
    pub id: Option<String>,
    /// `unifiedGroupWritebackEnabled` (V1).
    pub unified_group_writeback: Option<bool>,
    /// `groupWriteBackEnabled` (V2).
    pub group_writeback: Option<bool>,
    /// `writebackConfiguration.unifiedGroupContainer` of beta: a hint to an existing V1 container.
    pub unified_group_container: Option<String>,
}

impl GraphClient {
    /// The tenant switches. A cloud that has no such object gives all `None`.
    pub async fn tenant_features(&self) -> Result<TenantFeatures> {
        let Some(object) = self.synchronization("v1.0").await? else {
            return Ok(TenantFeatures::default());
        };
        let flag = |feature: TenantFeature| object["features"][feature.name()].as_bool();
        // Only a hint, and only in beta: whatever goes wrong with it doesn't matter.
        let container = match self.synchronization("beta").await {
            Ok(Some(beta)) => {
                beta["configuration"]["writebackConfiguration"]["unifiedGroupContainer"]
                    .as_str()
                    .map(str::to_owned)
            }
            Err(error) if error.id == ErrorId::OperationCancelled => return Err(error),
            _ => None,
        };
        Ok(TenantFeatures {
            id: object["id"].as_str().map(str::to_owned),
            unified_group_writeback: flag(TenantFeature::UnifiedGroupWriteback),
            group_writeback: flag(TenantFeature::GroupWriteback),
            unified_group_container: container.filter(|text| !text.is_empty()),
        })
    }

    async fn synchronization(&self, version: &str) -> Result<Option<Value>> {
        let url = self
            .session
            .endpoints
            .graph_address(&format!("/{version}/directory/onPremisesSynchronization"))?;
        match self
            .call(&Call::get(url, &READ_SWITCHES), parse::<Value>)
            .await
        {
            // Documented as a collection of one; some answers have been the object itself.
            Ok(body) => Ok(match body.get("value") {
                Some(Value::Array(items)) => items.first().cloned(),
                Some(_) => None,
                None => Some(body),
            }),
            Err(Fault::Refused(refusal)) if matches!(refusal.status, 400 | 404) => Ok(None),
            Err(fault) => Err(fault.into()),
        }
    }

    /// Turns a tenant switch on or off.
    pub async fn set_tenant_feature(&self, feature: TenantFeature, on: bool) -> Result<()> {
        let unknown = || {
            Error::new(
                ErrorId::GraphRequestRejected,
                "This tenant has no switches for writeback.",
            )
            .target(feature.name())
        };
        let object = self.synchronization("v1.0").await?.ok_or_else(unknown)?;
        let id = object["id"]
            .as_str()
            .filter(|id| is_plain(id))
            .ok_or_else(unknown)?;
        let url = self
            .session
            .endpoints
            .graph_address(&format!("/v1.0/directory/onPremisesSynchronization/{id}"))?;
        let body = json!({"features": {feature.name(): on}});
        self.call(
            &Call::with_json(Method::PATCH, url, &body, &SET_SWITCHES),
            nothing,
        )
        .await?;
        Ok(())
    }

    /// `NewUnifiedGroupWritebackDefault` of the directory setting `Group.Unified`; `None` = not set,
    /// which means "written".
    pub async fn new_group_default(&self) -> Result<Option<bool>> {
        let url = self.session.endpoints.graph_address("/beta/settings")?;
        let body: Value = self.call(&Call::get(url, &READ_SETTINGS), parse).await?;
        let Some(settings) = body["value"].as_array() else {
            return Err(Error::new(
                ErrorId::SourceReadIncomplete,
                "Graph's answer about directory settings is not a list.",
            ));
        };
        let unified = settings.iter().find(|setting| {
            setting["templateId"]
                .as_str()
                .is_some_and(|id| id.eq_ignore_ascii_case(UNIFIED_TEMPLATE))
                || setting["displayName"].as_str() == Some("Group.Unified")
        });
        let value = unified
            .and_then(|setting| setting["values"].as_array())
            .into_iter()
            .flatten()
            .find(|value| value["name"].as_str() == Some("NewUnifiedGroupWritebackDefault"))
            .and_then(|value| value["value"].as_str());
        Ok(value.and_then(|text| text.trim().to_ascii_lowercase().parse().ok()))
    }
}

/// The id goes into a path.
fn is_plain(id: &str) -> bool {
    !id.is_empty() && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
}
