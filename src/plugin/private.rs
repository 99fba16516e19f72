//! Private data: what a resource keeps beside its state, as JSON in an envelope that says how it was written.

use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// Raised when older private data can no longer be read as it is.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Written<'a, P> {
    version: u32,
    data: &'a P,
}

#[derive(Deserialize)]
struct Read {
    version: u32,
    data: serde_json::Value,
}

/// Private data as Terraform keeps it.
pub(super) fn encode<P: Serialize>(data: &P) -> Result<Vec<u8>, serde_json::Error> {
    serde_json::to_vec(&Written { version: VERSION, data })
}

/// Private data as it was written; its default where there is none, or none that this version can read.
pub(super) fn decode<P: DeserializeOwned + Default>(bytes: &[u8], type_name: &str) -> P {
    if bytes.is_empty() {
        return P::default();
    }
    let read = serde_json::from_slice(bytes)
        .ok()
        .and_then(|Read { version, data }| (version == VERSION).then(|| serde_json::from_value(data).ok()).flatten());
    read.unwrap_or_else(|| {
        tracing::warn!(resource = type_name, "private data cannot be read and is left aside; another version wrote it");
        P::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Job {
        job: Option<String>,
    }

    #[test]
    fn private_data_comes_back_as_it_was_written() {
        let private = Job { job: Some("70a599e0".to_owned()) };
        let bytes = encode(&private).unwrap();
        assert_eq!(bytes, br#"{"version":1,"data":{"job":"70a599e0"}}"#);
        assert_eq!(decode::<Job>(&bytes, "t"), private);
    }

    #[test]
    fn private_data_of_nobody_or_of_another_version_is_the_default() {
        for bytes in [&b""[..], b"null", b"{}", b"\xff", br#"{"version":2,"data":{"job":"x"}}"#, br#"{"job":"x"}"#] {
            assert_eq!(decode::<Job>(bytes, "t"), Job::default(), "{bytes:?}");
        }
    }
}
