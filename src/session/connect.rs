//! Connecting: signs in to the tenant, binds to the directory, says who is connected to what.

use super::objects::ContextObject;
use super::{Clients, Outcome, Session, lock};
use crate::config::{AuthType, Connection, Fault, SignIn};
use crate::directory::Directory;
use crate::error::{Error, ErrorId, Result};
use crate::graph::GraphClient;
use crate::operation::{Context, Level};
use zeroize::Zeroizing;

impl Session {
    /// The connection given over the recorded one: what is not given stays as recorded.
    pub(super) fn connection(&self) -> Result<Connection> {
        let recorded = self.recorded()?.map(|config| config.connection);
        self.options
            .connection_over(recorded.as_ref())?
            .ok_or_else(|| {
                Error::new(
                    ErrorId::ConfigurationNotFound,
                    format!(
                        "Configuration '{}' has no recorded connection, and none was given.",
                        self.name()
                    ),
                )
                .target(self.name())
            })
    }

    pub(super) async fn connect(&self, ctx: &Context) -> Result<Outcome> {
        let connection = self.connection()?;
        check(&connection)?;
        ctx.progress("Connect", 0, Some(2), "Signing in to the tenant")
            .await;
        let graph = ctx
            .cancel
            .guard(GraphClient::connect(&connection, self.timeout(), ctx))
            .await?;
        if connection.sign_in == SignIn::AccessToken {
            // Nothing was checked so far: a token that Graph refuses must not pass for a connection.
            match ctx.cancel.guard(graph.check()).await {
                Err(error) if error.id != ErrorId::GraphPermissionMissing => return Err(error),
                _ => {}
            }
        }
        for missing in graph.missing_roles().iter().filter(|m| !m.required) {
            ctx.message(
                Level::Verbose,
                format!(
                    "The app has no permission to {}: {}.",
                    missing.task,
                    missing.any_of.join(" or ")
                ),
            )
            .await;
        }
        ctx.progress(
            "Connect",
            1,
            Some(2),
            format!("Binding to {}", connection.server),
        )
        .await;
        let directory = self.bind(&connection, ctx).await?;
        ctx.progress("Connect", 2, Some(2), "Connected").await;
        *lock(&self.clients) = Some(Clients {
            connection,
            graph,
            directory,
        });
        Ok(self.context())
    }

    /// The password of the account, empty when Kerberos does without.
    async fn password(&self, connection: &Connection, ctx: &Context) -> Result<Zeroizing<Vec<u8>>> {
        let kerberos = connection.auth_type == AuthType::Negotiate;
        if kerberos && (connection.user_name.is_empty() || connection.keytab_path.is_some()) {
            return Ok(Zeroizing::default());
        }
        let prompt = format!(
            "Password of {} for {}",
            connection.user_name, connection.server
        );
        match ctx.secret("directoryPassword", prompt).await {
            // Unattended, an account that was recorded with its credential goes on with its ticket.
            Err(error) if kerberos && error.id == ErrorId::SecretUnavailable => {
                Ok(Zeroizing::default())
            }
            other => other,
        }
    }

    /// A directory connection with what the host gives.
    pub(super) async fn bind(&self, connection: &Connection, ctx: &Context) -> Result<Directory> {
        let password = self.password(connection, ctx).await?;
        ctx.cancel
            .guard(Directory::connect(
                connection,
                password,
                self.timeout(),
                &self.closing,
            ))
            .await
    }

    /// Who is connected to what; no value when nobody is.
    pub(super) fn context(&self) -> Outcome {
        let Some(clients) = lock(&self.clients).clone() else {
            return Outcome::default();
        };
        let root = clients.directory.root();
        let (tenant, app) = clients.graph.token_identity();
        let named = |given: String, token: Option<String>| {
            if given.is_empty() {
                token.unwrap_or_default()
            } else {
                given
            }
        };
        Outcome::of(
            "Context",
            &ContextObject {
                configuration_name: self.name().to_owned(),
                tenant_id: named(clients.connection.tenant_id, tenant),
                client_id: named(clients.connection.client_id, app),
                sign_in: sign_in_name(&clients.connection.sign_in).to_owned(),
                environment: format!("{:?}", clients.connection.environment),
                permissions: clients.graph.roles(),
                server: root.dns_host_name.clone(),
                domain: root.domain_dns_name(),
                directory_account: clients.directory.account_name(),
                engine_version: env!("CARGO_PKG_VERSION").to_owned(),
                abi_version: crate::ffi::GWB_ABI_VERSION,
            },
        )
    }
}

fn sign_in_name(sign_in: &SignIn) -> &'static str {
    match sign_in {
        SignIn::ClientSecret => "Secret",
        SignIn::CertificateFile { .. } | SignIn::HostCertificate { .. } => "Certificate",
        SignIn::AccessToken => "Token",
        SignIn::FederatedFile { .. } => "Federated",
        SignIn::DeviceCode => "DeviceCode",
        SignIn::ManagedIdentity { .. } => "Identity",
    }
}

/// What a connection must name before anything is tried.
fn check(connection: &Connection) -> Result<()> {
    let mut faults = Vec::new();
    let identity = matches!(
        connection.sign_in,
        SignIn::ManagedIdentity { .. } | SignIn::AccessToken
    );
    for (path, value, needed) in [
        ("connection.tenantId", &connection.tenant_id, !identity),
        ("connection.clientId", &connection.client_id, !identity),
        ("connection.server", &connection.server, true),
        (
            "connection.userName",
            &connection.user_name,
            connection.auth_type == AuthType::Basic,
        ),
    ] {
        if needed && value.trim().is_empty() {
            faults.push(Fault::new(path, "is needed"));
        }
    }
    if faults.is_empty() {
        Ok(())
    } else {
        Err(Fault::into_error(&faults))
    }
}
