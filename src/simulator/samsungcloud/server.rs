//! Virtual Servers: what they are, their power, and attaching and detaching from their side.

use serde_json::{Value, json};

use super::attach::{self, Wish};
use super::error::Refusal;
use super::operation::{self, OperationKind};
use super::switches::{DetachNotAttached, StoppedState, UpdateMismatch};
use super::world::Disk;
use super::{Answer, Call, page, view};
use crate::simulator::message::Reply;

/// What a list of servers can be filtered by.
const FILTERS: [&str; 6] = ["name", "state", "product_category", "product_offering", "vpc_id", "auto_scaling_group_id"];

/// `ShowVirtualServer`.
pub(crate) fn show(call: &mut Call<'_>) -> Answer {
    let server = call.server(call.param("server_id"))?;
    Ok(Reply::json(200, &view::server(call, server)))
}

/// `ListVirtualServers`.
pub(crate) fn list(call: &mut Call<'_>) -> Answer {
    let servers = call.world().servers.iter().filter(|server| call.sees(&server.region));
    let items = servers.map(|server| view::server(call, server)).collect();
    let (servers, _) = page::cut(call, items, &FILTERS)?;
    Ok(Reply::json(200, &json!({"servers": servers})))
}

/// `StopVirtualServer`.
pub(crate) fn stop(call: &mut Call<'_>) -> Answer {
    switch(call, OperationKind::Stop, "StopServer", |state| state == "ACTIVE")
}

/// `StartVirtualServer`.
pub(crate) fn start(call: &mut Call<'_>) -> Answer {
    switch(call, OperationKind::Start, "StartServer", |state| matches!(state, "SHUTOFF" | "STOPPED"))
}

fn switch(call: &mut Call<'_>, kind: OperationKind, action: &str, fits: fn(&str) -> bool) -> Answer {
    let server = free_server(call, action)?;
    if !fits(&server.1) {
        return Err(Refusal::conflict(action, format!("The server is {}.", server.1)));
    }
    operation::start(call.state, kind, &server.0, None, call.faults);
    Ok(Reply::empty(202))
}

/// Id and state of the server in the path, which must be neither locked nor busy.
fn free_server(call: &Call<'_>, action: &str) -> Result<(String, String), Refusal> {
    let server = call.server(call.param("server_id"))?;
    if server.locked {
        return Err(Refusal::conflict(action, "The server is locked."));
    }
    if operation::is_server_busy(call.state, &server.id) {
        return Err(Refusal::conflict(action, attach::SERVER_BUSY));
    }
    Ok((server.id.clone(), server.state.clone()))
}

/// `LockVirtualServer` and `UnlockVirtualServer`.
pub(crate) fn set_lock(call: &mut Call<'_>) -> Answer {
    let id = call.server(call.param("server_id"))?.id.clone();
    let locks = call.request.segments().last().is_some_and(|last| last == "lock");
    if let Some(server) = call.state.world.samsungcloud.server_mut(&id) {
        server.locked = locks;
    }
    Ok(Reply::empty(202))
}

/// `DeleteVirtualServer`: volumes marked to go with it do, the others become available.
pub(crate) fn delete(call: &mut Call<'_>) -> Answer {
    let (id, _) = free_server(call, "DeleteServer")?;
    call.state.world.samsungcloud.delete_server(&id);
    Ok(Reply::empty(202))
}

/// `ListVirtualServerVolumes`, the boot volume included.
pub(crate) fn list_volumes(call: &mut Call<'_>) -> Answer {
    let switches = call.switches();
    let server = call.server(call.param("server_id"))?;
    let visible = server.disks.iter().filter(|disk| view::is_visible(switches, disk));
    let volumes: Vec<Value> = visible.map(|disk| view::server_volume(switches, &server.id, disk)).collect();
    Ok(Reply::json(200, &json!({"volumes": volumes})))
}

/// `ShowVirtualServerVolume`.
pub(crate) fn show_volume(call: &mut Call<'_>) -> Answer {
    let (server_id, disk) = visible_disk(call)?;
    Ok(Reply::json(200, &view::server_volume(call.switches(), &server_id, &disk)))
}

/// The record the path names.
fn visible_disk(call: &Call<'_>) -> Result<(String, Disk), Refusal> {
    let server = call.server(call.param("server_id"))?;
    let volume_id = call.param("volume_id");
    let disk = server.disk(volume_id).filter(|disk| view::is_visible(call.switches(), disk));
    let disk = disk.ok_or_else(|| Refusal::missing("Volume attachment", volume_id))?;
    Ok((server.id.clone(), disk.clone()))
}

/// `CreateVirtualServerVolume`: attaches like the volume's side, but answers **200** with the attachment.
pub(crate) fn attach_volume(call: &mut Call<'_>) -> Answer {
    let body = call.object()?;
    let wish = Wish {
        server_id: call.param("server_id").to_owned(),
        volume_id: attach::required_text(&body, "volume_id")?,
        delete_on_termination: attach::optional_flag(&body, "delete_on_termination")?,
        device: attach::optional_text(&body, "device")?,
    };
    let disk = attach::attach(call, &wish)?;
    Ok(Reply::json(200, &view::server_volume(call.switches(), &wish.server_id, &disk)))
}

/// `DeleteVirtualServerVolume`: detaches; the volume survives.
pub(crate) fn detach_volume(call: &mut Call<'_>) -> Answer {
    let (server_id, volume_id) = (call.param("server_id").to_owned(), call.param("volume_id").to_owned());
    attach::detach(call, &server_id, &volume_id, DetachNotAttached::NotFound)?;
    Ok(Reply::empty(202))
}

/// `SetVirtualServerVolume`: `volume_id` in the body too, an empty answer, and the flag changes at once.
pub(crate) fn update_volume(call: &mut Call<'_>) -> Answer {
    let body = call.object()?;
    let named = attach::required_text(&body, "volume_id")?;
    let flag = attach::optional_flag(&body, "delete_on_termination")?;
    let (server_id, disk) = visible_disk(call)?;
    if named != disk.volume_id && call.switches().update_mismatch == UpdateMismatch::BadRequest {
        return Err(Refusal::invalid("volume_id", "The value should be the volume in the path."));
    }
    let world = &mut call.state.world.samsungcloud;
    let disk = world.server_mut(&server_id).and_then(|server| server.disk_mut(&disk.volume_id));
    if let (Some(disk), Some(flag)) = (disk, flag) {
        disk.delete_on_termination = flag;
    }
    Ok(Reply::empty(200))
}

/// The word for a server that is off.
pub(crate) fn stopped(switch: StoppedState) -> &'static str {
    match switch {
        StoppedState::Shutoff => "SHUTOFF",
        StoppedState::Stopped => "STOPPED",
    }
}
