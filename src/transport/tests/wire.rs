//! The real service over a loopback socket, in real time.

use std::{net::SocketAddr, time::Duration};

use http::{HeaderValue, Method};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};
use tokio_util::sync::CancellationToken;

use super::request;
use crate::{
    backoff::BackoffConfig,
    budget::Budget,
    transport::{
        ByStatus, ConfigError, ErrorKind, Request, Response, SendCause, SendError, TlsConfig, Transport,
        TransportConfig, Unsigned,
    },
};

/// Serves one connection for each reply: reads the request's head, writes the reply (if any), and closes. Gives the heads.
async fn server<const N: usize>(replies: [&'static str; N]) -> (SocketAddr, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let task = tokio::spawn(async move {
        let mut heads = Vec::new();
        for reply in replies {
            let (mut stream, _) = listener.accept().await.unwrap();
            heads.push(head(&mut stream).await);
            stream.write_all(reply.as_bytes()).await.unwrap();
        }
        heads
    });
    (address, task)
}

async fn head(stream: &mut TcpStream) -> String {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.unwrap());
    }
    String::from_utf8(head).unwrap()
}

/// Quick retries; everything else as it comes.
fn transport() -> Transport {
    let backoff = BackoffConfig { initial: Duration::from_millis(1), max: Duration::from_millis(5), multiplier: 2.0 };
    Transport::new(TransportConfig { backoff, max_body: 64, ..TransportConfig::default() }).unwrap()
}

async fn send(request: &Request) -> Result<Response, SendError> {
    let budget = Budget::new(Duration::from_secs(60), CancellationToken::new());
    transport().send(request, &Unsigned, &ByStatus, &budget).await
}

const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";

#[tokio::test]
async fn the_url_and_the_headers_arrive_byte_for_byte_as_they_were_given() {
    let (address, server) = server([OK]).await;
    let mut request = request(Method::DELETE, &format!("http://{address}/v1/a%2Fb;c?x=%7E~&y=a%20b+c&z"));
    request.headers.insert("x-sdk-date", HeaderValue::from_static("20260101T000000Z"));
    assert_eq!(send(&request).await.unwrap().body, "{}");
    let head = server.await.unwrap().remove(0);
    assert!(head.starts_with("DELETE /v1/a%2Fb;c?x=%7E~&y=a%20b+c&z HTTP/1.1\r\n"), "{head}");
    assert!(
        head.contains("x-sdk-date: 20260101T000000Z\r\n") && head.contains(&format!("host: {address}\r\n")),
        "{head}"
    );
    assert!(head.contains("user-agent: terraform-provider-cloudvolume/") && !head.contains("content-length"), "{head}");
}

#[tokio::test]
async fn a_post_without_a_body_says_so() {
    let (address, server) = server([OK]).await;
    send(&request(Method::POST, &format!("http://{address}/"))).await.unwrap();
    let head = server.await.unwrap().remove(0);
    assert!(head.contains("content-length: 0\r\n"), "{head}");
}

#[tokio::test]
async fn nobody_listening_means_that_nothing_was_sent() {
    let address = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let error = send(&request(Method::POST, &format!("http://{address}/?token=secret"))).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed, error.attempts), (ErrorKind::Unreachable, false, 6));
    assert!(!error.to_string().contains("secret"), "{error}");
}

#[tokio::test]
async fn a_connection_closed_without_an_answer_is_lost_for_a_post_and_tried_again_for_a_get() {
    let (address, posts) = server([""]).await;
    let error = send(&request(Method::POST, &format!("http://{address}/"))).await.unwrap_err();
    assert!(matches!(error.cause, SendCause::Interrupted(_)), "{error}");
    assert!(error.may_have_been_processed && posts.await.unwrap().len() == 1);

    let (address, gets) = server(["", OK]).await;
    assert_eq!(send(&request(Method::GET, &format!("http://{address}/"))).await.unwrap().attempts, 2);
    assert_eq!(gets.await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_body_cut_short_is_no_answer() {
    let cut = "HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\n{\"job_id\":";
    let (address, _server) = server([cut]).await;
    let error = send(&request(Method::POST, &format!("http://{address}/"))).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed), (ErrorKind::AnswerLost, true));

    let (address, _server) = server([cut, OK]).await;
    assert_eq!(send(&request(Method::GET, &format!("http://{address}/"))).await.unwrap().body, "{}");
}

#[tokio::test]
async fn a_body_beyond_the_cap_is_refused_whether_or_not_its_length_is_told() {
    let told = "HTTP/1.1 200 OK\r\nContent-Length: 65\r\n\r\n01234567890123456789012345678901234567890123456789012345678901234";
    let untold = "HTTP/1.1 200 OK\r\n\r\n01234567890123456789012345678901234567890123456789012345678901234";
    for reply in [told, untold] {
        let (address, _server) = server([reply]).await;
        let error = send(&request(Method::GET, &format!("http://{address}/"))).await.unwrap_err();
        assert!(matches!(error.cause, SendCause::TooLarge(64)), "{error}");
        assert_eq!((error.kind(), error.attempts), (ErrorKind::Malformed, 1));
    }
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let moved = "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n";
    let (address, _server) = server([moved]).await;
    let response = send(&request(Method::GET, &format!("http://{address}/"))).await.unwrap();
    assert_eq!((response.status.as_u16(), response.attempts), (302, 1));
}

#[tokio::test]
async fn a_throttled_call_comes_back_after_the_time_the_server_names() {
    let throttled =
        "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    let (address, _server) = server([throttled, OK]).await;
    let began = tokio::time::Instant::now();
    assert_eq!(send(&request(Method::POST, &format!("http://{address}/"))).await.unwrap().attempts, 2);
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_refused_when_the_transport_is_made() {
    let with = |tls| Transport::new(TransportConfig { tls, ..TransportConfig::default() });
    let ca = TlsConfig { ca_pem: Some(b"not a certificate".to_vec()), ..TlsConfig::default() };
    assert!(matches!(with(ca), Err(ConfigError::CaCertificate(_))));
    let pem = b"-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n".to_vec();
    let identity = TlsConfig { client_identity_pem: Some(pem.into()), ..TlsConfig::default() };
    let error = with(identity).unwrap_err();
    assert!(matches!(error, ConfigError::ClientIdentity(_)) && !format!("{error:?}").contains("c2Vj"), "{error:?}");
}
