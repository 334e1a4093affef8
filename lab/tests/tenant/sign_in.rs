//! Sign-in over HTTP: every way to a token, every mistake.

use crate::client::Client;
use group_writeback_lab::client::send;
use group_writeback_lab::serve::LabOptions;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_tells_every_mistake_apart() {
    let client = Client::start(LabOptions::default()).await;
    let id = client.ready("clientId");
    let scope = format!("{}/.default", client.ready("graph"));
    let form = |id: &str, secret: &str| {
        let secret = secret.replace('~', "%7E");
        format!("grant_type=client_credentials&client_id={id}&client_secret={secret}&scope={scope}")
    };
    let (status, body) = client.token(&form(id, client.ready("clientSecret"))).await;
    assert_eq!((status, &body["token_type"]), (200, &json!("Bearer")));
    let wrong = "00000000-0000-0000-0000-000000000000";
    for (form, code) in [
        (form(id, "wrong"), 7000215),
        (form(id, client.ready("expiredSecret")), 7000222),
        (form(wrong, "x"), 700016),
        ("grant_type=password".into(), 70003),
        (
            format!("grant_type=client_credentials&client_id={id}&scope={scope}"),
            7000218,
        ),
    ] {
        let (status, body) = client.token(&form).await;
        assert!(status >= 400);
        assert_eq!(body["error_codes"], json!([code]));
        assert!(
            body["error_description"]
                .as_str()
                .unwrap()
                .starts_with(&format!("AADSTS{code}"))
        );
    }
    let url = format!("{}/elsewhere/oauth2/v2.0/token", client.ready("login"));
    let reply = send("POST", &url, &[], "grant_type=client_credentials")
        .await
        .unwrap();
    assert!(reply.body.contains("90002"));

    let url = client.ready("login").to_owned() + "/contoso.test/oauth2/v2.0/devicecode";
    let reply = send("POST", &url, &[], &format!("client_id={id}&scope={scope}"))
        .await
        .unwrap();
    let flow: Value = serde_json::from_str(&reply.body).unwrap();
    let poll = format!(
        "grant_type=urn:ietf:params:oauth:grant-type:device_code&client_id={id}&device_code={}",
        flow["device_code"].as_str().unwrap()
    );
    assert_eq!(
        client.token(&poll).await.1["error"],
        "authorization_pending"
    );
    let approve = json!({"userCode": flow["user_code"], "action": "approve"});
    client.control("POST", "devicecode", approve).await;
    let (status, body) = client.token(&poll).await;
    assert_eq!(status, 200);
    let again = format!(
        "grant_type=refresh_token&client_id={id}&refresh_token={}",
        body["refresh_token"].as_str().unwrap()
    );
    assert_eq!(client.token(&again).await.0, 200);

    let endpoint = client.ready("identityEndpoint");
    let graph = client.ready("graph");
    let imds = format!("{endpoint}?api-version=2018-02-01&resource={graph}");
    assert_eq!(send("GET", &imds, &[], "").await.unwrap().status, 400);
    let reply = send("GET", &imds, &[("Metadata", "true")], "")
        .await
        .unwrap();
    let body: Value = serde_json::from_str(&reply.body).unwrap();
    assert_eq!((reply.status, &body["expires_in"]), (200, &json!("3599")));
    let arc = format!("{endpoint}?api-version=2020-06-01&resource={graph}");
    let reply = send("GET", &arc, &[("Metadata", "true")], "")
        .await
        .unwrap();
    assert_eq!(reply.status, 401);
    let file = reply
        .header("www-authenticate")
        .unwrap()
        .strip_prefix("Basic realm=")
        .unwrap();
    assert!(file.starts_with(client.ready("arcTokenFolder")));
    let basic = format!("Basic {}", std::fs::read_to_string(file).unwrap());
    let headers = [("Metadata", "true"), ("Authorization", &basic)];
    assert_eq!(send("GET", &arc, &headers, "").await.unwrap().status, 200);
    assert_eq!(send("GET", &arc, &headers, "").await.unwrap().status, 401);
    client.lab.stop().await;
}
