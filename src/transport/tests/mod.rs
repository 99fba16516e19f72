//! Tests of whole calls: the chain over a scripted service with time paused, and the real service over
//! sockets, plain and with TLS.

mod chain;
mod https;
mod wire;

use http::{HeaderMap, Method};
use url::Url;

use super::Request;

/// A GET, which is idempotent, or a POST, which is not.
fn request(method: Method, url: &str) -> Request {
    Request {
        operation: "AttachServerVolume",
        idempotent: method == Method::GET,
        method,
        url: Url::parse(url).unwrap(),
        headers: HeaderMap::new(),
        body: bytes::Bytes::new(),
    }
}
