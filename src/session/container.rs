//! The container of the written groups: made, and looked at for the rights the account needs.

use serde_json::Value;

use super::feature::written;
use super::objects::{PermissionReportObject, to_value};
use super::{Clients, Outcome, Session, flag, text};
use crate::cycle::SchemaFacade;
use crate::error::{Error, ErrorId, Result};
use crate::mapping::Mapping;
use crate::operation::Context;

impl Session {
    /// Creates the container unless it is there, gives an account its rights on it, reports what the bound account may do.
    pub(super) async fn initialize_container(
        &self,
        members: &Value,
        ctx: &Context,
    ) -> Result<Outcome> {
        let clients = self.clients(ctx)?;
        let ou = text(members, "organizationalUnit").ok_or_else(|| {
            Error::new(ErrorId::InvalidArgument, "organizationalUnit: is needed.")
                .target("organizationalUnit")
        })?;
        crate::directory::dn::Dn::parse(ou)?;
        if clients.directory.container(ou).await?.is_none() {
            if flag(members, "whatIf") {
                return Ok(Outcome::default());
            }
            if !clients.directory.parent_can_create_ou(ou).await? {
                return Err(clients.directory.may_not_create_container(ou));
            }
            clients.directory.writer().create_container(ou).await?;
        }
        if let Some(account) = text(members, "account")
            && !flag(members, "whatIf")
        {
            let (_, sid) = clients.directory.account(account).await?.ok_or_else(|| {
                Error::new(
                    ErrorId::InvalidArgument,
                    format!("No account '{account}' in the directory (or more than one)."),
                )
                .target("account")
                .action("Name the account by UPN, DOMAIN\\name or distinguished name.")
            })?;
            clients
                .directory
                .writer()
                .grant_writeback_rights(ou, &sid)
                .await?;
        }
        let config = self.recorded()?.unwrap_or_default();
        let schema = SchemaFacade(clients.directory.schema());
        let mapping = Mapping::compile(&config, &schema)?;
        for row in report(&clients, &mapping, ou).await? {
            ctx.item("PermissionReport", to_value(&row)).await;
        }
        Ok(Outcome::default())
    }
}

/// What the bound account needs in the container and whether it has it (directory.md section 10). What is missing comes
/// with the command that grants it.
async fn report(
    clients: &Clients,
    mapping: &Mapping,
    ou: &str,
) -> Result<Vec<PermissionReportObject>> {
    let directory = &clients.directory;
    let lacking = match directory.container_for_groups(ou).await {
        Ok(Some(_)) => None,
        Ok(None) => return Err(directory.no_container(ou)),
        Err(error) if error.id == ErrorId::DirectoryAccessDenied => Some(error.recommended_action),
        Err(error) => return Err(error),
    };
    let row = |right: String, remedy: Option<String>| PermissionReportObject {
        organizational_unit: ou.to_owned(),
        account: directory.account_name(),
        right,
        required: true,
        granted: remedy.is_none(),
        remedy: remedy.unwrap_or_default(),
    };
    let mut rows = vec![row("Create and delete group objects".to_owned(), lacking)];
    // Write rights show on an existing group only.
    let mut reader = directory.owned_groups(&[ou.to_owned()], &[], false);
    if let Some(found) = reader.next_page().await?.unwrap_or_default().first() {
        let wanted = written(mapping);
        let lacking = directory.unwritable(found.group.guid, &wanted).await?;
        for attribute in wanted {
            let remedy = lacking.contains(&attribute).then(|| {
                let only = std::slice::from_ref(&attribute);
                directory.may_not_write(only, ou).recommended_action
            });
            rows.push(row(format!("Write {attribute}"), remedy));
        }
    }
    Ok(rows)
}
