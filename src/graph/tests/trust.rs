//! TLS: what is trusted, and what is said when it isn't.

use std::io::{Read, Write};

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::*;

fn data(name: &str) -> String {
    format!("{}/src/graph/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

/// A server that gives a token to everybody, with the certificate of this file.
fn serve_tls(file: &str) -> String {
    let pem = std::fs::read(data(file)).unwrap();
    let chain = vec![CertificateDer::from_pem_slice(&pem).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(&pem).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    let config = Arc::new(config);
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let (mut stream, config) = (stream.unwrap(), Arc::clone(&config));
            std::thread::spawn(move || {
                let mut connection = rustls::ServerConnection::new(config).unwrap();
                let mut tls = rustls::Stream::new(&mut connection, &mut stream);
                let mut buffer = [0; 8192];
                if tls.read(&mut buffer).is_ok() {
                    let body =
                        json!({"access_token": token(1, &[]), "expires_in": 3599}).to_string();
                    let head = format!(
                        "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
                        body.len()
                    );
                    let _ = tls.write_all(format!("{head}{body}").as_bytes());
                    tls.conn.send_close_notify();
                    let _ = tls.flush();
                }
            });
        }
    });
    format!("https://localhost:{port}")
}

async fn connect(url: &str, ca: Option<&str>) -> Result<GraphClient> {
    let connection = Connection {
        environment: Environment::Custom,
        login_endpoint: Some(url.to_owned()),
        graph_endpoint: Some(url.to_owned()),
        tenant_id: TENANT.to_owned(),
        client_id: CLIENT.to_owned(),
        certificate_authority_path: ca.map(data),
        ..Connection::default()
    };
    let host = Recorder::new();
    GraphClient::connect_tuned(
        &connection,
        Duration::from_secs(5),
        &host.context(),
        quick(),
    )
    .await
}

#[tokio::test]
async fn an_own_authority_is_trusted_besides_the_systems() {
    connect(&serve_tls("tls-localhost.pem"), Some("tls-ca.pem"))
        .await
        .unwrap();
}

#[tokio::test]
async fn refused_certificates_are_described() {
    for (server, ca, reason) in [
        // With an authority that is not theirs: so that no system certificates are needed here.
        ("tls-localhost.pem", "app-pkcs8.pem", "UnknownIssuer"),
        ("tls-elsewhere.pem", "tls-ca.pem", "elsewhere.test"),
        ("tls-expired.pem", "tls-ca.pem", "Expired"),
    ] {
        let error = connect(&serve_tls(server), Some(ca)).await.unwrap_err();
        assert_eq!(error.id, ErrorId::TlsVerificationFailed, "{error}");
        assert!(error.message.contains(reason), "{error}");
        assert!(
            error
                .message
                .contains("issuer CN=Group Writeback test TLS CA"),
            "{error}"
        );
        let subject = server.trim_start_matches("tls-").trim_end_matches(".pem");
        assert!(
            error.message.contains(&format!("subject CN={subject}")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_server_without_tls_is_unavailable() {
    let server = Server::start(|_, _| Reply::new(200, "")).await;
    let url = server.url.replace("http://127.0.0.1", "https://localhost");
    let error = connect(&url, Some("tls-ca.pem")).await.unwrap_err();
    assert_eq!(error.id, ErrorId::GraphUnavailable, "{error}");
    let error = connect("https://localhost:1", Some("missing.pem"))
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::ConfigurationInvalid);
}
