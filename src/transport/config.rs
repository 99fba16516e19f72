//! The transport's settings, and what is wrong with them.

use std::{fmt, sync::Arc, time::Duration};

use secrecy::SecretSlice;

use crate::backoff::BackoffConfig;

/// Tells the wall-clock time; signatures carry it.
pub type Clock = Arc<dyn Fn() -> std::time::SystemTime + Send + Sync>;

/// Settings of a [`super::Transport`]; plain data.
#[derive(Clone)]
pub struct TransportConfig {
    /// DNS, TCP and TLS together.
    pub connect_timeout: Duration,
    /// One attempt from connecting to the last byte of the body.
    pub attempt_timeout: Duration,
    /// Attempts after the first.
    pub max_retries: u32,
    /// Delays after failures.
    pub backoff: BackoffConfig,
    /// Delays after throttling: slow, because the vendors count calls by the minute.
    pub throttle_backoff: BackoffConfig,
    /// At most this many attempts a second by all clones together; `None` for no limit.
    pub requests_per_second: Option<f64>,
    /// Whom to trust and what to show.
    pub tls: TlsConfig,
    /// `User-Agent`.
    pub user_agent: String,
    /// Longer bodies are refused, in bytes.
    pub max_body: usize,
    /// The wall clock.
    pub clock: Clock,
}

/// TLS settings. The machine's own roots are always trusted (`SSL_CERT_FILE` is obeyed).
#[derive(Clone, Debug, Default)]
pub struct TlsConfig {
    /// Certificates trusted in addition, PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Accept any certificate of any server.
    pub insecure: bool,
    /// A client certificate with its chain and its private key, one PEM text.
    pub client_identity_pem: Option<SecretSlice<u8>>,
}

/// Why a transport cannot be made of a [`TransportConfig`].
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// `requests_per_second` is zero, negative or no number.
    #[error("requests_per_second must be a positive number, not {0}")]
    RequestsPerSecond(f64),
    /// `ca_pem` holds no certificate, or a broken one.
    #[error("the CA certificate cannot be used: {0}")]
    CaCertificate(String),
    /// `client_identity_pem` is not a certificate with its private key.
    #[error("the client certificate cannot be used: {0}")]
    ClientIdentity(String),
    /// The HTTP client refuses the rest, e.g. the user agent.
    #[error("the HTTP client cannot be made: {0}")]
    Client(String),
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(10),
            attempt_timeout: Duration::from_secs(30),
            max_retries: 5,
            backoff: BackoffConfig {
                initial: Duration::from_millis(250),
                max: Duration::from_secs(15),
                multiplier: 3.0,
            },
            throttle_backoff: BackoffConfig {
                initial: Duration::from_secs(5),
                max: Duration::from_secs(60),
                multiplier: 3.0,
            },
            requests_per_second: None,
            tls: TlsConfig::default(),
            user_agent: concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")).to_owned(),
            max_body: 8 * 1024 * 1024,
            clock: system_clock(),
        }
    }
}

impl fmt::Debug for TransportConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransportConfig")
            .field("connect_timeout", &self.connect_timeout)
            .field("attempt_timeout", &self.attempt_timeout)
            .field("max_retries", &self.max_retries)
            .field("requests_per_second", &self.requests_per_second)
            .field("insecure", &self.tls.insecure)
            .finish_non_exhaustive()
    }
}

/// The machine's own clock.
pub fn system_clock() -> Clock {
    #[allow(clippy::disallowed_methods, reason = "the one clock that is handed to the signers")]
    Arc::new(std::time::SystemTime::now)
}
