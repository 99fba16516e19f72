//! What the gateway does before any service: routes, signatures, projects, limits.

use serde_json::json;

use super::{simulator, with_switches};
use crate::simulator::huaweicloud::switches::*;
use crate::simulator::testing::{Answer, TOKEN, call, send, sign_and_send};
use crate::simulator::{Effect, FaultRule, Simulator, fault::ThrottleStyle};

const ACCESS: &str = "SIMULATORACCESSKEY01";
const SECRET: &str = "simulator-secret-key-0000000000000000001";
const LIST: &str = "/v2/a0000000000000000000000000000001/cloudvolumes/detail?name=a%20b&limit=7";

fn gateway(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.json()["request_id"].as_str(), answer.header("x-request-id"), "the body repeats the id");
    (answer.status, answer.json()["error_code"].as_str().unwrap_or_default().to_owned())
}

async fn signed(simulator: &Simulator, access: &str, secret: &str) -> Answer {
    sign_and_send(simulator, "GET", LIST, "", access, secret, None).await
}

#[tokio::test]
async fn a_signed_request_is_let_in_and_a_wrongly_signed_one_is_told_what_the_server_saw() {
    let simulator = simulator().await;
    assert_eq!(signed(&simulator, ACCESS, SECRET).await.status, 200);
    let wrong = signed(&simulator, ACCESS, "another secret").await;
    assert_eq!(gateway(&wrong), (401, "APIGW.0301".to_owned()));
    let seen = "verify aksk signature fail, canonicalRequest:GET|/v2/a0000000000000000000000000000001/cloudvolumes/detail/|\
                limit=7&name=a%20b|host:";
    assert!(wrong.text.contains(seen), "{}", wrong.text);
    let unknown = signed(&simulator, "NOBODY", SECRET).await;
    assert!(gateway(&unknown).0 == 401 && unknown.text.contains("Get secretKey failed"));
    let nothing = send(&simulator, "GET", LIST, &[], "").await.unwrap();
    assert!(gateway(&nothing).0 == 401 && nothing.text.contains("x-auth-token not found"));
    let forged = send(&simulator, "GET", LIST, &[("x-auth-token", "forged")], "").await.unwrap();
    assert!(gateway(&forged).0 == 401 && forged.text.contains("decrypt token fail"));
}

#[tokio::test]
async fn a_cloud_whose_clock_is_off_refuses_and_shows_its_own_date() {
    let simulator = simulator().await;
    let date = |answer: &Answer| answer.header("date").unwrap().to_owned();
    let before = date(&signed(&simulator, ACCESS, SECRET).await);
    simulator.set_clock_offset(3600);
    let refused = signed(&simulator, ACCESS, SECRET).await;
    assert!(gateway(&refused).0 == 401 && refused.text.contains("signature expired"));
    assert_ne!(date(&refused), before);
    assert!(date(&refused).ends_with(" GMT"));
    simulator.set_clock_offset(600);
    assert_eq!(signed(&simulator, ACCESS, SECRET).await.status, 200, "ten minutes are within the window");
}

#[tokio::test]
async fn a_key_is_locked_after_too_many_bad_signatures_unless_the_limit_is_off() {
    let simulator = simulator().await;
    for _ in 0..6 {
        assert!(signed(&simulator, ACCESS, "wrong").await.text.contains("verify aksk"));
    }
    let locked = signed(&simulator, ACCESS, SECRET).await;
    assert!(locked.status == 401 && locked.text.contains("AK access failed to reach the limit,forbidden"));
    simulator.skip_time(std::time::Duration::from_secs(301));
    assert_eq!(signed(&simulator, ACCESS, SECRET).await.status, 200);
    simulator.set_config(|config| config.huaweicloud.lock_after_bad_signatures = None);
    for _ in 0..7 {
        assert!(signed(&simulator, ACCESS, "wrong").await.text.contains("verify aksk"));
    }
    assert_eq!(signed(&simulator, ACCESS, SECRET).await.status, 200);
}

#[tokio::test]
async fn an_error_of_the_gateway_by_rule_is_the_gateway_s_before_every_service() {
    let simulator = simulator().await;
    let late = Effect::ApiError { status: 504, code: "APIGW.0201".to_owned(), message: "Backend timeout".to_owned() };
    simulator.add_fault(FaultRule::any(late));
    for path in ["/v1/{p}/dev-servers", "/v1/{p}/jobs/x", "/v2/{p}/cloudvolumes/detail", "/v3/projects"] {
        assert_eq!(gateway(&call(&simulator, "GET", path, "").await), (504, "APIGW.0201".to_owned()), "{path}");
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_is_no_route_and_not_a_missing_resource() {
    let simulator = simulator().await;
    for (method, path) in
        [("GET", "/v9/{p}/cloudvolumes/detail"), ("PATCH", "/v2/{p}/cloudvolumes/detail"), ("GET", "/")]
    {
        assert_eq!(
            gateway(&call(&simulator, method, path, "").await),
            (404, "APIGW.0101".to_owned()),
            "{method} {path}"
        );
    }
    assert_eq!(simulator.journal().entries()[0].service, "gateway");
}

#[tokio::test]
async fn a_foreign_project_is_refused_in_the_words_of_each_service() {
    let simulator = simulator().await;
    let foreign = "f0000000000000000000000000000009";
    let ask = |path: &str| path.replace("{p}", foreign);
    let jobs = call(&simulator, "GET", &ask("/v1/{p}/jobs/x"), "").await;
    assert_eq!(jobs.error(), (400, "Ecs.0023".to_owned()));
    simulator.set_switches(|s| s.wrong_project = WrongProject::Common0018);
    let jobs = call(&simulator, "GET", &ask("/v1/{p}/jobs/x"), "").await;
    assert_eq!(jobs.error(), (400, "Common.0018".to_owned()));
    assert_eq!(call(&simulator, "GET", &ask("/v2/{p}/cloudvolumes/detail"), "").await.error().1, "EVS.0001");
    let lite = call(&simulator, "GET", &ask("/v1/{p}/dev-servers"), "").await;
    assert_eq!((lite.status, &lite.json()["error_code"]), (403, &json!("ModelArts.6407")));
}

#[tokio::test]
async fn another_region_sees_nothing_of_the_first() {
    let simulator = simulator().await;
    let elsewhere = "/v2/a0000000000000000000000000000002/cloudvolumes/detail";
    let list = send(&simulator, "GET", elsewhere, &[("x-auth-token", TOKEN)], "").await.unwrap();
    assert_eq!(list.json()["count"], 0);
}

#[tokio::test]
async fn calls_a_minute_can_be_limited() {
    let simulator = simulator().await;
    simulator.set_config(|config| config.huaweicloud.calls_per_minute = Some(2));
    let list = || call(&simulator, "GET", "/v2/{p}/cloudvolumes/detail", "");
    assert_eq!((list().await.status, list().await.status), (200, 200));
    let third = list().await;
    assert_eq!(gateway(&third), (429, "APIGW.0308".to_owned()));
    assert!(third.text.contains("policy user over ratelimit,limit:2,time:1 minute"));
    assert_eq!(call(&simulator, "GET", "/v3/projects", "").await.status, 200, "another operation counts for itself");
    simulator.skip_time(std::time::Duration::from_secs(60));
    assert_eq!(list().await.status, 200);
}

#[tokio::test]
async fn throttling_comes_in_the_three_ways_of_the_vendor() {
    for (style, status, code) in [
        (ThrottleStyle::Gateway, 429, "APIGW.0308"),
        (ThrottleStyle::Accepted, 202, "Common.0024"),
        (ThrottleStyle::FlowControl, 503, "Common.1503"),
    ] {
        let simulator = with_switches(|s| s.flow_control_status = FlowControlStatus::ServiceUnavailable).await;
        simulator.add_fault(FaultRule::any(Effect::Throttle { style, retry_after: Some(3) }).times(1));
        let answer = call(&simulator, "GET", "/v1/{p}/jobs/x", "").await;
        assert_eq!((answer.status, answer.header("retry-after")), (status, Some("3")), "{style:?}");
        assert!(answer.text.contains(code), "{style:?}");
    }
}

#[tokio::test]
async fn an_error_by_rule_comes_in_the_envelope_of_the_service_asked() {
    let simulator = simulator().await;
    let effect = Effect::ApiError { status: 403, code: "Pdp.0001".to_owned(), message: "no".to_owned() };
    simulator.add_fault(FaultRule::any(effect));
    let code = |answer: Answer, pointer: &str| answer.json().pointer(pointer).cloned();
    let ask = |path: &'static str| call(&simulator, "GET", path, "");
    assert_eq!(code(ask("/v1/{p}/jobs/x").await, "/error/code"), Some(json!("Pdp.0001")));
    assert_eq!(code(ask("/v1/{p}/dev-servers").await, "/error_code"), Some(json!("Pdp.0001")));
    assert_eq!(code(ask("/v3/projects").await, "/error/code"), Some(json!(403)));
    assert_eq!(code(ask("/nowhere").await, "/error_code"), Some(json!("Pdp.0001")));
}
