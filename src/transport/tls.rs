//! TLS with the `aws-lc-rs` provider, named everywhere: another one may be linked, and the process has no default.

use std::sync::{Arc, OnceLock};

use rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
    client::{
        WebPkiServerVerifier,
        danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
    },
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime, pem::PemObject},
};
use secrecy::ExposeSecret;

use super::{ConfigError, TlsConfig};

/// What the HTTP client is given.
pub(super) fn client_config(tls: &TlsConfig) -> Result<ClientConfig, ConfigError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let trust = if tls.insecure { Trust::Anybody } else { Trust::Roots(Roots::new(tls.ca_pem.as_deref())?) };
    let verifier = Arc::new(Verifier { trust, provider: Arc::clone(&provider) });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| ConfigError::Client(error.to_string()))?
        .dangerous()
        .with_custom_certificate_verifier(verifier);
    let mut config = match &tls.client_identity_pem {
        None => builder.with_no_client_auth(),
        Some(pem) => {
            let (chain, key) = identity(pem.expose_secret())?;
            builder.with_client_auth_cert(chain, key).map_err(|error| ConfigError::ClientIdentity(error.to_string()))?
        }
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

fn identity(pem: &[u8]) -> Result<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>), ConfigError> {
    // The parser's errors can quote the text, which holds a private key: they are not passed on.
    let chain = CertificateDer::pem_slice_iter(pem)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|_| ConfigError::ClientIdentity("broken PEM".to_owned()))?;
    if chain.is_empty() {
        return Err(ConfigError::ClientIdentity("no certificate in the PEM text".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_slice(pem)
        .map_err(|_| ConfigError::ClientIdentity("no usable private key in the PEM text".to_owned()))?;
    Ok((chain, key))
}

/// Checks a server's certificate.
#[derive(Debug)]
struct Verifier {
    trust: Trust,
    provider: Arc<CryptoProvider>,
}

#[derive(Debug)]
enum Trust {
    /// `insecure`.
    Anybody,
    Roots(Roots),
}

/// The machine's roots and the user's.
///
/// Reading the machine's takes longer than all the rest of a plugin's start, and most starts (`validate`, `schema`)
/// make no call: they are read by the first handshake.
#[derive(Debug)]
struct Roots {
    extra: RootCertStore,
    loaded: OnceLock<Result<Arc<WebPkiServerVerifier>, Error>>,
}

impl Roots {
    fn new(ca_pem: Option<&[u8]>) -> Result<Self, ConfigError> {
        let mut extra = RootCertStore::empty();
        for certificate in ca_pem.into_iter().flat_map(CertificateDer::pem_slice_iter) {
            let certificate = certificate.map_err(|error| ConfigError::CaCertificate(error.to_string()))?;
            extra.add(certificate).map_err(|error| ConfigError::CaCertificate(error.to_string()))?;
        }
        if ca_pem.is_some() && extra.is_empty() {
            return Err(ConfigError::CaCertificate("no certificate in the PEM text".to_owned()));
        }
        Ok(Self { extra, loaded: OnceLock::new() })
    }

    fn verifier(&self, provider: &Arc<CryptoProvider>) -> Result<&WebPkiServerVerifier, Error> {
        let loaded = self.loaded.get_or_init(|| {
            let mut roots = self.extra.clone();
            // Single broken certificates of a machine are its business; having none at all is told below.
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(provider))
                .build()
                .map_err(|error| Error::General(format!("no trusted root certificates: {error}")))
        });
        loaded.as_deref().map_err(Error::clone)
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        match &self.trust {
            Trust::Anybody => Ok(ServerCertVerified::assertion()),
            Trust::Roots(roots) => roots.verifier(&self.provider)?.verify_server_cert(
                end_entity,
                intermediates,
                server_name,
                ocsp_response,
                now,
            ),
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
