//! Volumes, and attaching and detaching from their side.

use serde_json::json;

use super::attach::{self, Wish};
use super::error::Refusal;
use super::{Answer, Call, page, view};
use crate::simulator::message::Reply;

/// `ShowVolume`.
pub(crate) fn show(call: &mut Call<'_>) -> Answer {
    let volume = call.volume(call.param("volume_id"))?;
    Ok(Reply::json(200, &view::volume(call, volume)))
}

/// `ListVolumes`; `count` comes only when asked for.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let volumes = call.world().volumes.iter().filter(|volume| call.sees(&volume.region));
    let items = volumes.map(|volume| view::volume(call, volume)).collect();
    let (volumes, count) = page::cut(call, items, &["name", "state", "bootable"])?;
    let mut body = json!({"volumes": volumes});
    if call.request.query_value("with_count").is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        body["count"] = json!(count);
    }
    Ok(Reply::json(200, &body))
}

/// `AttachVolumeVirtualServer`: 202 with what was accepted, before anything has happened.
pub(crate) fn attach(call: &mut Call<'_>) -> Answer {
    let body = call.object()?;
    let wish = Wish {
        server_id: attach::required_text(&body, "server_id")?,
        volume_id: call.param("volume_id").to_owned(),
        delete_on_termination: attach::optional_flag(&body, "delete_on_termination")?,
        device: None,
    };
    let disk = attach::attach(call, &wish)?;
    let body = json!({
        "delete_on_termination": disk.delete_on_termination,
        "device": disk.device,
        "server_id": wish.server_id,
        "volume_id": wish.volume_id,
    });
    Ok(Reply::json(202, &body))
}

/// `DetachVolumeVirtualServer`: 202 and nothing else.
pub(crate) fn detach(call: &mut Call<'_>) -> Answer {
    let (server_id, volume_id) = (call.param("server_id").to_owned(), call.param("volume_id").to_owned());
    attach::detach(call, &server_id, &volume_id, call.switches().detach_not_attached)?;
    Ok(Reply::empty(202))
}

/// `DeleteVolume`; `cascade` would take the snapshots along, of which there are none.
pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let volume = call.volume(call.param("volume_id"))?;
    let is_deletable = volume.attachments.is_empty() && matches!(volume.state.as_str(), "available" | "error");
    if !is_deletable {
        return Err(Refusal::conflict("DeleteVolume", format!("The volume is {}.", volume.state)));
    }
    let id = volume.id.clone();
    call.state.world.samsungcloud.delete_volume(&id);
    Ok(Reply::empty(202))
}
