//! The journal: every request the clouds received, in order, with what they answered.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// Which cloud a request was sent to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cloud {
    /// Huawei Cloud.
    Huaweicloud,
    /// Samsung Cloud Platform.
    Samsungcloud,
}

/// One request and its answer.
///
/// `Debug` leaves headers and bodies out, because they hold credentials; so does [`Entry::redacted`].
#[derive(Clone, Serialize)]
pub struct Entry {
    /// Counts from 1 in the order of arrival, and on over every clear and reset.
    pub sequence: u64,
    /// When it arrived, as time since the start; milliseconds in JSON.
    #[serde(serialize_with = "milliseconds")]
    pub at: Duration,
    /// Who was asked.
    pub cloud: Cloud,
    /// The vendor's service: `ecs`, `evs`, `modelarts`, `iam`, `sts`, `metadata`; `virtualserver`, `catalog`; or `gateway`
    /// when no route matched.
    pub service: String,
    /// The operation as the vendor calls it, e.g. `AttachServerVolume`; empty when no route matched.
    pub operation: String,
    /// Upper case.
    pub method: String,
    /// As on the wire.
    pub path: String,
    /// As on the wire, without the `?`.
    pub query: String,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// The request's body.
    pub body: String,
    /// The status answered; absent while the request is still held up by a fault, or when it was dropped unanswered.
    pub status: Option<u16>,
    /// The id the cloud gave the request (`X-Request-Id`, or IAM's `X-IAM-Trace-Id`).
    pub request_id: Option<String>,
    /// The answer's body as it was before any fault cut it.
    pub response_body: String,
    /// Whether the operation is of the kind that changes something, whatever came of it.
    pub mutating: bool,
    /// The fault applied: the rule's name, or the effect when it has none.
    pub fault: Option<String>,
    /// Whether the cloud is through with it: answered, or dropped on purpose.
    pub finished: bool,
}

impl Entry {
    /// The same without credentials: for people, logs and the control endpoint.
    pub fn redacted(&self) -> Self {
        const HEADERS: [&str; 5] =
            ["authorization", "x-auth-token", "x-security-token", "x-subject-token", "x-metadata-token"];
        let mut entry = self.clone();
        for (name, value) in &mut entry.headers {
            let name = name.to_ascii_lowercase();
            if HEADERS.contains(&name.as_str()) || name.contains("signature") || name.contains("accesskey") {
                if !value.is_empty() {
                    // A refused signature is answered with the canonical request, signed headers and all.
                    entry.response_body = entry.response_body.replace(value.as_str(), "***");
                }
                "***".clone_into(value);
            }
        }
        if matches!(self.service.as_str(), "iam" | "sts" | "metadata") {
            // Passwords go in and temporary keys come out here; the shape is not worth the risk.
            for body in [&mut entry.body, &mut entry.response_body] {
                if !body.is_empty() {
                    "***".clone_into(body);
                }
            }
        }
        entry
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{} {:?} {} {} {}", self.sequence, self.at, self.operation, self.method, self.path)?;
        match self.status {
            Some(status) => write!(f, " -> {status}")?,
            None => write!(f, " -> no answer")?,
        }
        match &self.fault {
            Some(fault) => write!(f, " ({fault})"),
            None => Ok(()),
        }
    }
}

fn milliseconds<S: Serializer>(at: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((at.as_secs_f64() * 1e6).round() / 1e3)
}

/// A snapshot of the journal.
#[derive(Debug, Clone, Default)]
pub struct Journal {
    pub(super) entries: Vec<Entry>,
}

impl Journal {
    /// Every request in the order of arrival.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The requests for one operation, by the vendor's name.
    pub fn of(&self, operation: &str) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(move |entry| entry.operation == operation)
    }

    /// How often an operation was asked for.
    pub fn count(&self, operation: &str) -> usize {
        self.of(operation).count()
    }

    /// The requests of the kind that changes something (tokens and temporary keys do not count).
    pub fn mutations(&self) -> Vec<&Entry> {
        self.entries.iter().filter(|entry| entry.mutating).collect()
    }

    /// The operations in the order in which they were asked for.
    pub fn operations(&self) -> Vec<&str> {
        self.entries.iter().map(|entry| entry.operation.as_str()).collect()
    }

    /// The same without credentials.
    pub fn redacted(&self) -> Vec<Entry> {
        self.entries.iter().map(Entry::redacted).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry() -> Entry {
        Entry {
            sequence: 1,
            at: Duration::from_micros(1500),
            cloud: Cloud::Huaweicloud,
            service: "iam".to_owned(),
            operation: "KeystoneCreateUserTokenByPassword".to_owned(),
            method: "POST".to_owned(),
            path: "/v3/auth/tokens".to_owned(),
            query: String::new(),
            headers: vec![("X-Auth-Token".to_owned(), "hush".to_owned()), ("accept".to_owned(), "*/*".to_owned())],
            body: "{\"password\":\"hush\"}".to_owned(),
            status: Some(201),
            request_id: None,
            response_body: "hush".to_owned(),
            mutating: false,
            fault: None,
            finished: true,
        }
    }

    #[test]
    fn no_secret_is_left_in_a_redacted_entry_or_in_debug() {
        let shown = serde_json::to_string(&entry().redacted()).unwrap();
        assert!(!shown.contains("hush"), "{shown}");
        assert!(shown.contains("*/*"), "harmless headers stay: {shown}");
        assert!(shown.contains("\"at\":1.5"), "milliseconds: {shown}");
        assert_eq!(format!("{:?}", entry()), "#1 1.5ms KeystoneCreateUserTokenByPassword POST /v3/auth/tokens -> 201");
    }
}
