//! Whose certificates are trusted: the system's authorities, and those of a file.

use std::sync::Arc;

use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

/// Verifies by the system's authorities and these further ones.
#[cfg(not(windows))]
pub(crate) fn verifier(
    further: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    Ok(Arc::new(Verifier::new_with_extra_roots(further, provider)?))
}

/// Verifies by the system's authorities and these further ones, which never enter the system's own machinery: what
/// Windows would take them into (a chain engine of exclusive roots) is not there on every system that runs its programs.
#[cfg(windows)]
pub(crate) fn verifier(
    further: Vec<CertificateDer<'static>>,
    provider: Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, rustls::Error> {
    let system = Arc::new(Verifier::new(Arc::clone(&provider))?);
    if further.is_empty() {
        return Ok(system);
    }
    Ok(Arc::new(either::Either::new(further, system, provider)?))
}

#[cfg(any(windows, test))]
mod either {
    use std::sync::Arc;

    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
    use rustls::crypto::CryptoProvider;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{
        CertificateError, DigitallySignedStruct, Error, OtherError, RootCertStore, SignatureScheme,
    };

    /// Trusts what one of two trusts. Where both refuse, the reason is that of the one which knows the issuer.
    #[derive(Debug)]
    pub(super) struct Either {
        further: Arc<WebPkiServerVerifier>,
        system: Arc<dyn ServerCertVerifier>,
    }

    impl Either {
        pub(super) fn new(
            further: Vec<CertificateDer<'static>>,
            system: Arc<dyn ServerCertVerifier>,
            provider: Arc<CryptoProvider>,
        ) -> Result<Either, Error> {
            let mut roots = RootCertStore::empty();
            for root in further {
                roots.add(root)?;
            }
            let further = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .map_err(|e| Error::Other(OtherError(Arc::new(e))))?;
            Ok(Either { further, system })
        }
    }

    impl ServerCertVerifier for Either {
        fn verify_server_cert(
            &self,
            end_entity: &CertificateDer<'_>,
            intermediates: &[CertificateDer<'_>],
            server_name: &ServerName<'_>,
            ocsp_response: &[u8],
            now: UnixTime,
        ) -> Result<ServerCertVerified, Error> {
            let verify = |by: &dyn ServerCertVerifier| {
                by.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
            };
            match verify(&*self.further) {
                Err(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
                    verify(&*self.system)
                }
                Err(known) => verify(&*self.system).map_err(|_| known),
                good => good,
            }
        }

        fn verify_tls12_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.system.verify_tls12_signature(message, cert, dss)
        }

        fn verify_tls13_signature(
            &self,
            message: &[u8],
            cert: &CertificateDer<'_>,
            dss: &DigitallySignedStruct,
        ) -> Result<HandshakeSignatureValid, Error> {
            self.system.verify_tls13_signature(message, cert, dss)
        }

        fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
            self.system.supported_verify_schemes()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use rcgen::{
        BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, Issuer, KeyPair,
        date_time_ymd,
    };
    use rustls::CertificateError;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    struct Authority {
        params: CertificateParams,
        key: KeyPair,
    }

    impl Authority {
        fn new(name: &str) -> Authority {
            let mut params = CertificateParams::default();
            params.distinguished_name = DistinguishedName::new();
            params.distinguished_name.push(DnType::CommonName, name);
            params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
            Authority {
                params,
                key: KeyPair::generate().unwrap(),
            }
        }

        fn root(&self) -> CertificateDer<'static> {
            self.params.self_signed(&self.key).unwrap().der().clone()
        }

        fn server(&self, last_year: i32) -> CertificateDer<'static> {
            let mut params = CertificateParams::new(vec!["dc1.contoso.test".to_owned()]).unwrap();
            params.not_before = date_time_ymd(2020, 1, 1);
            params.not_after = date_time_ymd(last_year, 1, 1);
            let issuer = Issuer::from_params(&self.params, &self.key);
            let key = KeyPair::generate().unwrap();
            params.signed_by(&key, &issuer).unwrap().der().clone()
        }
    }

    fn verdict(
        further: &Authority,
        system: &Authority,
        certificate: &CertificateDer<'static>,
    ) -> Result<(), CertificateError> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let one = |roots| verifier(roots, Arc::clone(&provider)).unwrap();
        let both = either::Either::new(
            vec![further.root()],
            one(vec![system.root()]),
            Arc::clone(&provider),
        )
        .unwrap();
        let name = ServerName::try_from("dc1.contoso.test").unwrap();
        // 2026.
        let now = UnixTime::since_unix_epoch(Duration::from_secs(1_780_000_000));
        match both.verify_server_cert(certificate, &[], &name, &[], now) {
            Ok(_) => Ok(()),
            Err(rustls::Error::InvalidCertificate(fault)) => Err(fault),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn either_authority_is_enough_and_a_stranger_is_refused() {
        let [file, system, stranger] = ["file", "system", "stranger"].map(Authority::new);
        assert_eq!(verdict(&file, &system, &file.server(2030)), Ok(()));
        assert_eq!(verdict(&file, &system, &system.server(2030)), Ok(()));
        let refused = verdict(&file, &system, &stranger.server(2030));
        assert_eq!(refused, Err(CertificateError::UnknownIssuer));
    }

    #[test]
    fn the_reason_comes_from_the_one_that_knows_the_issuer() {
        let [file, system] = ["file", "system"].map(Authority::new);
        for known in [&file, &system] {
            let refused = verdict(&file, &system, &known.server(2025));
            let expired = matches!(
                refused,
                Err(CertificateError::Expired | CertificateError::ExpiredContext { .. })
            );
            assert!(expired, "{refused:?}");
        }
    }
}
