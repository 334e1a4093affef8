//! A controller that signs us in and then answers with what is no answer: a typed error, and the process lives.

use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use zeroize::Zeroizing;

use super::super::*;
use super::lab::{failed, identity};
use crate::config::Connection;
use crate::error::ErrorId;

/// Success, to the request with this number.
fn bound(id: u8) -> Vec<u8> {
    vec![0x30, 12, 2, 1, id, 0x61, 7, 10, 1, 0, 4, 0, 4, 0]
}

/// Element in element, each with its true length.
fn nested(depth: usize) -> Vec<u8> {
    let mut heads = Vec::new();
    let mut length = 0usize;
    for _ in 0..depth {
        let mut head = vec![0x30, 0x84];
        head.extend((length as u32).to_be_bytes());
        length += head.len();
        heads.push(head);
    }
    heads.into_iter().rev().flatten().collect()
}

/// Answers every bind, and everything else with `answer` of its number.
async fn connect_to(answer: fn(u8) -> Vec<u8>) -> crate::error::Error {
    let (tls, ca) = identity();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(tls));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let Ok(mut stream) = acceptor.accept(stream).await else {
                    return;
                };
                let mut bytes = [0; 4096];
                // Requests are short and come one at a time: 30, length, 02 01, id, operation.
                while let Ok(2..) = stream.read(&mut bytes).await {
                    let (id, operation) = (bytes[4], bytes[5]);
                    let bytes = if operation == 0x60 {
                        bound(id)
                    } else {
                        answer(id)
                    };
                    if stream.write_all(&bytes).await.is_err() {
                        return;
                    }
                    let _ = stream.flush().await;
                }
            });
        }
    });
    let connection = Connection {
        server: format!("localhost:{port}"),
        user_name: "svc@contoso.test".to_owned(),
        certificate_authority_path: ca.path().to_str().map(str::to_owned),
        ..Connection::default()
    };
    let password = Zeroizing::new(b"secret".to_vec());
    let timeout = Duration::from_secs(3);
    failed(Directory::connect(&connection, password, timeout, &Cancel::default()).await)
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_are_errors() {
    // Half a million levels: the library's recursion would need more stack than any thread has.
    let deep = tokio::spawn(connect_to(|_| nested(500_000)));
    // An extended response to a search, on which the library's task panics.
    let other = tokio::spawn(connect_to(|id| {
        vec![0x30, 12, 2, 1, id, 0x78, 7, 10, 1, 0, 4, 0, 4, 0]
    }));
    // Nothing in it: the library expects an element and panics.
    let empty = tokio::spawn(connect_to(|_| vec![0x30, 0]));
    // Four gigabytes are announced.
    let long = tokio::spawn(connect_to(|_| vec![0x30, 0x84, 0xff, 0xff, 0xff, 0xff]));
    for answer in [deep, other, empty, long] {
        let error = answer.await.unwrap();
        assert_eq!(error.id, ErrorId::DirectoryUnavailable, "{error:#?}");
        assert!(error.message.contains("can't be reached"), "{error:#?}");
    }
}
