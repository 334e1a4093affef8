//! Groups as callers see them: the cloud's side from the store, AD's side read now, and the state between them.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::objects::{GroupObject, to_value};
use super::{Clients, Outcome, Session, flag, text, texts};
use crate::clock;
use crate::config::DeprovisionAction;
use crate::cycle::{Engine, SchemaFacade};
use crate::directory::Scope as SearchScope;
use crate::directory::dn::{Dn, by_key};
use crate::directory::filter::{self, Filter};
use crate::error::{Error, ErrorId, Result};
use crate::mapping::filter::CloudFilter;
use crate::mapping::{Mapping, OutReason, Scope};
use crate::model::{CloudGroup, CloudState, DirectoryGroup, Guid, MemberKey, ObjectId, Sid};
use crate::operation::Context;
use crate::plan::{Change, GroupInput, MemberInput, Policy, Wanted, plan_group};
use crate::store::{CachedGroup, Store};

/// Groups read from store and AD in one go.
const CHUNK: usize = 100;

/// Which groups a query is about.
struct Query {
    cloud_filter: Option<CloudFilter>,
    ldap: Option<BTreeSet<ObjectId>>,
    base: Option<(Dn, SearchScope)>,
    states: Vec<String>,
    properties: Vec<String>,
    limit: u64,
}

impl Session {
    pub(super) async fn groups(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let clients = self.clients(ctx)?;
        let config = self.configuration()?;
        let mapping = Mapping::compile(&config, &SchemaFacade(clients.directory.schema()))?;
        let store = self.store()?;
        let view = View {
            session: self,
            clients: &clients,

            mapping: &mapping,
            deprovision: config.deprovision_action,
            store: store.as_ref(),
            ctx,
        };
        let query = view.parse(members).await?;
        if members["identity"].is_array() {
            let ids = view
                .identify(&texts(members, "identity"), flag(members, "forest"))
                .await?;
            for ids in ids.chunks(CHUNK) {
                view.emit(ids, &query, &mut 0).await?;
            }
            return Ok(Outcome::default());
        }
        let (mut after, mut shown) = (None, 0);
        loop {
            let page = store.cloud_groups(after, CHUNK)?;
            let Some(last) = page.last() else {
                return Ok(Outcome::default());
            };
            after = Some(last.group.id);
            let mut ids = Vec::new();
            for cached in page {
                if view.listed(&cached, &query)? {
                    ids.push(cached.group.id);
                }
            }
            if view.emit(&ids, &query, &mut shown).await? {
                ctx.warn(
                    Error::new(
                        ErrorId::InvalidArgument,
                        format!(
                            "There are more than {} groups; the rest was cut.",
                            query.limit
                        ),
                    )
                    .target("resultSize")
                    .action("Ask for more with -ResultSize Unlimited, or narrow the filter."),
                )
                .await;
                return Ok(Outcome::default());
            }
        }
    }

    /// Cloud ids of identities, for a run; what can't be told is reported one by one.
    pub(super) async fn identify(
        &self,
        identities: &[String],
        engine: &Engine,
        ctx: &Context,
    ) -> Result<Vec<ObjectId>> {
        let clients = self.clients(ctx)?;
        let view = View {
            session: self,
            clients: &clients,
            mapping: &engine.mapping,
            deprovision: engine.config.deprovision_action,
            store: engine.store.as_ref(),
            ctx,
        };
        view.identify(identities, false).await
    }
}

/// Both sides of one configuration.
struct View<'a> {
    session: &'a Session,
    clients: &'a Clients,
    mapping: &'a Mapping,
    deprovision: DeprovisionAction,
    store: &'a dyn Store,
    ctx: &'a Context,
}

impl View<'_> {
    async fn parse(&self, members: &Value) -> Result<Query> {
        let invalid = |name: &str, why: String| {
            Error::new(ErrorId::InvalidArgument, format!("{name}: {why}")).target(name)
        };
        let cloud_filter = text(members, "cloudFilter")
            .map(|t| CloudFilter::parse(t).map_err(|e| invalid("cloudFilter", e.to_string())))
            .transpose()?;
        let scope = match text(members, "searchScope")
            .map(str::to_ascii_lowercase)
            .as_deref()
        {
            None | Some("subtree") => SearchScope::Subtree,
            Some("onelevel") => SearchScope::OneLevel,
            Some("base") => SearchScope::Base,
            Some(other) => {
                return Err(invalid(
                    "searchScope",
                    format!("'{other}' is not Base, OneLevel or Subtree"),
                ));
            }
        };
        let base = text(members, "searchBase")
            .map(Dn::parse)
            .transpose()?
            .map(|dn| (dn, scope));
        let ldap = match text(members, "ldapFilter") {
            Some(t) => Some(self.find(t).await?),
            None => None,
        };
        Ok(Query {
            cloud_filter,
            ldap,
            base,
            states: texts(members, "state"),
            properties: texts(members, "properties"),
            limit: members["resultSize"].as_u64().unwrap_or(u64::MAX),
        })
    }

    /// Cloud ids of the groups of ours that an LDAP filter finds.
    async fn find(&self, text: &str) -> Result<BTreeSet<ObjectId>> {
        let wanted = filter::and([Filter::parse(text)?, filter::eq("objectClass", "group")]);
        let base = &self.clients.directory.root().default_naming_context;
        let found = self
            .clients
            .directory
            .find(wanted.as_str(), base, SearchScope::Subtree, &[], 0)
            .await?;
        Ok(found
            .into_iter()
            .filter_map(|o| o.group.map(|g| g.object_id))
            .collect())
    }

    /// Whether a list shows the group: what is written or to be written, else what a filter asks for.
    fn listed(&self, cached: &CachedGroup, query: &Query) -> Result<bool> {
        if let Some(filter) = &query.cloud_filter {
            if cached.state != CloudState::Active || !filter.matches(&cached.group) {
                return Ok(false);
            }
        } else {
            let in_scope = cached.state == CloudState::Active
                && self.mapping.scope(&cached.group) == Scope::In;
            if !in_scope && self.store.known_group(cached.group.id)?.is_none() {
                return Ok(false);
            }
        }
        Ok(query
            .ldap
            .as_ref()
            .is_none_or(|ids| ids.contains(&cached.group.id)))
    }

    /// Emits these groups; true when the limit was passed.
    async fn emit(&self, ids: &[ObjectId], query: &Query, shown: &mut u64) -> Result<bool> {
        self.ctx.cancel.check()?;
        let mut attributes = self.mapping.attributes().to_vec();
        attributes.extend([
            "sAMAccountName".to_owned(),
            "mail".to_owned(),
            "msExchRecipientDisplayType".to_owned(),
        ]);
        attributes.retain(|a| self.clients.directory.schema().has(a));
        attributes.extend(query.properties.iter().cloned());
        // Members come in ranges, so they are read by themselves.
        let member_property = query
            .properties
            .iter()
            .find(|p| p.eq_ignore_ascii_case("member"));
        let mut guids = Vec::new();
        for id in ids {
            guids.extend(self.store.known_group(*id)?.map(|k| k.group.guid));
        }
        let mut found: BTreeMap<ObjectId, DirectoryGroup> = if guids.is_empty() {
            BTreeMap::new()
        } else {
            self.clients
                .directory
                .groups_by_guid(&guids, &attributes)
                .await?
                .into_iter()
                .map(|g| (g.object_id, g))
                .collect()
        };
        for id in ids {
            let actual = found.remove(id);
            if let Some((base, scope)) = &query.base
                && !actual
                    .as_ref()
                    .is_some_and(|a| is_within(&a.dn, base, *scope))
            {
                continue;
            }
            let guid = actual.as_ref().map(|a| a.guid);
            let mut object = self.object(*id, actual, query)?;
            if !query.states.is_empty()
                && !query
                    .states
                    .iter()
                    .any(|s| s.eq_ignore_ascii_case(&object.state))
            {
                continue;
            }
            if *shown >= query.limit {
                return Ok(true);
            }
            *shown += 1;
            if let (Some(property), Some(guid)) = (member_property, guid) {
                object
                    .properties
                    .insert(property.clone(), json!(self.member_dns(guid).await?));
            }
            self.ctx.item("Group", to_value(&object)).await;
        }
        Ok(false)
    }

    /// DNs of a group's members, as AD has them now.
    async fn member_dns(&self, guid: Guid) -> Result<Vec<String>> {
        let directory = &self.clients.directory;
        let keys = directory.members(guid).await?;
        let sids: Vec<Sid> = keys
            .iter()
            .filter_map(|k| match k {
                MemberKey::Sid(sid) => Some(sid.clone()),
                MemberKey::Guid(_) => None,
            })
            .collect();
        let found = if sids.is_empty() {
            Default::default()
        } else {
            directory.resolve_sids(&sids).await?
        };
        let mut dns: Vec<String> = keys
            .iter()
            .map(|key| match key {
                MemberKey::Sid(sid) => found.get(sid).map_or_else(|| by_key(key), |r| r.dn.clone()),
                MemberKey::Guid(_) => by_key(key),
            })
            .collect();
        dns.sort();
        Ok(dns)
    }

    fn object(
        &self,
        id: ObjectId,
        actual: Option<DirectoryGroup>,
        query: &Query,
    ) -> Result<GroupObject> {
        let cached = self.store.cloud_group(id)?;
        let pending = self.store.pending_group(id)?;
        let known = self.store.known_group(id)?;
        let group = cached
            .as_ref()
            .map(|c| c.group.clone())
            .unwrap_or_else(|| CloudGroup::new(id));
        let scope = cached
            .as_ref()
            .filter(|c| c.state == CloudState::Active)
            .map(|c| self.mapping.scope(&c.group));
        let drift = match (&scope, &actual) {
            (Some(Scope::In), Some(actual)) if pending.is_none() => self.drift(&group, actual)?,
            _ => Vec::new(),
        };
        let failed = pending.as_ref().is_some_and(|p| p.last_error.is_some());
        let state = match (&cached, &scope) {
            (None, _) => "Orphaned",
            _ if failed => "Failed",
            (_, Some(Scope::In)) if pending.is_some() || actual.is_none() => "Pending",
            (_, Some(Scope::In)) if !drift.is_empty() => "Drifted",
            (_, Some(Scope::In)) => "InSync",
            _ => "OutOfScope",
        };
        let first = |name: &str| {
            actual
                .as_ref()
                .and_then(|a| a.attributes.get(name))
                .and_then(|v| v.first())
                .cloned()
        };
        // Exchange stamps this attribute; until then the group is in no address list.
        let needs_update = self.clients.directory.schema().exchange.attributes
            && first("mailNickname").is_some()
            && first("msExchRecipientDisplayType").is_none();
        let mut object = GroupObject {
            id: id.to_string(),
            display_name: group.display_name.clone().unwrap_or_default(),
            kind: kind(&group).to_owned(),
            source_of_authority: if group.on_premises_sync_enabled {
                "On-Premises"
            } else {
                "Cloud"
            }
            .to_owned(),
            write_back_enabled: group.writeback.as_ref().and_then(|w| w.is_enabled),
            write_back_on_prem_group_type: group
                .writeback
                .as_ref()
                .and_then(|w| w.on_premises_group_type.clone()),
            effective_write_back: effective(cached.as_ref(), scope.as_ref(), self.deprovision),
            distinguished_name: actual.as_ref().map(|a| a.dn.clone()),
            object_guid: actual.as_ref().map(|a| a.guid.to_string()),
            object_sid: actual.as_ref().map(|a| a.sid.to_string()),
            sam_account_name: first("sAMAccountName"),
            mail: group.mail.clone().or_else(|| first("mail")),
            cloud_member_count: cached
                .as_ref()
                .filter(|c| c.members_complete)
                .map(|_| self.store.count_members(id))
                .transpose()?,
            directory_member_count: known.as_ref().and_then(|k| k.group.member_count),
            skipped_member_count: self
                .store
                .skipped_by_reason(Some(id))?
                .iter()
                .map(|(_, n)| n)
                .sum(),
            state: state.to_owned(),
            drift,
            last_sync_time_in_utc: known.as_ref().map(|k| clock::rfc3339(k.saved_at)),
            needs_update_recipient: needs_update,
            configuration_name: self.session.name().to_owned(),
            ..GroupObject::default()
        };
        for name in &query.properties {
            let values = actual
                .as_ref()
                .and_then(|a| a.attributes.get(name))
                .cloned()
                .unwrap_or_default();
            object.properties.insert(
                name.clone(),
                if values.len() == 1 {
                    json!(values[0])
                } else {
                    json!(values)
                },
            );
        }
        Ok(object)
    }

    /// What differs in AD, by the planner's own comparison.
    fn drift(&self, group: &CloudGroup, actual: &DirectoryGroup) -> Result<Vec<String>> {
        let Ok(desired) = self.mapping.desired(group) else {
            return Ok(Vec::new());
        };
        let input = GroupInput {
            object_id: group.id,
            wanted: Wanted::Present(desired),
            actual: Some(actual.clone()),
            members: MemberInput::Untouched,
        };
        let plan = plan_group(
            &input,
            &Policy {
                full: true,
                ..Policy::default()
            },
        );
        Ok(plan
            .map(|p| {
                p.changes
                    .iter()
                    .map(|c| match c {
                        Change::SetAttribute { attribute, .. } => attribute.clone(),
                        Change::RenameGroup { .. } => "cn".to_owned(),
                        Change::ConvertGroup { .. } => "groupType".to_owned(),
                        _ => "parent".to_owned(),
                    })
                    .collect()
            })
            .unwrap_or_default())
    }

    /// Cloud ids of identities; unknown and ambiguous ones are reported, never taken for "all".
    async fn identify(&self, identities: &[String], forest: bool) -> Result<Vec<ObjectId>> {
        let mut ids = Vec::new();
        for identity in identities {
            match self.identify_one(identity.trim(), forest).await {
                Ok(id) => {
                    if !ids.contains(&id) {
                        ids.push(id);
                    }
                }
                Err(error)
                    if matches!(
                        error.id,
                        ErrorId::GroupNotFound
                            | ErrorId::AmbiguousIdentity
                            | ErrorId::InvalidArgument
                    ) =>
                {
                    self.ctx.fail(error).await;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(ids)
    }

    async fn identify_one(&self, identity: &str, forest: bool) -> Result<ObjectId> {
        if identity.is_empty() {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                "An empty identity names no group.",
            )
            .target("identity"));
        }
        let not_found = || {
            Error::new(
                ErrorId::GroupNotFound,
                format!(
                    "No group '{identity}' is known to configuration '{}'.",
                    self.session.name()
                ),
            )
            .target(identity)
        };
        if let Ok(guid) = identity.parse::<Guid>() {
            if self.store.cloud_group(guid)?.is_some() {
                return Ok(guid);
            }
            if let Some(known) = self.store.known_group_by_key(&MemberKey::Guid(guid))? {
                return Ok(known.group.object_id);
            }
            // Newer than the last import.
            return self
                .clients
                .graph
                .group(guid)
                .await?
                .map(|g| g.id)
                .ok_or_else(not_found);
        }
        if let Ok(sid) = identity.parse::<Sid>() {
            return self
                .store
                .known_group_by_key(&MemberKey::Sid(sid))?
                .map(|k| k.group.object_id)
                .ok_or_else(not_found);
        }
        if let Ok(dn) = Dn::parse(identity) {
            return self
                .at(&dn.to_string(), SearchScope::Base, &filter::any())
                .await?
                .ok_or_else(not_found);
        }
        if forest {
            return Err(Error::new(ErrorId::InvalidArgument, format!("With -IgnoreDefaultScope the identity must be a distinguished name; '{identity}' is none.")).target(identity));
        }
        let found = self.store.find_cloud_groups(identity, 2)?;
        if let [only] = found.as_slice() {
            return Ok(only.group.id);
        }
        if found.len() > 1 {
            return Err(Error::new(
                ErrorId::AmbiguousIdentity,
                format!("More than one group is called '{identity}'."),
            )
            .target(identity));
        }
        let named = filter::or([
            filter::eq("sAMAccountName", identity),
            filter::eq("cn", identity),
            filter::eq("mail", identity),
        ]);
        let base = self.clients.directory.root().default_naming_context.clone();
        self.at(&base, SearchScope::Subtree, &named)
            .await?
            .ok_or_else(not_found)
    }

    /// The group of ours found in AD; `None` when nothing is there, an error when it isn't ours.
    async fn at(
        &self,
        base: &str,
        scope: SearchScope,
        wanted: &Filter,
    ) -> Result<Option<ObjectId>> {
        let groups = filter::and([filter::eq("objectClass", "group"), wanted.clone()]);
        let found = match self
            .clients
            .directory
            .find(groups.as_str(), base, scope, &[], 3)
            .await
        {
            Err(error)
                if matches!(
                    error.id,
                    ErrorId::GroupNotFound | ErrorId::ContainerNotFound
                ) =>
            {
                return Ok(None);
            }
            found => found?,
        };
        match found.as_slice() {
            [] => Ok(None),
            [only] => match &only.group {
                Some(group) => Ok(Some(group.object_id)),
                None => Err(Error::new(
                    ErrorId::GroupNotFound,
                    format!("{} carries no mark of group writeback.", only.dn),
                )
                .target(&only.dn)),
            },
            _ => Err(Error::new(
                ErrorId::AmbiguousIdentity,
                "More than one group in AD fits.",
            )
            .target(base)),
        }
    }
}

fn is_within(dn: &str, base: &Dn, scope: SearchScope) -> bool {
    let Ok(dn) = Dn::parse(dn) else { return false };
    match scope {
        SearchScope::Subtree => dn.is_under(base),
        SearchScope::OneLevel => dn
            .parent()
            .is_some_and(|p| p.is_under(base) && base.is_under(&p)),
        SearchScope::Base => dn.is_under(base) && base.is_under(&dn),
    }
}

fn kind(group: &CloudGroup) -> &'static str {
    match (group.is_m365(), group.mail_enabled, group.security_enabled) {
        (true, _, _) => "M365",
        (false, true, true) => "Mail-Enabled Security",
        (false, true, false) => "Distribution",
        (false, false, _) => "Security",
    }
}

/// One sentence: what the configuration makes of the group.
fn effective(
    cached: Option<&CachedGroup>,
    scope: Option<&Scope>,
    action: DeprovisionAction,
) -> String {
    let then = match action {
        DeprovisionAction::Freeze => "what is in AD stays as it is",
        DeprovisionAction::Delete => "deleted in AD",
        DeprovisionAction::ConvertToDistribution => "converted to a distribution group in AD",
        DeprovisionAction::RemoveMembers => "its members are removed in AD",
        DeprovisionAction::Move => "moved to the container for former groups",
        DeprovisionAction::Report => "only reported",
    };
    match (cached.map(|c| c.state), scope) {
        (None, _) => "Unknown to the tenant: left alone".to_owned(),
        (Some(CloudState::SoftDeleted), _) => format!("Soft-deleted in the cloud: {then}"),
        (Some(CloudState::HardDeleted), _) => "Deleted in the cloud: deleted in AD".to_owned(),
        (_, Some(Scope::In)) => "Written back".to_owned(),
        (_, Some(Scope::Out(OutReason::Synced))) => "Not written back: it comes from AD".to_owned(),
        (_, Some(Scope::Out(reason))) => format!("Not written back, {}: {then}", reason.text()),
        (_, Some(Scope::Unknown(reason))) => format!("Left as it is: {}", reason.text()),
        (_, None) => String::new(),
    }
}
