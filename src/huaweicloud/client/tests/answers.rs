//! Tests of what becomes of errors, of throttling and of answers that are none.

use super::*;

/// What a detach ends with when it is answered so.
async fn refused(exchange: Exchange) -> Error {
    let (client, script) = scripted([exchange]).await;
    let error = client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap_err();
    script.finish();
    error
}

#[tokio::test]
async fn an_error_tells_code_message_request_id_status_and_attempts() {
    let body = r#"{"error":{"code":"Ecs.0111","message":"Disk x is not in the attachment list."}}"#;
    let error = refused(expect(detach_path(), 400, body).answering_header("X-Request-Id", "abc")).await;
    assert_eq!(error.kind(), ErrorKind::NotAttached);
    assert_eq!((error.operation(), error.status().unwrap().as_u16()), ("DetachServerVolume", 400));
    assert_eq!((error.request_id(), error.attempts()), (Some("abc"), 1));
    let text = error.to_string();
    let expected =
        "DetachServerVolume: Ecs.0111: Disk x is not in the attachment list. (HTTP 400, request id abc, attempt 1, ";
    assert!(text.starts_with(expected), "{text}");
}

#[tokio::test]
async fn throttling_is_waited_out_even_when_it_comes_as_a_success() {
    let limit = r#"{"error":{"code":"Common.0024","message":"Flow limit exceeded."}}"#;
    let gateway =
        r#"{"error_code":"APIGW.0308","error_msg":"The throttling threshold has been reached","request_id":"r"}"#;
    let busy = r#"{"error":{"code":"Common.1503","message":"Api flow control Error because x."}}"#;
    let (client, script) = scripted([
        expect(detach_path(), 202, limit),
        expect(detach_path(), 429, gateway),
        expect(detach_path(), 503, busy),
        expect(detach_path(), 200, r#"{"job_id":"j"}"#),
    ])
    .await;
    client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_change_whose_outcome_is_unknown_is_not_sent_again_and_says_so() {
    let body = r#"{"error":{"code":"Common.0001","message":"System exception."}}"#;
    let error = refused(expect(detach_path(), 500, body).answering_header("X-Request-Id", "abc")).await;
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::AnswerLost, true));
    assert_eq!((error.code(), error.request_id()), (Some(&ErrorCode::COMMON_0001), Some("abc")));
    let unknown = r#"{"error":{"code":"X.1","message":"m"}}"#;
    for reply in [unknown, r#"{"message":"Request Timeout"}"#, "<html>408</html>", ""] {
        let error = refused(expect(detach_path(), 408, reply)).await;
        assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::AnswerLost, true), "{reply}");
    }
    for reply in [r#"{"job_id":"#, "<html>"] {
        let error = refused(expect(detach_path(), 200, reply)).await;
        assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::AnswerLost, true), "{reply}");
    }
}

#[tokio::test]
async fn an_answer_may_accept_without_naming_a_job() {
    for (status, reply) in [(200, "{}"), (202, r#"{"job_id":null}"#), (204, "")] {
        let (client, script) = scripted([expect(detach_path(), status, reply)]).await;
        let job = client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
        assert_eq!(job, None, "{status} {reply}");
        script.finish();
    }
}

#[tokio::test]
async fn a_read_is_sent_again_after_a_failure_of_the_server() {
    let path = format!("GET {}", volume_path());
    let (client, script) =
        scripted([expect(&path, 502, "<html>"), expect(&path, 500, "{}"), expect(&path, 200, AVAILABLE)]).await;
    client.show_volume(&budget(), &volume()).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn only_the_vendors_own_word_makes_a_volume_gone() {
    for (status, reply, kind) in [
        (404, r#"{"error":{"code":"EVS.5404","message":"m"}}"#, ErrorKind::NotFound),
        (404, r#"{"itemNotFound":{"code":404,"message":"m"}}"#, ErrorKind::NotFound),
        (404, r#"{"error_code":"APIGW.0101","error_msg":"m"}"#, ErrorKind::NoSuchRoute),
        (404, "<html><body>Not Found</body></html>", ErrorKind::NoSuchRoute),
        (404, "", ErrorKind::NoSuchRoute),
        (403, "<html>blocked</html>", ErrorKind::Malformed),
        (302, "", ErrorKind::Malformed),
        (200, "<html>log in</html>", ErrorKind::Malformed),
        (200, r#"{"volume":{"status":"available"}}"#, ErrorKind::Malformed),
        (200, "null", ErrorKind::Malformed),
    ] {
        let (client, script) = scripted([expect(format!("GET {}", volume_path()), status, reply)]).await;
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{status} {reply}");
        assert!(!error.may_have_been_processed());
        script.finish();
    }
}

#[tokio::test]
async fn an_answer_that_is_not_the_services_is_shown_short_and_harmless() {
    let page = format!("<html>\r\n\u{1b}[31mGateway {}</html>", "x".repeat(1000));
    let exchange = expect(format!("GET {}", volume_path()), 404, page).answering_header("Content-Type", "text/html");
    let (client, script) = scripted([exchange]).await;
    let text = client.show_volume(&budget(), &volume()).await.unwrap_err().to_string();
    assert!(
        text.starts_with("ShowVolume: the answer is not the service's own: text/html: <html> [31mGateway xxx"),
        "{text}"
    );
    assert!(text.len() < 400 && !text.contains(char::is_control), "{text}");
    script.finish();
    let exchange = expect(format!("GET {}", volume_path()), 302, "")
        .answering_header("Location", "https://login.example/?t=secret");
    let (client, script) = scripted([exchange]).await;
    let text = client.show_volume(&budget(), &volume()).await.unwrap_err().to_string();
    assert!(text.contains("it leads to https://login.example/, where nothing is sent"), "{text}");
    script.finish();
}

#[tokio::test]
async fn a_refused_key_is_refused_once_and_a_wrong_clock_is_named() {
    let body = r#"{"error_msg":"Incorrect IAM authentication information: verify aksk signature fail, canonicalRequest:GET|/v2/|host:x|","error_code":"APIGW.0301","request_id":"r"}"#;
    let exchange = |date: &str| expect(format!("GET {}", volume_path()), 401, body).answering_header("Date", date);
    for (date, skew, word) in [
        ("Fri, 02 Jan 2026 03:04:05 GMT", None, "signature fail (HTTP"),
        ("Fri, 02 Jan 2026 03:24:05 GMT", Some(Duration::from_secs(1200)), "clock is 1200 s behind the cloud's"),
        ("Fri, 02 Jan 2026 02:54:05 GMT", Some(Duration::from_secs(600)), "clock is 600 s ahead of the cloud's"),
        ("nonsense", None, "signature fail (HTTP"),
    ] {
        let (client, script) = scripted([exchange(date)]).await;
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!((error.kind(), error.clock_skew()), (ErrorKind::Unauthenticated, skew));
        assert_eq!((error.request_id(), error.attempts()), (Some("r"), 1));
        let text = error.to_string();
        assert!(text.contains(word) && !text.contains("canonicalRequest"), "{text}");
        script.finish();
    }
}

#[tokio::test]
async fn a_stop_ends_a_call_at_once() {
    let stop = CancellationToken::new();
    stop.cancel();
    let (client, script) = scripted([]).await;
    let budget = Budget::new(Duration::from_secs(20), stop);
    let error = client.detach_server_volume(&budget, &server(), &volume(), false).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::Stopped, false));
    script.finish();
}
