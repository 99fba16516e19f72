//! The signature of the v2 API, verified: HMAC-SHA256 over method, full URL, timestamp, access key, account and client
//! type, without separators.
//!
//! The URL is the one the client sent, so its host comes from `Host` and its scheme from the configuration.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::Mac as _;

use super::switches::AccountInSignature;
use crate::simulator::mac::mac;
use crate::simulator::message::Request;

/// The only client type of programs.
pub(crate) const CLIENT_TYPE: &str = "Openapi";

/// The URL as the client sent it.
pub(crate) fn url(request: &Request, scheme: &str) -> String {
    let host = request.header("host").unwrap_or_default();
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    format!("{scheme}://{host}{}{query}", request.path)
}

/// What is signed.
pub(crate) fn message(
    method: &str,
    url: &str,
    timestamp: &str,
    access_key: &str,
    account: &str,
    client_type: &str,
) -> String {
    [method, url, timestamp, access_key, account, client_type].concat()
}

/// The `Scp-Signature` header of a message; for the tests, which sign by hand.
#[cfg(test)]
pub(crate) fn sign(message: &str, secret_key: &str) -> String {
    STANDARD.encode(mac(secret_key, message).finalize().into_bytes())
}

/// Why a signature is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rejection {
    /// A header is missing, or the client type is another.
    Incomplete,
    /// The timestamp is not a number of milliseconds within the window.
    Expired,
    /// Another signature was expected.
    Mismatch,
}

/// How to verify.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Rules<'a> {
    pub(crate) scheme: &'a str,
    pub(crate) window: Duration,
    pub(crate) account: AccountInSignature,
}

/// Checks a request against the secret key of the access key it names, at a time in milliseconds since 1970.
pub(crate) fn verify(
    request: &Request,
    secret_key: &str,
    now_milliseconds: i128,
    rules: Rules<'_>,
) -> Result<(), Rejection> {
    let header = |name| request.header(name).ok_or(Rejection::Incomplete);
    let (access_key, signature) = (header("scp-accesskey")?, header("scp-signature")?);
    let (timestamp, client_type) = (header("scp-timestamp")?, header("scp-clienttype")?);
    if client_type != CLIENT_TYPE {
        return Err(Rejection::Incomplete);
    }
    let is_number = !timestamp.is_empty() && timestamp.bytes().all(|byte| byte.is_ascii_digit());
    let signed_at: i128 = timestamp.parse().ok().filter(|_| is_number).ok_or(Rejection::Expired)?;
    let off = now_milliseconds.abs_diff(signed_at);
    if !rules.window.is_zero() && off > rules.window.as_millis() {
        return Err(Rejection::Expired);
    }
    let account = match rules.account {
        AccountInSignature::Header => request.header("scp-accountid").unwrap_or_default(),
        AccountInSignature::Ignored => "",
    };
    let url = url(request, rules.scheme);
    let message = message(&request.method, &url, timestamp, access_key, account, client_type);
    let given = STANDARD.decode(signature).map_err(|_| Rejection::Mismatch)?;
    mac(secret_key, &message).verify_slice(&given).map_err(|_| Rejection::Mismatch)
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;

    const AK: &str = "AKTEST0123456789abcdef0123456789";
    const SK: &str = "sk-test-00000000-1111-2222-3333-444444444444";
    const TS: &str = "1605290625682";
    const NOW: i128 = 1_605_290_625_682;
    const B: &str = "https://virtualserver.kr-west1.e.samsungsdscloud.com";
    const L: &str = "http://127.0.0.1:18080";
    const V: &str = "3f500f00-ed80-4566-a057-e31760226f9a";
    const S: &str = "2a9be312-5d4b-4bc8-b2ae-35100fa9241f";

    /// The vectors: id, method, URL with the letters for what they stand for, signature.
    const VECTORS: &[(&str, &str, &str, &str)] = &[
        ("TV1", "DELETE", "B/v1/volumes/V/servers/S", "Y0Yit6tsI1h09A2NNMY2ph7OXl5gYpNjP9ikkXAZI74="),
        ("TV2", "POST", "B/v1/volumes/V/servers", "QphViCpns4fDFtkUZ+bIdnxH127xF/YuEg6IoLXuy+0="),
        ("TV3", "GET", "B/v1/volumes/V", "Bf5SD0knfnQt7ZHD0O8s45s+LTki2ARprzUqLDmgKPw="),
        (
            "TV4",
            "GET",
            "B/v1/volumes?limit=1000&name=my+vol&state=in-use",
            "RA0HNr7ra+E6ziaQfRsGpvl7mS7WN1ny5OVjEOl6W68=",
        ),
        ("TV5", "PUT", "B/v1/servers/S/volumes/V", "5dejYJeQYcVJGLiTRwH2CWWY4qI7W8CW3sMN6NgA96M="),
        (
            "TV6",
            "GET",
            "https://iam.e.samsungsdscloud.com/v1/endpoints",
            "Lw3f05WIQrCxQ0TB0ZyN90inXngXkf7C+RqiRWgbfek=",
        ),
        ("TV8", "DELETE", "L/v1/volumes/V/servers/S", "7eglHBWXZrDXU78Zt4TNYFXBnuP5wCWc5lf4x1M2UK4="),
        ("TV10", "POST", "B/v1/servers/S/volumes", "y1L/BxkA0MrtZMuE3Eswi+MMvNJboTjuZ4QT75MEqVw="),
        ("TV11", "GET", "B/v1/servers/S/volumes", "fh1ekI2IcJPzwHAQfVrz5gB0A7vytAY6GRfNYk0HtWc="),
        ("TV12", "GET", "B/v1/servers/S", "Fx0bladZ0Rb1tINRRoDLveKkLUf9TSlZdtr+i+RYOUc="),
        ("TV13", "POST", "B/v1/servers/S/stop", "3wMrItwJvHf7lPAlbEcfPMNjIvjFVDSYvMWEHcFbqA4="),
        ("TV15", "GET", "L/v1/endpoints", "DQkzbVJRnV0Zn1i0XozCdLS4o1sH24854cduobvQF4Y="),
        ("TV17", "POST", "L/v1/volumes/V/servers", "2w3mngvphO21/45slzSUqQ5GjtYd4Obhsx6fMUeMRng="),
        ("TV18", "GET", "L/v1/volumes/V", "ZGht3v/AjJB5WycZuMCgVnqA0D4D4aWydNQGuXXjkSE="),
    ];

    fn whole_url(written: &str) -> String {
        let (origin, path) = written.split_once("/v1/").unwrap();
        let origin = match origin {
            "B" => B,
            "L" => L,
            other => other,
        };
        let path: Vec<_> = path.split('/').map(|part| if part == "V" { V } else { part }).collect();
        let path: Vec<_> = path.into_iter().map(|part| if part == "S" { S } else { part }).collect();
        format!("{origin}/v1/{}", path.join("/"))
    }

    fn request(method: &str, url: &str, signature: &str) -> (Request, String) {
        let (scheme, rest) = url.split_once("://").unwrap();
        let (host, target) = rest.split_at(rest.find('/').unwrap());
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let headers = [
            ("host", host),
            ("scp-accesskey", AK),
            ("scp-signature", signature),
            ("scp-timestamp", TS),
            ("scp-clienttype", "Openapi"),
            ("scp-accountid", ""),
        ];
        let request = Request {
            method: method.to_owned(),
            path: path.to_owned(),
            query: query.to_owned(),
            headers: headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            body: Bytes::new(),
        };
        (request, scheme.to_owned())
    }

    fn check(request: &Request, scheme: &str, now: i128) -> Result<(), Rejection> {
        let rules = Rules { scheme, window: Duration::from_secs(900), account: AccountInSignature::Header };
        verify(request, SK, now, rules)
    }

    fn set(request: &mut Request, name: &str, value: &str) {
        request.headers.retain(|(given, _)| given != name);
        request.headers.push((name.to_owned(), value.to_owned()));
    }

    #[test]
    fn every_known_signature_is_accepted_and_any_other_is_not() {
        for (id, method, url, signature) in VECTORS {
            let (mut request, scheme) = request(method, &whole_url(url), signature);
            assert_eq!(check(&request, &scheme, NOW), Ok(()), "{id}");
            assert_eq!(sign(&message(method, &whole_url(url), TS, AK, "", "Openapi"), SK), *signature, "{id}");
            request.method = "PATCH".to_owned();
            assert_eq!(check(&request, &scheme, NOW), Err(Rejection::Mismatch), "{id}");
        }
    }

    #[test]
    fn a_signature_over_the_path_alone_is_rejected() {
        let (request, scheme) =
            request("DELETE", &whole_url("B/v1/volumes/V/servers/S"), "UqYb2ZyDhy24eC2+tgyiQMl1BvDTIu/g+wE/Xq+tEF0=");
        assert_eq!(check(&request, &scheme, NOW), Err(Rejection::Mismatch));
    }

    #[test]
    fn scheme_host_query_and_account_are_signed() {
        let url = whole_url("B/v1/volumes?limit=1000&name=my+vol&state=in-use");
        let (good, scheme) = request("GET", &url, "RA0HNr7ra+E6ziaQfRsGpvl7mS7WN1ny5OVjEOl6W68=");
        assert_eq!(check(&good, "http", NOW), Err(Rejection::Mismatch));
        let spoilt = |spoil: &dyn Fn(&mut Request)| {
            let mut request = good.clone();
            spoil(&mut request);
            check(&request, &scheme, NOW)
        };
        assert_eq!(spoilt(&|request| set(request, "host", "other")), Err(Rejection::Mismatch));
        assert_eq!(spoilt(&|request| request.query = request.query.replace('+', "%20")), Err(Rejection::Mismatch));
        assert_eq!(spoilt(&|request| set(request, "scp-accountid", "a")), Err(Rejection::Mismatch));
        assert_eq!(spoilt(&|request| request.headers.retain(|(name, _)| name != "scp-accountid")), Ok(()));
        assert_eq!(spoilt(&|request| set(request, "scp-signature", "%%")), Err(Rejection::Mismatch));
        for name in ["scp-accesskey", "scp-signature", "scp-timestamp", "scp-clienttype"] {
            let without = spoilt(&|request| request.headers.retain(|(given, _)| given != name));
            assert_eq!(without, Err(Rejection::Incomplete), "{name}");
        }
        assert_eq!(spoilt(&|request| set(request, "scp-clienttype", "Console")), Err(Rejection::Incomplete));
    }

    #[test]
    fn the_account_is_part_of_the_message_unless_the_switch_says_it_is_ignored() {
        let url = whole_url("L/v1/volumes/V");
        let (mut request, scheme) = request("GET", &url, &sign(&message("GET", &url, TS, AK, "me", "Openapi"), SK));
        set(&mut request, "scp-accountid", "me");
        assert_eq!(check(&request, &scheme, NOW), Ok(()));
        let window = Duration::from_secs(900);
        let rules = Rules { scheme: "http", window, account: AccountInSignature::Ignored };
        assert_eq!(verify(&request, SK, NOW, rules), Err(Rejection::Mismatch));
        set(&mut request, "scp-signature", "ZGht3v/AjJB5WycZuMCgVnqA0D4D4aWydNQGuXXjkSE=");
        assert_eq!(verify(&request, SK, NOW, rules), Ok(()));
    }

    #[test]
    fn a_timestamp_is_milliseconds_within_the_window() {
        let (request, scheme) =
            request("GET", &whole_url("L/v1/volumes/V"), "ZGht3v/AjJB5WycZuMCgVnqA0D4D4aWydNQGuXXjkSE=");
        for off in [-900_000, 900_000] {
            assert_eq!(check(&request, &scheme, NOW + off), Ok(()));
            assert_eq!(check(&request, &scheme, NOW + off + off.signum()), Err(Rejection::Expired));
        }
        let rules = Rules { scheme: "http", window: Duration::ZERO, account: AccountInSignature::Header };
        assert_eq!(verify(&request, SK, 0, rules), Ok(()), "without a window any time will do");
        for timestamp in ["1605290625", "+1605290625682", "", "now", "1605290625682.0"] {
            let mut request = request.clone();
            set(&mut request, "scp-timestamp", timestamp);
            assert_eq!(check(&request, &scheme, NOW), Err(Rejection::Expired), "{timestamp:?}");
        }
    }
}
