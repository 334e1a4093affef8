//! What must hold of the sign-in service's answers and of certificate files, whatever they are.

use reqwest::header::HeaderMap;

use super::problem::{Problem, Who};
use super::{Fetched, assertion, device, key};
use crate::graph::wire::Answer;

pub(in crate::graph) fn answer(data: &[u8]) {
    if let Some(fetched) = Fetched::parse(data) {
        assert!(!fetched.access.is_empty());
    }
    device::fuzz(data);
    for status in [200, 400, 401, 500] {
        let answer = Answer {
            status,
            headers: HeaderMap::new(),
            body: data.to_vec(),
        };
        let who = Who {
            tenant: "contoso.test",
            client_id: "app",
            login: "https://login.contoso.test",
        };
        let error = Problem::of(&answer).into_error(&who);
        assert!(!error.message.is_empty());
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let claims = assertion::claims(text);
        assert!(claims.as_ref().is_none_or(serde_json::Value::is_object));
        assert_eq!(claims.is_some(), assertion::granted(text).is_some());
    }
}

pub(in crate::graph) fn key_file(data: &[u8]) {
    for password in [None, Some(b"password".as_slice())] {
        key::fuzz(data, password);
    }
}
