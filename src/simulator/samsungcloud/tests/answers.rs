//! What the calls answer when all is well: keys, lists, the catalog, and what the journal and the control endpoint add.

use serde_json::json;

use super::*;
use crate::simulator::World as Everything;
use crate::simulator::samsungcloud::built_in::{boot_volume_id, shared_volume_id};
use crate::simulator::samsungcloud::{ApiVersion, Lifecycle, Version, World};

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

#[tokio::test]
async fn the_root_lists_the_versions_for_anybody() {
    let simulator = simulator().await;
    let url = simulator.samsungcloud_url();
    let answer = send_with(&url, "GET", "/", &[], "").await.unwrap();
    let versions = answer.json()["versions"].clone();
    let current = json!({
        "id": "v1.3", "links": [{"href": format!("{url}/v1"), "rel": "self"}], "not_before": "", "status": "CURRENT",
    });
    assert_eq!((answer.status, &versions[0]), (200, &current));
    assert_eq!((&versions[1]["not_before"], &versions[1]["status"]), (&json!("2026-08-31"), &json!("SUPPORTED")));
    assert_eq!((&versions[3]["id"], &versions[3]["status"]), (&json!("v1.0"), &json!("DEPRECATED")));
}

#[tokio::test]
async fn the_catalog_names_each_region_by_an_address_of_its_own() {
    let simulator = simulator().await;
    let answer = get(&simulator, "/v1/endpoints").await;
    let endpoints = answer.json()["endpoints"].as_array().unwrap().clone();
    assert!(endpoints.iter().all(|entry| keys(entry) == ["region", "service_name", "service_type", "url"]));
    let url_in = |region: &str| {
        let mut entries = endpoints.iter();
        let entry = entries.find(|e| e["service_type"] == "scp-virtualserver" && e["region"] == region).unwrap();
        entry["url"].as_str().unwrap().to_owned()
    };
    let (here, there) = (url_in("kr-west1"), url_in("kr-east1"));
    assert_eq!(here, simulator.samsungcloud_url());
    assert_ne!(here, there);
    assert!(endpoints.iter().any(|entry| entry["service_type"] != "scp-virtualserver"), "others are to be skipped");

    let ask = async |url: &str, target: &str| {
        send_with(url, "GET", target, &signed(url, "GET", target), "").await.expect("an answer")
    };
    let east = format!("/v1/volumes/{}", volume_id(6));
    assert_eq!((ask(&here, &east).await.status, ask(&there, &east).await.status), (404, 200));
    let west = format!("/v1/servers/{}", server_id(1));
    assert_eq!((ask(&here, &west).await.status, ask(&there, &west).await.status), (200, 404));
    assert_eq!(ask(&there, "/").await.status, 200);
    assert_eq!(ask(&there, "/v1/endpoints").await.status, 404, "the catalog is with the first region");
    let wrong_host = send_with(&there, "GET", &east, &signed(&here, "GET", &east), "").await.unwrap();
    assert_eq!(wrong_host.status, 401, "signed for another host");
    crate::simulator::testing::send_to(&here, "POST", "/_simulator/reset", &[], "").await.unwrap();
    assert!(get(&simulator, "/v1/endpoints").await.text.contains(&there), "a reset keeps the addresses");
}

#[tokio::test]
async fn each_version_has_exactly_its_keys() {
    let simulator = simulator().await;
    simulator.set_config(|config| {
        let newer = Version { major: 1, minor: 5 };
        let status = Lifecycle::Supported;
        config.samsungcloud.api_versions.push(ApiVersion { version: newer, status, not_before: String::new() });
    });
    let base = [
        "bootable",
        "created_at",
        "encrypted",
        "id",
        "modified_at",
        "multiattach",
        "name",
        "servers",
        "size",
        "snapshot_id",
        "state",
        "user_id",
        "volume_image_metadata",
        "volume_type",
        "volume_type_id",
    ];
    let server = [
        "account_id",
        "addresses",
        "auto_scaling_group_id",
        "created_at",
        "created_by",
        "disk_config",
        "id",
        "image_id",
        "is_marketplace",
        "keypair_name",
        "launch_configuration_id",
        "locked",
        "metadata",
        "modified_at",
        "name",
        "planned_compute_os_type",
        "product_category",
        "product_offering",
        "security_groups",
        "server_group_id",
        "server_type",
        "state",
        "volumes",
        "vpc_id",
    ];
    for version in ["1.0", "1.1", "1.2", "1.3", "1.5"] {
        let mut of_volume = base.to_vec();
        let mut of_server = server.to_vec();
        if !matches!(version, "1.0" | "1.1") {
            of_volume.extend(["max_iops", "max_throughput"]);
        }
        if version != "1.0" {
            of_server.push("partition_number");
        }
        of_volume.sort_unstable();
        of_server.sort_unstable();
        let id = boot_volume_id(1);
        let shown = get_in(&simulator, version, &format!("/v1/volumes/{id}")).await.json();
        assert_eq!(keys(&shown), of_volume, "{version}");
        assert_eq!(keys(&shown["servers"][0]), ["attached_at", "device", "id"]);
        let listed = get_in(&simulator, version, "/v1/volumes").await.json();
        assert_eq!(keys(&listed), ["volumes"], "{version}");
        assert_eq!(keys(&listed["volumes"][0]), of_volume, "{version}");
        let shown = get_in(&simulator, version, &format!("/v1/servers/{}", server_id(1))).await.json();
        assert_eq!(keys(&shown), of_server, "{version}");
        assert_eq!(shown["volumes"], json!([{"delete_on_termination": true, "id": id}]));
        let listed = get_in(&simulator, version, "/v1/servers").await.json();
        assert_eq!(keys(&listed), ["servers"], "{version}");
        assert_eq!(keys(&listed["servers"][0]), of_server, "{version}");
    }
}

#[tokio::test]
async fn only_provisioned_volumes_have_a_performance() {
    let simulator = simulator().await;
    let id = volume_id(1);
    assert_eq!(volume(&simulator, &id).await["max_iops"], json!(null));
    simulator.edit(|world| {
        "SSD_Provisioned".clone_into(&mut world.samsungcloud.volume_mut(&id).unwrap().volume_type);
    });
    let shown = volume(&simulator, &id).await;
    assert_eq!((&shown["max_iops"], &shown["max_throughput"]), (&json!(5000), &json!(250)));
}

#[tokio::test]
async fn times_are_written_in_four_ways() {
    for (value, ending) in [("zulu", "00Z"), ("offset", "00+00:00"), ("fraction", "00.678901Z"), ("zoneless", "00:00")]
    {
        let simulator = switched("timestamps", value).await;
        let shown = volume(&simulator, &boot_volume_id(1)).await;
        for time in [&shown["created_at"], &shown["servers"][0]["attached_at"]] {
            let time = time.as_str().unwrap();
            assert!(time.starts_with("2026-01-01T00:00:00") && time.ends_with(ending), "{value}: {time}");
        }
    }
}

#[tokio::test]
async fn the_servers_side_attaches_shows_updates_and_detaches() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let all = format!("/v1/servers/{server}/volumes");
    let one = format!("{all}/{id}");
    let body = json!({"volume_id": id, "delete_on_termination": true, "device": "/dev/vdx"}).to_string();
    let accepted = call(&simulator, "POST", &all, &body).await;
    let shown = json!({
        "delete_on_termination": true, "device": "/dev/vdb", "id": id, "server_id": server, "volume_id": id,
    });
    assert_eq!((accepted.status, accepted.json()), (200, shown.clone()), "200, and the wish for a device is ignored");
    assert_eq!(volume(&simulator, &id).await["state"], "attaching", "though it is not done");
    simulator.advance();
    assert_eq!(get(&simulator, &one).await.json(), shown);
    let listed = get(&simulator, &all).await.json();
    assert_eq!((&listed["volumes"][0]["device"], &listed["volumes"][1]), (&json!("/dev/vda"), &shown));

    let body = json!({"volume_id": id, "delete_on_termination": false}).to_string();
    let updated = call(&simulator, "PUT", &one, &body).await;
    assert_eq!((updated.status, updated.text.as_str()), (200, ""));
    assert_eq!(get(&simulator, &one).await.json()["delete_on_termination"], false, "at once");
    let detached = call(&simulator, "DELETE", &one, "").await;
    assert_eq!((detached.status, detached.text.as_str()), (202, ""));
    simulator.advance();
    assert_eq!(get(&simulator, &one).await.status, 404);
    assert_eq!(volume(&simulator, &id).await["state"], "available", "the volume survives");
}

#[tokio::test]
async fn device_attachment_id_and_the_flags_default_can_be_switched() {
    let simulator = switched("device_wish", "honoured").await;
    simulator.set_samsungcloud_switches(|switches| {
        switches.set("attachment_id", "own").unwrap();
        switches.set("default_delete_on_termination", "delete").unwrap();
    });
    let (server, id) = pair();
    let all = format!("/v1/servers/{server}/volumes");
    let wish = |id: &str| json!({"volume_id": id, "device": "/dev/vdx"}).to_string();
    let shown = call(&simulator, "POST", &all, &wish(&id)).await.json();
    assert_eq!((&shown["device"], &shown["delete_on_termination"]), (&json!("/dev/vdx"), &json!(true)));
    assert_ne!(shown["id"], shown["volume_id"]);
    assert_eq!(error(&call(&simulator, "POST", &all, &wish(&volume_id(2))).await).0, 409, "the name is taken");
    let by_volume = attach(&simulator, &server, &volume_id(2)).await.json();
    assert_eq!(by_volume["delete_on_termination"], true);
}

#[tokio::test]
async fn lists_are_filtered_sorted_and_cut_into_pages() {
    let simulator = simulator().await;
    simulator.edit(|world| world.samsungcloud = World::fleet(2, 30, 1));
    let names = async |query: &str| {
        let answer = get(&simulator, &format!("/v1/volumes{query}")).await.json();
        let names = answer["volumes"].as_array().unwrap().iter().map(|v| v["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    assert_eq!(names("").await.len(), 20, "without a limit it is not everything");
    assert_eq!(names("?limit=1000").await.len(), 33);
    assert_eq!(names("?name=data-7").await, ["data-7"]);
    assert_eq!(names("?state=in-use").await, ["server-1-boot", "server-2-boot"]);
    assert_eq!(names("?bootable=true&sort=name:desc").await, ["server-2-boot", "server-1-boot"]);
    assert_eq!(names("?sort=size:desc&limit=1").await, ["server-2-boot"]);
    assert_eq!(names(&format!("?limit=2&marker={}", volume_id(3))).await, ["data-4", "data-5"]);
    assert_eq!(names("?limit=1&offset=29").await, ["data-30"]);
    let counted = get(&simulator, "/v1/volumes?with_count=true&limit=1&state=available").await.json();
    assert_eq!((&counted["count"], counted["volumes"].as_array().unwrap().len()), (&json!(31), 1));
    for query in ["limit=1001", "limit=x", "offset=-1", "marker=x", "sort=name:sideways"] {
        assert_eq!(error(&get(&simulator, &format!("/v1/volumes?{query}")).await).0, 400, "{query}");
    }
    simulator.set_samsungcloud_switches(|switches| {
        switches.set("default_page", "thousand").unwrap();
        switches.set("marker", "inclusive").unwrap();
    });
    assert_eq!(names("").await.len(), 33);
    assert_eq!(names(&format!("?limit=2&marker={}", volume_id(3))).await, ["data-3", "data-4"]);
    let servers = get(&simulator, "/v1/servers?name=server-2").await.json();
    assert_eq!(servers["servers"][0]["id"], server_id(2));
}

#[tokio::test]
async fn the_journal_names_operations_as_the_permissions_do_and_keeps_the_keys_to_itself() {
    let simulator = simulator().await;
    let (server, id) = pair();
    get(&simulator, "/v1/endpoints").await;
    attach(&simulator, &server, &id).await;
    volume(&simulator, &id).await;
    detach(&simulator, &server, &id).await;
    let journal = simulator.journal();
    let expected = ["ListEndpoints", "AttachVolumeVirtualServer", "ShowVolume", "DetachVolumeVirtualServer"];
    assert_eq!(journal.operations(), expected);
    assert_eq!(simulator.mutations(), 2);
    let entry = journal.of("AttachVolumeVirtualServer").next().unwrap();
    assert_eq!((entry.service.as_str(), entry.status), ("virtualserver", Some(202)));
    assert_eq!(serde_json::to_value(entry.cloud).unwrap(), "samsungcloud");
    let sent = |name: &str| entry.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone()).unwrap();
    let shown = serde_json::to_string(&journal.redacted()).unwrap();
    for name in ["scp-accesskey", "scp-signature"] {
        assert!(!shown.contains(&sent(name)), "{name}");
    }
    assert!(shown.contains("virtualserver 1.3"));
}

#[tokio::test]
async fn the_control_endpoint_knows_operations_and_this_clouds_switches() {
    let simulator = simulator().await;
    let url = simulator.samsungcloud_url();
    let control = async |method: &str, path: &str, body: &str| {
        send_to(&url, method, &format!("/_simulator/{path}"), &[], body).await.expect("an answer")
    };
    let (server, id) = pair();
    attach(&simulator, &server, &id).await;
    let operations = control("GET", "operations", "").await.json();
    let operation = &operations["operations"][0];
    assert_eq!((&operation["kind"], &operation["ended"]), (&json!("attach"), &json!(null)));
    assert!(operation["began"].is_f64());
    let wanted = r#"{"initial_job_status": "running", "samsungcloud": {"attachment_id": "own"}}"#;
    assert_eq!(control("PATCH", "switches", wanted).await.status, 200);
    let switches = control("GET", "switches", "").await.json();
    assert_eq!(
        (&switches["initial_job_status"], &switches["samsungcloud"]["attachment_id"]),
        (&json!("running"), &json!("own"))
    );
    let half_wrong = r#"{"initial_job_status": "init", "samsungcloud": {"attachment_id": "none"}}"#;
    assert_eq!(control("PATCH", "switches", half_wrong).await.status, 400);
    assert_eq!(control("GET", "switches", "").await.json(), switches, "all or nothing");
    assert_eq!(control("GET", "world", "").await.json()["samsungcloud"]["servers"][0]["name"], "web-1");
    assert_eq!(control("PUT", "world", r#"{"samsungcloud": {"volumes": [{"id": "x"}]}}"#).await.status, 400);
    assert_eq!(control("POST", "advance", "").await.json(), json!({"made": 1}));
    assert!(simulator.world(|world: &Everything| world.samsungcloud.is_attached(&server, &id)));
}

#[tokio::test]
async fn strange_paths_and_large_bodies_end_a_request_and_not_the_simulator() {
    let simulator = simulator().await;
    for target in
        ["//v1//volumes", "/v1/volumes/%ff%00", "/v1/volumes?limit=%E2%82%AC&&=", "/v1/servers/%2e%2e/volumes"]
    {
        assert!(get(&simulator, target).await.status >= 400, "{target}");
    }
    assert_eq!(get(&simulator, "//v1/volumes").await.status, 200, "signed and sent with two slashes, as some do");
    assert_eq!(get(&simulator, &format!("/v1/volumes/{}/", shared_volume_id(1))).await.status, 200);
}
