//! Nobody but the Terraform that started it can talk to the provider.

use std::{path::Path, sync::Arc, time::Duration};

use rustls::{
    ClientConfig, RootCertStore,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt},
    net::UnixStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;

use crate::support::{stage::Stage, subject::HUAWEICLOUD_ECS};

/// The first byte of a record of TLS that only says that something is wrong.
const TLS_ALERT: &[u8] = &[21];
/// How an HTTP/2 client begins; a server that talks to it answers with its own settings.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

#[tokio::test]
async fn a_process_without_terraforms_certificate_gets_no_answer() {
    let stage = Stage::held(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment(""));
    let mut apply = stage.terraform.start_apply();
    stage.until_under_way(&mut apply, stage.subject.calls.attach).await;

    let socket = socket_below(&stage.terraform.temporary()).expect("the provider's socket");
    let connect = || async { UnixStream::connect(&socket).await.expect("a connection") };
    let alert = answer(connect().await).await;
    assert!(alert.is_empty() || alert.starts_with(TLS_ALERT), "without TLS: {alert:?}");
    for (who, certificate) in [("without a certificate", None), ("with a foreign certificate", Some(foreign()))] {
        let connector = TlsConnector::from(Arc::new(client(certificate)));
        let name = ServerName::try_from("localhost").expect("a name");
        // With TLS 1.3 a client learns that it is refused only when it reads.
        if let Ok(stream) = connector.connect(name, connect().await).await {
            assert_eq!(answer(stream).await, b"", "{who}");
        }
    }
    stage.finish(apply).await.succeeds();
    assert!(socket_below(&stage.terraform.temporary()).is_none(), "the socket is removed");
}

#[cfg(unix)]
#[tokio::test]
async fn the_socket_is_in_a_folder_that_only_its_owner_may_enter() {
    use std::os::unix::fs::PermissionsExt as _;
    let stage = Stage::held(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment(""));
    let mut apply = stage.terraform.start_apply();
    stage.until_under_way(&mut apply, stage.subject.calls.attach).await;
    let socket = socket_below(&stage.terraform.temporary()).expect("the provider's socket");
    let folder = socket.parent().expect("a folder").metadata().expect("its permissions");
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
    stage.finish(apply).await.succeeds();
}

/// What comes back for the start of HTTP/2 until the connection is closed.
async fn answer(mut stream: impl AsyncRead + AsyncWrite + Unpin) -> Vec<u8> {
    let mut answered = Vec::new();
    let talk = async {
        // Being cut off while writing or reading is a refusal, too.
        let _ = stream.write_all(PREFACE).await;
        let _ = stream.read_to_end(&mut answered).await;
    };
    timeout(Duration::from_secs(30), talk).await.expect("the connection is closed");
    answered
}

/// The socket that the provider listens on.
fn socket_below(folder: &Path) -> Option<std::path::PathBuf> {
    use std::os::unix::fs::FileTypeExt as _;
    let entries = std::fs::read_dir(folder).ok()?.filter_map(Result::ok);
    entries.map(|entry| entry.path()).find_map(|path| match path.symlink_metadata().ok()?.file_type() {
        kind if kind.is_dir() => socket_below(&path),
        kind if kind.is_socket() => Some(path),
        _ => None,
    })
}

type Identity = (CertificateDer<'static>, PrivateKeyDer<'static>);

/// A certificate as good as Terraform's, and not Terraform's.
fn foreign() -> Identity {
    let certified = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
    let key = PrivateKeyDer::try_from(certified.key_pair.serialize_der()).expect("a key");
    (certified.cert.der().clone(), key)
}

fn client(identity: Option<Identity>) -> ClientConfig {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    let builder = builder.with_root_certificates(RootCertStore::empty());
    let mut config = match identity {
        None => builder.with_no_client_auth(),
        Some((certificate, key)) => builder.with_client_auth_cert(vec![certificate], key).expect("an identity"),
    };
    config.dangerous().set_certificate_verifier(Arc::new(AnyServer));
    config.alpn_protocols = vec![b"h2".to_vec()];
    config
}

/// An intruder does not care whom it talks to.
#[derive(Debug)]
struct AnyServer;

impl ServerCertVerifier for AnyServer {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &rustls::DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<rustls::SignatureScheme> {
        rustls::crypto::aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
