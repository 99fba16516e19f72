//! Tokens, projects, agencies, temporary keys and the metadata service.

use std::time::Duration;

use serde_json::{Value, json};

use super::{simulator, with_switches};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, PROJECT, TOKEN, call, send, sign_and_send};
use crate::simulator::{Effect, FaultRule, Simulator};

const LIST: &str = "/v2/a0000000000000000000000000000001/cloudvolumes/detail";

async fn token(simulator: &Simulator, identity: Value, scope: Value, bearer: Option<&str>) -> Answer {
    let body = json!({"auth": {"identity": identity, "scope": scope}}).to_string();
    let headers: Vec<_> = bearer.into_iter().map(|token| ("x-auth-token", token)).collect();
    send(simulator, "POST", "/v3/auth/tokens", &headers, &body).await.unwrap()
}

fn password(password: &str) -> Value {
    let user = json!({"name": "practitioner", "password": password, "domain": {"name": "simulated"}});
    json!({"methods": ["password"], "password": {"user": user}})
}

fn project() -> Value {
    json!({"project": {"name": "cn-north-4"}})
}

#[tokio::test]
async fn a_password_gives_a_token_for_its_project_until_it_expires() {
    let simulator = simulator().await;
    let answer = token(&simulator, password("simulator-password"), project(), None).await;
    assert_eq!(answer.status, 201);
    let body = &answer.json()["token"];
    assert_eq!((&body["project"]["id"], &body["user"]["name"]), (&json!(PROJECT), &json!("practitioner")));
    assert!(body["expires_at"].as_str().unwrap().ends_with('Z'));
    let token = answer.header("x-subject-token").unwrap();
    let bearer = [("x-auth-token", token)];
    assert_eq!(send(&simulator, "GET", LIST, &bearer, "").await.unwrap().status, 200);
    let elsewhere = LIST.replace(PROJECT, "a0000000000000000000000000000002");
    let refused = send(&simulator, "GET", &elsewhere, &bearer, "").await.unwrap();
    assert_eq!(refused.error(), (400, "EVS.0001".to_owned()), "a token is good for its own project only");

    simulator.skip_time(Duration::from_secs(24 * 3600));
    let expired = send(&simulator, "GET", LIST, &bearer, "").await.unwrap();
    assert_eq!((expired.status, &expired.json()["error_code"]), (401, &json!("APIGW.0301")));
    assert!(expired.text.contains("token expires, expires_at:"));
}

#[tokio::test]
async fn a_wrong_password_or_project_is_answered_in_iam_s_own_words() {
    let simulator = simulator().await;
    let wrong = token(&simulator, password("guess"), project(), None).await;
    assert_eq!(
        (wrong.status, wrong.json()),
        (
            401,
            json!({"error": {"code": 401, "message": "The username or password is wrong.", "title": "Unauthorized"}})
        )
    );
    let scope = json!({"project": {"name": "mars-1"}});
    assert_eq!(token(&simulator, password("simulator-password"), scope, None).await.status, 401);
    assert_eq!(token(&simulator, json!({"methods": ["magic"]}), project(), None).await.status, 400);
}

#[tokio::test]
async fn projects_and_domains_are_listed() {
    let simulator = simulator().await;
    let all = call(&simulator, "GET", "/v3/projects", "").await.json();
    assert_eq!(all["projects"].as_array().map(Vec::len), Some(2));
    let one = call(&simulator, "GET", "/v3/projects?name=cn-north-4", "").await.json();
    assert_eq!((&one["projects"][0]["id"], &one["projects"][1]), (&json!(PROJECT), &Value::Null));
    assert_eq!(call(&simulator, "GET", "/v3/projects?name=mars-1", "").await.json()["projects"], json!([]));
    let domains = call(&simulator, "GET", "/v3/auth/domains", "").await.json();
    assert_eq!(domains["domains"][0]["name"], "simulated");
    let identity = call(&simulator, "GET", "/v5/caller-identity", "").await.json();
    assert_eq!(identity["account_id"], domains["domains"][0]["id"]);
}

fn role(name: &str) -> Value {
    json!({"methods": ["assume_role"], "assume_role": {"agency_name": name, "domain_name": "simulated"}})
}

#[tokio::test]
async fn an_agency_gives_a_token_to_who_has_one() {
    let simulator = simulator().await;
    let answer = token(&simulator, role("attacher"), project(), Some(TOKEN)).await;
    assert_eq!((answer.status, answer.json()["token"]["assumed_by"].is_object()), (201, true));
    assert_eq!(simulator.count("KeystoneCreateAgencyToken"), 1);
    assert_eq!(token(&simulator, role("attacher"), project(), None).await.status, 401);
    assert_eq!(token(&simulator, role("other"), project(), Some(TOKEN)).await.status, 403);
}

/// Uses a temporary key: with its session token, without it, and after its time.
async fn check_key(simulator: &Simulator, access: &Value, secret: &Value, session: &Value, lifetime: u64) {
    let [access, secret, session] = [access, secret, session].map(|value| value.as_str().unwrap().to_owned());
    let with = sign_and_send(simulator, "GET", LIST, "", &access, &secret, Some(&session)).await;
    assert_eq!(with.status, 200, "{with:?}");
    let without = sign_and_send(simulator, "GET", LIST, "", &access, &secret, None).await;
    assert_eq!(without.status, 401);
    simulator.skip_time(Duration::from_secs(lifetime));
    let late = sign_and_send(simulator, "GET", LIST, "", &access, &secret, Some(&session)).await;
    assert_eq!((late.status, late.text.contains("token expires")), (401, true));
}

#[tokio::test]
async fn an_agency_gives_a_temporary_key_by_iam() {
    let simulator = simulator().await;
    let body = json!({"auth": {"identity": role("attacher")}}).to_string();
    let answer = call(&simulator, "POST", "/v3.0/OS-CREDENTIAL/securitytokens", &body).await;
    assert_eq!(answer.status, 201);
    let key = answer.json()["credential"].clone();
    check_key(&simulator, &key["access"], &key["secret"], &key["securitytoken"], 900).await;
}

#[tokio::test]
async fn an_agency_gives_a_temporary_key_by_sts() {
    for (switch, expiry) in [(StsExpiryKey::Expiration, "expiration"), (StsExpiryKey::ExpiresAt, "expires_at")] {
        let simulator = with_switches(|s| s.sts_expiry_key = switch).await;
        let body = json!({
            "agency_urn": "iam::d0000000000000000000000000000001:agency:attacher",
            "agency_session_name": "test",
            "duration_seconds": 1800,
        });
        let answer = call(&simulator, "POST", "/v5/agencies/assume", &body.to_string()).await;
        let key = answer.json()["credentials"].clone();
        assert!(key[expiry].is_string());
        check_key(&simulator, &key["access_key_id"], &key["secret_access_key"], &key["security_token"], 1800).await;
    }
    let simulator = simulator().await;
    let foreign = json!({"agency_urn": "iam::x:agency:attacher", "agency_session_name": "test"}).to_string();
    assert_eq!(call(&simulator, "POST", "/v5/agencies/assume", &foreign).await.status, 403);
}

#[tokio::test]
async fn errors_of_the_temporary_keys_come_in_the_envelope_the_switch_says() {
    let body = json!({"auth": {"identity": role("other")}}).to_string();
    for (switch, pointer, expected) in [
        (IamError::Keystone, "/error/code", json!(403)),
        (IamError::Nested, "/error/code", json!("IAM.0002")),
        (IamError::Flat, "/error_code", json!("IAM.0002")),
    ] {
        let simulator = with_switches(|s| s.iam_error = switch).await;
        let answer = call(&simulator, "POST", "/v3.0/OS-CREDENTIAL/securitytokens", &body).await;
        assert_eq!((answer.status, answer.json().pointer(pointer)), (403, Some(&expected)), "{switch:?}");
    }
    let simulator = simulator().await;
    let mut identity = role("attacher");
    identity["assume_role"]["duration_seconds"] = json!(60);
    let body = json!({"auth": {"identity": identity}}).to_string();
    assert_eq!(call(&simulator, "POST", "/v3.0/OS-CREDENTIAL/securitytokens", &body).await.status, 400, "too short");
}

#[tokio::test]
async fn iam_has_a_name_of_its_own_for_the_id_of_a_request() {
    let simulator = simulator().await;
    let answer = call(&simulator, "GET", "/v3/projects", "").await;
    assert_eq!(answer.header("x-iam-trace-id").map(str::len), Some(32));
    assert_eq!(answer.header("x-request-id"), None);
    let known = simulator.journal().entries()[0].request_id.clone();
    assert_eq!(known.as_deref(), answer.header("x-iam-trace-id"));
    let error = Effect::ApiError { status: 500, code: "IAM.0001".to_owned(), message: "no".to_owned() };
    simulator.add_fault(FaultRule::new("KeystoneListProjects", error).times(1));
    assert!(call(&simulator, "GET", "/v3/projects", "").await.header("x-iam-trace-id").is_some());
    let bare = send(&simulator, "GET", "/v3/projects", &[], "").await.unwrap();
    assert_eq!((bare.status, bare.header("x-iam-trace-id")), (401, None), "the gateway's");
    assert_eq!(bare.json()["request_id"].as_str(), bare.header("x-request-id"));
}

#[tokio::test]
async fn the_metadata_service_speaks_the_versions_the_switch_says() {
    const KEY: &str = "/openstack/latest/securitykey";
    const TTL: [(&str, &str); 1] = [("x-metadata-token-ttl-seconds", "21600")];
    for (switch, token_status, bare_status) in
        [(Metadata::Both, 200, 200), (Metadata::OnlyV1, 404, 200), (Metadata::OnlyV2, 200, 401)]
    {
        let simulator = with_switches(|s| s.metadata = switch).await;
        let token = send(&simulator, "PUT", "/meta-data/latest/api/token", &TTL, "").await.unwrap();
        assert_eq!(token.status, token_status, "{switch:?}");
        assert_eq!(send(&simulator, "GET", KEY, &[], "").await.unwrap().status, bare_status, "{switch:?}");
        if token_status == 200 {
            let with_token = [("x-metadata-token", token.text.as_str())];
            let answer = send(&simulator, "GET", KEY, &with_token, "").await.unwrap();
            let key = answer.json()["credential"].clone();
            check_key(&simulator, &key["access"], &key["secret"], &key["securitytoken"], 3600).await;
            let wrong = [("x-metadata-token", "guess")];
            assert_eq!(send(&simulator, "GET", KEY, &wrong, "").await.unwrap().status, 401);
            simulator.skip_time(Duration::from_secs(21_600));
            let late = send(&simulator, "GET", KEY, &with_token, "").await.unwrap();
            assert_eq!(late.status, 401, "its time to live is over");
        }
    }
    let simulator = simulator().await;
    let about = send(&simulator, "GET", "/openstack/latest/meta_data.json", &[], "").await.unwrap().json();
    assert_eq!(about["region_id"], "cn-north-4");
    simulator.set_config(|config| config.huaweicloud.metadata_agency = None);
    let none = send(&simulator, "GET", KEY, &[], "").await.unwrap();
    assert!(none.status == 401 && none.text.contains("Please configure Cloud Service Agency first"));
}
