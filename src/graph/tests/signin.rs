//! Every kind of sign-in, and what its refusals say.

use std::collections::HashMap;

use ring::signature::{RSA_PSS_2048_8192_SHA256, UnparsedPublicKey};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::*;

/// base64url of the SHA-256 of the test certificate, as `openssl dgst -sha256` gives it.
const THUMBPRINT: &str = "6B-rhjFhqbKbEgV3CW7gYajm2gBk_Ez9iAlcZkdyFSA";
const PASSWORD: &str = "pässword";

fn file(name: &str) -> String {
    format!("{}/src/graph/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn form(seen: &Seen) -> HashMap<String, String> {
    let url = reqwest::Url::parse(&format!("http://x/?{}", seen.body)).unwrap();
    url.query_pairs().into_owned().collect()
}

fn good(life: u64) -> Reply {
    Reply::ok(
        json!({"token_type": "Bearer", "expires_in": life, "access_token": token(1, &["User.Read.All"])}),
    )
}

async fn connect(server: &Server, sign_in: SignIn, host: &Arc<Recorder>) -> Result<GraphClient> {
    let connection = server.connection(sign_in);
    GraphClient::connect_tuned(
        &connection,
        Duration::from_secs(5),
        &host.context(),
        quick(),
    )
    .await
}

fn refusal(code: u64, error: &str) -> Reply {
    Reply::new(
        400,
        json!({"error": error, "error_codes": [code], "trace_id": "trace-1",
            "error_description": format!("AADSTS{code}: words.\r\nTrace ID: trace-1")}),
    )
}

/// Checks the assertion as the service does, with the certificate's public key.
fn verified(jwt: &str, audience: &str) {
    let pem = std::fs::read(file("app-pkcs1.pem")).unwrap();
    let der = CertificateDer::from_pem_slice(&pem).unwrap();
    let (_, certificate) = X509Certificate::from_der(&der).unwrap();
    let key = certificate.public_key().subject_public_key.data.to_vec();
    let (signed, signature) = jwt.rsplit_once('.').unwrap();
    let signature = URL_SAFE_NO_PAD.decode(signature).unwrap();
    UnparsedPublicKey::new(&RSA_PSS_2048_8192_SHA256, key)
        .verify(signed.as_bytes(), &signature)
        .unwrap();
    let part = |n: usize| -> Value {
        serde_json::from_slice(
            &URL_SAFE_NO_PAD
                .decode(jwt.split('.').nth(n).unwrap())
                .unwrap(),
        )
        .unwrap()
    };
    assert_eq!(
        part(0),
        json!({"alg": "PS256", "typ": "JWT", "x5t#S256": THUMBPRINT})
    );
    let claims = part(1);
    assert_eq!(
        (&claims["aud"], &claims["iss"], &claims["sub"]),
        (&json!(audience), &json!(CLIENT), &json!(CLIENT))
    );
    let now = SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .unwrap()
        .as_secs();
    assert!(claims["nbf"].as_u64().unwrap() <= now);
    assert!((now + 290..=now + 600).contains(&claims["exp"].as_u64().unwrap()));
    assert_eq!(claims["jti"].as_str().unwrap().len(), 36);
}

#[tokio::test]
async fn a_client_secret_is_posted_as_a_form() {
    let server = Server::start(|_, _| good(3599)).await;
    let host = Recorder::answering(|_| secret("s&cr=t+ ä%".as_bytes()));
    let client = connect(&server, SignIn::ClientSecret, &host).await.unwrap();
    let seen = &server.all_seen()[0];
    assert_eq!(seen.target, format!("/{TENANT}/oauth2/v2.0/token"));
    let form = form(seen);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["client_id"], CLIENT);
    assert_eq!(form["client_secret"], "s&cr=t+ ä%");
    assert_eq!(form["scope"], format!("{}/.default", server.url));
    assert_eq!(client.roles(), ["User.Read.All"]);
    let none = Recorder::answering(|_| operation::Answer::Unavailable);
    let error = connect(&server, SignIn::ClientSecret, &none)
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::SecretUnavailable);
}

#[tokio::test]
async fn every_form_of_certificate_file_signs() {
    for (name, encrypted) in [
        ("app-pkcs8.pem", false),
        ("app-pkcs1.pem", false),
        ("app-nopassword.pfx", false),
        ("app-encrypted.pem", true),
        ("app-aes.pfx", true),
        ("app-3des.pfx", true),
    ] {
        let server = Server::start(|_, _| good(3599)).await;
        let host = Recorder::answering(|_| secret(PASSWORD.as_bytes()));
        connect(&server, SignIn::CertificateFile { path: file(name) }, &host)
            .await
            .map_err(|e| format!("{name}: {e:?}"))
            .unwrap();
        let form = form(&server.all_seen()[0]);
        assert_eq!(
            form["client_assertion_type"],
            "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        );
        verified(
            &form["client_assertion"],
            &format!("{}/{TENANT}/oauth2/v2.0/token", server.url),
        );
        assert_eq!(
            host.asks.lock().unwrap().len(),
            usize::from(encrypted),
            "{name}"
        );

        if encrypted {
            let wrong = Recorder::answering(|_| secret(b"wrong"));
            let error = connect(
                &server,
                SignIn::CertificateFile { path: file(name) },
                &wrong,
            )
            .await
            .unwrap_err();
            assert_eq!(error.id, ErrorId::GraphAuthenticationFailed);
            assert!(
                error.message.contains("password") && error.message.contains("wrong"),
                "{name}: {error}"
            );
            let none = Recorder::answering(|_| operation::Answer::Unavailable);
            let error = connect(&server, SignIn::CertificateFile { path: file(name) }, &none)
                .await
                .unwrap_err();
            assert_eq!(error.id, ErrorId::SecretUnavailable, "{name}");
        }
    }
}

#[tokio::test]
async fn unusable_certificate_files_say_why() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    };
    let pem = std::fs::read_to_string(file("app-pkcs8.pem")).unwrap();
    let key_only = &pem[pem.find("-----BEGIN PRIVATE").unwrap()..];
    let pfx = std::fs::read(file("app-aes.pfx")).unwrap();
    let server = Server::start(|_, _| good(3599)).await;
    for (path, words) in [
        (file("mismatched.pem"), "belongs to its key"),
        (file("elliptic.pem"), "not RSA"),
        (file("missing.pem"), "can't be read"),
        (write("key.pem", key_only.as_bytes()), "no certificate"),
        (
            write(
                "bad.pem",
                b"-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----",
            ),
            "damaged",
        ),
        (write("cut.pfx", &pfx[..pfx.len() / 2]), "sound PFX"),
        (write("noise", b"hello"), "sound PFX"),
        (write("empty", b""), "sound PFX"),
    ] {
        let host = Recorder::answering(|_| secret(PASSWORD.as_bytes()));
        let error = connect(
            &server,
            SignIn::CertificateFile { path: path.clone() },
            &host,
        )
        .await
        .unwrap_err();
        assert_eq!(error.id, ErrorId::GraphAuthenticationFailed, "{path}");
        assert!(error.message.contains(words), "{path}: {error}");
    }
    assert!(server.all_seen().is_empty());
}

#[tokio::test]
async fn the_host_signs_with_its_own_key() {
    let server = Server::start(|_, _| good(3599)).await;
    let host = Recorder::answering(|ask| match ask {
        Ask::Sign { data } => {
            let pem = std::fs::read(file("app-pkcs1.pem")).unwrap();
            let der = rustls::pki_types::PrivatePkcs1KeyDer::from_pem_slice(&pem).unwrap();
            let key = ring::signature::RsaKeyPair::from_der(der.secret_pkcs1_der()).unwrap();
            let mut signature = vec![0; key.public().modulus_len()];
            let random = ring::rand::SystemRandom::new();
            key.sign(
                &ring::signature::RSA_PSS_SHA256,
                &random,
                data,
                &mut signature,
            )
            .unwrap();
            secret(&signature)
        }
        _ => operation::Answer::Unavailable,
    });
    let sign_in = SignIn::HostCertificate {
        thumbprint: "00".repeat(20),
        sha256: THUMBPRINT.to_owned(),
    };
    connect(&server, sign_in.clone(), &host).await.unwrap();
    verified(
        &form(&server.all_seen()[0])["client_assertion"],
        &format!("{}/{TENANT}/oauth2/v2.0/token", server.url),
    );
    let none = Recorder::answering(|_| operation::Answer::Unavailable);
    assert_eq!(
        connect(&server, sign_in, &none).await.unwrap_err().id,
        ErrorId::SecretUnavailable
    );
    let bad = SignIn::HostCertificate {
        thumbprint: String::new(),
        sha256: "abc".to_owned(),
    };
    assert_eq!(
        connect(&server, bad, &host).await.unwrap_err().id,
        ErrorId::ConfigurationInvalid
    );
}

#[tokio::test]
async fn refusals_say_what_to_do() {
    for (code, error, words) in [
        (7_000_222, "invalid_client", "expired"),
        (7_000_215, "invalid_client", "is wrong"),
        (700_016, "unauthorized_client", "has no app"),
        (90_002, "invalid_request", "no tenant contoso.test"),
        (700_027, "invalid_client", "certificate"),
        (7_000_112, "unauthorized_client", "is disabled"),
        (7_000_218, "invalid_client", "public client flows"),
        (50_034, "invalid_grant", "no such account"),
        (700_024, "invalid_client", "server time Sun, 06 Nov 1994"),
        (1, "server_says", "was refused"),
    ] {
        let server = Server::start(move |_, _| {
            refusal(code, error).with("date", "Sun, 06 Nov 1994 08:49:37 GMT")
        })
        .await;
        let host = Recorder::new();
        let found = connect(&server, SignIn::ClientSecret, &host)
            .await
            .unwrap_err();
        assert_eq!(found.id, ErrorId::GraphAuthenticationFailed);
        assert!(found.message.contains(words), "{found}");
        assert!(found.message.contains("trace-1"), "{found}");
        assert_eq!(found.causes, [format!("AADSTS{code}: words.")]);
        let text = format!("{found:?} {:?}", host.events.lock().unwrap());
        assert!(!text.contains("s3cr3t-value"), "{text}");
        assert_eq!(server.all_seen().len(), 1, "a refusal is not repeated");
    }
}

#[tokio::test]
async fn the_sign_in_service_may_stumble() {
    let count = Mutex::new(0);
    let server = Server::start(move |_, _| {
        let mut count = count.lock().unwrap();
        *count += 1;
        match *count {
            1 => Reply::new(503, ""),
            2 => good(3599).cut_at(5),
            _ => good(3599),
        }
    })
    .await;
    connect(&server, SignIn::ClientSecret, &Recorder::new())
        .await
        .unwrap();
    let down = Server::start(|_, _| Reply::new(500, "")).await;
    let error = connect(&down, SignIn::ClientSecret, &Recorder::new())
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphUnavailable);
    let portal =
        Server::start(|_, _| Reply::new(302, "").with("location", "http://portal.example/")).await;
    let error = connect(&portal, SignIn::ClientSecret, &Recorder::new())
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphUnavailable);
}

#[tokio::test]
async fn tokens_are_renewed_before_their_end_and_outlast_a_service_that_is_down() {
    let tokens = Arc::new(Mutex::new(0u32));
    let count = Arc::clone(&tokens);
    let server = Server::start(move |seen, _| {
        if !seen.target.contains("/oauth2/") {
            let link = format!(
                "http://{}/v1.0/groups/delta?$deltatoken=D",
                seen.header("host").unwrap()
            );
            return Reply::ok(json!({"value": [], "@odata.deltaLink": link}));
        }
        let mut count = count.lock().unwrap();
        *count += 1;
        // The first lives 2 s: renewal is due after one. Then the service is down for good.
        if *count == 1 {
            good(2)
        } else {
            Reply::new(500, "")
        }
    })
    .await;
    let host = Recorder::new();
    let client = connect(&server, SignIn::ClientSecret, &host).await.unwrap();
    let read = || async {
        client
            .groups_delta(DeltaStart::Latest)
            .next_page()
            .await
            .map(|_| ())
    };
    read().await.unwrap();
    assert_eq!(*tokens.lock().unwrap(), 1);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    read().await.unwrap();
    assert!(*tokens.lock().unwrap() > 1, "tried");
    assert!(
        host.messages()
            .iter()
            .any(|m| m.contains("could not be renewed"))
    );
    tokio::time::sleep(Duration::from_millis(1000)).await;
    assert!(read().await.is_err(), "an ended token is not used");
}

#[tokio::test]
async fn the_host_gives_ready_tokens() {
    let server = Server::graph(|seen, _| match seen.header("authorization") {
        Some("Bearer second") => Reply::ok(json!({"value": []})),
        _ => Reply::error(401, "InvalidAuthenticationToken"),
    })
    .await;
    let count = Mutex::new(0);
    let host = Recorder::answering(move |_| {
        let mut count = count.lock().unwrap();
        *count += 1;
        secret(if *count == 1 { b"first\n" } else { b"second" })
    });
    let client = connect(&server, SignIn::AccessToken, &host).await.unwrap();
    assert!(client.missing_roles().is_empty(), "opaque: Graph decides");
    let check = client.check().await.unwrap();
    assert_eq!(check.token_latency, None);
    let only_tokens = host
        .asks
        .lock()
        .unwrap()
        .iter()
        .all(|a| matches!(a, Ask::Secret { name, .. } if *name == "accessToken"));
    assert!(only_tokens);

    let same = Recorder::answering(|_| secret(b"first"));
    let client = connect(&server, SignIn::AccessToken, &same).await.unwrap();
    let error = client.check().await.unwrap_err();
    assert_eq!(error.id, ErrorId::GraphAuthenticationFailed);
    let ended = format!("{{}}.{}.x", URL_SAFE_NO_PAD.encode("{\"exp\":1000}"));
    let host = Recorder::answering(move |_| secret(ended.as_bytes()));
    let error = connect(&server, SignIn::AccessToken, &host)
        .await
        .unwrap_err();
    assert!(error.message.contains("expired"));
}

#[tokio::test]
async fn federated_assertions_are_read_again_for_each_token() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("assertion");
    std::fs::write(&path, "one.e30.AA\n").unwrap();
    let server = Server::graph(|_, _| Reply::ok(json!({"value": []}))).await;
    let sign_in = SignIn::FederatedFile {
        path: path.to_str().unwrap().to_owned(),
    };
    let client = connect(&server, sign_in, &Recorder::new()).await.unwrap();
    std::fs::write(&path, "two.e30.AA").unwrap();
    client.check().await.unwrap();
    let seen = server.all_seen();
    assert_eq!(form(&seen[0])["client_assertion"], "one.e30.AA");
    assert_eq!(form(&seen[1])["client_assertion"], "two.e30.AA");
    std::fs::remove_file(&path).unwrap();
    assert_eq!(
        client.check().await.unwrap_err().id,
        ErrorId::GraphAuthenticationFailed
    );
}

#[tokio::test]
async fn a_person_signs_in_with_a_code() {
    let polls = Mutex::new(0);
    let server = Server::start(move |seen, _| {
        if seen.target.ends_with("/devicecode") {
            assert!(form(seen)["scope"].contains("offline_access"));
            return Reply::ok(json!({"device_code": "DEV", "user_code": "ABCD", "verification_uri": "https://x/device",
                "interval": "1", "expires_in": 900, "message": "Enter ABCD at https://x/device."}));
        }
        if !seen.target.ends_with("/token") {
            return Reply::ok(json!({"value": []}));
        }
        let form = form(seen);
        if form["grant_type"] == "refresh_token" {
            assert_eq!(form["refresh_token"], "REFRESH");
            return good(3599);
        }
        assert_eq!(form["device_code"], "DEV");
        let mut polls = polls.lock().unwrap();
        *polls += 1;
        match *polls {
            1 => Reply::new(400, json!({"error": "authorization_pending", "error_codes": [70016]})),
            _ => Reply::ok(json!({"access_token": token(1, &[]), "expires_in": 2, "refresh_token": "REFRESH"})),
        }
    })
    .await;
    let host = Recorder::new();
    let client = connect(&server, SignIn::DeviceCode, &host).await.unwrap();
    assert_eq!(host.messages(), ["Enter ABCD at https://x/device."]);
    tokio::time::sleep(Duration::from_millis(1100)).await;
    client.check().await.unwrap();
    assert_eq!(host.messages().len(), 1, "renewed without asking again");

    for (error, words) in [
        ("authorization_declined", "declined"),
        ("expired_token", "in time"),
    ] {
        let server = Server::start(move |seen, _| {
            if seen.target.ends_with("/devicecode") {
                return Reply::ok(json!({"device_code": "D", "user_code": "A", "verification_uri": "u", "interval": 1}));
            }
            Reply::new(400, json!({"error": error}))
        })
        .await;
        let host = Recorder::new();
        let found = connect(&server, SignIn::DeviceCode, &host)
            .await
            .unwrap_err();
        assert!(found.message.contains(words), "{found}");
        assert!(host.messages()[0].contains("code A"));
    }
}
