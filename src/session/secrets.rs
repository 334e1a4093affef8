//! Secrets that are saved: found before the host is asked, saved and forgotten on request.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use super::{Outcome, Session, texts};
use crate::error::Result;
use crate::operation::{Answer, Ask, Context, Event, Host};
use crate::store::Vault;

/// A host that is asked only for what isn't saved.
struct Saved {
    host: Arc<dyn Host>,
    vault: Vault,
    names: Vec<String>,
}

impl Host for Saved {
    fn emit(&self, event: Event) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        self.host.emit(event)
    }

    fn ask(&self, ask: Ask) -> Pin<Box<dyn Future<Output = Result<Answer>> + Send + '_>> {
        Box::pin(async move {
            if let Ask::Secret { name, .. } = &ask
                && self.names.iter().any(|saved| saved == name)
                && let Some(secret) = self.vault.read(name)?
            {
                return Ok(Answer::Bytes(secret));
            }
            self.host.ask(ask).await
        })
    }
}

impl Session {
    fn vault(&self) -> Vault {
        Vault::new(&self.folder, self.name())
    }

    /// The context whose secrets come from the saved ones, as far as the options of `gwb_open` let them.
    pub(super) fn with_saved(&self, ctx: Context) -> Context {
        if self.options.saved_secrets.is_empty() {
            return ctx;
        }
        Context {
            host: Arc::new(Saved {
                host: ctx.host,
                vault: self.vault(),
                names: self.options.saved_secrets.clone(),
            }),
            cancel: ctx.cancel,
        }
    }

    /// Asks the host for secrets and saves them for sessions to come.
    pub(super) async fn save_secrets(&self, members: &Value, ctx: &Context) -> Result<Outcome> {
        let vault = self.vault();
        for name in Vault::known(&texts(members, "names"))? {
            let secret = ctx
                .secret(name, format!("The secret {name} to save"))
                .await?;
            vault.save(name, &secret)?;
        }
        Ok(Outcome::default())
    }

    /// Removes what is saved.
    pub(super) fn forget_secrets(&self) -> Result<Outcome> {
        self.vault().forget()?;
        Ok(Outcome::default())
    }
}
