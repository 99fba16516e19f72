//! Terraform's side: a P-521 certificate that is an authority and a leaf at once, as go-plugin makes it, and gRPC.

use std::{
    future::{Ready, ready},
    io,
    sync::Arc,
    task::{Context, Poll},
};

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use http::uri::PathAndQuery;
use hyper_util::rt::TokioIo;
use prost::Message;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, SignatureAlgorithm};
use rustls::{
    ClientConfig, DigitallySignedStruct, Error, SignatureScheme,
    client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    crypto::{aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, ServerName, UnixTime},
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::UnixStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::{
    Status,
    codec::ProstCodec,
    transport::{Channel, Endpoint},
};

use crate::{
    message::Empty,
    process::{MAGIC_COOKIE, NEVER, Process},
};

/// A certificate with its key.
pub(crate) struct Identity {
    certificate: CertificateDer<'static>,
    key: PrivateKeyDer<'static>,
}

impl Identity {
    pub(crate) fn new(algorithm: &'static SignatureAlgorithm) -> Self {
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate_for(algorithm).unwrap();
        let certificate = params.self_signed(&key).unwrap().der().clone();
        Self { certificate, key: PrivatePkcs8KeyDer::from(key.serialize_der()).into() }
    }

    /// As go-plugin's client makes it.
    pub(crate) fn of_terraform() -> Self {
        Self::new(&rcgen::PKCS_ECDSA_P521_SHA512)
    }

    pub(crate) fn pem(&self) -> String {
        let base64 = STANDARD.encode(&self.certificate);
        let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }
}

/// What the handshake line says.
pub(crate) struct Plugin {
    pub(crate) process: Process,
    pub(crate) socket: String,
    certificate: Option<CertificateDer<'static>>,
}

impl Plugin {
    /// Starts a plugin for `identity`, as Terraform does, and reads its handshake line.
    pub(crate) async fn start(identity: &Identity) -> Self {
        let pem = identity.pem();
        Self::read(Process::start(&[MAGIC_COOKIE, ("PLUGIN_CLIENT_CERT", &pem), ("TF_LOG", "DEBUG")], "")).await
    }

    /// Reads the handshake line of a process.
    pub(crate) async fn read(mut process: Process) -> Self {
        let line = process.stdout_line().await.expect("a handshake line");
        let parts: Vec<_> = line.split('|').collect();
        let ["1", "6", "unix", socket, "grpc", certificate] = parts[..] else { panic!("{line}") };
        let certificate = STANDARD_NO_PAD.decode(certificate).unwrap();
        let certificate = (!certificate.is_empty()).then(|| certificate.into());
        Self { process, socket: socket.to_owned(), certificate }
    }

    /// Connects; `identity` is the certificate to show.
    pub(crate) async fn connect(&self, identity: Option<&Identity>) -> io::Result<Client> {
        let stream = UnixStream::connect(&self.socket).await?;
        let provider = Arc::new(aws_lc_rs::default_provider());
        let expected = self.certificate.clone().expect("the server's certificate");
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(OneServer(expected)));
        let mut config = match identity {
            Some(Identity { certificate, key }) => {
                config.with_client_auth_cert(vec![certificate.clone()], key.clone_key()).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        config.alpn_protocols = vec![b"h2".to_vec()];
        let name = ServerName::try_from("localhost").unwrap();
        Client::over(TlsConnector::from(Arc::new(config)).connect(name, stream).await?).await
    }
}

/// One connection with a plugin.
#[derive(Clone)]
pub(crate) struct Client(Channel);

impl Client {
    pub(crate) async fn over(stream: impl Stream) -> io::Result<Self> {
        let connector = Once(Some(TokioIo::new(Box::new(stream) as Box<dyn Stream>)));
        let channel = Endpoint::from_static("http://plugin").connect_with_connector(connector).await;
        channel.map(Self).map_err(io::Error::other)
    }

    /// Calls one RPC; no answer at all is an error too.
    pub(crate) async fn call<Res: Message + Default + 'static>(
        &self,
        path: &'static str,
        request: impl Message + 'static,
    ) -> Result<Res, Status> {
        let mut grpc = tonic::client::Grpc::new(self.0.clone()).max_decoding_message_size(256 << 20);
        let answer = async {
            grpc.ready().await.map_err(|error| Status::unavailable(error.to_string()))?;
            let codec = ProstCodec::default();
            grpc.unary(tonic::Request::new(request), PathAndQuery::from_static(path), codec).await
        };
        let answer = timeout(NEVER, answer).await.map_err(|_| Status::deadline_exceeded("no answer came"))?;
        answer.map(tonic::Response::into_inner)
    }

    pub(crate) async fn stop(&self) {
        let stopped: crate::message::StopProviderResponse =
            self.call("/tfplugin6.Provider/StopProvider", Empty {}).await.unwrap();
        assert_eq!(stopped.error, "");
    }

    pub(crate) async fn is_answered(&self) -> bool {
        self.call::<Empty>("/tfplugin6.Provider/GetMetadata", Empty {}).await.is_ok()
    }
}

pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Stream for T {}

/// A connection that is there already; there is no second one.
struct Once(Option<TokioIo<Box<dyn Stream>>>);

impl tower_service::Service<http::Uri> for Once {
    type Response = TokioIo<Box<dyn Stream>>;
    type Error = io::Error;
    type Future = Ready<io::Result<Self::Response>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: http::Uri) -> Self::Future {
        ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}

/// Takes the certificate of the handshake line and no other.
#[derive(Debug)]
struct OneServer(CertificateDer<'static>);

impl ServerCertVerifier for OneServer {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        assert_eq!(*end_entity, self.0);
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &aws_lc_rs::default_provider().signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &aws_lc_rs::default_provider().signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        aws_lc_rs::default_provider().signature_verification_algorithms.supported_schemes()
    }
}
