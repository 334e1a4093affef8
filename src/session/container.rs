//! The container of the written groups: made, and looked at for the rights the account needs.

use serde_json::Value;

use super::objects::{PermissionReportObject, to_value};
use super::{Clients, Outcome, Session, flag, text};
use crate::error::{Error, ErrorId, Result};
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
                return Err(Error::new(
                    ErrorId::DirectoryAccessDenied,
                    format!("{} may not create {ou} (or its parent doesn't exist).", clients.directory.account_name()),
                )
                .target(ou)
                .action("Create the organizational unit as a domain administrator, or grant the account Create organizationalUnit objects on its parent."));
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
        for row in report(&clients, ou).await? {
            ctx.item("PermissionReport", to_value(&row)).await;
        }
        Ok(Outcome::default())
    }
}

/// What the account needs in the container and whether it has it (directory.md section 10).
async fn report(clients: &Clients, ou: &str) -> Result<Vec<PermissionReportObject>> {
    let container = clients.directory.container(ou).await?.ok_or_else(|| {
        Error::new(ErrorId::ContainerNotFound, format!("{ou} doesn't exist.")).target(ou)
    })?;
    let row = |right: &str, required, granted, remedy: &str| PermissionReportObject {
        organizational_unit: container.dn.clone(),
        account: clients.directory.account_name(),
        right: right.to_owned(),
        required,
        granted,
        remedy: if granted {
            String::new()
        } else {
            remedy.to_owned()
        },
    };
    let grant = "Grant the account this right on the container, for group objects.";
    let mut rows = vec![row(
        "Create and delete group objects",
        true,
        container.can_create_groups,
        grant,
    )];
    // Write rights show on an existing group only.
    let mut reader =
        clients
            .directory
            .owned_groups(std::slice::from_ref(&container.dn), &[], false);
    if let Some(found) = reader.next_page().await?.unwrap_or_default().first() {
        let effective = clients
            .directory
            .effective_attributes(found.group.guid)
            .await?;
        for attribute in [
            "member",
            "cn",
            "displayName",
            "description",
            "adminDescription",
        ] {
            rows.push(row(
                &format!("Write {attribute}"),
                true,
                effective.contains(&attribute.to_ascii_lowercase()),
                grant,
            ));
        }
        let exchange = clients.directory.schema().exchange.attributes;
        for attribute in [
            "mail",
            "mailNickname",
            "proxyAddresses",
            "msExchRequireAuthToSendTo",
            "reportToOriginator",
        ] {
            if exchange {
                rows.push(row(
                    &format!("Write {attribute}"),
                    true,
                    effective.contains(&attribute.to_ascii_lowercase()),
                    grant,
                ));
            }
        }
    }
    Ok(rows)
}
