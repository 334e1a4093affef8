//! Sign-in: who may have a token, and what the tokens say.

mod assertion;
mod device_code;
pub(crate) mod endpoint;
pub(crate) mod managed_identity;
pub(crate) mod token;

use crate::certs::AppCertificate;
use crate::ids::Guid;
use crate::tenant::state::Identity;
use device_code::DeviceFlows;
use ring::hmac;
use std::collections::HashMap;
use std::sync::Mutex;

/// Everything sign-in knows.
pub(crate) struct SignIn {
    pub(crate) tenant_id: Guid,
    pub(crate) client_id: Guid,
    pub(crate) client_secret: String,
    pub(crate) expired_secret: String,
    /// Names by which the tenant is addressed besides its id.
    domains: [String; 2],
    /// Signs the tokens of this lab.
    key: hmac::Key,
    /// The address of sign-in and of Graph, which is also the tokens' audience.
    base: String,
    certificate: AppCertificate,
    /// Assertions used already: `jti` and when it can be forgotten.
    used: Mutex<HashMap<String, i64>>,
    flows: DeviceFlows,
    /// What the managed identity challenge expects: file, content.
    challenges: Mutex<HashMap<String, String>>,
}

/// What the application knows about itself.
pub(crate) struct AppSecrets {
    pub(crate) client_id: Guid,
    pub(crate) client_secret: String,
    pub(crate) expired_secret: String,
    pub(crate) signing_key: [u8; 32],
}

impl SignIn {
    pub(crate) fn new(
        identity: &Identity,
        secrets: AppSecrets,
        certificate: AppCertificate,
        base: &str,
    ) -> Self {
        Self {
            tenant_id: identity.tenant_id,
            client_id: secrets.client_id,
            client_secret: secrets.client_secret,
            expired_secret: secrets.expired_secret,
            domains: [identity.domain.clone(), identity.initial_domain.clone()],
            key: hmac::Key::new(hmac::HMAC_SHA256, &secrets.signing_key),
            base: base.to_owned(),
            certificate,
            used: Mutex::default(),
            flows: DeviceFlows::default(),
            challenges: Mutex::default(),
        }
    }

    /// Whether a path segment names this tenant.
    fn is_tenant(&self, name: &str) -> bool {
        Guid::parse(name) == Some(self.tenant_id)
            || self
                .domains
                .iter()
                .any(|domain| domain.eq_ignore_ascii_case(name))
    }

    /// The flows of people signing in on another device.
    pub(crate) fn flows(&self) -> &DeviceFlows {
        &self.flows
    }
}

/// Compares secrets without telling by time where they differ.
fn same_secret(left: &str, right: &str) -> bool {
    left.len() == right.len()
        && left
            .bytes()
            .zip(right.bytes())
            .fold(0, |differs, (a, b)| differs | (a ^ b))
            == 0
}
