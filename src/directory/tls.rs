//! TLS towards the controller: always verified, and when it fails the certificate is named.

use std::sync::{Arc, Mutex, PoisonError};

use ldap3::LdapResult;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use sha2::{Digest, Sha256, Sha384, Sha512};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};

use super::message;
use crate::error::{Error, ErrorId, Result};

/// What all connections to one controller share.
pub(super) struct Trust {
    provider: Arc<CryptoProvider>,
    verifier: Arc<dyn ServerCertVerifier>,
}

impl Trust {
    /// The system's roots and those of a PEM file.
    pub fn new(certificate_authority_path: Option<&str>) -> Result<Trust> {
        let extra = match certificate_authority_path {
            Some(path) => read_roots(path)?,
            None => Vec::new(),
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier =
            rustls_platform_verifier::Verifier::new_with_extra_roots(extra, provider.clone())
                .map_err(|e| {
                    Error::new(
                        ErrorId::TlsVerificationFailed,
                        "No usable CA certificates: neither the system nor -CertificateAuthorityPath has any.",
                    )
                    .caused_by(&e)
                })?;
        Ok(Trust {
            provider,
            verifier: Arc::new(verifier),
        })
    }

    /// Settings for one connection, and where its verification leaves word of a failure.
    pub fn client(&self) -> Result<(Arc<ClientConfig>, Arc<Witness>)> {
        let witness = Arc::new(Witness {
            verifier: self.verifier.clone(),
            failure: Mutex::new(None),
        });
        let config = ClientConfig::builder_with_provider(self.provider.clone())
            .with_safe_default_protocol_versions()
            .map_err(|e| {
                Error::new(ErrorId::TlsVerificationFailed, "TLS can't be set up.").caused_by(&e)
            })?
            .dangerous()
            .with_custom_certificate_verifier(witness.clone())
            .with_no_client_auth();
        Ok((Arc::new(config), witness))
    }
}

/// TLS over a connection, verified for `host`.
pub(super) async fn connect(
    config: Arc<ClientConfig>,
    host: &str,
    stream: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(host.to_owned()).map_err(std::io::Error::other)?;
    TlsConnector::from(config).connect(name, stream).await
}

/// Asks for TLS on a connection in clear, and gives the answer. Nothing may follow it: that could be anybody's.
pub(super) async fn ask(stream: &mut TcpStream) -> std::io::Result<LdapResult> {
    let malformed = |what: &'static str| std::io::Error::new(std::io::ErrorKind::InvalidData, what);
    stream.write_all(&message::start_tls_request()).await?;
    let mut bytes = Vec::new();
    loop {
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        match message::answer_length(&bytes).map_err(malformed)? {
            Some(length) if bytes.len() == length => break,
            Some(length) if bytes.len() > length => {
                return Err(malformed("more than the answer to StartTLS"));
            }
            _ => {}
        }
    }
    message::extended_response(&bytes).ok_or_else(|| malformed("no answer to StartTLS"))
}

/// What names this channel's end in a sign-in over it (RFC 5929, `tls-server-end-point`).
pub(super) fn end_point(stream: &TlsStream<TcpStream>) -> Option<Vec<u8>> {
    let certificate = stream.get_ref().1.peer_certificates()?.first()?;
    let (_, parsed) = X509Certificate::from_der(certificate).ok()?;
    let mut binding = b"tls-server-end-point:".to_vec();
    // The hash of the certificate's own signature, but none weaker than SHA-256.
    match parsed.signature_algorithm.algorithm.to_id_string().as_str() {
        "1.2.840.113549.1.1.12" | "1.2.840.10045.4.3.3" => {
            binding.extend(Sha384::digest(certificate))
        }
        "1.2.840.113549.1.1.13" | "1.2.840.10045.4.3.4" => {
            binding.extend(Sha512::digest(certificate))
        }
        _ => binding.extend(Sha256::digest(certificate)),
    }
    Some(binding)
}

fn read_roots(path: &str) -> Result<Vec<CertificateDer<'static>>> {
    let fault = |text: String| {
        Error::new(ErrorId::InvalidArgument, text).target("certificateAuthorityPath")
    };
    let bytes = std::fs::read(path)
        .map_err(|e| fault(format!("The CA file '{path}' can't be read.")).caused_by(&e))?;
    let roots = CertificateDer::pem_slice_iter(&bytes)
        .collect::<std::result::Result<Vec<_>, _>>()
        .map_err(|e| fault(format!("The CA file '{path}' is not PEM ({e}).")))?;
    if roots.is_empty() {
        return Err(fault(format!(
            "The CA file '{path}' holds no certificate in PEM form."
        )));
    }
    for root in &roots {
        X509Certificate::from_der(root).map_err(|e| {
            fault(format!(
                "The CA file '{path}' holds a broken certificate ({e})."
            ))
        })?;
    }
    Ok(roots)
}

/// Verifies as the platform does and remembers what was wrong.
#[derive(Debug)]
pub(super) struct Witness {
    verifier: Arc<dyn ServerCertVerifier>,
    failure: Mutex<Option<String>>,
}

impl Witness {
    /// Why the certificate was refused, if it was.
    pub fn failure(&self) -> Option<String> {
        self.failure
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }
}

impl ServerCertVerifier for Witness {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> std::result::Result<ServerCertVerified, rustls::Error> {
        self.verifier
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            .inspect_err(|error| {
                let text = describe(end_entity, error);
                *self.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
            })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> std::result::Result<HandshakeSignatureValid, rustls::Error> {
        self.verifier.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.verifier.supported_verify_schemes()
    }
}

/// Subject, issuer and reason in one sentence.
fn describe(certificate: &CertificateDer<'_>, error: &rustls::Error) -> String {
    let Ok((_, parsed)) = X509Certificate::from_der(certificate) else {
        return format!("its certificate can't be read ({error})");
    };
    let reason = match error {
        rustls::Error::InvalidCertificate(fault) => match fault {
            CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
                format!("it expired on {}", parsed.validity().not_after)
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                format!("it is valid from {} only", parsed.validity().not_before)
            }
            CertificateError::UnknownIssuer => "its issuer is not trusted".to_owned(),
            CertificateError::Revoked => "it was revoked".to_owned(),
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
                match names(&parsed).as_slice() {
                    [] => "it names no host (no subject alternative name)".to_owned(),
                    names => format!("it is valid for {} only", names.join(", ")),
                }
            }
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    format!(
        "its certificate (subject '{}', issuer '{}') is refused: {reason}",
        parsed.subject(),
        parsed.issuer()
    )
}

fn names(certificate: &X509Certificate<'_>) -> Vec<String> {
    let Ok(Some(extension)) = certificate.subject_alternative_name() else {
        return Vec::new();
    };
    extension
        .value
        .general_names
        .iter()
        .filter_map(|name| match name {
            GeneralName::DNSName(name) => Some((*name).to_owned()),
            GeneralName::IPAddress(bytes) => match *bytes {
                [a, b, c, d] => Some(format!("{a}.{b}.{c}.{d}")),
                bytes => {
                    let bytes: [u8; 16] = bytes.try_into().ok()?;
                    Some(std::net::Ipv6Addr::from(bytes).to_string())
                }
            },
            _ => None,
        })
        .collect()
}
