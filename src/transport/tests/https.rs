//! TLS over a loopback socket, with certificates made for the test.

use std::{net::SocketAddr, sync::Arc};

use http::Method;
use rustls::{
    RootCertStore, ServerConfig,
    crypto::aws_lc_rs,
    pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer},
    server::WebPkiClientVerifier,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

use super::request;
use crate::{
    budget::Budget,
    transport::{ByStatus, ErrorKind, Response, SendCause, SendError, TlsConfig, Transport, TransportConfig, Unsigned},
};

/// An authority and what it issued.
struct Authority {
    certificate: rcgen::Certificate,
    key: rcgen::KeyPair,
}

impl Authority {
    fn new() -> Self {
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let key = rcgen::KeyPair::generate().unwrap();
        Self { certificate: params.self_signed(&key).unwrap(), key }
    }

    fn issue(&self) -> (rcgen::Certificate, rcgen::KeyPair) {
        let key = rcgen::KeyPair::generate().unwrap();
        let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        (params.signed_by(&key, &self.certificate, &self.key).unwrap(), key)
    }

    /// Answers every connection with an empty 200; wants a client certificate if `mutual`.
    async fn serve(&self, mutual: bool) -> SocketAddr {
        let (certificate, key) = self.issue();
        let key = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let provider = Arc::new(aws_lc_rs::default_provider());
        let builder =
            ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions().unwrap();
        let builder = if mutual {
            let mut roots = RootCertStore::empty();
            roots.add(self.certificate.der().clone()).unwrap();
            builder.with_client_cert_verifier(
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
            )
        } else {
            builder.with_no_client_auth()
        };
        let config = builder.with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                // A client that does not trust us hangs up here.
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut head = [0; 1024];
                if stream.read(&mut head).await.is_ok_and(|read| read > 0) {
                    let reply = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
                    stream.write_all(reply).await.unwrap();
                    stream.shutdown().await.unwrap();
                }
            }
        });
        address
    }
}

async fn send(address: SocketAddr, tls: TlsConfig) -> Result<Response, SendError> {
    let transport = Transport::new(TransportConfig { tls, max_retries: 0, ..TransportConfig::default() }).unwrap();
    let budget = Budget::new(std::time::Duration::from_secs(60), CancellationToken::new());
    let request = request(Method::POST, &format!("https://localhost:{}/", address.port()));
    transport.send(&request, &Unsigned, &ByStatus, &budget).await
}

#[tokio::test]
async fn a_server_is_trusted_through_the_users_authority_and_otherwise_gets_nothing() {
    let authority = Authority::new();
    let address = authority.serve(false).await;
    let trusting = |authority: &Authority| TlsConfig {
        ca_pem: Some(authority.certificate.pem().into_bytes()),
        ..TlsConfig::default()
    };
    assert_eq!(send(address, trusting(&authority)).await.unwrap().status, 200);
    for tls in [TlsConfig::default(), trusting(&Authority::new())] {
        let error = send(address, tls).await.unwrap_err();
        assert!(matches!(error.cause, SendCause::Untrusted(_)), "{error}");
        assert_eq!((error.kind(), error.may_have_been_processed), (ErrorKind::Unreachable, false));
    }
}

#[tokio::test]
async fn insecure_accepts_any_server() {
    let address = Authority::new().serve(false).await;
    assert_eq!(send(address, TlsConfig { insecure: true, ..TlsConfig::default() }).await.unwrap().status, 200);
}

#[tokio::test]
async fn the_client_certificate_is_shown_to_a_server_that_asks() {
    let authority = Authority::new();
    let address = authority.serve(true).await;
    let (certificate, key) = authority.issue();
    let ca_pem = Some(authority.certificate.pem().into_bytes());
    let client_identity_pem = Some(format!("{}{}", certificate.pem(), key.serialize_pem()).into_bytes().into());
    let with = TlsConfig { ca_pem: ca_pem.clone(), client_identity_pem, ..TlsConfig::default() };
    assert_eq!(send(address, with).await.unwrap().status, 200);
    assert!(send(address, TlsConfig { ca_pem, ..TlsConfig::default() }).await.is_err());
}
