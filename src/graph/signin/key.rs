//! The app's certificate and key from a PEM or PFX file.

use std::path::Path;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use p12_keystore::Pkcs12Archive;
use ring::signature::{RSA_PSS_SHA256, RsaKeyPair};
use sha2::{Digest, Sha256};
use x509_parser::prelude::{FromDer, X509Certificate};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorId};
use crate::graph::Result;
use crate::graph::wire::read_file;
use crate::operation::{Answer, Ask, Context};

/// No certificate file is larger.
const FILE_LIMIT: u64 = 1 << 20;

/// A key that signs for the app.
pub(in crate::graph) struct CertificateKey {
    pair: RsaKeyPair,
    /// base64url of the SHA-256 of the certificate's DER (`x5t#S256`).
    pub thumbprint: String,
    /// Seconds since 1970 at which the certificate ends.
    pub not_after: i64,
}

impl CertificateKey {
    /// RSASSA-PSS with SHA-256 and a salt of 32 bytes: PS256 (RFC 7518 3.5).
    pub(super) fn sign(&self, data: &[u8]) -> Result<Vec<u8>> {
        let mut signature = vec![0; self.pair.public().modulus_len()];
        self.pair
            .sign(
                &RSA_PSS_SHA256,
                &ring::rand::SystemRandom::new(),
                data,
                &mut signature,
            )
            .map_err(|_| {
                Error::new(
                    ErrorId::GraphAuthenticationFailed,
                    "The key of the certificate file could not sign.",
                )
            })?;
        Ok(signature)
    }
}

/// What a file holds, in DER.
struct Material {
    keys: Vec<Key>,
    certificates: Vec<Vec<u8>>,
}

enum Key {
    Pkcs8(Zeroizing<Vec<u8>>),
    Pkcs1(Zeroizing<Vec<u8>>),
}

/// Why a file gave nothing.
enum Unread {
    /// It is encrypted, or the password is not the one.
    Password,
    /// It can't be used.
    Unusable(String),
}

/// Reads the file; the password is asked for only when the file is encrypted.
pub(super) async fn load(path: &str, ctx: &Context) -> Result<CertificateKey> {
    let content = read_file(Path::new(path), FILE_LIMIT).await.map_err(|e| {
        Error::new(
            ErrorId::GraphAuthenticationFailed,
            format!("The certificate file {path} can't be read."),
        )
        .target("connection.signIn.path")
        .action("Check the path and that this account may read the file.")
        .caused_by(&e)
    })?;
    let content = Zeroizing::new(content);
    match read(&content, None, path).await? {
        Ok(key) => Ok(key),
        Err(Unread::Unusable(text)) => Err(unusable(path, &text)),
        Err(Unread::Password) => {
            let prompt = format!("Password of the certificate file {path}");
            let ask = Ask::Secret {
                name: "certificatePassword",
                prompt,
            };
            let password = match ctx.cancel.guard(ctx.host.ask(ask)).await? {
                Answer::Bytes(bytes) => bytes,
                _ => {
                    return Err(Error::new(
                        ErrorId::SecretUnavailable,
                        format!("The certificate file {path} is encrypted and its password was not given."),
                    )
                    .target("certificatePassword"));
                }
            };
            match read(&content, Some(password), path).await? {
                Ok(key) => Ok(key),
                Err(Unread::Unusable(text)) => Err(unusable(path, &text)),
                Err(Unread::Password) => Err(Error::new(
                    ErrorId::GraphAuthenticationFailed,
                    format!("The password given for the certificate file {path} is wrong."),
                )
                .target("certificatePassword")
                .action("Give the password with which the file was exported.")),
            }
        }
    }
}

/// Key derivation takes its time: not on the runtime's threads.
async fn read(
    content: &Zeroizing<Vec<u8>>,
    password: Option<Zeroizing<Vec<u8>>>,
    path: &str,
) -> Result<Result<CertificateKey, Unread>> {
    let content = content.clone();
    tokio::task::spawn_blocking(move || {
        let password = password.as_deref().map(Vec::as_slice);
        material(&content, password).and_then(pair)
    })
    .await
    .map_err(|e| unusable(path, "could not be read").caused_by(&e))
}

fn unusable(path: &str, text: &str) -> Error {
    Error::new(
        ErrorId::GraphAuthenticationFailed,
        format!("The certificate file {path} {text}."),
    )
    .target("connection.signIn.path")
    .action("Give a PEM file with certificate and RSA key (PKCS#8 or PKCS#1), or a PFX file.")
}

fn material(content: &[u8], password: Option<&[u8]>) -> Result<Material, Unread> {
    if content.windows(11).any(|w| w == b"-----BEGIN ") {
        let text = std::str::from_utf8(content)
            .map_err(|_| Unread::Unusable("is not sound PEM".to_owned()))?;
        from_pem(text, password)
    } else {
        from_pfx(content, password)
    }
}

fn from_pem(text: &str, password: Option<&[u8]>) -> Result<Material, Unread> {
    let mut material = Material {
        keys: Vec::new(),
        certificates: Vec::new(),
    };
    for (label, body) in pem_sections(text) {
        if body.contains("Proc-Type:") {
            return Err(Unread::Unusable(
                "holds a key in OpenSSL's old encrypted form; convert it with 'openssl pkcs8 -topk8'".to_owned(),
            ));
        }
        let digits: Zeroizing<String> = Zeroizing::new(body.split_whitespace().collect());
        let der = STANDARD
            .decode(digits.as_bytes())
            .map(Zeroizing::new)
            .map_err(|_| Unread::Unusable(format!("holds a damaged section {label}")))?;
        match label {
            "CERTIFICATE" => material.certificates.push(der.to_vec()),
            "PRIVATE KEY" => material.keys.push(Key::Pkcs8(der)),
            "RSA PRIVATE KEY" => material.keys.push(Key::Pkcs1(der)),
            "ENCRYPTED PRIVATE KEY" => {
                let password = password.ok_or(Unread::Password)?;
                let info = pkcs8::EncryptedPrivateKeyInfoRef::try_from(der.as_slice())
                    .map_err(|_| Unread::Unusable("holds a damaged encrypted key".to_owned()))?;
                // A wrong password shows as bad padding: nothing tells it from damage.
                let key = info.decrypt(password).map_err(|_| Unread::Password)?;
                material
                    .keys
                    .push(Key::Pkcs8(Zeroizing::new(key.as_bytes().to_vec())));
            }
            "EC PRIVATE KEY" => return Err(not_rsa()),
            _ => {}
        }
    }
    Ok(material)
}

fn not_rsa() -> Unread {
    Unread::Unusable(
        "holds a key that is not RSA; sign-in needs an RSA key of 2,048 to 4,096 bits".to_owned(),
    )
}

/// Label and body of each section (RFC 7468), text between sections ignored.
fn pem_sections(text: &str) -> impl Iterator<Item = (&str, &str)> {
    let mut rest = text;
    std::iter::from_fn(move || {
        loop {
            let (_, after) = rest.split_once("-----BEGIN ")?;
            let (label, body) = after.split_once("-----")?;
            let end = format!("-----END {label}-----");
            let Some((body, after)) = body.split_once(end.as_str()) else {
                rest = after;
                continue;
            };
            rest = after;
            return Some((label, body));
        }
    })
}

fn from_pfx(content: &[u8], password: Option<&[u8]>) -> Result<Material, Unread> {
    use p12_keystore::error::Error as P12;
    let given = password.is_some();
    let password =
        std::str::from_utf8(password.unwrap_or_default()).map_err(|_| Unread::Password)?;
    let archive = Pkcs12Archive::from_pkcs12(content, password).map_err(|e| match e {
        P12::MacError(_) | P12::UnpadError | P12::Pkcs5Error(_) => Unread::Password,
        // Without a MAC, the wrong password shows as nonsense behind the decryption.
        P12::DerError(_) if !given && pkcs12_outer(content) => Unread::Password,
        P12::UnsupportedEncryptionScheme | P12::UnsupportedMacAlgorithm => Unread::Unusable(
            "is encrypted in a way that is not supported; export it with AES-256 and SHA-256"
                .to_owned(),
        ),
        other => Unread::Unusable(format!("is neither PEM nor a sound PFX file ({other})")),
    })?;
    Ok(Material {
        keys: archive
            .keys
            .iter()
            .map(|bag| Key::Pkcs8(Zeroizing::new(bag.key.as_der().to_vec())))
            .collect(),
        certificates: archive
            .certs
            .iter()
            .map(|bag| bag.cert.as_der().to_vec())
            .collect(),
    })
}

/// Whether this is at least the outer form of PKCS#12: SEQUENCE { INTEGER 3, ... }.
fn pkcs12_outer(content: &[u8]) -> bool {
    content.first() == Some(&0x30) && content.windows(3).take(8).any(|w| w == [2, 1, 3])
}

/// The key and the certificate that belongs to it; others in the file (a chain) are passed over.
fn pair(material: Material) -> Result<CertificateKey, Unread> {
    let unusable = |text: &str| Unread::Unusable(text.to_owned());
    if material.keys.is_empty() {
        return Err(unusable("holds no private key"));
    }
    if material.certificates.is_empty() {
        return Err(unusable("holds no certificate"));
    }
    for key in &material.keys {
        let rsa = match key {
            Key::Pkcs8(der) => RsaKeyPair::from_pkcs8(der),
            Key::Pkcs1(der) => RsaKeyPair::from_der(der),
        };
        let rsa = match rsa {
            Ok(rsa) => rsa,
            Err(e) if e.to_string() == "WrongAlgorithm" => return Err(not_rsa()),
            Err(e) => {
                return Err(Unread::Unusable(format!(
                    "holds a key that can't be used ({e})"
                )));
            }
        };
        for der in &material.certificates {
            let Ok((_, certificate)) = X509Certificate::from_der(der) else {
                return Err(unusable("holds a damaged certificate"));
            };
            if *certificate.public_key().subject_public_key.data == *rsa.public().as_ref() {
                return Ok(CertificateKey {
                    thumbprint: URL_SAFE_NO_PAD.encode(Sha256::digest(der)),
                    not_after: certificate.validity().not_after.timestamp(),
                    pair: rsa,
                });
            }
        }
    }
    Err(unusable("holds no certificate that belongs to its key"))
}

/// Either a key or a reason; a key with damaged numbers is found when it signs.
#[cfg(fuzzing)]
pub(super) fn fuzz(content: &[u8], password: Option<&[u8]>) {
    match material(content, password).and_then(pair) {
        Ok(key) => {
            let _ = key.sign(b"data");
            assert!(!key.thumbprint.is_empty());
        }
        Err(Unread::Unusable(text)) => assert!(!text.is_empty()),
        Err(Unread::Password) => {}
    }
}
