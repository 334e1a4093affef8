//! Throttling, failures, lost connections, cancellation.

use super::*;
use tokio::time::Instant;

fn latest(seen: &Seen) -> Reply {
    let link = format!(
        "http://{}/v1.0/groups/delta?$deltatoken=D",
        seen.header("host").unwrap()
    );
    Reply::ok(json!({"value": [], "@odata.deltaLink": link}))
}

async fn read(client: &GraphClient) -> Result<(), Error> {
    client
        .groups_delta(DeltaStart::Latest)
        .next_page()
        .await
        .map(|_| ())
        .map_err(Error::from)
}

#[tokio::test]
async fn retry_after_is_obeyed_by_all_calls() {
    let server = Server::graph(|seen, n| match n {
        0 => Reply::error(429, "TooManyRequests")
            .with("retry-after", "1")
            .with("x-ms-throttle-scope", "Tenant"),
        _ => latest(seen),
    })
    .await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let first = tokio::spawn({
        let client = client.clone();
        async move { read(&client).await }
    });
    while client.counters().throttled == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let others: Vec<_> = (0..4)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { read(&client).await })
        })
        .collect();
    first.await.unwrap().unwrap();
    for other in others {
        other.await.unwrap().unwrap();
    }
    let seen = server.seen();
    for later in &seen[1..] {
        assert!(later.at - seen[0].at >= Duration::from_millis(990));
    }
    let counters = client.counters();
    assert_eq!((counters.throttled, counters.requests), (1, 6));
    assert!((900..=1000).contains(&counters.throttled_wait_ms));
    assert!(
        host.messages()
            .iter()
            .any(|m| m.contains("wait 1 s") && m.contains("Tenant"))
    );
}

#[tokio::test]
async fn a_retry_after_date_counts_from_the_servers_clock() {
    let server = Server::graph(|seen, n| match n {
        0 => Reply::new(503, "")
            .with("date", "Sun, 06 Nov 1994 08:49:37 GMT")
            .with("retry-after", "Sun, 06 Nov 1994 08:49:38 GMT"),
        _ => latest(seen),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let start = Instant::now();
    read(&client).await.unwrap();
    assert!((Duration::from_millis(990)..Duration::from_secs(3)).contains(&start.elapsed()));
}

#[tokio::test]
async fn throttling_without_end_is_an_error() {
    let server =
        Server::graph(|_, _| Reply::error(429, "TooManyRequests").with("retry-after", "0")).await;
    let error = read(&server.client(&Recorder::new()).await)
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphThrottled);
    assert_eq!(server.seen().len(), 4);
}

#[tokio::test]
async fn failures_and_cut_bodies_are_repeated_then_told() {
    let server = Server::graph(|seen, n| match n {
        0 => Reply::error(500, "x"),
        1 => latest(seen).cut_at(10),
        _ => latest(seen),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    read(&client).await.unwrap();
    assert_eq!(client.counters().retries, 2);

    let server = Server::graph(|_, _| Reply::error(502, "x")).await;
    let error = read(&server.client(&Recorder::new()).await)
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphUnavailable);
    assert!(error.message.contains("rid-1"), "{error}");
    assert_eq!(server.seen().len(), 3);

    let server = Server::graph(|seen, _| latest(seen).cut_at(10)).await;
    let error = read(&server.client(&Recorder::new()).await)
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::SourceReadIncomplete, "{error}");
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn refusals_are_not_repeated_and_name_the_permission() {
    let server = Server::graph(|_, n| match n {
        0 => Reply::error(403, "Authorization_RequestDenied"),
        _ => Reply::error(400, "Request_UnsupportedQuery"),
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    let denied = read(&client).await.unwrap_err();
    assert_eq!(denied.id, ErrorId::GraphPermissionMissing);
    assert!(denied.message.contains("GroupMember.Read.All") && denied.message.contains("rid-1"));
    let rejected = read(&client).await.unwrap_err();
    assert_eq!(rejected.id, ErrorId::GraphRequestRejected);
    assert!(
        rejected.message.contains("/v1.0/groups/delta") && rejected.message.contains("$select")
    );
    assert_eq!(server.seen().len(), 2);
}

#[tokio::test]
async fn a_refused_token_is_renewed_once() {
    // The first token is no longer good; 5 calls at a time find out and one new token serves all.
    let server = Server::graph(|seen, _| {
        let good = seen
            .header("authorization")
            .unwrap()
            .ends_with(&token(2, &["GroupMember.Read.All"]));
        if good {
            latest(seen)
        } else {
            Reply::error(401, "InvalidAuthenticationToken")
        }
    })
    .await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let calls: Vec<_> = (0..5)
        .map(|_| {
            let client = client.clone();
            tokio::spawn(async move { read(&client).await })
        })
        .collect();
    for call in calls {
        call.await.unwrap().unwrap();
    }
    assert_eq!(client.counters().tokens, 2);
    assert_eq!(
        host.asks.lock().unwrap().len(),
        1,
        "the secret is asked for once a session"
    );

    let server = Server::graph(|_, _| Reply::error(401, "InvalidAuthenticationToken")).await;
    let error = read(&server.client(&Recorder::new()).await)
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphAuthenticationFailed);
    assert_eq!(server.seen().len(), 2);
    let text = format!("{error:?}");
    assert!(
        !text.contains("eyJ") && !text.contains("s3cr3t-value"),
        "{text}"
    );
}

#[tokio::test]
async fn waits_end_at_once_when_cancelled() {
    let server = Server::graph(|_, _| Reply::error(429, "x").with("retry-after", "600")).await;
    let host = Recorder::new();
    let client = server.client(&host).await;
    let call = tokio::spawn({
        let client = client.clone();
        async move { read(&client).await }
    });
    while client.counters().throttled == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let start = Instant::now();
    host.cancel.cancel();
    assert_eq!(
        call.await.unwrap().unwrap_err().id,
        ErrorId::OperationCancelled
    );
    assert!(start.elapsed() < Duration::from_millis(500));
    // The session outlives the operation.
    let other = Recorder::new();
    let again = client.with_context(&other.context());
    let waiting = tokio::time::timeout(Duration::from_millis(200), read(&again)).await;
    assert!(waiting.is_err(), "still told to wait, not cancelled");
}

#[tokio::test]
async fn slow_answers_and_unreachable_hosts_cost_the_timeout_at_most() {
    let server = Server::graph(|seen, _| Reply {
        delay: Duration::from_secs(30),
        ..latest(seen)
    })
    .await;
    let connection = server.connection(SignIn::ClientSecret);
    let host = Recorder::new();
    let client = GraphClient::connect_tuned(
        &connection,
        Duration::from_secs(1),
        &host.context(),
        quick(),
    )
    .await
    .unwrap();
    let start = Instant::now();
    assert_eq!(
        read(&client).await.unwrap_err().id,
        ErrorId::GraphUnavailable
    );
    assert!(
        start.elapsed() < Duration::from_secs(4),
        "two attempts of one second"
    );

    let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", gone.local_addr().unwrap());
    drop(gone);
    let unreachable = Connection {
        login_endpoint: Some(address),
        ..connection
    };
    let start = Instant::now();
    let error = GraphClient::connect(&unreachable, Duration::from_secs(2), &host.context())
        .await
        .unwrap_err();
    assert_eq!(error.id, ErrorId::GraphUnavailable, "{error}");
    assert!(start.elapsed() < Duration::from_secs(3));
    assert!(error.target.unwrap().starts_with("127.0.0.1:"));
}

#[tokio::test]
async fn a_high_throttle_percentage_slows_down_before_the_429() {
    let server = Server::graph(|seen, _| {
        latest(seen)
            .with("x-ms-throttle-limit-percentage", "0.9")
            .with("x-ms-resource-unit", "2")
    })
    .await;
    let client = server.client(&Recorder::new()).await;
    for _ in 0..6 {
        read(&client).await.unwrap();
    }
    assert_eq!(client.counters().resource_units, 12);
    assert_eq!(client.session.limiter.window(), 1.0);
}

#[tokio::test]
async fn bodies_may_be_compressed() {
    let server = Server::graph(|seen, _| {
        assert!(seen.header("accept-encoding").unwrap().contains("gzip"));
        latest(seen)
    })
    .await;
    read(&server.client(&Recorder::new()).await).await.unwrap();
}
