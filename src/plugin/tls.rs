//! Mutual TLS with the one client whose certificate came through the environment.
//!
//! go-plugin makes a P-521 key and a certificate that is at once an authority and a leaf (`mtls.go` in
//! `hashicorp/go-plugin`). Of rustls' backends only aws-lc-rs verifies P-521, and no chain verifier takes an authority as a
//! leaf; so the certificate is compared byte for byte and only the handshake's signature is left to the backend.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, KeyUsagePurpose};
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, ServerConfig, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, aws_lc_rs, verify_tls12_signature, verify_tls13_signature},
    pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer, UnixTime, pem::PemObject},
    server::{
        NoServerSessionStorage, ParsedCertificate,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};
use tokio_rustls::TlsAcceptor;

use super::ServeError;

/// The server's side of mutual TLS.
pub(super) struct Tls {
    /// Accepts a stream and does the handshake.
    pub(super) acceptor: TlsAcceptor,
    /// The server's certificate, DER, for the handshake line.
    pub(super) certificate: CertificateDer<'static>,
}

/// Makes a fresh certificate, and accepts nobody but the owner of `client_certificate` (PEM).
pub(super) fn mutual_tls(client_certificate: &str) -> Result<Tls, ServeError> {
    let client = CertificateDer::from_pem_slice(client_certificate.as_bytes())
        .map_err(|_| ServeError::ClientCertificate)
        .and_then(|client| match ParsedCertificate::try_from(&client) {
            Ok(_) => Ok(client),
            Err(_) => Err(ServeError::ClientCertificate),
        })?;
    let (certificate, key) = self_signed()?;
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = OneClient { client, provider: Arc::clone(&provider) };
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_single_cert(vec![certificate.clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    // The client connects once: nothing to resume, and so no second way in.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Tls { acceptor: TlsAcceptor::from(Arc::new(config)), certificate })
}

/// A certificate for `localhost`, the name go-plugin's client asks for, valid as long as rcgen's default says.
fn self_signed() -> Result<(CertificateDer<'static>, PrivateKeyDer<'static>), rcgen::Error> {
    let mut params = CertificateParams::new(["localhost".to_owned()])?;
    params.distinguished_name.push(DnType::CommonName, "localhost");
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages =
        vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyAgreement, KeyUsagePurpose::KeyCertSign];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
    let key = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256)?;
    let certificate = params.self_signed(&key)?;
    Ok((certificate.der().clone(), PrivatePkcs8KeyDer::from(key.serialize_der()).into()))
}

/// Takes exactly one certificate.
#[derive(Debug)]
struct OneClient {
    client: CertificateDer<'static>,
    provider: Arc<CryptoProvider>,
}

impl ClientCertVerifier for OneClient {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &[]
    }

    fn verify_client_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        if *end_entity == self.client {
            Ok(ClientCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_certificate_that_is_none_is_refused_in_one_sentence() {
        let not_a_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "garbage", not_a_certificate] {
            let error = mutual_tls(pem).err().unwrap().to_string();
            assert_eq!(error, "PLUGIN_CLIENT_CERT holds no certificate that can be read");
        }
    }

    #[test]
    fn every_start_has_a_certificate_of_its_own() {
        assert_ne!(self_signed().unwrap().0, self_signed().unwrap().0);
    }
}
