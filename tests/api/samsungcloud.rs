//! Samsung Cloud Platform's client against the simulator, and both against the vendor's models of each version.
//!
//! There is no public OpenAPI document of the newer versions; the keys below are those of the vendor's own Go SDK, whose decoder
//! refuses a key too many and a required key too few.

use std::collections::BTreeSet;

use cloudvolume::{
    ids::{ServerId, VolumeId},
    samsungcloud::{Client, Config, ServerState, VolumeState},
    simulator::{
        Entry, Simulator,
        samsungcloud::{
            Switches,
            built_in::{boot_volume_id, server_id, volume_id},
        },
    },
    transport::{ErrorKind, Transport, TransportConfig},
};
use serde_json::Value;

use crate::cloud::{budget, held};

const VERSIONS: [&str; 4] = ["1.0", "1.1", "1.2", "1.3"];

const VOLUME: &str = "bootable created_at encrypted id modified_at multiattach name servers size snapshot_id state user_id \
     volume_image_metadata volume_type volume_type_id";
const SERVER: &str = "account_id addresses auto_scaling_group_id created_at created_by disk_config id image_id is_marketplace \
     keypair_name launch_configuration_id locked metadata modified_at name planned_compute_os_type \
     product_category product_offering security_groups server_group_id server_type state volumes vpc_id";
const ATTACHED: &str = "delete_on_termination device server_id volume_id";
const SERVER_VOLUME: &str = "delete_on_termination device id server_id volume_id";

/// Status and keys of a success: of the object itself, or of each in its list.
fn expected(operation: &str, version: &str) -> Option<(u16, BTreeSet<&'static str>)> {
    let (status, keys, since): (_, _, &[(&str, &'static str)]) = match operation {
        "ShowVolume" => (200, VOLUME, &[("1.2", "max_iops"), ("1.2", "max_throughput")]),
        "ShowVirtualServer" => (200, SERVER, &[("1.1", "partition_number")]),
        "AttachVolumeVirtualServer" => (202, ATTACHED, &[]),
        "ListVirtualServerVolumes" | "ShowVirtualServerVolume" => (200, SERVER_VOLUME, &[]),
        "SetVirtualServerVolume" => (200, "", &[]),
        "DetachVolumeVirtualServer" | "StopVirtualServer" | "StartVirtualServer" => (202, "", &[]),
        _ => return None,
    };
    let newer = since.iter().filter(|(first, _)| version >= *first).map(|(_, key)| *key);
    Some((status, keys.split_whitespace().chain(newer).collect()))
}

#[tokio::test]
async fn every_call_works_in_every_version_with_exactly_its_keys() {
    for version in VERSIONS {
        let cloud = held(|_| ()).await;
        walk(&cloud, &client(&cloud, version)).await;
        let journal = cloud.journal();
        for entry in journal.entries().iter().filter(|entry| entry.service == "virtualserver") {
            let Some((status, keys)) = expected(&entry.operation, version) else { continue };
            assert_eq!(entry.status, Some(status), "{version}: {entry:?}");
            let found = keys_of(entry);
            assert_eq!(found.iter().map(String::as_str).collect::<BTreeSet<_>>(), keys, "{version}: {entry:?}");
        }
    }
}

#[tokio::test]
async fn what_the_vendor_leaves_open_is_understood_whichever_way_it_goes() {
    for switch in Switches::table() {
        // The first value is the default.
        for (value, _) in &switch.values[1..] {
            let cloud = held(|config| config.samsungcloud.switches.set(switch.name, value).unwrap()).await;
            walk(&cloud, &client(&cloud, "1.3")).await;
        }
    }
}

#[tokio::test]
async fn what_is_refused_has_a_kind() {
    let cloud = held(|_| ()).await;
    let (budget, client) = (budget(), client(&cloud, "1.3"));
    let (server, missing) = (ServerId::new(server_id(1)), VolumeId::new(server_id(99)));
    let error = client.show_volume(&budget, &missing).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let boot = VolumeId::new(boot_volume_id(1));
    let error = client.detach_volume(&budget, &boot, &server).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Conflict);
    let error = self::client(&cloud, "1.9").show_volume(&budget, &boot).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let offered: Vec<_> = error.offered_versions().iter().map(|offered| offered.version.to_string()).collect();
    assert_eq!(offered, ["1.3", "1.2", "1.1", "1.0"]);
}

fn client(cloud: &Simulator, version: &str) -> Client {
    let config = Config {
        auth_url: Some(format!("{}/v1", cloud.samsungcloud_url())),
        default_region: Some("kr-west1".to_owned()),
        access_key: Some("SIMULATORSCPACCESSKEY0000000001".into()),
        secret_key: Some("simulator-scp-secret-key-0000-000000000001".into()),
        api_version: version.to_owned(),
        ..Config::default()
    };
    Client::new(&config, Transport::new(TransportConfig::default()).unwrap()).unwrap()
}

fn keys_of(entry: &Entry) -> BTreeSet<String> {
    let body: Value = serde_json::from_str(&entry.response_body).unwrap_or_default();
    let list = (entry.operation == "ListVirtualServerVolumes").then(|| body["volumes"].as_array()).flatten();
    let objects = list.map_or_else(|| std::slice::from_ref(&body), Vec::as_slice);
    objects.iter().filter_map(Value::as_object).flat_map(|object| object.keys().cloned()).collect()
}

/// A volume's whole life on a server.
async fn walk(cloud: &Simulator, client: &Client) {
    let budget = budget();
    let (server, volume) = (ServerId::new(server_id(1)), VolumeId::new(volume_id(1)));
    assert_eq!(client.versions(&budget).await.unwrap().len(), VERSIONS.len());
    assert_eq!(client.show_volume(&budget, &volume).await.unwrap().state, VolumeState::Available);

    let attached = client.attach_volume(&budget, &volume, &server, Some(false)).await.unwrap();
    assert_eq!(attached.device.as_deref(), Some("/dev/vdb"));
    cloud.advance_all();
    let shown = client.show_volume(&budget, &volume).await.unwrap();
    assert_eq!(shown.state, VolumeState::InUse);
    let entry = shown.server(&server).expect("the server is listed");
    assert!(entry.attached_at.is_some() && entry.device.as_deref() == Some("/dev/vdb"), "{entry:?}");

    client.set_server_volume(&budget, &server, &volume, true).await.unwrap();
    let flag = |volumes: &[cloudvolume::samsungcloud::virtualserver::ServerVolumeFlag]| {
        volumes.iter().find(|flag| flag.id == volume).and_then(|flag| flag.delete_on_termination)
    };
    assert_eq!(flag(&client.show_server(&budget, &server).await.unwrap().volumes), Some(true));
    assert_eq!(client.list_server_volumes(&budget, &server).await.unwrap().len(), 2, "the boot volume is listed, too");
    assert_eq!(client.show_server_volume(&budget, &server, &volume).await.unwrap().volume_id, volume);

    client.stop_server(&budget, &server).await.unwrap();
    cloud.advance_all();
    assert_eq!(client.show_server(&budget, &server).await.unwrap().state, ServerState::Shutoff);
    client.detach_volume(&budget, &volume, &server).await.unwrap();
    cloud.advance_all();
    let shown = client.show_volume(&budget, &volume).await.unwrap();
    assert_eq!((shown.state, shown.servers.len()), (VolumeState::Available, 0));
    client.start_server(&budget, &server).await.unwrap();
    cloud.advance_all();
    assert_eq!(client.show_server(&budget, &server).await.unwrap().state, ServerState::Active);
}
