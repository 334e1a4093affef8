//! What a caller's session handle stands for: configuration, clients, running work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

use crate::config::SignIn;
use crate::error::{Error, ErrorId, Result};
use crate::operation::Context;

mod members;
mod options;
mod requests;

pub use options::Options;

/// What a caller asks for; `docs/abi.md` gives the members.
#[derive(Clone, Debug)]
pub enum Request {
    /// `gwb_enable`.
    Enable(Value),
    /// `gwb_disable`.
    Disable(Value),
    /// `gwb_sync`.
    Sync(Value),
    /// `gwb_query`.
    Query(Value),
}

/// What a successful operation ends with.
#[derive(Clone, Debug, Default)]
pub struct Outcome {
    /// Output type without its prefix.
    pub kind: Option<&'static str>,
    /// Its properties in PascalCase.
    pub value: Option<Value>,
}

/// An operation's work, ready to be driven by the runtime.
pub type Work = Pin<Box<dyn Future<Output = Result<Outcome>> + Send>>;

/// One connection of one caller.
pub struct Session {
    options: Options,
}

impl Session {
    /// Reads and validates the options of `gwb_open`. No network.
    pub fn open(config: &Value) -> Result<Arc<Session>> {
        Ok(Arc::new(Session {
            options: Options::parse(config)?,
        }))
    }

    /// Validates a request at once and gives the work as a future, to be driven by the runtime.
    pub fn start(self: &Arc<Self>, request: Request, context: Context) -> Result<Work> {
        requests::check(&request)?;
        let connect = matches!(&request, Request::Query(members) if members["op"] == "connect");
        let Some(connection) = self.options.connection.clone().filter(|_| connect) else {
            return Err(self.not_connected());
        };
        let session = Arc::clone(self);
        Ok(Box::pin(async move {
            if connection.sign_in == SignIn::ClientSecret {
                let prompt = format!("Secret of the application {}", connection.client_id);
                context.secret("clientSecret", prompt).await?;
            }
            context
                .secret(
                    "directoryPassword",
                    format!("Password of {}", connection.user_name),
                )
                .await?;
            Err(session.not_connected())
        }))
    }

    fn not_connected(&self) -> Error {
        Error::new(
            ErrorId::NotConnected,
            format!(
                "The session for the configuration '{}' has no connection.",
                self.options.configuration_name
            ),
        )
    }

    /// Stops background work and forgets secrets.
    pub async fn close(&self) {}
}
