//! Switching writeback on and off, and telling whether it is on.
//!
//! Enable runs every check before it changes anything; what fails is named all at once.

use serde_json::Value;

use super::objects::FeatureObject;
use super::runs::{history, run_object};
use super::sync::manner;
use super::{Clients, Outcome, Session, TENANT, flag, text};
use crate::config::{Configuration, Version, validate_with};
use crate::cycle::{DisableAction, Finished, Job, SchemaFacade, new_guid};
use crate::directory::Directory;
use crate::directory::dn::Dn;
use crate::error::{Error, ErrorId, Result};
use crate::graph::TenantFeature;
use crate::mapping::Mapping;
use crate::operation::{Context, Level};
use crate::store::{Feed, SqliteStore, Store};

/// Remembers that the tenant's switch was set by us, so that disabling takes it back.
const FLAG_SET: &str = "tenantFeatureSetByUs";

impl Session {
    pub(super) async fn enable(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let clients = self.clients(ctx)?;
        let mut config = self.recorded()?.unwrap_or_default();
        if let Some(ou) = text(members, "organizationalUnit") {
            if config.enabled && !same_dn(&config.organizational_unit, ou) {
                return Err(Error::new(
                    ErrorId::ConfigurationInvalid,
                    format!("Writeback is on with {}. Another container needs Disable-GroupWriteback -GroupAction Keep, moving the groups, and enabling again.", config.organizational_unit),
                )
                .target("organizationalUnit"));
            }
            config.organizational_unit = ou.to_owned();
        }
        if config.organizational_unit.is_empty() {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                "organizationalUnit: is needed the first time.",
            )
            .target("organizationalUnit"));
        }
        config.version = match text(members, "version") {
            Some("V2") => Version::V2,
            Some("CloudSync") => Version::CloudSync,
            Some(_) => Version::V1,
            None => config.version,
        };
        config.connection = clients.connection.clone();
        if let Ok(store) = self.store() {
            self.check_tenant(&clients, store.as_ref())?;
        }
        ctx.progress("Check", 0, None, "Checking tenant, forest and container")
            .await;
        let checks = ctx
            .cancel
            .guard(self.prerequisites(&clients, &config, members, ctx))
            .await?;
        if let Some(error) = all_at_once(checks.failed) {
            return Err(error);
        }
        if flag(members, "whatIf") {
            return self.feature_of(&config, Some(&clients), ctx).await;
        }
        if checks.create_container {
            clients
                .directory
                .writer()
                .create_container(&config.organizational_unit)
                .await?;
        }
        let before = self.recorded()?;
        config.enabled = true;
        let store = self.store_or_new()?;
        store.save_configuration(&config)?;
        store.set_meta(None, TENANT, Some(&clients.tenant()))?;
        if before.is_some_and(|b| b.version != config.version) {
            // Another scope and other names: everything is to be compared, and -WhatIf shows it first.
            store.set_meta(None, crate::cycle::FULL_REQUIRED, Some("version"))?;
            ctx.message(Level::Information, format!("The version is now {:?}: look at the next cycle with Start-GroupWritebackSyncCycle -WhatIf.", config.version)).await;
        }
        self.set_tenant_feature(&clients, &config, store.as_ref(), ctx)
            .await?;
        self.feature_of(&config, Some(&clients), ctx).await
    }

    async fn prerequisites(
        &self,
        clients: &Clients,
        config: &Configuration,
        members: &Value,
        ctx: &Context,
    ) -> Result<Checks> {
        let mut checks = Checks::default();
        let faults = validate_with(config, &|dn| {
            Dn::parse(dn).map(|_| ()).map_err(|e| e.message)
        });
        checks.note(if faults.is_empty() {
            Ok(())
        } else {
            Err(crate::config::Fault::into_error(&faults))
        });
        for missing in clients.graph.missing_roles().iter().filter(|m| m.required) {
            checks.failed.push(
                Error::new(
                    ErrorId::GraphPermissionMissing,
                    format!("The app may not {}: grant the application permission {} with admin consent.", missing.task, missing.any_of.join(" or ")),
                )
                .target(missing.any_of.first().copied().unwrap_or_default()),
            );
        }
        if faults.is_empty() {
            checks
                .check_container(clients, config, flag(members, "createContainer"))
                .await?;
            checks.note(
                Mapping::compile(config, &SchemaFacade(clients.directory.schema())).map(|_| ()),
            );
        }
        checks
            .check_schema(clients, config, flag(members, "withoutExchange"), ctx)
            .await;
        if faults.is_empty() {
            let owned = checks
                .check_ownership(self, clients, config, flag(members, "takeOver"), ctx)
                .await;
            checks.note(owned);
        }
        Ok(checks)
    }

    /// The tenant's switch: set where the cloud and the app's permissions allow it, said where not.
    async fn set_tenant_feature(
        &self,
        clients: &Clients,
        config: &Configuration,
        store: &dyn Store,
        ctx: &Context,
    ) -> Result<()> {
        let feature = match config.version {
            Version::V1 | Version::V2 => TenantFeature::UnifiedGroupWriteback,
            Version::CloudSync => return Ok(()),
        };
        match clients.graph.tenant_features().await {
            Ok(features) if features.unified_group_writeback == Some(true) => return Ok(()),
            Ok(_) => {}
            Err(error) => {
                ctx.message(
                    Level::Verbose,
                    format!(
                        "The tenant's writeback switch can't be read and was left as it is: {}",
                        error.message
                    ),
                )
                .await;
                return Ok(());
            }
        }
        let may_write = clients
            .graph
            .roles()
            .iter()
            .any(|r| r == "OnPremDirectorySynchronization.ReadWrite.All");
        if !may_write {
            ctx.message(Level::Verbose, "The tenant's writeback switch was left as it is: the app has no OnPremDirectorySynchronization.ReadWrite.All.").await;
            return Ok(());
        }
        // Recorded first: a flag of ours that we don't know of could never be taken back.
        store.set_meta(None, FLAG_SET, Some("true"))?;
        if let Err(error) = clients.graph.set_tenant_feature(feature, true).await {
            store.set_meta(None, FLAG_SET, None)?;
            ctx.warn(error).await;
        } else {
            ctx.message(
                Level::Verbose,
                "The tenant's group writeback switch was turned on; disabling turns it off again.",
            )
            .await;
        }
        Ok(())
    }

    pub(super) async fn disable(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let config = self.configuration()?;
        if !config.enabled {
            return Err(self.not_enabled());
        }
        let action = match text(members, "groupAction") {
            Some("Delete") => Some(DisableAction::Delete),
            Some("ConvertToDistribution") => Some(DisableAction::ConvertToDistribution),
            _ => None,
        };
        let clients = self.clients(ctx)?;
        let store = self.store()?;
        match action {
            Some(action) => {
                let finished = self
                    .engine(ctx)
                    .await?
                    .run(Job::Disable(action), manner(members), ctx, None)
                    .await?;
                if let Finished::Ran(record) = &finished {
                    ctx.item(
                        "RunResult",
                        super::objects::to_value(&run_object(record, true)),
                    )
                    .await;
                }
            }
            None if flag(members, "whatIf") => {}
            None => keep(store.as_ref(), config)?,
        }
        let config = self.configuration()?;
        if !config.enabled && store.meta(FLAG_SET)?.is_some() {
            match clients
                .graph
                .set_tenant_feature(TenantFeature::UnifiedGroupWriteback, false)
                .await
            {
                Ok(()) => store.set_meta(None, FLAG_SET, None)?,
                Err(error) => ctx.warn(error).await,
            }
        }
        self.feature_of(&config, Some(&clients), ctx).await
    }

    /// `feature`: works without a connection, then without the tenant's side.
    pub(super) async fn feature(&self, ctx: &Context) -> Result<Outcome> {
        let config = self.recorded()?.unwrap_or_default();
        let clients = self.clients(ctx).ok();
        self.feature_of(&config, clients.as_ref(), ctx).await
    }

    async fn feature_of(
        &self,
        config: &Configuration,
        clients: Option<&Clients>,
        ctx: &Context,
    ) -> Result<Outcome> {
        let mut object = FeatureObject {
            configuration_name: self.name().to_owned(),
            enabled: config.enabled,
            version: format!("{:?}", config.version),
            organizational_unit: config.organizational_unit.clone(),
            ..FeatureObject::default()
        };
        if let Ok(store) = self.store() {
            object.owned_group_count = store.count_known_groups()?;
            object.last_run_id = history(store.as_ref(), 1)?
                .first()
                .map(|r| r.header.run_id.to_string());
        }
        if let Some(clients) = clients {
            match clients.graph.tenant_features().await {
                Ok(features) => {
                    object.unified_group_writeback = features.unified_group_writeback;
                    object.group_writeback_v2 = features.group_writeback;
                }
                Err(error) => {
                    ctx.message(
                        Level::Verbose,
                        format!("Tenant switches: {}", error.message),
                    )
                    .await
                }
            }
            match clients.graph.new_group_default().await {
                Ok(default) => object.new_group_default = default,
                Err(error) => {
                    ctx.message(
                        Level::Verbose,
                        format!("Default for new groups: {}", error.message),
                    )
                    .await
                }
            }
        }
        Ok(Outcome::of("Feature", &object))
    }
}

/// What the checks of Enable found.
#[derive(Default)]
struct Checks {
    failed: Vec<Error>,
    create_container: bool,
}

impl Checks {
    fn note(&mut self, check: Result<()>) {
        self.failed.extend(check.err());
    }

    async fn check_container(
        &mut self,
        clients: &Clients,
        config: &Configuration,
        create: bool,
    ) -> Result<()> {
        let (ou, directory) = (&config.organizational_unit, &clients.directory);
        match directory.container_for_groups(ou).await {
            Ok(Some(container)) => {
                self.check_attributes(clients, config, &container.dn)
                    .await?
            }
            Ok(None) if create && directory.parent_can_create_ou(ou).await? => {
                self.create_container = true;
            }
            Ok(None) if create => self.failed.push(directory.may_not_create_container(ou)),
            Ok(None) => self.failed.push(directory.no_container(ou)),
            Err(error) => self.failed.push(error),
        }
        Ok(())
    }

    /// What may be written shows on a group only; without one the first cycle tells.
    async fn check_attributes(
        &mut self,
        clients: &Clients,
        config: &Configuration,
        container: &str,
    ) -> Result<()> {
        let directory = &clients.directory;
        let Ok(mapping) = Mapping::compile(config, &SchemaFacade(directory.schema())) else {
            return Ok(());
        };
        let lacking = unwritable(directory, &mapping, container).await?;
        if !lacking.is_empty() {
            self.failed
                .push(directory.may_not_write(&lacking, container));
        }
        Ok(())
    }

    /// Exchange for mail attributes; the 2016 attribute has a fallback (`adminDescription` alone).
    async fn check_schema(
        &mut self,
        clients: &Clients,
        config: &Configuration,
        without_exchange: bool,
        ctx: &Context,
    ) {
        let schema = clients.directory.schema();
        if !schema.external_directory_object_id {
            ctx.warn(
                Error::new(ErrorId::DirectorySchemaMissing, "The schema has no msDS-ExternalDirectoryObjectId (Windows Server 2016): adminDescription alone marks the groups, and finding them takes longer.")
                    .target(&clients.directory.root().schema_naming_context)
                    .action("Nothing is needed for writeback. To have the indexed mark, extend the schema with adprep /forestprep of Windows Server 2016 or later, then run a full cycle."),
            )
            .await;
        }
        if without_exchange || config.version == Version::CloudSync {
            return;
        }
        let accept = " Or accept groups without mail attributes with -WithoutExchange.";
        if !schema.exchange.attributes {
            self.failed.push(
                Error::new(ErrorId::DirectorySchemaMissing, "The forest's schema has no Exchange attributes: on-premises mailboxes could not see or mail the groups.")
                    .target(&clients.directory.root().schema_naming_context)
                    .action(format!("Extend the schema with Exchange Setup /PrepareSchema.{accept}")),
            );
        } else if schema.exchange.organization.is_none() {
            self.failed.push(
                Error::new(ErrorId::DirectorySchemaMissing, "The schema has the Exchange attributes, but there is no Exchange organization in the forest.")
                    .target(&clients.directory.root().configuration_naming_context)
                    .action(format!("Create the organization with Exchange Setup /PrepareAD.{accept}")),
            );
        }
        if schema.exchange.organization.is_some() && !schema.exchange.servers {
            ctx.message(
                Level::Verbose,
                "There is no Exchange server in the forest: Update-Recipient can't be run here.",
            )
            .await;
        }
    }

    /// No other engine at work: neither another configuration on this container nor Entra Connect in this tenant.
    async fn check_ownership(
        &mut self,
        session: &Session,
        clients: &Clients,
        config: &Configuration,
        take_over: bool,
        ctx: &Context,
    ) -> Result<()> {
        for other in SqliteStore::configurations(&session.folder)?
            .iter()
            .filter(|n| n.as_str() != session.name())
        {
            let Some(theirs) =
                SqliteStore::open_existing(&session.folder, other)?.configuration()?
            else {
                continue;
            };
            if theirs.enabled && same_dn(&theirs.organizational_unit, &config.organizational_unit) {
                self.failed.push(
                    Error::new(
                        ErrorId::OwnedByAnotherEngine,
                        format!(
                            "Configuration '{other}' writes to {} already.",
                            theirs.organizational_unit
                        ),
                    )
                    .target(other),
                );
            }
        }
        let recorded = session.recorded()?;
        let ours = match session.store() {
            Ok(store) => store.count_known_groups()? > 0 || recorded.is_some_and(|c| c.enabled),
            Err(_) => false,
        };
        if ours
            || take_over
            || self.create_container
            || clients
                .directory
                .container(&config.organizational_unit)
                .await?
                .is_none()
        {
            return Ok(());
        }
        let mut reader = clients.directory.owned_groups(
            std::slice::from_ref(&config.organizational_unit),
            &[],
            false,
        );
        let mut marked = 0;
        while let Some(page) = reader.next_page().await? {
            marked += page.len();
        }
        if marked > 0 {
            let switch = match clients.graph.tenant_features().await {
                Ok(features)
                    if features.unified_group_writeback == Some(true)
                        || features.group_writeback == Some(true) =>
                {
                    " The tenant's group writeback switch is on."
                }
                Ok(_) => " The tenant's group writeback switch is off.",
                Err(error) => {
                    ctx.message(
                        Level::Verbose,
                        format!(
                            "The tenant's writeback switch can't be read: {}",
                            error.message
                        ),
                    )
                    .await;
                    ""
                }
            };
            self.failed.push(
                Error::new(
                    ErrorId::OwnedByAnotherEngine,
                    format!(
                        "{} holds {marked} written groups that this configuration doesn't know: another product (Entra Connect, Cloud Sync) writes here, or an earlier store of ours was lost.{switch}",
                        config.organizational_unit
                    ),
                )
                .target(&config.organizational_unit)
                .action("Detach the other product so that it doesn't delete the groups (staging mode, JoinNoFlow), then enable with -TakeOver: the groups keep DN and SID."),
            );
        }
        Ok(())
    }
}

/// What of a group's attributes the account may not write, by the first written group of the container.
pub(super) async fn unwritable(
    directory: &Directory,
    mapping: &Mapping,
    container: &str,
) -> Result<Vec<String>> {
    let mut reader = directory.owned_groups(&[container.to_owned()], &[], false);
    let page = reader.next_page().await?.unwrap_or_default();
    match page.first() {
        Some(found) => {
            directory
                .unwritable(found.group.guid, &written(mapping))
                .await
        }
        None => Ok(Vec::new()),
    }
}

/// All attributes that a cycle may write.
pub(super) fn written(mapping: &Mapping) -> Vec<String> {
    let mut names = mapping.attributes().to_vec();
    names.push("member".to_owned());
    names
}

/// One failed check as it is, several as one error that names them all.
fn all_at_once(mut failed: Vec<Error>) -> Option<Error> {
    if failed.len() <= 1 {
        return failed.pop();
    }
    let points = failed.iter().enumerate().map(|(n, e)| {
        let (id, message, action) = (e.id.as_str(), &e.message, &e.recommended_action);
        format!("({}) {id}: {message} {action}", n + 1)
    });
    let points: Vec<String> = points.collect();
    // Numbered: a host may put all of it into one paragraph.
    let error = Error::new(
        ErrorId::PrerequisitesNotMet,
        format!(
            "{} checks failed; nothing was changed.\n{}",
            failed.len(),
            points.join("\n")
        ),
    );
    Some(error)
}

/// Authority ends, groups and marks stay; the cloud copy is forgotten, so that enabling again compares in full.
fn keep(store: &dyn Store, mut config: Configuration) -> Result<()> {
    let lease = store.acquire_lease(
        new_guid()?,
        &crate::ffi::os::host_name().unwrap_or_default(),
        std::process::id(),
    )?;
    config.enabled = false;
    store.save_configuration(&config)?;
    for feed in [Feed::Groups, Feed::Users, Feed::Devices] {
        store.clear_watermark(lease.fence, feed)?;
    }
    Ok(())
}

pub(super) fn same_dn(a: &str, b: &str) -> bool {
    match (Dn::parse(a), Dn::parse(b)) {
        (Ok(a), Ok(b)) => a.is_under(&b) && b.is_under(&a),
        _ => a.eq_ignore_ascii_case(b),
    }
}
