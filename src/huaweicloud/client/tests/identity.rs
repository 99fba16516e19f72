//! Tests of credentials, projects and regions, and that nothing secret is ever shown.

use super::*;

#[tokio::test]
async fn the_project_is_looked_up_once_however_many_ask() {
    let mut exchanges = vec![expect(
        "GET /v3/projects?name=cn-north-4",
        200,
        r#"{"projects":[{"id":"p","name":"cn-north-4","enabled":true}],"links":{}}"#,
    )];
    exchanges.extend((0..5).map(|_| expect(format!("GET {}", volume_path()), 200, AVAILABLE)));
    let script = Script::start(exchanges).await;
    let client = client(Config { project_id: None, ..config(&script) });
    let (budget, volume) = (budget(), volume());
    let reads = (0..5).map(|_| client.show_volume(&budget, &volume));
    for read in futures::future::join_all(reads).await {
        read.unwrap();
    }
    script.finish();
}

#[tokio::test]
async fn a_region_without_exactly_one_project_is_named() {
    for (reply, word) in [
        (r#"{"projects":[]}"#, "no project is called \"cn-north-4\" in region cn-north-4"),
        (r#"{"projects":[{"id":"a"},{"id":"b"}]}"#, "2 projects are called \"cn-north-4\" in region cn-north-4"),
    ] {
        let script = Script::start([expect("GET /v3/projects?name=cn-north-4", 200, reply)]).await;
        let client = client(Config { project_id: None, ..config(&script) });
        for _ in 0..2 {
            let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Configuration);
            assert!(error.to_string().contains(word), "{error}");
        }
        script.finish();
    }
}

#[tokio::test]
async fn an_unknown_account_is_never_taken_for_a_volume_that_is_gone() {
    for (status, reply) in [
        (404, r#"{"error":{"code":404,"message":"Could not find project","title":"Not Found"}}"#),
        (404, r#"{"itemNotFound":{"code":404,"message":"m"}}"#),
    ] {
        let script = Script::start([expect("GET /v3/projects?name=cn-north-4", status, reply)]).await;
        let client = client(Config { project_id: None, ..config(&script) });
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Configuration);
        script.finish();
    }
}

#[tokio::test]
async fn another_region_has_a_project_of_its_own_and_no_use_for_overridden_endpoints() {
    let projects = r#"{"projects":[{"id":"q"}]}"#;
    let script = Script::start([expect("GET /v3/projects?name=cn-east-3", 200, projects)]).await;
    let client = client(config(&script)).for_region("cn-east-3");
    assert_eq!(client.region(), "cn-east-3");
    assert_eq!(&*client.project_id(&budget()).await.unwrap(), "q");
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("cn-north-4"), "{error}");
    script.finish();
}

#[tokio::test]
async fn a_given_token_is_sent_as_it_is_and_a_refusal_is_final() {
    let denied = r#"{"error":{"code":"EVS.5401","message":"m"}}"#;
    let script = Script::start([
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-auth-token", "given-token"),
        expect(format!("GET {}", volume_path()), 401, denied).with_header("x-auth-token", "given-token"),
    ])
    .await;
    let client = client(Config { token: Some("given-token".into()), ..config(&script) });
    client.show_volume(&budget(), &volume()).await.unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    for seen in script.finish() {
        assert_eq!((seen.header("authorization"), seen.header("x-sdk-date")), (None, None));
    }
}

fn login(script: &Script) -> Config {
    Config {
        user_name: Some("user".to_owned()),
        domain_name: Some("account".to_owned()),
        password: Some("pass-word".into()),
        ..without_key(script)
    }
}

/// A login for the configured project that is answered with `token`, valid for a day.
fn token(token: &str) -> Exchange {
    let user = json!({ "name": "user", "password": "pass-word", "domain": { "name": "account" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    expect("POST /v3/auth/tokens?nocatalog=true", 201, r#"{"token":{"expires_at":"2026-01-03T03:04:05.000000Z"}}"#)
        .with_body(json!({ "auth": { "identity": identity, "scope": { "project": { "id": "p" } } } }))
        .answering_header("X-Subject-Token", token)
}

#[tokio::test]
async fn a_password_becomes_a_token_once_and_a_refused_token_is_replaced_once() {
    let denied = r#"{"error":{"code":"EVS.5401","message":"m"}}"#;
    let path = format!("GET {}", volume_path());
    let script = Script::start([
        token("t1"),
        expect(&path, 200, AVAILABLE).with_header("x-auth-token", "t1"),
        expect(&path, 401, denied).with_header("x-auth-token", "t1"),
        token("t2"),
        expect(&path, 200, AVAILABLE).with_header("x-auth-token", "t2"),
        expect(&path, 401, denied).with_header("x-auth-token", "t2"),
        token("t3"),
        expect(&path, 401, denied).with_header("x-auth-token", "t3"),
    ])
    .await;
    let client = client(login(&script));
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    script.finish();
}

#[tokio::test]
async fn a_wrong_password_is_tried_once_however_many_ask() {
    let reply = r#"{"error":{"code":401,"message":"The username or password is wrong.","title":"Unauthorized"}}"#;
    let script = Script::start([token("unused").answering(401, reply)]).await;
    let client = client(login(&script));
    let (budget, volume) = (budget(), volume());
    for error in futures::future::join_all((0..5).map(|_| client.show_volume(&budget, &volume))).await {
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unauthenticated);
        assert!(error.to_string().contains("The username or password is wrong."), "{error}");
        assert!(!format!("{error:?}{error}").contains("pass-word"));
    }
    client.show_volume(&budget, &volume).await.unwrap_err();
    script.finish();
}

#[tokio::test]
async fn an_ecs_gives_the_keys_of_its_agency() {
    let key = r#"{"credential":{"access":"AKMETA","secret":"SKMETA","securitytoken":"STMETA","expires_at":"2026-01-02T09:04:05.000000Z"}}"#;
    let script = Script::start([
        expect("PUT /meta-data/latest/api/token", 200, "session\n")
            .with_header("x-metadata-token-ttl-seconds", "21600"),
        expect("GET /openstack/latest/securitykey", 200, key).with_header("x-metadata-token", "session"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "STMETA"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "STMETA"),
    ])
    .await;
    let client = client(without_key(&script));
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let seen = script.finish();
    assert!(seen[2].header("authorization").unwrap().contains("Access=AKMETA,"));
}

#[tokio::test]
async fn an_older_metadata_service_is_asked_without_a_token_and_expiring_keys_are_replaced() {
    let key = |expires_at: &str| {
        format!(r#"{{"credential":{{"access":"AK","secret":"SK","securitytoken":"ST","expires_at":"{expires_at}"}}}}"#)
    };
    let v1 = |status: u16, expires_at: &str| {
        [
            expect("PUT /meta-data/latest/api/token", status, ""),
            expect("GET /openstack/latest/securitykey", 200, key(expires_at)),
            expect(format!("GET {}", volume_path()), 200, AVAILABLE),
        ]
    };
    // Keys that were born expired serve the call that asked for them and no other.
    let (expired, alive) = ("2026-01-02T03:04:00Z", "2026-01-02T03:04:15Z");
    let exchanges = [v1(404, expired), v1(405, expired), v1(503, alive)].into_iter().flatten();
    let again = expect(format!("GET {}", volume_path()), 200, AVAILABLE);
    let script = Script::start(exchanges.chain([again])).await;
    let client = client(without_key(&script));
    for _ in 0..4 {
        client.show_volume(&budget(), &volume()).await.unwrap();
    }
    script.finish();
}

/// What an older metadata service is asked, and its answer.
fn metadata(status: u16, answer: impl Into<String>) -> [Exchange; 2] {
    [expect("PUT /meta-data/latest/api/token", 404, ""), expect("GET /openstack/latest/securitykey", status, answer)]
}

fn metadata_key(access: &str, expires_at: &str) -> String {
    format!(
        r#"{{"credential":{{"access":"{access}","secret":"SK","securitytoken":"ST of {access}","expires_at":"{expires_at}"}}}}"#
    )
}

fn volume_read_with(access: &str) -> Exchange {
    expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", format!("ST of {access}"))
}

#[tokio::test]
async fn a_request_is_signed_with_the_time_after_its_credential_was_fetched() {
    let exchanges = [&metadata(200, metadata_key("AK1", "2026-01-02T04:04:05Z"))[..], &[volume_read_with("AK1")]];
    let script = Script::start(exchanges.concat()).await;
    // A minute passes between any two looks at the clock.
    let minutes = AtomicU64::new(0);
    let clock =
        move || SystemTime::UNIX_EPOCH + NOW + Duration::from_secs(60 * minutes.fetch_add(1, Ordering::Relaxed));
    let client = Client::new(without_key(&script), transport_with(Arc::new(clock))).unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let signed_at = script.finish()[2].header("x-sdk-date").unwrap().to_owned();
    assert!(signed_at.as_str() > "20260102T030405Z", "{signed_at}");
}

#[tokio::test]
async fn a_metadata_service_that_fails_for_a_moment_is_asked_again() {
    let mut exchanges = Vec::new();
    let kinds = [(429, ErrorKind::Throttled), (500, ErrorKind::Server), (503, ErrorKind::Server)];
    for (status, _) in kinds {
        exchanges.extend(metadata(status, "busy"));
    }
    exchanges.push(expect("PUT /meta-data/latest/api/token", 500, ""));
    exchanges.extend(metadata(200, metadata_key("AK1", "2026-01-02T04:04:05Z")));
    exchanges.push(volume_read_with("AK1"));
    let script = Script::start(exchanges).await;
    let client = client(without_key(&script));
    for kind in kinds.into_iter().map(|(_, kind)| kind).chain([ErrorKind::Server]) {
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
    }
    client.show_volume(&budget(), &volume()).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_credential_that_cannot_be_replaced_serves_until_it_expires() {
    let exchanges = [
        &metadata(200, metadata_key("AK1", "2026-01-02T04:04:05Z"))[..],
        &[volume_read_with("AK1")],
        &metadata(500, "")[..],
        &[volume_read_with("AK1"), volume_read_with("AK1")],
        &metadata(200, metadata_key("AK2", "2026-01-02T04:14:05Z"))[..],
        &[volume_read_with("AK2")],
        &metadata(500, "")[..],
    ];
    let script = Script::start(exchanges.concat()).await;
    let (client, clock) = client_at(without_key(&script));
    // Replaced ten minutes before it expires; what failed is tried again after a minute.
    for seconds in [0, 3001, 3059, 3061] {
        clock.store(seconds, Ordering::Relaxed);
        client.show_volume(&budget(), &volume()).await.unwrap();
    }
    clock.store(4200, Ordering::Relaxed);
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    script.finish();
}

#[tokio::test]
async fn refused_keys_of_an_agency_are_fetched_anew_once() {
    let denied = r#"{"error_code":"APIGW.0301","error_msg":"m","request_id":"r"}"#;
    let refused = |access| volume_read_with(access).answering(401, denied);
    let exchanges = [
        &metadata(200, metadata_key("AK1", "2026-01-02T04:04:05Z"))[..],
        &[volume_read_with("AK1"), refused("AK1")],
        &metadata(200, metadata_key("AK2", "2026-01-02T04:04:05Z"))[..],
        &[volume_read_with("AK2"), refused("AK2")],
        // The refused ones do not come back, although they have not expired.
        &metadata(500, "")[..],
    ];
    let script = Script::start(exchanges.concat()).await;
    let client = client(without_key(&script));
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Server);
    script.finish();
}

#[tokio::test]
async fn a_key_that_was_never_accepted_is_not_tried_again_at_once() {
    let denied = r#"{"error_code":"APIGW.0301","error_msg":"m","request_id":"r"}"#;
    let path = format!("GET {}", volume_path());
    let script = Script::start([expect(&path, 401, denied)]).await;
    let unaccepted = client(config(&script));
    for _ in 0..3 {
        let error = unaccepted.show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!((error.kind(), error.request_id()), (ErrorKind::Unauthenticated, Some("r")));
    }
    script.finish();

    // One that was accepted may have been refused by mistake.
    let script =
        Script::start([expect(&path, 200, AVAILABLE), expect(&path, 401, denied), expect(&path, 200, AVAILABLE)]).await;
    let accepted = client(config(&script));
    accepted.show_volume(&budget(), &volume()).await.unwrap();
    accepted.show_volume(&budget(), &volume()).await.unwrap_err();
    accepted.show_volume(&budget(), &volume()).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn no_credential_anywhere_is_explained() {
    let script = Script::start([
        expect("PUT /meta-data/latest/api/token", 200, "session"),
        expect("GET /openstack/latest/securitykey", 401, "Please configure Cloud Service Agency first"),
    ])
    .await;
    let error = client(without_key(&script)).show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let text = error.to_string();
    assert!(text.contains("no credential is configured") && text.contains("no agency bound"), "{text}");
    script.finish();

    let script = Script::start([]).await;
    let config = Config { metadata_endpoint: Some("http://127.0.0.1:1".to_owned()), ..without_key(&script) };
    let error = client(config).show_volume(&budget(), &volume()).await.unwrap_err();
    assert!(error.kind() == ErrorKind::Configuration && error.to_string().contains("cannot connect"), "{error}");
    script.finish();
}

#[tokio::test]
async fn agencies_are_assumed_one_after_the_other() {
    let iam = r#"{"credential":{"access":"AK1","secret":"SK1","securitytoken":"ST1","expires_at":"2026-01-02T04:04:05.000000Z"}}"#;
    let sts = r#"{"credentials":{"access_key_id":"AK2","secret_access_key":"SK2","security_token":"ST2"}}"#;
    let script = Script::start([
        expect("POST /v3.0/OS-CREDENTIAL/securitytokens", 201, iam).with_body(json!({ "auth": { "identity": {
            "methods": ["assume_role"],
            "assume_role": { "agency_name": "first", "domain_name": "account", "duration_seconds": 3600 } } } })),
        expect("POST /v5/agencies/assume", 200, sts).with_header("x-security-token", "ST1").with_body(json!({
            "agency_urn": "iam::d2:agency:second", "agency_session_name": "cloudvolume", "duration_seconds": 3600 })),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "ST2"),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "ST2"),
    ])
    .await;
    let first = AssumeRole {
        agency_name: "first".to_owned(),
        domain_name: Some("account".to_owned()),
        duration: Some(Duration::from_secs(3600)),
        ..AssumeRole::default()
    };
    let second =
        AssumeRole { agency_name: "second".to_owned(), domain_id: Some("d2".to_owned()), ..AssumeRole::default() };
    let client = client(Config { assume_role: vec![first, second], ..config(&script) });
    client.show_volume(&budget(), &volume()).await.unwrap();
    client.show_volume(&budget(), &volume()).await.unwrap();
    let seen = script.finish();
    for (seen, key) in seen.iter().zip(["AKEXAMPLE", "AK1", "AK2", "AK2"]) {
        assert!(seen.header("authorization").unwrap().contains(&format!("Access={key},")), "{}", seen.line);
    }
}

#[tokio::test]
async fn a_password_logs_in_to_the_project_of_its_own_account_when_a_role_is_of_another() {
    let user = json!({ "name": "user", "password": "pass-word", "domain": { "name": "account" } });
    let identity = json!({ "methods": ["password"], "password": { "user": user } });
    let own = json!({ "auth": { "identity": identity, "scope": { "project": { "name": "cn-north-4" } } } });
    let keys =
        r#"{"credential":{"access":"AK1","secret":"SK1","securitytoken":"ST1","expires_at":"2026-01-02T04:04:05Z"}}"#;
    let script = Script::start([
        token("t").with_body(own),
        expect("POST /v3.0/OS-CREDENTIAL/securitytokens", 201, keys)
            .with_header("x-auth-token", "t")
            .with_body(json!({ "auth": { "identity": {
                "methods": ["assume_role"], "assume_role": { "agency_name": "a", "domain_name": "other" } } } })),
        expect(format!("GET {}", volume_path()), 200, AVAILABLE).with_header("x-security-token", "ST1"),
    ])
    .await;
    let role =
        AssumeRole { agency_name: "a".to_owned(), domain_name: Some("other".to_owned()), ..AssumeRole::default() };
    let client = client(Config { assume_role: vec![role], ..login(&script) });
    client.show_volume(&budget(), &volume()).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_failed_login_never_looks_like_a_change_that_may_have_been_made() {
    let failing = (0..6).map(|_| token("t").answering(503, "<html>"));
    let script = Script::start(failing).await;
    let error = client(login(&script)).detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap_err();
    assert_eq!((error.kind(), error.may_have_been_processed()), (ErrorKind::Server, false));
    script.finish();
}

#[tokio::test]
async fn no_secret_is_in_the_text_of_anything() {
    // A proxy that answers with the request as it saw it, and answers of IAM that hold keys but cannot be read.
    const SECRETS: [&str; 6] = [SECRET_KEY, "session-token-1", "given-token-1", "pass-word", "SKMETA1", "STMETA1"];
    let broken = r#"{"credential":{"access":"A","secret":"SKMETA1","securitytoken":"STMETA1"}}"#;
    let denied = r#"{"error":{"code":"EVS.5401","message":"bad token given-token-1"}}"#;
    let path = format!("GET {}", volume_path());
    let role = AssumeRole { agency_name: "a".to_owned(), domain_name: Some("d".to_owned()), ..AssumeRole::default() };
    let security_token = Some("session-token-1".into());
    let given_token = || Some("given-token-1".into());
    type Make = Box<dyn Fn(&Script) -> Config>;
    let cases: Vec<(Vec<Exchange>, Make)> = vec![
        (
            vec![expect(&path, 403, format!("<pre>{SECRET_KEY} session-token-1</pre>"))],
            Box::new(move |script| Config { security_token: security_token.clone(), ..config(script) }),
        ),
        (
            vec![expect(&path, 200, "<pre>given-token-1</pre>")],
            Box::new(move |script| Config { token: given_token(), ..config(script) }),
        ),
        (vec![expect(&path, 401, denied)], Box::new(move |script| Config { token: given_token(), ..config(script) })),
        (
            vec![
                expect("POST /v3.0/OS-CREDENTIAL/securitytokens", 201, broken)
                    .with_body(json!({ "auth": { "identity": {
                "methods": ["assume_role"], "assume_role": { "agency_name": "a", "domain_name": "d" } } } })),
            ],
            Box::new(move |script| Config { assume_role: vec![role.clone()], ..config(script) }),
        ),
        (
            vec![
                expect("PUT /meta-data/latest/api/token", 404, ""),
                expect("GET /openstack/latest/securitykey", 200, broken),
            ],
            Box::new(without_key),
        ),
        (vec![token("t").answering(201, r#"{"token":"pass-word"}"#)], Box::new(login)),
        // Quoted as JSON may write it.
        (
            vec![expect(
                &path,
                403,
                r#"{"error_code":"X.1","error_msg":"no given\u002dtoken\u002D1 \\\"given-token\\u002d1\\\""}"#,
            )],
            Box::new(move |script| Config { token: given_token(), ..config(script) }),
        ),
        (
            vec![expect(&path, 403, r#"{"said": {"token": "given\u002dtoken-1""#)],
            Box::new(move |script| Config { token: given_token(), ..config(script) }),
        ),
        (
            vec![
                token("t").answering(400, r#"{"error":{"code":400,"message":"no {\"password\":\"pass\u002dword\"}"}}"#),
            ],
            Box::new(login),
        ),
        (vec![token("t").answering(400, "<pre>pass-word</pre>")], Box::new(login)),
    ];
    for (exchanges, make) in cases {
        let script = Script::start(exchanges).await;
        let config = make(&script);
        let mut shown = format!("{config:?}");
        let client = client(config);
        let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
        shown.push_str(&format!("{client:?} {:?} {error:?} {error} {error:#?}", client.shared.credentials));
        for secret in SECRETS {
            assert!(!shown.contains(secret), "{secret} in {shown}");
        }
        script.finish();
    }
}
