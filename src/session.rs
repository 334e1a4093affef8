//! What a caller's session handle stands for: configuration, clients, running work.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use serde_json::Value;

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
    pub fn start(self: &Arc<Self>, request: Request, _context: Context) -> Result<Work> {
        requests::check(&request)?;
        Err(Error::new(
            ErrorId::NotConnected,
            format!(
                "The session for configuration '{}' has no connection.",
                self.options.configuration_name
            ),
        ))
    }

    /// Stops background work and forgets secrets.
    pub async fn close(&self) {}
}
