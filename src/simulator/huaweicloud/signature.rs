//! Verification of `SDK-HMAC-SHA256`, from the vendor's page "AK/SK Signing and Authentication Process".
//!
//! The server rebuilds the canonical request from what arrived and from nothing but the headers the client says it
//! signed; a header added after signing is legal, and `host` need not be among them.

use hmac::Mac as _;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sha2::{Digest, Sha256};
use time::format_description::FormatItem;
use time::macros::format_description;
use time::{Duration, OffsetDateTime, PrimitiveDateTime};

use crate::simulator::mac::mac;
use crate::simulator::message::Request;

/// How far the client's clock may be off.
const WINDOW: Duration = Duration::minutes(15);
const BASIC_TIME: &[FormatItem<'_>] = format_description!("[year][month][day]T[hour][minute][second]Z");
/// RFC 3986's unreserved characters stay.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// The `Authorization` header, taken apart.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Authorization {
    pub(crate) access_key: String,
    pub(crate) signed_headers: Vec<String>,
    pub(crate) signature: String,
}

impl Authorization {
    /// Reads `SDK-HMAC-SHA256 Access=…, SignedHeaders=…, Signature=…`.
    pub(crate) fn parse(header: &str) -> Option<Self> {
        let rest = header.trim().strip_prefix("SDK-HMAC-SHA256")?;
        let part = |name: &str| {
            let mut parts = rest.split(',').map(str::trim);
            parts.find_map(|part| part.strip_prefix(name)?.strip_prefix('=').map(str::to_owned))
        };
        let signed_headers = part("SignedHeaders")?.split(';').map(str::to_owned).collect();
        Some(Self { access_key: part("Access")?, signed_headers, signature: part("Signature")? })
    }
}

/// Why a signature is not accepted.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// `X-Sdk-Date` is missing, unreadable, unsigned or outside the window.
    Expired,
    /// Another signature was expected for this canonical request.
    Mismatch {
        /// As the server sees it.
        canonical_request: String,
    },
}

/// Checks a request against the secret key of the access key it names.
pub(crate) fn verify(
    request: &Request,
    authorization: &Authorization,
    secret_key: &str,
    now: OffsetDateTime,
) -> Result<(), Rejection> {
    let date = request.header("x-sdk-date").ok_or(Rejection::Expired)?;
    let signed_at = PrimitiveDateTime::parse(date, BASIC_TIME).map_err(|_| Rejection::Expired)?.assume_utc();
    if !authorization.signed_headers.iter().any(|name| name == "x-sdk-date") || (now - signed_at).abs() > WINDOW {
        return Err(Rejection::Expired);
    }
    let canonical_request = canonical_request(request, &authorization.signed_headers);
    let string_to_sign = string_to_sign(date, &canonical_request);
    let matches = hex::decode(&authorization.signature)
        .is_ok_and(|given| mac(secret_key, &string_to_sign).verify_slice(&given).is_ok());
    // Decoding takes upper case too; the vendor's signature is lower case.
    if matches && authorization.signature.to_lowercase() == authorization.signature && body_hash_is_true(request) {
        Ok(())
    } else {
        Err(Rejection::Mismatch { canonical_request })
    }
}

/// Method, URI, query, headers, list of signed headers, hash of the body: a line each, with a blank line after the headers.
fn canonical_request(request: &Request, signed_headers: &[String]) -> String {
    let mut uri: Vec<_> = request.path.split('/').map(|s| escape(&crate::simulator::message::decode(s))).collect();
    if uri.last().is_some_and(|last| !last.is_empty()) {
        uri.push(String::new());
    }
    let mut query = request.query_pairs();
    query.sort();
    let query: Vec<_> = query.iter().map(|(key, value)| format!("{}={}", escape(key), escape(value))).collect();
    let mut names = signed_headers.to_vec();
    names.sort();
    let headers: String = names
        .iter()
        .map(|name| {
            let values: Vec<_> = request.headers.iter().filter(|(n, _)| n == name).map(|(_, v)| v.trim()).collect();
            format!("{name}:{}\n", values.join(","))
        })
        .collect();
    let hash = match request.header("x-sdk-content-sha256") {
        Some(hash) => hash.to_owned(),
        None => hex::encode(Sha256::digest(&request.body)),
    };
    [&request.method, &uri.join("/"), &query.join("&"), &headers, &names.join(";"), &hash]
        .map(String::as_str)
        .join("\n")
}

fn string_to_sign(date: &str, canonical_request: &str) -> String {
    format!("SDK-HMAC-SHA256\n{date}\n{}", hex::encode(Sha256::digest(canonical_request)))
}

/// A hash sent as a header counts as signed, so it must be that of the body, unless the client opted out.
fn body_hash_is_true(request: &Request) -> bool {
    request
        .header("x-sdk-content-sha256")
        .is_none_or(|hash| hash == "UNSIGNED-PAYLOAD" || hash == hex::encode(Sha256::digest(&request.body)))
}

fn escape(text: &str) -> String {
    utf8_percent_encode(text, ESCAPED).to_string()
}

/// Signs as a client does: the `Authorization` header for a request that has its `x-sdk-date`.
#[cfg(test)]
pub(crate) fn sign(request: &Request, access_key: &str, secret_key: &str, signed_headers: &[&str]) -> String {
    let names: Vec<String> = signed_headers.iter().map(|&name| name.to_owned()).collect();
    let date = request.header("x-sdk-date").unwrap_or_default();
    let string_to_sign = string_to_sign(date, &canonical_request(request, &names));
    let signature = hex::encode(mac(secret_key, &string_to_sign).finalize().into_bytes());
    format!("SDK-HMAC-SHA256 Access={access_key}, SignedHeaders={}, Signature={signature}", names.join(";"))
}

/// The `X-Sdk-Date` of a moment.
#[cfg(test)]
pub(crate) fn date(moment: OffsetDateTime) -> String {
    moment.format(BASIC_TIME).unwrap()
}

#[cfg(test)]
mod tests {
    use super::*;
    use time::macros::datetime;

    const AK: &str = "AKEXAMPLE0000000TEST";
    const SK: &str = "sk/EXAMPLE+secret0123456789abcdefABCDEF0";
    const PROJECT: &str = "0605767b5f0010e22fc0c017example1";
    const NOW: OffsetDateTime = datetime!(2026-01-02 03:04:05 UTC);

    fn request(method: &str, host: &str, target: &str, body: &'static str) -> Request {
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut headers = vec![
            ("host".to_owned(), host.to_owned()),
            ("x-sdk-date".to_owned(), "20260102T030405Z".to_owned()),
            ("user-agent".to_owned(), "added after signing".to_owned()),
        ];
        if !body.is_empty() {
            headers.push(("content-type".to_owned(), "application/json".to_owned()));
        }
        Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers,
            body: body.into(),
        }
    }

    fn authorization(signed: &str, signature: &str) -> Authorization {
        let header = format!("SDK-HMAC-SHA256 Access={AK}, SignedHeaders={signed}, Signature={signature}");
        Authorization::parse(&header).unwrap()
    }

    fn check(request: &Request, signed: &str, hash: &str, signature: &str) {
        let authorization = authorization(signed, signature);
        let canonical = canonical_request(request, &authorization.signed_headers);
        assert_eq!(hex::encode(Sha256::digest(&canonical)), hash, "canonical request:\n{canonical}");
        assert_eq!(verify(request, &authorization, SK, NOW), Ok(()));
    }

    #[test]
    fn the_documentation_s_vector_is_accepted() {
        let request = Request {
            method: "GET".to_owned(),
            path: "/v1/77b6a44cba5143ab91d13ab9a8ff44fd/vpcs".to_owned(),
            query: "limit=2&marker=13551d6b-755d-4757-b956-536f674975c0".to_owned(),
            headers: vec![
                ("content-type".to_owned(), "application/json".to_owned()),
                ("host".to_owned(), "service.region.example.com".to_owned()),
                ("x-sdk-date".to_owned(), "20191115T033655Z".to_owned()),
            ],
            body: bytes::Bytes::new(),
        };
        let authorization = authorization(
            "content-type;host;x-sdk-date",
            "7be6668032f70418fcc22abc52071e57aff61b84a1d2381bb430d6870f4f6ebe",
        );
        let canonical = canonical_request(&request, &authorization.signed_headers);
        assert_eq!(
            hex::encode(Sha256::digest(canonical)),
            "b25362e603ee30f4f25e7858e8a7160fd36e803bb2dfe206278659d71a9bcd7a"
        );
        let secret = "MFyfvK41ba2giqM7Uio6PznpdUKGpownRZlmVmHc";
        assert_eq!(verify(&request, &authorization, secret, datetime!(2019-11-15 03:40:00 UTC)), Ok(()));
    }

    #[test]
    fn the_vectors_of_attach_project_lookup_loopback_and_modelarts_are_accepted() {
        check(
            &request(
                "POST",
                "ecs.cn-north-4.myhuaweicloud.com",
                &format!("/v1/{PROJECT}/cloudservers/4d8c3732-a248-40ed-bebc-539a6ffd25c0/attachvolume"),
                r#"{"volumeAttachment":{"volumeId":"a26887c6-c47b-4654-abb5-dfadf7d3f803","device":"/dev/vdb"}}"#,
            ),
            "content-type;host;x-sdk-date",
            "83587079f6221987b509d57c9ba6823959c3fcbeb5df00a785b479ffcc1884cb",
            "53c756ec3724bda6cc4b8309ad58d938520f39a6feb5abe56046854a74c1aa7a",
        );
        check(
            &request("GET", "iam.cn-north-4.myhuaweicloud.com", "/v3/projects?name=cn-north-4", ""),
            "host;x-sdk-date",
            "e92db4612b298261b54ae977c3128cc3b2c056466377f811e25bca85ad9eb77b",
            "065e68dc20ea5ed54907fd35cf88bf8769a1e9cd66a8460378bb7da4a43a31d6",
        );
        check(
            &request("GET", "127.0.0.1:8080", &format!("/v1/{PROJECT}/jobs/ff80808288d41e1b018990260955686a"), ""),
            "host;x-sdk-date",
            "2e3e11f12f90ce744b399f266b4c4de6998db1f51efd46b4e83a9505340252c5",
            "aa3ca82776a155309ca77fb2c719d71b383537c2c16f5b6b865f23b44f2e225e",
        );
        check(
            &request(
                "POST",
                "modelarts.cn-north-4.myhuaweicloud.com",
                &format!("/v1/{PROJECT}/dev-servers/f1b1f1b1-1111-4222-8333-444455556666/attachvolume"),
                r#"{"volume_id":"a26887c6-c47b-4654-abb5-dfadf7d3f803"}"#,
            ),
            "content-type;host;x-sdk-date",
            "daa46c5f4c873f1089a9c320f47fe08619f1a0718d827f219dd39c007d16b2ae",
            "cc3586e4150e2e7876ed7bc8f1bd78750457b93f7eb10603e264df1a39f6c753",
        );
    }

    fn sign(request: &Request, signed: &str) -> Authorization {
        let names: Vec<_> = signed.split(';').collect();
        Authorization::parse(&super::sign(request, AK, SK, &names)).unwrap()
    }

    #[test]
    fn host_may_be_left_out_and_x_sdk_date_may_not() {
        let request = request("GET", "h", "/v3/projects", "");
        assert_eq!(verify(&request, &sign(&request, "x-sdk-date"), SK, NOW), Ok(()));
        assert_eq!(verify(&request, &sign(&request, "host"), SK, NOW), Err(Rejection::Expired));
    }

    #[test]
    fn a_clock_may_be_fifteen_minutes_off_and_no_more() {
        let request = request("GET", "h", "/", "");
        let authorization = sign(&request, "host;x-sdk-date");
        for (minutes, accepted) in [(0, true), (15, true), (-15, true), (16, false), (-16, false)] {
            let now = NOW + Duration::minutes(minutes);
            assert_eq!(verify(&request, &authorization, SK, now).is_ok(), accepted, "{minutes}");
        }
    }

    #[test]
    fn whatever_is_signed_cannot_be_changed() {
        let original = request("POST", "h", "/v1/p?b=2&a=x%20y&c", "{}");
        let authorization = sign(&original, "content-type;host;x-sdk-date");
        assert_eq!(verify(&original, &authorization, SK, NOW), Ok(()));
        let mut reordered = original.clone();
        reordered.query = "c=&a=x%20y&b=2".to_owned();
        assert_eq!(verify(&reordered, &authorization, SK, NOW), Ok(()), "the order of a query is not signed");
        let mut changed = vec![original.clone(), original.clone(), original.clone(), original.clone()];
        changed[0].body = "{} ".into();
        changed[1].query = "b=2&a=x+y&c".to_owned();
        changed[2].path = "/v1/q".to_owned();
        changed[3].headers[0].1 = "other".to_owned();
        for request in changed {
            assert!(
                matches!(verify(&request, &authorization, SK, NOW), Err(Rejection::Mismatch { .. })),
                "{request:?}"
            );
        }
        assert!(matches!(verify(&original, &authorization, "other", NOW), Err(Rejection::Mismatch { .. })));
    }

    #[test]
    fn a_content_hash_header_is_taken_as_it_is_and_must_be_true() {
        let mut request = request("POST", "h", "/", "{}");
        request.headers.push(("x-sdk-content-sha256".to_owned(), "UNSIGNED-PAYLOAD".to_owned()));
        let authorization = sign(&request, "host;x-sdk-date");
        request.body = "anything".into();
        assert_eq!(verify(&request, &authorization, SK, NOW), Ok(()));
        let last = request.headers.len() - 1;
        request.headers[last].1 = hex::encode(Sha256::digest("{}"));
        let authorization = sign(&request, "host;x-sdk-date");
        assert!(verify(&request, &authorization, SK, NOW).is_err());
    }

    #[test]
    fn an_authorization_that_is_not_ours_is_not_read() {
        for header in
            ["", "Bearer x", "SDK-HMAC-SHA256 Access=a", "SDK-HMAC-SM3 Access=a, SignedHeaders=b, Signature=c"]
        {
            assert_eq!(Authorization::parse(header), None, "{header}");
        }
    }
}
