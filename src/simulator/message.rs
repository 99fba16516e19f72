//! One request as received and one reply as sent, without any HTTP library's types.

use bytes::Bytes;
use percent_encoding::percent_decode_str;
use serde_json::Value;

/// A request, complete with its body.
#[derive(Debug, Clone)]
pub(crate) struct Request {
    /// Upper case.
    pub(crate) method: String,
    /// As on the wire, still percent-encoded.
    pub(crate) path: String,
    /// As on the wire, without the `?`.
    pub(crate) query: String,
    /// Names in lower case, in the order received.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Request {
    /// The first header of that (lower-case) name.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    /// The decoded path segments; an empty last one for a trailing slash is dropped, as gateways do.
    pub(crate) fn segments(&self) -> Vec<String> {
        let path = self.path.trim_start_matches('/');
        path.strip_suffix('/').unwrap_or(path).split('/').map(decode).collect()
    }

    /// The decoded query in the order received; a key without a value has an empty one.
    pub(crate) fn query_pairs(&self) -> Vec<(String, String)> {
        let pairs = self.query.split('&').filter(|pair| !pair.is_empty());
        pairs
            .map(|pair| {
                let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                (decode(key), decode(value))
            })
            .collect()
    }

    /// The first query value of that name.
    pub(crate) fn query_value(&self, name: &str) -> Option<String> {
        self.query_pairs().into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// The body as JSON; `Null` when it is empty or something else.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }
}

/// What the names in a route's template stand for in one request.
#[derive(Debug)]
pub(crate) struct Params(Vec<(&'static str, String)>);

impl Params {
    /// When the segments fit the template, in which `{name}` is any one segment that is not empty.
    pub(crate) fn of(template: &'static str, segments: &[String]) -> Option<Self> {
        let wanted: Vec<&'static str> = template.trim_start_matches('/').split('/').collect();
        if wanted.len() != segments.len() {
            return None;
        }
        let mut params = Vec::new();
        for (wanted, given) in wanted.into_iter().zip(segments) {
            match wanted.strip_prefix('{').and_then(|wanted| wanted.strip_suffix('}')) {
                Some(name) if !given.is_empty() => params.push((name, given.clone())),
                _ if wanted == given => {}
                _ => return None,
            }
        }
        Some(Self(params))
    }

    /// What a name stands for.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(given, _)| *given == name).map(|(_, value)| value.as_str())
    }
}

/// Percent-decoding; what is not UTF-8 becomes the replacement character.
pub(crate) fn decode(text: &str) -> String {
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// An answer before it is sent.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Bytes,
}

impl Reply {
    /// A JSON body.
    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// Any text.
    pub(crate) fn text(status: u16, content_type: &str, body: impl Into<Bytes>) -> Self {
        let headers = vec![("content-type".to_owned(), content_type.to_owned())];
        Self { status, headers, body: body.into() }
    }

    /// No body.
    pub(crate) fn empty(status: u16) -> Self {
        Self { status, headers: Vec::new(), body: Bytes::new() }
    }

    /// With one more header.
    pub(crate) fn with_header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }
}
