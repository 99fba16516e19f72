//! The server, the faults, the journal and the control endpoint, over sockets.

use std::time::Duration;

use serde_json::json;

use super::huaweicloud::built_in::{server_id, volume_id};
use super::testing::{PROJECT, TOKEN, attach, call, job, manual, send, start, volume};
use super::{Config, Effect, FaultRule, Simulator, TransitionMode, World};

const LIST: &str = "/v2/a0000000000000000000000000000001/cloudvolumes/detail";

async fn simulator() -> Simulator {
    start(manual()).await
}

fn attach_rule(effect: Effect) -> FaultRule {
    FaultRule::new("AttachServerVolume", effect).times(1)
}

/// Sends an attach and gives what came back, if anything did.
async fn try_attach(simulator: &Simulator) -> Option<super::testing::Answer> {
    let body = json!({"volumeAttachment": {"volumeId": volume_id(1)}}).to_string();
    let path = format!("/v1/{PROJECT}/cloudservers/{}/attachvolume", server_id(1));
    send(simulator, "POST", &path, &[("x-auth-token", TOKEN)], &body).await
}

#[tokio::test]
async fn a_reset_before_processing_leaves_nothing_and_one_after_leaves_a_job_without_an_answer() {
    let simulator = simulator().await;
    simulator.add_fault(attach_rule(Effect::ResetBefore));
    simulator.add_fault(attach_rule(Effect::ResetAfter));
    assert!(try_attach(&simulator).await.is_none());
    assert!(simulator.jobs().is_empty());
    assert!(try_attach(&simulator).await.is_none());
    assert_eq!(simulator.jobs().len(), 1);
    let journal = simulator.journal();
    let [before, after] = journal.entries() else { panic!("two requests") };
    assert_eq!((before.status, before.fault.as_deref()), (None, Some("reset_before")));
    assert_eq!((after.status, after.fault.as_deref()), (Some(200), Some("reset_after")));
    assert!(after.response_body.contains("job_id"), "what the client never saw");
    assert_eq!(volume(&simulator, &volume_id(1)).await["status"], "attaching");
}

#[tokio::test]
async fn an_answer_can_be_cut_be_a_page_or_be_something_else() {
    let simulator = simulator().await;
    simulator.add_fault(attach_rule(Effect::HtmlPage { status: 502 }));
    simulator.add_fault(attach_rule(Effect::Status { status: 500, body: String::new() }));
    simulator.add_fault(attach_rule(Effect::Truncate));
    let page = try_attach(&simulator).await.unwrap();
    assert_eq!((page.status, page.header("content-type")), (502, Some("text/html")));
    let bare = try_attach(&simulator).await.unwrap();
    assert_eq!((bare.status, bare.text.as_str()), (500, ""));
    assert!(simulator.jobs().is_empty(), "the cloud saw neither");
    let cut = try_attach(&simulator).await.unwrap();
    let announced: usize = cut.header("content-length").unwrap().parse().unwrap();
    assert!(cut.status == 200 && cut.text.len() == announced / 2, "{cut:?}");
    assert_eq!(simulator.jobs().len(), 1);
    simulator.add_fault(FaultRule::new("ListVolumes", Effect::NotJson));
    let odd = send(&simulator, "GET", LIST, &[("x-auth-token", TOKEN)], "").await.unwrap();
    assert_eq!((odd.status, odd.text.as_str()), (200, "everything is fine"));
}

#[tokio::test]
async fn an_error_can_come_although_the_cloud_has_acted() {
    let gone = |status| Effect::Status { status, body: String::new() };
    let code = Effect::ApiError { status: 504, code: "APIGW.0201".to_owned(), message: "timeout".to_owned() };
    for (effect, status) in [(gone(504), 504), (code, 504), (Effect::HtmlPage { status: 502 }, 502)] {
        let simulator = simulator().await;
        simulator.add_fault(attach_rule(effect).after());
        let answer = try_attach(&simulator).await.unwrap();
        assert_eq!((answer.status, simulator.jobs().len()), (status, 1));
        assert!(!answer.text.contains("job_id"), "{answer:?}");
        assert_eq!(simulator.journal().entries()[0].status, Some(status), "as the client saw it");
    }
    let simulator = simulator().await;
    let rule = r#"{"operation":"AttachServerVolume","effect":{"kind":"throttle"},"after":true}"#;
    simulator.add_fault(serde_json::from_str(rule).unwrap());
    assert_eq!(try_attach(&simulator).await.unwrap().status, 429);
    assert!(simulator.jobs().is_empty(), "what is throttled was not let in");
}

#[tokio::test]
async fn a_delayed_request_is_in_the_journal_before_it_is_answered() {
    let simulator = simulator().await;
    simulator.add_fault(attach_rule(Effect::Delay { time: Duration::from_secs(600) }));
    let body = async {
        tokio::select! {
            _ = try_attach(&simulator) => panic!("it is held for ten minutes"),
            () = simulator.wait_until(|journal| journal.count("AttachServerVolume") == 1) => {}
        }
    };
    body.await;
    let journal = simulator.journal();
    assert!(!journal.entries()[0].finished);
    assert!(simulator.jobs().is_empty(), "the cloud has not seen it");

    simulator.add_fault(attach_rule(Effect::DelayAnswer { time: Duration::from_secs(600) }));
    tokio::select! {
        _ = try_attach(&simulator) => panic!("it is held for ten minutes"),
        () = simulator.wait_for("AttachServerVolume", 1) => {}
    }
    assert_eq!(simulator.jobs().len(), 1, "the cloud has acted");
}

#[tokio::test]
async fn a_late_answer_finishes_no_request_that_came_after_a_clear() {
    let simulator = simulator().await;
    simulator.add_fault(attach_rule(Effect::Delay { time: Duration::from_millis(50) }));
    simulator.add_fault(FaultRule::new("ListVolumes", Effect::Delay { time: Duration::from_secs(600) }));
    let late = async {
        try_attach(&simulator).await.unwrap();
        simulator.wait_until(|journal| journal.count("ListVolumes") == 1).await;
    };
    let held = async {
        simulator.wait_until(|journal| journal.count("AttachServerVolume") == 1).await;
        simulator.clear_journal();
        send(&simulator, "GET", LIST, &[("x-auth-token", TOKEN)], "").await
    };
    tokio::select! {
        () = late => {}
        _ = held => panic!("it is held for ten minutes"),
    }
    let held = simulator.journal().entries()[0].clone();
    assert_eq!((held.sequence, held.finished), (2, false), "the answer was the attach's");
    send(&simulator, "POST", "/_simulator/reset", &[], "").await.unwrap();
    volume(&simulator, &volume_id(1)).await;
    assert_eq!(simulator.journal().entries()[0].sequence, 3, "a reset does not begin again either");
}

#[tokio::test]
async fn jobs_stall_have_unknown_states_or_lag_by_rule() {
    let simulator = simulator().await;
    simulator.add_fault(attach_rule(Effect::JobStatus { status: "PENDING_PAYMENT".to_owned() }));
    let odd = attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(job(&simulator, &odd).await["status"], "PENDING_PAYMENT");
    simulator.advance_all();
    assert_eq!(job(&simulator, &odd).await["status"], "SUCCESS");

    simulator.add_fault(attach_rule(Effect::JobStalls));
    let stalled = attach(&simulator, &server_id(2), &volume_id(2)).await;
    simulator.advance_all();
    assert_eq!(job(&simulator, &stalled).await["status"], "RUNNING");

    simulator.add_fault(attach_rule(Effect::ExtraLag { lag: Duration::from_secs(9) }));
    let late = attach(&simulator, &server_id(3), &volume_id(3)).await;
    simulator.advance();
    simulator.advance();
    assert_eq!(job(&simulator, &late).await["status"], "SUCCESS");
    assert_eq!(volume(&simulator, &volume_id(3)).await["status"], "attaching");
    simulator.advance();
    assert_eq!(volume(&simulator, &volume_id(3)).await["status"], "in-use");
}

#[tokio::test]
async fn the_journal_tells_who_asked_for_what_in_order() {
    let simulator = simulator().await;
    attach(&simulator, &server_id(1), &volume_id(1)).await;
    volume(&simulator, &volume_id(1)).await;
    let journal = simulator.journal();
    assert_eq!(journal.operations(), ["AttachServerVolume", "ShowVolume"]);
    assert_eq!((simulator.mutations(), journal.mutations()[0].sequence), (1, 1));
    let entry = journal.of("AttachServerVolume").next().unwrap();
    assert_eq!((entry.service.as_str(), entry.method.as_str(), entry.status), ("ecs", "POST", Some(200)));
    assert!(entry.body.contains(&volume_id(1)));
    assert_eq!(entry.request_id.as_ref().map(String::len), Some(32));
    assert!(entry.headers.contains(&("x-auth-token".to_owned(), TOKEN.to_owned())), "as received, for tests");
    simulator.clear_journal();
    assert_eq!(simulator.count("ShowVolume"), 0);
}

#[tokio::test]
async fn the_control_endpoint_offers_what_the_library_does() {
    let simulator = simulator().await;
    let control = |method: &'static str, path: &'static str, body: &'static str| {
        let simulator = &simulator;
        async move { send(simulator, method, &format!("/_simulator/{path}"), &[], body).await.unwrap() }
    };
    assert_eq!(control("GET", "health", "").await.json(), json!({"status": "ok"}));
    let rule = r#"{"name":"late","operation":"AttachServerVolume","effect":{"kind":"job_stalls"},"times":1}"#;
    assert_eq!(control("POST", "faults", rule).await.status, 200);
    let stalled = attach(&simulator, &server_id(1), &volume_id(1)).await;
    let faults = control("GET", "faults", "").await.json();
    assert_eq!(faults["counts"][0], json!({"name": "late", "matched": 1, "fired": 1}));
    control("DELETE", "faults", "").await;
    assert_eq!(control("POST", "advance", "").await.json(), json!({"made": 1}));
    assert_eq!(job(&simulator, &stalled).await["status"], "RUNNING");

    let jobs = control("GET", "jobs", "").await.json();
    assert_eq!((&jobs["jobs"][0]["status"], &jobs["jobs"][0]["ended"]), (&json!("RUNNING"), &json!(null)));
    assert!(jobs["jobs"][0]["began"].is_f64());
    let journal = control("GET", "journal", "").await;
    assert!(journal.text.contains("AttachServerVolume") && !journal.text.contains(TOKEN), "redacted");
    assert!(!journal.text.contains("_simulator"), "control requests are not the cloud's");

    let switched = control("PATCH", "switches", r#"{"initial_job_status":"running"}"#).await;
    assert_eq!(switched.status, 200);
    assert_eq!(control("GET", "switches", "").await.json()["initial_job_status"], "running");
    assert_eq!(control("PATCH", "switches", r#"{"initial_job_status":"soon"}"#).await.status, 400);

    let world = control("GET", "world", "").await.json();
    assert_eq!(world["huaweicloud"]["servers"][0]["name"], "web-1");
    assert_eq!(control("PUT", "world", r#"{"huaweicloud":{"servers":[{"id":"x"}]}}"#).await.status, 400);
    assert_eq!(simulator.jobs().len(), 1, "a world that is refused changes nothing");
    assert_eq!(control("PUT", "world", "{}").await.status, 200);
    assert!(simulator.jobs().is_empty() && !simulator.advance(), "what was under way was so in the old world");
    assert!(simulator.world(|world| world.huaweicloud.servers.is_empty()));
    assert_eq!(control("POST", "reset", "").await.status, 200);
    assert_eq!(simulator.world(World::clone), World::built_in());
    assert_eq!(control("GET", "switches", "").await.json()["initial_job_status"], "init", "as at the start");
    assert!(simulator.jobs().is_empty() && simulator.journal().entries().is_empty());
    assert_eq!(control("GET", "tea", "").await.status, 404);
    assert_eq!(control("POST", "advance", r#"{"time":"soon"}"#).await.status, 400);
}

#[tokio::test]
async fn servers_of_every_kind_can_be_deleted_behind_the_back_over_the_control_endpoint() {
    use super::huaweicloud::built_in::{lite_server_id, system_volume_id};
    use super::samsungcloud::built_in as samsung;
    let edit = |simulator: Simulator, body: serde_json::Value| async move {
        simulator.edit(|world| {
            world.huaweicloud.attach(&server_id(1), &volume_id(1));
            world.huaweicloud.attach_lite(&lite_server_id(1), &volume_id(2));
            world.samsungcloud.attach(&samsung::server_id(1), &samsung::volume_id(1));
        });
        let answer = send(&simulator, "POST", "/_simulator/edit", &[], &body.to_string()).await.unwrap();
        (answer.status, simulator.world(World::clone))
    };
    for (server, leaving_records) in [server_id(1), lite_server_id(1), samsung::server_id(1)]
        .into_iter()
        .flat_map(|id| [(id.clone(), false), (id, true)])
    {
        let body = json!({"delete_server": server, "leaving_records": leaving_records});
        let (status, world) = edit(simulator().await, body).await;
        let (huawei, samsungs) = (&world.huaweicloud, &world.samsungcloud);
        let servers = huawei.servers.len() + huawei.lite_servers.len() + samsungs.servers.len();
        let built_in = World::built_in();
        let all = &built_in.huaweicloud;
        let before = all.servers.len() + all.lite_servers.len() + built_in.samsungcloud.servers.len();
        assert_eq!((status, servers), (200, before - 1), "{server}");
        let records = [volume_id(1), volume_id(2)].map(|id| huawei.volume(&id).unwrap().attachments.len());
        let records =
            records.iter().sum::<usize>() + samsungs.volume(&samsung::volume_id(1)).unwrap().attachments.len();
        assert_eq!(records, 2 + usize::from(leaving_records), "{server}");
        if server == lite_server_id(1) {
            assert_eq!(huawei.volume(&system_volume_id(101)).is_some(), leaving_records, "the root volume");
        }
    }
    let (status, _) = edit(simulator().await, json!({"delete_server": server_id(99)})).await;
    assert_eq!(status, 404);
    assert_eq!(edit(simulator().await, json!({"delete": server_id(1)})).await.0, 400);
}

#[tokio::test]
async fn time_can_be_skipped_over_the_control_endpoint() {
    let simulator = start(Config { mode: TransitionMode::Auto, ..manual() }).await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    send(&simulator, "POST", "/_simulator/advance", &[], r#"{"time":"3s"}"#).await.unwrap();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
}

#[tokio::test]
async fn a_connection_carries_many_requests_and_ends_with_the_simulator() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let simulator = simulator().await;
    let address = simulator.huaweicloud_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let mut seen = vec![0; 4096];
    for _ in 0..3 {
        stream.write_all(b"GET /_simulator/health HTTP/1.1\r\nhost: h\r\n\r\n").await.unwrap();
        let length = stream.read(&mut seen).await.unwrap();
        assert!(seen[..length].starts_with(b"HTTP/1.1 200 OK"));
    }
    drop(simulator);
    let end = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut seen)).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "the connection ends");
    assert!(tokio::net::TcpStream::connect(&address).await.is_err(), "nobody listens any more");
}

#[tokio::test]
async fn a_simulator_does_not_start_in_an_impossible_world_or_on_a_taken_port() {
    let mut world = World::built_in();
    world.huaweicloud.volumes.clear();
    let error = Simulator::start(Config { world: Some(world), ..Config::default() }).await.unwrap_err();
    assert_eq!(error.kind(), std::io::ErrorKind::InvalidInput);
    let first = simulator().await;
    let huaweicloud_address = first.huaweicloud_url().trim_start_matches("http://").parse().unwrap();
    assert!(Simulator::start(Config { huaweicloud_address, ..Config::default() }).await.is_err());
}

#[tokio::test]
async fn a_service_with_an_address_of_its_own_is_known_there_alone() {
    let mut config = manual();
    let free = std::net::SocketAddr::from((std::net::Ipv4Addr::LOCALHOST, 0));
    config.huaweicloud.service_addresses.insert("evs".to_owned(), free);
    assert_eq!(config.addresses().len(), 3);
    let simulator = start(config.clone()).await;
    let block_devices = format!("/v1/{PROJECT}/cloudservers/{}/block_device", server_id(1));
    let (common, evs) = (simulator.huaweicloud_url(), simulator.service_url("evs"));
    assert_eq!(simulator.service_url("ecs"), common);
    for (url, target, status) in
        [(&evs, LIST, 200), (&common, LIST, 404), (&evs, &*block_devices, 404), (&common, &*block_devices, 200)]
    {
        let answer = super::testing::send_to(url, "GET", target, &[("x-auth-token", TOKEN)], "").await.unwrap();
        assert_eq!((answer.status, answer.text.contains("APIGW.0101")), (status, status == 404), "{target}");
    }
    let services: Vec<_> = simulator.journal().entries().iter().map(|entry| entry.service.clone()).collect();
    assert_eq!(services, ["evs", "gateway", "gateway", "ecs"]);
    config.huaweicloud.service_addresses.insert("tea".to_owned(), free);
    assert!(Simulator::start(config).await.unwrap_err().to_string().contains("there is no service \"tea\""));
}

#[tokio::test]
async fn large_bodies_and_strange_input_end_a_request_and_not_the_simulator() {
    let simulator = simulator().await;
    for body in ["{", "[]", "null", "\u{1F600}", &"x".repeat(1 << 20)] {
        let answer =
            call(&simulator, "POST", &format!("/v1/{{p}}/cloudservers/{}/attachvolume", server_id(1)), body).await;
        assert_eq!(answer.error(), (400, "Ecs.0005".to_owned()));
    }
    for path in ["/v1/%2e%2e/%00/%ff", "//", "/v1/{p}/jobs/%E2%82%AC", "/v2/{p}/cloudvolumes/detail?ids=%5B'%5D&a&=&=b"]
    {
        let path = path.replace("{p}", PROJECT);
        assert!(send(&simulator, "GET", &path, &[("x-auth-token", TOKEN)], "").await.is_some(), "{path}");
    }
    let odd =
        json!({"volumeAttachment": {"volumeId": volume_id(1), "device": "/dev/vd\u{20AC}zzzzzzzzzzzzzz"}}).to_string();
    let path = format!("/v1/{{p}}/cloudservers/{}/attachvolume", server_id(1));
    assert_eq!(call(&simulator, "POST", &path, &odd).await.status, 200);
    assert_eq!(simulator.advance_all(), 2);
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused_by_the_gateway() {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let simulator = simulator().await;
    let address = simulator.huaweicloud_url().trim_start_matches("http://").to_owned();
    let mut stream = tokio::net::TcpStream::connect(&address).await.unwrap();
    let head = "POST /v1/p/cloudservers/action HTTP/1.1\r\nhost: h\r\ncontent-length: 99999999\r\n\r\n";
    stream.write_all(head.as_bytes()).await.unwrap();
    // One byte more than it takes and no more: what it had not read would turn the answer into a reset.
    stream.write_all(&vec![b'x'; (12 << 20) + 1]).await.unwrap();
    let mut seen = vec![0; 4096];
    let length = tokio::time::timeout(Duration::from_secs(20), stream.read(&mut seen)).await.unwrap().unwrap();
    let seen = String::from_utf8_lossy(&seen[..length]).into_owned();
    assert!(seen.starts_with("HTTP/1.1 413") && seen.contains("APIGW.0201"), "{seen}");
}

#[tokio::test]
async fn the_examples_are_a_world_and_a_configuration() {
    let world: World = serde_json::from_str(include_str!("../../examples/simulator/world.json")).unwrap();
    world.validate().unwrap();
    let config: Config = serde_json::from_str(include_str!("../../examples/simulator/config.json")).unwrap();
    assert_eq!((config.faults.len(), config.settle_lag), (2, Duration::from_millis(500)));
    let simulator = start(Config { world: Some(world), faults: config.faults, ..manual() }).await;
    assert!(try_attach(&simulator).await.is_none(), "the first answer is lost");
    simulator.advance_all();
    assert!(simulator.world(|world| world.huaweicloud.is_attached(&server_id(1), &volume_id(1))));
}
