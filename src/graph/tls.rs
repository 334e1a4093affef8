//! TLS: the system's trust plus an own CA, verified always, with failures told in full.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use x509_parser::prelude::{FromDer, X509Certificate};

use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::trust;

/// Certificates that were refused, by server name: rustls' error says why, not whose it was.
#[derive(Debug, Default)]
pub(super) struct Refused(Mutex<HashMap<String, String>>);

impl Refused {
    /// Subject, issuer and dates of the certificate last refused for this host.
    pub(super) fn certificate(&self, host: &str) -> Option<String> {
        let map = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        map.get(host).cloned()
    }
}

#[derive(Debug)]
struct Reporting {
    inner: Arc<dyn ServerCertVerifier>,
    refused: Arc<Refused>,
}

impl ServerCertVerifier for Reporting {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .inspect_err(|_| {
                let mut map = self
                    .refused
                    .0
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner);
                map.insert(server_name.to_str().into_owned(), describe(end_entity));
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn describe(certificate: &CertificateDer<'_>) -> String {
    match X509Certificate::from_der(certificate) {
        Ok((_, c)) => format!(
            "subject {}, issuer {}, valid from {} to {}",
            c.subject(),
            c.issuer(),
            c.validity().not_before,
            c.validity().not_after
        ),
        Err(_) => "unreadable certificate".to_owned(),
    }
}

/// A TLS configuration that trusts the system's roots and the certificates of `ca_pem`.
/// With `system` false (no https host in use) the system's store is not read.
pub(super) fn config(
    ca_pem: Option<(&str, &[u8])>,
    system: bool,
) -> Result<(ClientConfig, Arc<Refused>)> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let refused = Arc::new(Refused::default());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|e| unusable(&e))?;
    if !system && ca_pem.is_none() {
        let config = builder
            .with_root_certificates(RootCertStore::empty())
            .with_no_client_auth();
        return Ok((config, refused));
    }
    let extra = ca_pem
        .map(|(path, pem)| certificates(path, pem))
        .transpose()?;
    let inner = trust::verifier(extra.unwrap_or_default(), provider).map_err(|e| unusable(&e))?;
    let config = builder
        .dangerous() // rustls' word for any verifier of one's own; this one adds only the report
        .with_custom_certificate_verifier(Arc::new(Reporting {
            inner,
            refused: Arc::clone(&refused),
        }))
        .with_no_client_auth();
    Ok((config, refused))
}

fn unusable(cause: &rustls::Error) -> Error {
    Error::new(
        ErrorId::TlsVerificationFailed,
        "No server certificate could be verified: the system's trusted certificates can't be used.",
    )
    .caused_by(cause)
}

pub(super) fn certificates(path: &str, pem: &[u8]) -> Result<Vec<CertificateDer<'static>>> {
    let invalid = |text: &str| {
        Error::new(
            ErrorId::ConfigurationInvalid,
            format!("The certificate authority file {path} {text}."),
        )
        .target("connection.certificateAuthorityPath")
    };
    let mut found = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|e| invalid("is not sound PEM").caused_by(&e))?;
        if X509Certificate::from_der(&certificate).is_err() {
            return Err(invalid("holds something that is not a certificate"));
        }
        found.push(certificate.into_owned());
    }
    if found.is_empty() {
        return Err(invalid("holds no PEM certificate"));
    }
    Ok(found)
}

/// The TLS error inside an HTTP client's error, if that is what it was.
pub(super) fn tls_error<'a>(
    error: &'a (dyn std::error::Error + 'static),
) -> Option<&'a rustls::Error> {
    let mut next = Some(error);
    while let Some(cause) = next {
        if let Some(found) = cause.downcast_ref::<rustls::Error>() {
            return Some(found);
        }
        // An io::Error's source skips the error it was made of.
        next = match cause
            .downcast_ref::<std::io::Error>()
            .and_then(std::io::Error::get_ref)
        {
            Some(inner) => Some(inner),
            None => cause.source(),
        };
    }
    None
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
mod tests {
    use super::*;

    #[test]
    fn ca_files_are_checked() {
        for bad in [
            "",
            "nothing here",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
        ] {
            let error = config(Some(("/ca.pem", bad.as_bytes())), true).unwrap_err();
            assert_eq!(error.id, ErrorId::ConfigurationInvalid, "{bad}");
        }
        assert!(config(None, false).is_ok());
    }
}
