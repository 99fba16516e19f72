//! Servers, volumes and attachments as they look on the wire: exactly the keys of the version asked for, because the
//! vendor's own client refuses any other.

use serde_json::{Map, Value, json};

use super::Call;
use super::switches::{
    AttachmentId, ServersWhileAttaching, ServersWhileDetaching, Switches, Timestamps, VolumesWhileAttaching,
    VolumesWhileDetaching,
};
use super::version::Version;
use super::world::{Attachment, Disk, Phase, Server, Volume};

/// The account and the user everything belongs to.
const ACCOUNT: &str = "ac000000000000000000000000000001";
const USER: &str = "de000000000000000000000000000001";
/// The vendor's volume types, each with an id by its place.
const TYPES: [&str; 7] = ["SSD", "HDD", "SSD_KMS", "HDD_KMS", "SSD_MultiAttach", "HDD_MultiAttach", "SSD_Provisioned"];

/// Whether a volume's `servers[]` lists an attachment.
fn is_listed(switches: &Switches, attachment: &Attachment) -> bool {
    match attachment.phase {
        Phase::Attached => true,
        Phase::Accepted => false,
        Phase::Attaching => switches.servers_while_attaching == ServersWhileAttaching::Listed,
        Phase::Detaching => switches.servers_while_detaching == ServersWhileDetaching::Listed,
    }
}

/// Whether a server's lists of its volumes have one.
pub(crate) fn is_visible(switches: &Switches, disk: &Disk) -> bool {
    match disk.phase {
        Phase::Attached => true,
        Phase::Accepted => false,
        Phase::Attaching => switches.volumes_while_attaching == VolumesWhileAttaching::Listed,
        Phase::Detaching => switches.volumes_while_detaching == VolumesWhileDetaching::Listed,
    }
}

/// A time, which the world has as `2026-01-02T03:04:05Z`.
fn time(switches: &Switches, text: &str) -> String {
    match (switches.timestamps, text.strip_suffix('Z')) {
        (Timestamps::Zulu, _) | (_, None) => text.to_owned(),
        (Timestamps::Offset, Some(text)) => format!("{text}+00:00"),
        (Timestamps::Fraction, Some(text)) => format!("{text}.678901Z"),
        (Timestamps::Zoneless, Some(text)) => text.to_owned(),
    }
}

/// `VolumeShowResponse`.
pub(crate) fn volume(call: &Call<'_>, volume: &Volume) -> Value {
    let switches = call.switches();
    let listed = volume.attachments.iter().filter(|attachment| is_listed(switches, attachment));
    let servers: Vec<Value> = listed
        .map(|attachment| {
            let attached_at = time(switches, &attachment.attached_at);
            json!({"attached_at": attached_at, "device": attachment.device, "id": attachment.server_id})
        })
        .collect();
    let kind = TYPES.iter().position(|kind| *kind == volume.volume_type).map_or(0, |place| place + 1);
    let image = json!({"image_name": "Ubuntu 22.04", "os_distro": "ubuntu"});
    let mut view = Map::new();
    let mut put = |key: &str, value: Value| view.insert(key.to_owned(), value);
    put("bootable", json!(volume.bootable));
    put("created_at", json!(time(switches, &volume.created_at)));
    put("encrypted", json!(volume.encrypted));
    put("id", json!(volume.id));
    put("modified_at", Value::Null);
    put("multiattach", json!(volume.multiattach));
    put("name", json!(volume.name));
    put("servers", json!(servers));
    put("size", json!(volume.size));
    put("snapshot_id", Value::Null);
    put("state", json!(volume.state));
    put("user_id", json!(USER));
    put("volume_image_metadata", if volume.bootable { image } else { Value::Null });
    put("volume_type", json!(volume.volume_type));
    put("volume_type_id", json!(format!("7e000000-0000-4000-8000-{kind:012}")));
    if call.version >= (Version { major: 1, minor: 2 }) {
        // The one type whose performance is bought.
        let is_provisioned = volume.volume_type == "SSD_Provisioned";
        put("max_iops", json!(is_provisioned.then_some(5000)));
        put("max_throughput", json!(is_provisioned.then_some(250)));
    }
    Value::Object(view)
}

/// `ServerShowResponse`, flat.
pub(crate) fn server(call: &Call<'_>, server: &Server) -> Value {
    let switches = call.switches();
    let volumes: Vec<Value> = server
        .disks
        .iter()
        .filter(|disk| is_visible(switches, disk))
        .map(|disk| json!({"delete_on_termination": disk.delete_on_termination, "id": disk.volume_id}))
        .collect();
    let mut view = json!({
        "account_id": ACCOUNT,
        "addresses": [{"ip_addresses": [{"ip_address": "192.0.2.10", "version": 4}], "subnet_name": "subnet-1"}],
        "auto_scaling_group_id": server.auto_scaling_group_id,
        "created_at": time(switches, &server.created_at),
        "created_by": USER,
        "disk_config": "MANUAL",
        "id": server.id,
        "image_id": Value::Null,
        "is_marketplace": false,
        "keypair_name": "key-1",
        "launch_configuration_id": Value::Null,
        "locked": server.locked,
        "metadata": {},
        "modified_at": time(switches, &server.created_at),
        "name": server.name,
        "planned_compute_os_type": server.planned_compute_os_type,
        "product_category": product_category(server),
        "product_offering": server.product_offering,
        "security_groups": [{"name": "default"}],
        "server_group_id": Value::Null,
        "server_type": {
            "disk": 0, "ephemeral": 0, "extra_specs": {}, "id": "s1v2m4", "name": "s1v2m4", "ram": 4096, "swap": 0,
            "vcpus": 2,
        },
        "state": server.state,
        "volumes": volumes,
        "vpc_id": "5bc00000000040008000000000000001",
    });
    if call.version >= (Version { major: 1, minor: 1 }) {
        view["partition_number"] = Value::Null;
    }
    view
}

fn product_category(server: &Server) -> Option<&'static str> {
    let offering = server.product_offering.as_deref()?;
    Some(if offering.starts_with("k8s") { "container" } else { "compute" })
}

/// `ServersVolumeResponse`.
pub(crate) fn server_volume(switches: &Switches, server_id: &str, disk: &Disk) -> Value {
    let id = match switches.attachment_id {
        AttachmentId::VolumeId => &disk.volume_id,
        AttachmentId::Own => &disk.id,
    };
    json!({
        "delete_on_termination": disk.delete_on_termination,
        "device": disk.device,
        "id": id,
        "server_id": server_id,
        "volume_id": disk.volume_id,
    })
}
