//! One Graph request: what it addresses, what kind it is counted as, what it costs.

use super::fault::Traits;
use super::query::{Query, decode};
use super::throttle;
use serde_json::Value;

/// What a path and method address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    GroupsDelta,
    UsersDelta,
    DevicesDelta,
    Groups,
    Group(String),
    /// Members of a group, perhaps only those of one type.
    Members(String, Option<String>),
    Users,
    User(String),
    Devices,
    Device(String),
    GetByIds,
    DeletedGroups,
    DeletedItem(String),
    Synchronization,
    PatchSynchronization(String),
    Settings,
    CreateSetting,
    PatchSetting(String),
    SettingTemplates,
    SettingTemplate(String),
    Organization,
    PatchGroup(String),
}

/// A Graph request, alone or inside a batch.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: String,
    pub(crate) beta: bool,
    /// Path behind the version, still encoded, starting with a slash.
    pub(crate) path: String,
    pub(crate) query_text: String,
    pub(crate) query: Query,
    pub(crate) headers: Headers,
    pub(crate) body: Option<Value>,
}

/// The request headers that change an answer.
#[derive(Clone, Debug, Default)]
pub(crate) struct Headers {
    pub(crate) authorization: Option<String>,
    pub(crate) prefer: String,
    pub(crate) consistency_level: String,
    pub(crate) client_request_id: String,
}

impl Call {
    /// A call to `url`: a path with its version, without the host.
    pub(crate) fn new(
        method: &str,
        url: &str,
        headers: Headers,
        body: Option<Value>,
    ) -> Option<Self> {
        let (path, query) = url.split_once('?').unwrap_or((url, ""));
        let (beta, path) = if let Some(path) = path.strip_prefix("/v1.0/") {
            (false, path)
        } else {
            (true, path.strip_prefix("/beta/")?)
        };
        Some(Self {
            method: method.to_owned(),
            beta,
            path: format!("/{}", path.trim_end_matches('/')),
            query_text: query.to_owned(),
            query: Query::parse(query),
            headers,
            body,
        })
    }

    /// `v1.0` or `beta`.
    pub(crate) fn version(&self) -> &'static str {
        if self.beta { "beta" } else { "v1.0" }
    }

    /// Path and query, decoded, as faults and the register of waits see it.
    pub(crate) fn target(&self) -> String {
        let query = if self.query_text.is_empty() { "" } else { "?" };
        let encoded = format!("/{}{}{query}{}", self.version(), self.path, self.query_text);
        decode(&encoded, true)
    }

    /// A number or word from `Prefer`.
    pub(crate) fn preference(&self, name: &str) -> Option<&str> {
        let mut parts = self.headers.prefer.split([',', ';']).map(str::trim);
        parts
            .find_map(|part| part.strip_prefix(name)?.trim().strip_prefix('='))
            .map(str::trim)
    }

    /// What the call addresses; `None` for what the lab does not have.
    pub(crate) fn route(&self) -> Option<Route> {
        let decoded: Vec<String> = self
            .path
            .split('/')
            .skip(1)
            .map(|part| decode(part, false))
            .collect();
        let parts: Vec<&str> = decoded.iter().map(String::as_str).collect();
        let own = |text: &str| text.to_owned();
        Some(match (self.method.as_str(), parts.as_slice()) {
            ("GET", ["groups", "delta" | "delta()" | "microsoft.graph.delta()"]) => {
                Route::GroupsDelta
            }
            ("GET", ["users", "delta" | "delta()" | "microsoft.graph.delta()"]) => {
                Route::UsersDelta
            }
            ("GET", ["devices", "delta" | "delta()" | "microsoft.graph.delta()"]) => {
                Route::DevicesDelta
            }
            ("GET", ["groups"]) => Route::Groups,
            ("GET", ["groups", id]) => Route::Group(own(id)),
            ("PATCH", ["groups", id]) => Route::PatchGroup(own(id)),
            ("GET", ["groups", id, "members"]) => Route::Members(own(id), None),
            ("GET", ["groups", id, "members", cast]) => Route::Members(
                own(id),
                Some(cast.strip_prefix("microsoft.graph.")?.to_owned()),
            ),
            ("GET", ["users"]) => Route::Users,
            ("GET", ["users", id]) => Route::User(own(id)),
            ("GET", ["devices"]) => Route::Devices,
            ("GET", ["devices", id]) => Route::Device(own(id)),
            ("POST", ["directoryObjects", "getByIds" | "microsoft.graph.getByIds"]) => {
                Route::GetByIds
            }
            ("GET", ["directory", "deletedItems", "microsoft.graph.group"]) => Route::DeletedGroups,
            ("GET", ["directory", "deletedItems", id]) => Route::DeletedItem(own(id)),
            ("GET", ["directory", "onPremisesSynchronization"]) => Route::Synchronization,
            ("PATCH", ["directory", "onPremisesSynchronization", id]) => {
                Route::PatchSynchronization(own(id))
            }
            ("GET", [name]) if *name == self.settings() => Route::Settings,
            ("POST", [name]) if *name == self.settings() => Route::CreateSetting,
            ("PATCH", [name, id]) if *name == self.settings() => Route::PatchSetting(own(id)),
            ("GET", [name]) if *name == self.templates() => Route::SettingTemplates,
            ("GET", [name, id]) if *name == self.templates() => Route::SettingTemplate(own(id)),
            ("GET", ["organization"]) => Route::Organization,
            _ => return None,
        })
    }

    /// Directory settings have another name in each version.
    fn settings(&self) -> &'static str {
        if self.beta {
            "settings"
        } else {
            "groupSettings"
        }
    }

    fn templates(&self) -> &'static str {
        if self.beta {
            "directorySettingTemplates"
        } else {
            "groupSettingTemplates"
        }
    }

    /// The call's resource units.
    pub(crate) fn cost(&self, route: &Route) -> u64 {
        let base = match route {
            Route::Members(..) | Route::GetByIds => 3,
            Route::Users | Route::User(_) | Route::UsersDelta => 2,
            _ => 1,
        };
        let small = self
            .query
            .get("$top")
            .and_then(|top| top.parse::<u32>().ok());
        throttle::cost(
            base,
            self.query.get("$select").is_some(),
            self.query.get("$expand").is_some(),
            small.is_some_and(|top| top < 20),
        )
    }

    /// What faults need to know.
    pub(crate) fn traits<'a>(&self, route: &Route, target: &'a str) -> Traits<'a> {
        let delta = matches!(
            route,
            Route::GroupsDelta | Route::UsersDelta | Route::DevicesDelta
        );
        let token = |name| self.query.get(name).is_some_and(|text| !text.is_empty());
        let latest = self.query.get("$deltatoken") == Some("latest");
        Traits {
            target,
            graph: true,
            delta,
            resumed: delta && !latest && (token("$deltatoken") || token("$skiptoken")),
            paged: delta || route.is_list(),
            after_empty: false,
            last_page: false,
        }
    }
}

impl Route {
    /// Whether the answer is a list in pages.
    pub(crate) fn is_list(&self) -> bool {
        matches!(
            self,
            Self::Groups
                | Self::Users
                | Self::Devices
                | Self::Members(..)
                | Self::DeletedGroups
                | Self::GroupsDelta
                | Self::UsersDelta
                | Self::DevicesDelta
        )
    }

    /// Whether every row of the answer is a person's.
    pub(crate) fn is_people(&self) -> bool {
        match self {
            Self::Users | Self::User(_) | Self::UsersDelta => true,
            Self::Members(_, cast) => cast.as_deref() == Some("user"),
            _ => false,
        }
    }

    /// The name in the counters.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Self::GroupsDelta => "groupsDelta",
            Self::UsersDelta => "usersDelta",
            Self::DevicesDelta => "devicesDelta",
            Self::Groups => "groups",
            Self::Group(_) => "group",
            Self::Members(..) => "members",
            Self::Users => "users",
            Self::User(_) => "user",
            Self::Devices => "devices",
            Self::Device(_) => "device",
            Self::GetByIds => "getByIds",
            Self::DeletedGroups | Self::DeletedItem(_) => "deletedItems",
            Self::Synchronization => "onPremisesSynchronization",
            Self::PatchSynchronization(_) => "patchOnPremisesSynchronization",
            Self::Settings | Self::SettingTemplates | Self::SettingTemplate(_) => "settings",
            Self::CreateSetting | Self::PatchSetting(_) => "writeSettings",
            Self::Organization => "organization",
            Self::PatchGroup(_) => "patchGroup",
        }
    }

    /// Whether it changes the tenant.
    pub(crate) fn is_write(&self) -> bool {
        matches!(
            self,
            Self::PatchGroup(_)
                | Self::PatchSynchronization(_)
                | Self::CreateSetting
                | Self::PatchSetting(_)
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(method: &str, url: &str) -> Call {
        Call::new(method, url, Headers::default(), None).unwrap()
    }

    #[test]
    fn paths_lead_to_routes_and_costs() {
        let cases = [
            (
                "GET",
                "/v1.0/groups/delta?$select=id",
                Some("groupsDelta"),
                1,
            ),
            (
                "GET",
                "/v1.0/groups/x/members?$select=id&$top=999",
                Some("members"),
                2,
            ),
            (
                "GET",
                "/v1.0/groups/x/members/microsoft.graph.user",
                Some("members"),
                3,
            ),
            ("GET", "/v1.0/users?$top=5", Some("users"), 1),
            (
                "POST",
                "/v1.0/directoryObjects/getByIds",
                Some("getByIds"),
                3,
            ),
            ("GET", "/beta/settings", Some("settings"), 1),
            ("GET", "/v1.0/settings", None, 0),
            ("DELETE", "/v1.0/groups/x", None, 0),
            ("GET", "/v1.0/groups/x/members/user", None, 0),
        ];
        for (method, url, kind, cost) in cases {
            let call = call(method, url);
            let route = call.route();
            assert_eq!(route.as_ref().map(Route::kind), kind, "{url}");
            assert_eq!(route.map_or(0, |route| call.cost(&route)), cost, "{url}");
        }
        assert!(Call::new("GET", "/v2.0/groups", Headers::default(), None).is_none());
    }

    #[test]
    fn preferences_are_found_in_any_order() {
        let mut call = call("GET", "/v1.0/groups/delta");
        call.headers.prefer = "return=minimal, odata.maxpagesize=50".into();
        assert_eq!(call.preference("odata.maxpagesize"), Some("50"));
        assert_eq!(call.preference("return"), Some("minimal"));
        assert_eq!(call.preference("respond-async"), None);
    }
}
