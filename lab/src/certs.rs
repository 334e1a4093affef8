//! Certificates of a lab: its own authority, the server's, and the application's.
//!
//! The authority and the server get fresh keys each time. The application's RSA key is a fixed one
//! that is part of the source: it opens nothing but a lab on the same machine.

use crate::clock::{DAY, date, real_now};
use crate::ids::hex;
use p12_keystore::{
    Certificate as PfxCertificate, KeyStore, KeyStoreEntry, PrivateKey, PrivateKeyChain,
};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, PKCS_RSA_SHA256,
};
use ring::signature::KeyPair as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use sha2::{Digest, Sha256};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// PKCS#8 of the application's RSA key.
const APP_KEY: &[u8] = include_bytes!("app-key.der");

/// What sign-in needs to know of the application's certificate.
#[derive(Clone, Debug)]
pub(crate) struct AppCertificate {
    pub(crate) sha256: [u8; 32],
    pub(crate) sha1: [u8; 20],
    /// `RSAPublicKey`, as signatures are checked with.
    pub(crate) public_key: Vec<u8>,
}

/// The files and what goes with them.
pub(crate) struct Certificates {
    pub(crate) app: AppCertificate,
    pub(crate) ca_file: PathBuf,
    pub(crate) app_pem: PathBuf,
    pub(crate) app_pfx: PathBuf,
    /// SHA-1, upper-case hexadecimal, as Windows shows it.
    pub(crate) thumbprint: String,
    pub(crate) tls: Arc<rustls::ServerConfig>,
    pub(crate) authority: Authority,
}

/// The lab's authority, which signs the certificates of servers.
pub(crate) struct Authority {
    issuer: Issuer<'static, KeyPair>,
    certificate: rcgen::Certificate,
}

/// Makes the certificates and writes the files into `folder`.
pub(crate) fn create(
    folder: &Path,
    domain: &str,
    pfx_password: &str,
) -> Result<Certificates, String> {
    let text = |error: rcgen::Error| format!("certificates: {error}");
    let authority = Authority::new()?;
    let host = format!("dc1.{domain}");
    let second = format!("dc2.{domain}");
    let mut names = vec!["localhost".into(), "127.0.0.1".into(), second];
    names.extend(own_host_name());
    let (server_certificate, server_key) = authority.sign(&host, names)?;
    let chain = vec![
        server_certificate.der().clone(),
        authority.certificate.der().clone(),
    ];
    let tls = server_config(chain, server_key.serialize_der())?;

    let pkcs8 = PrivatePkcs8KeyDer::from(APP_KEY);
    let app_key = KeyPair::from_pkcs8_der_and_sign_algo(&pkcs8, &PKCS_RSA_SHA256).map_err(text)?;
    let mut app = params("Group Writeback Lab App", Vec::new())?;
    app.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    let app_certificate = app.self_signed(&app_key).map_err(text)?;
    let der = app_certificate.der().as_ref();

    let write = |name: &str, content: &[u8]| -> Result<PathBuf, String> {
        let path = folder.join(name);
        std::fs::write(&path, content)
            .map_err(|error| format!("{} can't be written: {error}", path.display()))?;
        Ok(path)
    };
    let app = app_certificate_facts(der)?;
    let pem = format!("{}{}", app_key.serialize_pem(), app_certificate.pem());
    Ok(Certificates {
        ca_file: write("ca.pem", authority.certificate.pem().as_bytes())?,
        app_pem: write("app.pem", pem.as_bytes())?,
        app_pfx: write("app.pfx", &pfx(der, pfx_password)?)?,
        thumbprint: hex(&app.sha1),
        app,
        tls,
        authority,
    })
}

impl Authority {
    fn new() -> Result<Self, String> {
        let text = |error: rcgen::Error| format!("certificates: {error}");
        let mut ca = params("Group Writeback Lab CA", Vec::new())?;
        ca.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate().map_err(text)?;
        let certificate = ca.self_signed(&key).map_err(text)?;
        Ok(Self {
            issuer: Issuer::new(ca, key),
            certificate,
        })
    }

    /// A server's certificate with a new key; `others` are further names and addresses of the server.
    fn sign(
        &self,
        host: &str,
        others: Vec<String>,
    ) -> Result<(rcgen::Certificate, KeyPair), String> {
        let text = |error: rcgen::Error| format!("certificates: {error}");
        let mut names = vec![host.to_owned()];
        names.extend(others);
        let mut server = params(host, names)?;
        server.use_authority_key_identifier_extension = true;
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        let key = KeyPair::generate().map_err(text)?;
        let certificate = server.signed_by(&key, &self.issuer).map_err(text)?;
        Ok((certificate, key))
    }

    /// A server's certificate and its key as PEM.
    pub(crate) fn server_pem(
        &self,
        host: &str,
        others: Vec<String>,
    ) -> Result<(String, String), String> {
        let (certificate, key) = self.sign(host, others)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }

    /// Its own certificate as PEM.
    pub(crate) fn pem(&self) -> String {
        self.certificate.pem()
    }
}

/// This machine's name where it is easy to know: the OpenLDAP tools put it in the place of
/// `localhost` when they check a certificate.
fn own_host_name() -> Option<String> {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").ok()?;
    let name = name.trim();
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    (!name.is_empty() && name.bytes().all(plain)).then(|| name.to_owned())
}

/// The thumbprints of a certificate that carries the application's key.
fn app_certificate_facts(der: &[u8]) -> Result<AppCertificate, String> {
    let key = ring::signature::RsaKeyPair::from_pkcs8(APP_KEY)
        .map_err(|error| format!("the application's key: {error}"))?;
    let digest = ring::digest::digest(&ring::digest::SHA1_FOR_LEGACY_USE_ONLY, der);
    let mut sha1 = [0; 20];
    sha1.copy_from_slice(digest.as_ref());
    let public_key = key.public_key().as_ref().to_vec();
    Ok(AppCertificate {
        sha256: Sha256::digest(der).into(),
        sha1,
        public_key,
    })
}

/// Parameters of a certificate valid from a year ago for two years.
fn params(name: &str, alternative_names: Vec<String>) -> Result<CertificateParams, String> {
    let mut params = CertificateParams::new(alternative_names)
        .map_err(|error| format!("certificates: {error}"))?;
    params.distinguished_name = rcgen::DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    let day = |unix: i64| {
        let (year, month, day) = date(unix);
        rcgen::date_time_ymd(year as i32, month, day)
    };
    params.not_before = day(real_now() - 365 * DAY);
    params.not_after = day(real_now() + 365 * DAY);
    Ok(params)
}

fn server_config(
    chain: Vec<CertificateDer<'static>>,
    key: Vec<u8>,
) -> Result<Arc<rustls::ServerConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key));
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
        .map_err(|error| format!("TLS: {error}"))?;
    Ok(Arc::new(config))
}

fn pfx(certificate: &[u8], password: &str) -> Result<Vec<u8>, String> {
    let text = |error: p12_keystore::error::Error| format!("PFX: {error}");
    let key = PrivateKey::from_der(APP_KEY).map_err(text)?;
    let certificate = PfxCertificate::from_der(certificate).map_err(text)?;
    let chain = PrivateKeyChain::new("app", key, [certificate]);
    let mut store = KeyStore::new();
    store.add_entry("app", KeyStoreEntry::PrivateKeyChain(chain));
    // The password protects nothing here; few iterations keep the start fast.
    let writer = store
        .writer(password)
        .encryption_iterations(2_000)
        .mac_iterations(2_000);
    writer.write().map_err(text)
}

/// Signs with the application's key, as a client that signs in by certificate does.
#[cfg(test)]
pub(crate) fn sign_as_app(
    padding: &'static dyn ring::signature::RsaEncoding,
    text: &[u8],
) -> Vec<u8> {
    let key = ring::signature::RsaKeyPair::from_pkcs8(APP_KEY).unwrap();
    let mut signature = vec![0; key.public().modulus_len()];
    key.sign(
        padding,
        &ring::rand::SystemRandom::new(),
        text,
        &mut signature,
    )
    .unwrap();
    signature
}

/// A certificate of the application for tests.
#[cfg(test)]
pub(crate) fn test_certificate() -> AppCertificate {
    app_certificate_facts(b"any certificate").unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_written_and_the_pfx_opens_with_its_password() {
        let folder = tempfile::tempdir().unwrap();
        let made = create(folder.path(), "contoso.test", "secret").unwrap();
        let pfx = std::fs::read(&made.app_pfx).unwrap();
        let policy = p12_keystore::Pkcs12ImportPolicy::Strict;
        let store = KeyStore::from_pkcs12(&pfx, "secret", policy).unwrap();
        let (_, chain) = store.private_key_chain().unwrap();
        assert_eq!(
            Sha256::digest(chain.certs()[0].as_der())[..],
            made.app.sha256
        );
        assert!(KeyStore::from_pkcs12(&pfx, "wrong", policy).is_err());
        assert_eq!(made.thumbprint.len(), 40);
        let pem = std::fs::read_to_string(&made.app_pem).unwrap();
        assert!(pem.contains("PRIVATE KEY") && pem.contains("CERTIFICATE"));
    }
}
