//! Client assertions: the signed JWT by which an application with a certificate signs in.

use super::SignIn;
use super::endpoint::Denial;
use crate::clock::iso;
use crate::ids::{base64url, from_base64url};
use ring::signature::{
    RSA_PKCS1_2048_8192_SHA256, RSA_PSS_2048_8192_SHA256, RsaParameters, UnparsedPublicKey,
};
use serde_json::Value;
use std::sync::PoisonError;

/// How far clocks may differ.
const SKEW: i64 = 300;
/// An assertion may not live longer than this.
const LONGEST: i64 = 24 * 3600;

impl SignIn {
    /// Checks an assertion: of the federated identity, or signed with the application's certificate.
    pub(super) fn check_assertion(
        &self,
        assertion: &str,
        tenant: &str,
        now: i64,
    ) -> Result<(), Denial> {
        let mut parts = assertion.split('.');
        let (Some(header), Some(claims), Some(signature), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Denial::client(50027, "JWT token is invalid or malformed."));
        };
        let read =
            |text: &str| -> Option<Value> { serde_json::from_slice(&from_base64url(text)?).ok() };
        let (Some(header), Some(claims)) = (read(header), read(claims)) else {
            return Err(Denial::client(50027, "JWT token is invalid or malformed."));
        };
        if header["alg"] == "HS256" {
            let Some(claims) = self.open_federated(assertion) else {
                let message = "No matching federated identity record found for presented \
                               assertion issuer, subject and audience.";
                return Err(Denial::client(70021, message));
            };
            return check_times(&claims, now);
        }
        let algorithm = self.check_header(&header)?;
        let key = UnparsedPublicKey::new(algorithm, &self.certificate.public_key);
        let signed = &assertion[..assertion.len() - signature.len() - 1];
        let signature = from_base64url(signature).unwrap_or_default();
        if key.verify(signed.as_bytes(), &signature).is_err() {
            let message = "The certificate with identifier used to sign the client assertion is \
                           known, but the signature is not valid.";
            return Err(Denial::client(700027, message));
        }
        self.check_claims(&claims, tenant)?;
        check_times(&claims, now)?;
        self.use_once(&claims, now)
    }

    fn check_header(&self, header: &Value) -> Result<&'static RsaParameters, Denial> {
        let algorithm = match header["alg"].as_str() {
            Some("PS256") => &RSA_PSS_2048_8192_SHA256,
            Some("RS256") => &RSA_PKCS1_2048_8192_SHA256,
            _ => {
                let message = "The client assertion is signed with an algorithm that is not \
                               supported: PS256 and RS256 are.";
                return Err(Denial::client(700027, message));
            }
        };
        let named = match (header["x5t#S256"].as_str(), header["x5t"].as_str()) {
            (Some(thumbprint), _) => thumbprint == base64url(&self.certificate.sha256),
            (None, Some(thumbprint)) => thumbprint == base64url(&self.certificate.sha1),
            (None, None) => false,
        };
        if named {
            return Ok(algorithm);
        }
        let message = "The certificate with identifier used to sign the client assertion is not \
                       registered on application. [Reason - The key was not found.]";
        Err(Denial::client(700027, message))
    }

    fn check_claims(&self, claims: &Value, tenant: &str) -> Result<(), Denial> {
        let client = self.client_id.to_string();
        if claims["iss"] != client.as_str() || claims["sub"] != client.as_str() {
            let message = "Client assertion application identifier doesn't match 'client_id' \
                           parameter: iss and sub must be the client id.";
            return Err(Denial::client(700021, message));
        }
        let audience = claims["aud"].as_str().unwrap_or_default();
        let accepted = [tenant.to_owned(), self.tenant_id.to_string()]
            .iter()
            .any(|name| {
                ["oauth2/v2.0/token", "oauth2/token", "v2.0"]
                    .iter()
                    .any(|end| audience == format!("{}/{name}/{end}", self.base))
            });
        if accepted {
            return Ok(());
        }
        let message = format!(
            "Client assertion audience claim '{audience}' does not match the \
                               token endpoint."
        );
        Err(Denial::client(700023, &message))
    }

    fn use_once(&self, claims: &Value, now: i64) -> Result<(), Denial> {
        let Some(id) = claims["jti"].as_str().filter(|id| !id.is_empty()) else {
            return Err(Denial::client(
                700027,
                "The client assertion has no jti claim.",
            ));
        };
        let end = claims["exp"].as_i64().unwrap_or(now);
        let mut used = self.used.lock().unwrap_or_else(PoisonError::into_inner);
        used.retain(|_, end| *end + SKEW > now);
        if used.insert(id.to_owned(), end).is_some() {
            let message = "The client assertion has been used already: each one needs its own jti.";
            return Err(Denial::client(700027, message));
        }
        Ok(())
    }
}

fn check_times(claims: &Value, now: i64) -> Result<(), Denial> {
    let Some(end) = claims["exp"].as_i64() else {
        return Err(Denial::client(
            700027,
            "The client assertion has no exp claim.",
        ));
    };
    let start = claims["nbf"].as_i64().unwrap_or(end - 600);
    if start > now + SKEW || end < now - SKEW || end - start > LONGEST {
        let message = format!(
            "Client assertion is not within its valid time range. Current time: {}, assertion \
             valid from {}, expiry time of assertion {}.",
            iso(now),
            iso(start),
            iso(end)
        );
        return Err(Denial::client(700024, &message));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
