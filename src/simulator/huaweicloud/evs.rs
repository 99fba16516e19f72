//! EVS: volumes, their list, and the deprecated actions that change nothing but the volume's record.

use serde_json::{Value, json};

use super::switches::{AttachingInEvs, LiteServerInEvs, NullableTexts, Shareable, SharedStatus};
use super::world::{Attachment, Phase, Volume};
use super::{Answer, Call, error};
use crate::simulator::clock::{MICROSECONDS, stamp};
use crate::simulator::message::Reply;

/// `ShowVolume`, and cinder's call of the same meaning.
pub(crate) fn show_volume(call: &mut Call<'_>) -> Answer {
    let id = call.param("volume_id");
    if uuid::Uuid::try_parse(id).is_err() {
        return Err(error::evs(400, "EVS.1002", "invalid volume id!"));
    }
    let is_cinder = call.request.path.contains("/volumes/");
    let volume = call.volume(id).ok_or_else(|| match is_cinder {
        true => error::openstack(404, &format!("Volume {id} could not be found.")),
        false => missing(),
    })?;
    Ok(Reply::json(200, &json!({"volume": volume_json(call, volume)})))
}

fn missing() -> Reply {
    error::evs(404, "EVS.5404", "Resource(Volume, Snapshot, Backup .etc) cound not be found.")
}

/// `ListVolumes`.
pub(crate) fn list_volumes(call: &mut Call<'_>) -> Answer {
    let query = |name: &str| call.request.query_value(name);
    let limit = match query("limit").map(|limit| limit.parse::<usize>()) {
        None => 1000,
        Some(Ok(limit)) if (1..=1000).contains(&limit) => limit,
        Some(_) => return Err(error::evs(400, "EVS.1023", "invalid limit!")),
    };
    let offset = match query("offset").map(|offset| offset.parse::<usize>()) {
        None => 0,
        Some(Ok(offset)) => offset,
        Some(Err(_)) => return Err(error::evs(400, "EVS.1013", "invalid offset!")),
    };
    let ids = query("ids").map(|ids| id_list(&ids).ok_or_else(|| error::evs(400, "EVS.1013", "invalid ids!")));
    let ids = ids.transpose()?;
    if ids.as_ref().is_some_and(|ids| ids.len() > 60) {
        return Err(error::evs(400, "EVS.1013", "too many ids!"));
    }
    let server_id = query("server_id");
    let filters = [query("id"), query("name"), query("status"), query("availability_zone"), query("multiattach")];
    let mut found: Vec<&Volume> = call.world().volumes.iter().filter(|volume| call.sees(&volume.region)).collect();
    found.retain(|volume| {
        let shared = volume.multiattach.to_string();
        let given = [&volume.id, &volume.name, shown_status(call, volume), &volume.availability_zone, &shared];
        filters.iter().zip(given).all(|(wanted, given)| wanted.as_ref().is_none_or(|wanted| wanted == given))
            && ids.as_ref().is_none_or(|ids| ids.contains(&volume.id))
            && server_id.as_ref().is_none_or(|id| listed(call, volume).any(|a| shown_server(call, a) == *id))
    });
    let count = found.len();
    let after = match query("marker") {
        None => 0,
        Some(marker) => match found.iter().position(|volume| volume.id == marker) {
            Some(position) => position + 1,
            None => return Err(error::evs(400, "EVS.1013", "invalid marker!")),
        },
    };
    let page: Vec<_> = found.iter().skip(after + offset).take(limit).map(|volume| volume_json(call, volume)).collect();
    let mut links = Vec::new();
    if after + offset + page.len() < count {
        let next = page.last().map_or("", |volume| volume["id"].as_str().unwrap_or_default());
        links.push(json!({"rel": "next", "href": format!("{}?limit={limit}&marker={next}", call.request.path)}));
    }
    Ok(Reply::json(200, &json!({"count": count, "volumes": page, "volumes_links": links})))
}

/// `['a','b']`, which looks like a list in Python.
fn id_list(text: &str) -> Option<Vec<String>> {
    let inner = text.trim().strip_prefix('[')?.strip_suffix(']')?;
    let unquote = |id: &str| {
        let id = id.trim();
        let bare = id.strip_prefix(['\'', '"']).and_then(|id| id.strip_suffix(['\'', '"']));
        bare.map(str::to_owned)
    };
    inner.split(',').filter(|id| !id.trim().is_empty()).map(unquote).collect()
}

/// The attachments EVS shows: all that have begun, or not those still being made.
fn listed<'a>(call: &Call<'_>, volume: &'a Volume) -> impl Iterator<Item = &'a Attachment> + use<'a> {
    let hides = call.switches().attaching_in_evs == AttachingInEvs::Hidden;
    volume.attachments.iter().filter(move |attachment| match attachment.phase {
        Phase::Accepted => false,
        Phase::Attaching => !hides,
        Phase::Attached | Phase::Detaching => true,
    })
}

/// The status EVS shows: a shared volume may stay `in-use` as long as some server has it for good.
fn shown_status<'a>(call: &Call<'_>, volume: &'a Volume) -> &'a str {
    let is_at_rest = |attachment: &Attachment| attachment.phase == Phase::Attached;
    let stays = call.switches().shared_status == SharedStatus::InUse
        && matches!(volume.status.as_str(), "attaching" | "detaching")
        && volume.attachments.iter().any(is_at_rest)
        && !volume.attachments.iter().all(is_at_rest);
    if stays { "in-use" } else { &volume.status }
}

/// The server id EVS shows: for a Lite Server the one of what it is made of, or its own.
fn shown_server(call: &Call<'_>, attachment: &Attachment) -> String {
    let lite = call.world().lite_servers.iter().find(|server| server.evs_server_id() == attachment.server_id);
    match (call.switches().lite_server_in_evs, lite) {
        (LiteServerInEvs::LiteServer, Some(server)) => server.id.clone(),
        _ => attachment.server_id.clone(),
    }
}

fn volume_json(call: &Call<'_>, volume: &Volume) -> Value {
    let attachments: Vec<_> = listed(call, volume)
        .map(|attachment| {
            json!({
                "id": volume.id,
                "volume_id": volume.id,
                "attachment_id": attachment.attachment_id,
                "server_id": shown_server(call, attachment),
                "device": attachment.device,
                "host_name": null,
                "attached_at": attachment.attached_at,
            })
        })
        .collect();
    let mut metadata = volume.metadata.clone();
    if volume.scsi {
        metadata.insert("hw:passthrough".to_owned(), "true".to_owned());
    }
    if volume.prepaid {
        metadata.insert("orderID".to_owned(), "CS2601020304ABCDE".to_owned());
    }
    let project_id = call.param("project_id");
    let href = format!("https://evs.localdomain/v2/{project_id}/volumes/{}", volume.id);
    let mut body = json!({
        "id": volume.id,
        "name": volume.name,
        "description": null,
        "status": shown_status(call, volume),
        "attachments": attachments,
        "multiattach": volume.multiattach,
        "shareable": match call.switches().shareable {
            Shareable::Text => Value::from(volume.multiattach.to_string()),
            Shareable::Flag => Value::from(volume.multiattach),
        },
        "size": volume.size,
        "bootable": volume.bootable.to_string(),
        "encrypted": volume.encrypted,
        "availability_zone": volume.availability_zone,
        "volume_type": volume.volume_type,
        "created_at": volume.created_at,
        "updated_at": volume.created_at,
        "metadata": metadata,
        "volume_image_metadata": if volume.bootable { json!({"os_type": "Linux"}) } else { Value::Null },
        "service_type": "EVS",
        "wwn": format!(" 6888603000{}", volume.id.replace('-', "").get(10..).unwrap_or_default()),
        "enterprise_project_id": "0",
        "dedicated_storage_id": null,
        "dedicated_storage_name": null,
        "snapshot_id": null,
        "source_volid": null,
        "consistencygroup_id": null,
        "user_id": "b0000000000000000000000000000001",
        "replication_status": "disabled",
        "tags": {},
        "links": [{"href": href, "rel": "self"}, {"href": href, "rel": "bookmark"}],
        "os-vol-host-attr:host": "az#GPSSD",
        "os-vol-tenant-attr:tenant_id": project_id,
        "os-vol-mig-status-attr:migstat": null,
        "os-vol-mig-status-attr:name_id": null,
        "os-volume-replication:extended_status": null,
    });
    if call.switches().nullable_texts == NullableTexts::Null {
        body["name"] = Value::Null;
        body["volume_type"] = Value::Null;
    }
    if volume.scsi {
        body["serial_number"] = Value::from(volume.id.get(..20).unwrap_or_default());
    }
    body
}

/// `os-detach`, `os-attach`, `os-reserve`, `os-unreserve`: bookkeeping, with no effect on any server.
pub(crate) fn volume_action(call: &mut Call<'_>) -> Answer {
    let switches = call.switches().clone();
    let refuse = |status, message: &str| error::evs_action(&switches, status, message);
    let id = call.param("volume_id").to_owned();
    if call.volume(&id).is_none() {
        return Err(refuse(404, &format!("Volume {id} could not be found.")));
    }
    let attachment_id = call.state.uuid();
    let attached_at = stamp(call.state.clock.at(call.state.clock.now()), MICROSECONDS);
    let body = call.body.clone();
    let Some(volume) = call.state.world.huaweicloud.volume_mut(&id) else { return Err(missing()) };
    if let Some(options) = body.get("os-detach") {
        let position = match &options["attachment_id"] {
            Value::String(wanted) => volume.attachments.iter().position(|a| a.attachment_id == *wanted),
            Value::Null if volume.attachments.len() > 1 => {
                return Err(refuse(400, "attachment_id must be specified: the volume has several attachments."));
            }
            Value::Null => volume.attachments.len().checked_sub(1),
            _ => return Err(refuse(400, "attachment_id must be a string.")),
        };
        if volume.attachments.is_empty() {
            return Err(refuse(400, "Invalid volume: volume is not attached."));
        }
        let position = position.ok_or_else(|| refuse(404, "Volume attachment could not be found."))?;
        // From `in-use` to `available` only: not in the middle of a real attach or detach.
        if volume.attachments.get(position).is_some_and(|attachment| attachment.phase != Phase::Attached) {
            return Err(refuse(400, "Invalid volume: the attachment is being made or undone."));
        }
        volume.attachments.remove(position);
        volume.refresh_status();
    } else if let Some(options) = body.get("os-attach") {
        let (Some(server_id), Some(device)) = (options["instance_uuid"].as_str(), options["mountpoint"].as_str())
        else {
            return Err(refuse(400, "instance_uuid and mountpoint are required."));
        };
        if !matches!(volume.status.as_str(), "available" | "attaching") && !volume.multiattach {
            return Err(refuse(400, "Invalid volume: status must be available."));
        }
        volume.attachments.push(Attachment {
            attachment_id,
            server_id: server_id.to_owned(),
            device: device.to_owned(),
            attached_at,
            phase: Phase::Attached,
        });
        volume.refresh_status();
    } else if body.get("os-reserve").is_some() {
        if volume.status != "available" && !(volume.multiattach && volume.status == "in-use") {
            return Err(refuse(400, "Invalid volume: status must be available."));
        }
        "attaching".clone_into(&mut volume.status);
    } else if body.get("os-unreserve").is_some() {
        if volume.status == "attaching" {
            volume.refresh_status();
        }
    } else {
        return Err(refuse(400, "There is no such action."));
    }
    Ok(Reply::empty(202))
}
