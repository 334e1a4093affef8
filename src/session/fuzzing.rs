//! What must hold of options and requests, whatever they are.

use serde_json::Value;

use super::options::Options;
use super::{Request, requests};
use crate::error::ErrorId;

/// The JSON of `gwb_open` and of the functions that start an operation.
pub fn request(data: &[u8]) {
    let Ok(value) = serde_json::from_slice::<Value>(data) else {
        return;
    };
    match Options::parse(&value) {
        Ok(options) => {
            assert!((1..=86_400).contains(&options.client_timeout_sec));
            match options.connection_over(None) {
                Ok(Some(connection)) => {
                    // Over itself it is the same.
                    let over = options.connection_over(Some(&connection));
                    assert_eq!(over.ok().flatten(), Some(connection));
                }
                Ok(None) => assert!(value["connection"].is_null()),
                // What was looked at member by member must also be understood.
                Err(error) => unreachable!("{value}: {error:?}"),
            }
        }
        Err(error) => assert!(matches!(
            error.id,
            ErrorId::ConfigurationInvalid | ErrorId::InvalidArgument
        )),
    }
    for kind in [
        Request::Enable,
        Request::Disable,
        Request::Sync,
        Request::Query,
    ] {
        if let Err(error) = requests::check(&kind(value.clone())) {
            assert_eq!(error.id, ErrorId::InvalidArgument);
        }
    }
}
