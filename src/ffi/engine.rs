//! All that the C ABI knows of the engine. Tests put their own behind it.

use std::future::Future;
use std::sync::Arc;

use serde_json::Value;

use crate::error::Result;
use crate::operation::Context;
use crate::session::{Request, Session, Work};

/// What sessions are made of.
pub(super) trait Engine: Send + Sync + Sized + 'static {
    /// Reads and validates; no network.
    fn open(config: &Value) -> Result<Arc<Self>>;

    /// Validates the request at once; the work is the future.
    fn start(self: &Arc<Self>, request: Request, context: Context) -> Result<Work>;

    /// Called once, when no operation runs any more.
    fn close(&self) -> impl Future<Output = ()> + Send;

    /// Called first thing inside every exported function, so that tests can fail there.
    fn entered(_function: &'static str) {}
}

impl Engine for Session {
    fn open(config: &Value) -> Result<Arc<Self>> {
        Session::open(config)
    }

    fn start(self: &Arc<Self>, request: Request, context: Context) -> Result<Work> {
        Session::start(self, request, context)
    }

    async fn close(&self) {
        Session::close(self).await;
    }
}
