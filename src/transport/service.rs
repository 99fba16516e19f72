//! One exchange over the wire, behind a trait of one method so that tests can answer in its place.

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};

use super::{ConfigError, Request, TransportConfig, tls};

/// Sends one signed request and reads the whole answer; retries nothing.
#[async_trait]
pub trait Service: Send + Sync {
    /// One exchange.
    ///
    /// # Errors
    /// [`ServiceError`], which tells whether the request can have reached the server.
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError>;
}

/// Why an exchange gave no answer. The texts hold neither query nor header.
#[derive(Clone, Debug, Eq, PartialEq, thiserror::Error)]
pub enum ServiceError {
    /// No connection, so the request was certainly not sent: DNS, TCP, TLS, proxy.
    #[error("cannot connect: {0}")]
    Connect(String),
    /// The connection broke; the request may have been sent.
    #[error("the connection broke: {0}")]
    Interrupted(String),
    /// The answer is longer than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// The real service.
pub(super) struct HttpService {
    client: reqwest::Client,
    max_body: usize,
}

impl HttpService {
    pub(super) fn new(config: &TransportConfig) -> Result<Self, ConfigError> {
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(tls::client_config(&config.tls)?)
            .connect_timeout(config.connect_timeout)
            // Shorter than any server's: a kept connection that the server closes first costs a mutating call its answer.
            .pool_idle_timeout(std::time::Duration::from_secs(15))
            // A 3xx is an answer; following one would send the signature elsewhere.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(&config.user_agent)
            .build()
            .map_err(|error| ConfigError::Client(root_causes(error)))?;
        Ok(Self { client, max_body: config.max_body })
    }
}

#[async_trait]
impl Service for HttpService {
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError> {
        let Request { method, url, headers, body, .. } = request;
        let call = self.client.request(method, url).headers(headers);
        // No body at all rather than an empty one: a DELETE then has no Content-Length.
        let call = if body.is_empty() { call } else { call.body(body) };
        let mut response = call.send().await.map_err(broken)?;
        let mut answer = http::Response::new(Bytes::new());
        *answer.status_mut() = response.status();
        *answer.headers_mut() = std::mem::take(response.headers_mut());
        let mut body = BytesMut::new();
        while let Some(chunk) = response.chunk().await.map_err(broken)? {
            if body.len() + chunk.len() > self.max_body {
                return Err(ServiceError::TooLarge(self.max_body));
            }
            body.extend_from_slice(&chunk);
        }
        *answer.body_mut() = body.freeze();
        Ok(answer)
    }
}

fn broken(error: reqwest::Error) -> ServiceError {
    if error.is_connect() {
        ServiceError::Connect(root_causes(error))
    } else {
        ServiceError::Interrupted(root_causes(error))
    }
}

/// The error and what lies under it, without its URL: a query may be secret.
fn root_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = std::error::Error::source(&error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        // Several layers repeat the text of the one below.
        if !text.ends_with(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
