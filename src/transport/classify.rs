//! Helpers for [`Classify`]: what a status alone says, and what `Retry-After` asks for.

use std::time::Duration;

use http::{
    HeaderMap, StatusCode,
    header::{DATE, RETRY_AFTER},
};
use time::{OffsetDateTime, PrimitiveDateTime, macros::format_description};

use super::{Classify, Response, RetryAction};

/// Classifies by [`status_action`] alone; for servers without error codes of their own.
#[derive(Clone, Copy, Debug, Default)]
pub struct ByStatus;

impl Classify for ByStatus {
    fn classify(&self, response: &Response) -> RetryAction {
        status_action(response.status, &response.headers)
    }
}

/// What a status says about the next attempt where the body says nothing: 429 is throttling; 408, 500, 502, 503 and 504
/// are transient; all else is an answer.
pub fn status_action(status: StatusCode, headers: &HeaderMap) -> RetryAction {
    match status {
        StatusCode::TOO_MANY_REQUESTS => RetryAction::Throttled { after: retry_after(headers) },
        StatusCode::REQUEST_TIMEOUT
        | StatusCode::INTERNAL_SERVER_ERROR
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => RetryAction::Transient { after: retry_after(headers) },
        _ => RetryAction::Done,
    }
}

/// `Retry-After`, in seconds or as a date (RFC 9110, section 10.2.3). A date is taken relative to the response's own
/// `Date`, so that this machine's clock does not matter; without one it is ignored.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let until = http_date(value)? - http_date(headers.get(DATE)?.to_str().ok()?)?;
    // A date in the past asks for nothing.
    Some(until.try_into().unwrap_or_default())
}

fn http_date(text: &str) -> Option<OffsetDateTime> {
    let format =
        format_description!("[weekday repr:short], [day] [month repr:short] [year] [hour]:[minute]:[second] GMT");
    Some(PrimitiveDateTime::parse(text.trim(), format).ok()?.assume_utc())
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn wished(after: &'static str, date: &'static str) -> Option<Duration> {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, HeaderValue::from_static(after));
        headers.insert(DATE, HeaderValue::from_static(date));
        retry_after(&headers)
    }

    #[test]
    fn retry_after_is_read_in_seconds_and_as_a_date_whatever_this_machines_clock() {
        let date = "Fri, 31 Dec 1999 23:59:50 GMT";
        assert_eq!(wished("7", date), Some(Duration::from_secs(7)));
        assert_eq!(wished("Sat, 01 Jan 2000 00:00:20 GMT", date), Some(Duration::from_secs(30)));
        assert_eq!(wished("Fri, 31 Dec 1999 23:00:00 GMT", date), Some(Duration::ZERO));
    }

    #[test]
    fn a_retry_after_that_makes_no_sense_is_no_wish() {
        let date = "Fri, 31 Dec 1999 23:59:50 GMT";
        for after in ["", "-1", "1.5", "soon", "99999999999999999999", "Fri, 31 Dec 1999"] {
            assert_eq!(wished(after, date), None, "{after}");
        }
        assert_eq!(wished("Sat, 01 Jan 2000 00:00:20 GMT", "yesterday"), None);
        assert_eq!(retry_after(&HeaderMap::new()), None);
    }

    #[test]
    fn a_status_alone_tells_throttling_from_failure_from_an_answer() {
        let action = |status| status_action(StatusCode::from_u16(status).unwrap(), &HeaderMap::new());
        assert_eq!(action(429), RetryAction::Throttled { after: None });
        for status in [408, 500, 502, 503, 504] {
            assert_eq!(action(status), RetryAction::Transient { after: None }, "{status}");
        }
        for status in [200, 202, 301, 400, 401, 403, 404, 409, 501] {
            assert_eq!(action(status), RetryAction::Done, "{status}");
        }
    }
}
