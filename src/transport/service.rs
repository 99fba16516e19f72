//! One exchange over the wire, behind a trait of one method so that tests can answer in its place.

use std::{error::Error, io, time::Duration};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Method, header::CONTENT_LENGTH};
use url::{Host, Url};

use super::{ConfigError, Request, TransportConfig, loopback::is_loopback, tls};

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
    /// No connection either, and no hope of one: the server's certificate is not trusted.
    #[error("the server's certificate is not trusted: {0}")]
    Untrusted(String),
    /// The connection broke; the request may have been sent.
    #[error("the connection broke: {0}")]
    Interrupted(String),
    /// The answer is longer than this many bytes.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// The real service.
pub(super) struct HttpService {
    /// Goes through the proxies that the environment names.
    client: reqwest::Client,
    /// Goes straight to this machine, as Go's HTTP client does, on which the vendors' providers are built: a simulator
    /// can be used behind a company's proxy. Also to this machine's metadata service, whose keys are no proxy's business.
    direct: reqwest::Client,
    max_body: usize,
}

impl HttpService {
    pub(super) fn new(config: &TransportConfig) -> Result<Self, ConfigError> {
        let tls = tls::client_config(&config.tls)?;
        let builder = || {
            reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .connect_timeout(config.connect_timeout)
                // Shorter than any server's: a kept connection that the server closes first costs a mutating call its answer.
                .pool_idle_timeout(Duration::from_secs(15))
                // A 3xx is an answer; following one would send the signature elsewhere.
                .redirect(reqwest::redirect::Policy::none())
                .user_agent(&config.user_agent)
        };
        let build =
            |builder: reqwest::ClientBuilder| builder.build().map_err(|error| ConfigError::Client(root_causes(error)));
        Ok(Self { client: build(builder())?, direct: build(builder().no_proxy())?, max_body: config.max_body })
    }
}

/// Whether no proxy of the environment is used: for calls to this machine, and to the metadata service on its link, whose
/// answer is a credential.
fn is_direct(url: &Url) -> bool {
    is_loopback(url) || matches!(url.host(), Some(Host::Ipv4(address)) if address.is_link_local())
}

#[async_trait]
impl Service for HttpService {
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError> {
        let Request { method, url, mut headers, body, .. } = request;
        // The HTTP client leaves it out, and some gateways answer 411 (RFC 9110, section 8.6).
        if body.is_empty() && matches!(method, Method::POST | Method::PUT | Method::PATCH) {
            headers.insert(CONTENT_LENGTH, HeaderValue::from_static("0"));
        }
        let client = if is_direct(&url) { &self.direct } else { &self.client };
        let call = client.request(method, url).headers(headers).body(body);
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
    if let Some(reason) = untrusted(&error) {
        ServiceError::Untrusted(reason)
    } else if error.is_connect() {
        ServiceError::Connect(root_causes(error))
    } else {
        ServiceError::Interrupted(root_causes(error))
    }
}

/// What is wrong with the server's certificate, if that is what ended the handshake.
fn untrusted(error: &reqwest::Error) -> Option<String> {
    let reason = causes(error).find_map(|cause| cause.downcast_ref::<rustls::Error>())?;
    matches!(reason, rustls::Error::InvalidCertificate(_)).then(|| reason.to_string())
}

/// The error and what lies under it, without its URL: a query may be secret.
fn root_causes(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    for cause in causes(&error).map(ToString::to_string) {
        // Several layers repeat the text of the one below.
        if !text.ends_with(&cause) {
            text = format!("{text}: {cause}");
        }
    }
    text
}

fn causes(error: &reqwest::Error) -> impl Iterator<Item = &(dyn Error + 'static)> {
    std::iter::successors(error.source(), |&cause| match cause.downcast_ref::<io::Error>() {
        // An I/O error does not name what it wraps as its source, but that one's source.
        Some(wrapper) => wrapper.get_ref().map(|inner| inner as &(dyn Error + 'static)),
        None => cause.source(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_and_its_metadata_service_are_called_without_a_proxy() {
        for (url, direct) in [
            ("http://127.0.0.1:1/", true),
            ("http://169.254.169.254/openstack/latest/securitykey", true),
            ("http://169.255.0.1/", false),
            ("https://ecs.example.com/", false),
        ] {
            assert_eq!(is_direct(&Url::parse(url).unwrap()), direct, "{url}");
        }
    }
}
