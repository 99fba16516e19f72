//! Who gets in, and when the process ends.

use std::path::Path;

use rustix::process::Signal;
use tokio::{io::AsyncReadExt, net::UnixStream, task::JoinHandle};

use crate::{
    client::{Client, Identity, Plugin},
    message::{Empty, HealthCheckRequest, HealthCheckResponse},
    process::{MAGIC_COOKIE, Process},
    rpc::{Answered, apply, configure, create, read},
};

/// A plugin and the Terraform that started it.
async fn connected() -> (Plugin, Client) {
    let terraform = Identity::of_terraform();
    let plugin = Plugin::start(&terraform).await;
    let client = plugin.connect(Some(&terraform)).await.unwrap();
    (plugin, client)
}

/// Begins a create of that name, which waits.
async fn waits(plugin: &mut Plugin, client: &Client, name: &'static str) -> JoinHandle<Answered> {
    let created = tokio::spawn(create(client.clone(), name));
    plugin.process.wait_for_log("waiting").await;
    created
}

#[tokio::test]
async fn nobody_but_the_owner_of_the_certificate_gets_an_answer() {
    let terraform = Identity::of_terraform();
    let plugin = Plugin::start(&terraform).await;

    let answered = async |identity: Option<&Identity>| match plugin.connect(identity).await {
        Ok(client) => client.is_answered().await,
        Err(_) => false,
    };
    assert!(!answered(None).await, "a client without a certificate");
    assert!(!answered(Some(&Identity::of_terraform())).await, "a client with another certificate of the same make");
    assert!(!answered(Some(&Identity::new(&rcgen::PKCS_ECDSA_P256_SHA256))).await);
    let plaintext = Client::over(UnixStream::connect(&plugin.socket).await.unwrap()).await;
    assert!(match plaintext {
        Ok(client) => !client.is_answered().await,
        Err(_) => true,
    });
    assert!(answered(Some(&terraform)).await, "and the right one still does");
}

#[tokio::test]
async fn a_stranger_who_says_nothing_keeps_nobody_waiting() {
    let terraform = Identity::of_terraform();
    let plugin = Plugin::start(&terraform).await;
    let mut stranger = UnixStream::connect(&plugin.socket).await.unwrap();
    assert!(plugin.connect(Some(&terraform)).await.unwrap().is_answered().await);
    assert_eq!(stranger.try_read(&mut [0; 8]).unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    drop(plugin);
    assert_eq!(stranger.read(&mut [0; 8]).await.unwrap_or(0), 0);
}

#[tokio::test]
async fn a_client_certificate_that_cannot_be_read_stops_the_start() {
    let mut process = Process::start(&[MAGIC_COOKIE, ("PLUGIN_CLIENT_CERT", "garbage")], "");
    process.wait_for_log("PLUGIN_CLIENT_CERT holds no certificate that can be read").await;
    assert_eq!(process.stdout_line().await, None);
    assert!(!process.ends_well().await);
}

#[tokio::test]
async fn run_by_hand_it_says_in_one_sentence_what_it_is() {
    let mut process = Process::start(&[], "");
    process.wait_for_log("terraform-provider-test is a plugin that Terraform and OpenTofu start by themselves").await;
    assert_eq!(process.stdout_line().await, None);
    assert!(!process.ends_well().await);
}

#[tokio::test]
async fn it_tells_its_version_and_its_arguments() {
    let mut process = Process::start(&[], "--version");
    assert_eq!(process.stdout_line().await.unwrap(), "terraform-provider-test 1.2.3");
    assert!(process.ends_well().await);
    let mut process = Process::start(&[], "--colour");
    process.wait_for_log(r#"unknown argument "--colour"; --help lists them"#).await;
    assert!(!process.ends_well().await);
}

#[tokio::test]
async fn a_stop_reaches_what_waits_and_its_answer_reaches_terraform() {
    let (mut plugin, client) = connected().await;
    let created = waits(&mut plugin, &client, "waits").await;

    client.stop().await;

    let created = created.await.unwrap();
    assert_eq!(created.errors(), [""; 0], "a warning, so that Terraform does not taint");
    assert_eq!(created.state().unwrap()["id"], "id of waits");
    assert_eq!(created.private["data"]["job"], "unfinished");
}

#[tokio::test]
async fn a_stop_does_not_queue_behind_hundreds_of_operations() {
    let (mut plugin, client) = connected().await;
    let created: Vec<_> = (0..400).map(|_| tokio::spawn(create(client.clone(), "waits"))).collect();
    for _ in &created {
        plugin.process.wait_for_log("waiting").await;
    }
    client.stop().await;
    for created in created {
        assert!(created.await.unwrap().errors().is_empty());
    }
}

#[tokio::test]
async fn signals_do_not_end_it_while_terraform_lives() {
    let (mut plugin, client) = connected().await;
    let created = waits(&mut plugin, &client, "waits").await;
    for (signal, name) in [(Signal::INT, "SIGINT"), (Signal::TERM, "SIGTERM"), (Signal::HUP, "SIGHUP")] {
        plugin.process.signal(signal);
        plugin.process.wait_for_log(name).await;
    }
    assert!(plugin.process.runs() && !created.is_finished());
    client.stop().await;
    assert!(created.await.unwrap().state().is_some());
}

#[tokio::test]
async fn shutdown_ends_it_and_removes_its_socket() {
    let (mut plugin, client) = connected().await;
    assert!(Path::new(&plugin.socket).exists());

    client.call::<Empty>("/plugin.GRPCController/Shutdown", Empty {}).await.unwrap();

    assert!(plugin.process.ends_well().await);
    assert_eq!(plugin.process.stdout_line().await, None, "nothing but the handshake line");
    assert!(!Path::new(&plugin.socket).parent().unwrap().exists());
}

#[tokio::test]
async fn shutdown_does_not_wait_for_an_operation_that_ignores_its_stop() {
    let (mut plugin, client) = connected().await;
    let created = waits(&mut plugin, &client, "ignores stop").await;
    client.call::<Empty>("/plugin.GRPCController/Shutdown", Empty {}).await.unwrap();
    plugin.process.wait_for_log("it is abandoned").await;
    assert!(plugin.process.ends_well().await);
    created.abort();
}

#[tokio::test]
async fn a_dead_parent_stops_what_runs_and_ends_the_process() {
    let (mut plugin, client) = connected().await;
    let created = waits(&mut plugin, &client, "waits").await;

    created.abort();
    drop((created.await, client));

    plugin.process.wait_for_log("told to stop").await;
    assert!(plugin.process.ends_well().await);
}

#[tokio::test]
async fn an_operation_outlives_the_request_that_asked_for_it() {
    let (mut plugin, client) = connected().await;
    let created = waits(&mut plugin, &client, "waits").await;
    created.abort();
    let _ = created.await;
    client.stop().await;
    plugin.process.wait_for_log("told to stop").await;
}

#[tokio::test]
async fn go_plugin_finds_it_healthy() {
    let (_plugin, client) = connected().await;
    let request = HealthCheckRequest { service: "plugin".to_owned() };
    let health: HealthCheckResponse = client.call("/grpc.health.v1.Health/Check", request).await.unwrap();
    assert_eq!(health.status, 1);
}

/// A process that serves until Ctrl-C, and its socket.
async fn debugged() -> (Process, String) {
    let mut process = Process::start(&[("TF_LOG", "DEBUG")], "--debug");
    let line = process.stdout_line().await.unwrap();
    let json = line.strip_prefix("TF_REATTACH_PROVIDERS='").unwrap().strip_suffix('\'').unwrap();
    let providers: serde_json::Value = serde_json::from_str(json).unwrap();
    let socket = providers["cloudvolume/test"]["Addr"]["String"].as_str().unwrap().to_owned();
    (process, socket)
}

#[tokio::test]
async fn in_debug_mode_terraforms_come_and_go_and_stop_only_their_own_work() {
    let (mut process, socket) = debugged().await;
    let connect = async || Client::over(UnixStream::connect(&socket).await.unwrap()).await.unwrap();

    let first = connect().await;
    first.stop().await;
    drop(first);
    let second = connect().await;
    let created = tokio::spawn(create(second.clone(), "waits"));
    process.wait_for_log("waiting").await;
    assert!(!created.is_finished(), "the first Terraform's stop does not reach the second's work");
    second.stop().await;
    assert!(created.await.unwrap().errors().is_empty());

    process.signal(Signal::INT);
    assert!(process.ends_well().await);
}

#[tokio::test]
async fn in_debug_mode_no_configuration_replaces_another() {
    let (_process, socket) = debugged().await;
    let connect = async || Client::over(UnixStream::connect(&socket).await.unwrap()).await.unwrap();

    let clients = [(connect().await, 1.0), (connect().await, 2.0)];
    for (client, rate) in &clients {
        assert_eq!(configure(client.clone(), *rate).await.diagnostics, []);
    }
    for (client, rate) in clients {
        let state = serde_json::json!({"id": "1", "name": "tells its rate", "size": null});
        let told = read(&client, "test_thing", &state).await;
        assert_eq!(told.diagnostics[0].summary, format!("Some({rate:?})"));
    }
}

#[tokio::test]
async fn a_panic_becomes_a_diagnostic_and_the_process_goes_on() {
    let (mut plugin, client) = connected().await;
    let prior = serde_json::json!({"id": "1", "name": "fine", "size": null});
    let planned = serde_json::json!({"id": "1", "name": "panics", "size": null});

    let applied = apply(client.clone(), Some(&prior), Some(&planned)).await;

    let detail = &applied.diagnostics[0].detail;
    let place = plugin.process.wait_for_log("a panic").await;
    assert!(place.contains(r#""@level":"error""#) && place.contains("tests/plugin/provider.rs"), "{place}");
    assert!(
        detail.starts_with("test_thing: ApplyResourceChange: it panicked at tests/plugin/provider.rs:"),
        "{detail}"
    );
    assert!(detail.contains(": a constant message."), "{detail}");
    assert_eq!(applied.state().unwrap(), prior, "the prior state is kept");
    assert!(client.is_answered().await);
}
