//! What an operation changes: at its start, on its way, and in each place that shows its outcome.

use super::operation::{Operation, OperationKind};
use super::server;
use super::switches::{
    AttachBegins, DetachBegins, ErrorState, FailedAttach, FailedDetach, FailedPower, MountedDetach,
    StateWhileSwitching, Switches,
};
use super::world::{Phase, Volume, World};

/// Marks what the operation works on, as far as the switches let it be seen at once.
pub(crate) fn begin(world: &mut World, switches: &Switches, operation: &mut Operation) {
    let state = match &operation.volume_id {
        Some(id) => world.volume(id).map(|volume| volume.state.clone()),
        None => world.server(&operation.server_id).map(|server| server.state.clone()),
    };
    operation.state_before = state.unwrap_or_default();
    match operation.kind {
        OperationKind::Attach if switches.attach_begins == AttachBegins::Attaching => proceed(world, operation),
        OperationKind::Attach if switches.attach_begins == AttachBegins::Reserved => {
            show_state(world, operation, "reserved");
        }
        OperationKind::Detach if switches.detach_begins == DetachBegins::Detaching => proceed(world, operation),
        OperationKind::Attach | OperationKind::Detach => {}
        OperationKind::Stop | OperationKind::Start => {
            let word = if operation.kind == OperationKind::Stop { "STOPPING" } else { "STARTING" };
            let shown = (switches.state_while_switching == StateWhileSwitching::Named).then_some(word);
            let shown = operation.state_shown.as_deref().or(shown);
            if let (Some(server), Some(word)) = (world.server_mut(&operation.server_id), shown) {
                word.clone_into(&mut server.state);
            }
        }
    }
}

/// Lets the state and both records say what is going on.
pub(crate) fn proceed(world: &mut World, operation: &Operation) {
    let (phase, word) = match operation.kind {
        OperationKind::Attach => (Phase::Attaching, "attaching"),
        OperationKind::Detach => (Phase::Detaching, "detaching"),
        OperationKind::Stop | OperationKind::Start => return,
    };
    set_volume_phase(world, operation, phase);
    set_server_phase(world, operation, phase);
    show_state(world, operation, word);
}

fn show_state(world: &mut World, operation: &Operation, word: &str) {
    let word = operation.state_shown.as_deref().unwrap_or(word);
    if let Some(volume) = volume_mut(world, operation) {
        word.clone_into(&mut volume.state);
    }
}

fn volume_mut<'a>(world: &'a mut World, operation: &Operation) -> Option<&'a mut Volume> {
    world.volume_mut(operation.volume_id.as_deref()?)
}

fn set_volume_phase(world: &mut World, operation: &Operation, phase: Phase) {
    let volume = volume_mut(world, operation);
    if let Some(attachment) = volume.and_then(|volume| volume.attachment_mut(&operation.server_id)) {
        attachment.phase = phase;
    }
}

fn set_server_phase(world: &mut World, operation: &Operation, phase: Phase) {
    let (server, volume_id) = (world.server_mut(&operation.server_id), operation.volume_id.as_deref());
    if let Some(disk) = server.zip(volume_id).and_then(|(server, volume_id)| server.disk_mut(volume_id)) {
        disk.phase = phase;
    }
}

/// What goes wrong, or nearly, without anybody's planning it.
pub(crate) fn trouble(world: &mut World, switches: &Switches, operation: &Operation) -> Option<String> {
    let volume_id = operation.volume_id.as_deref()?;
    let volume_exists = world.volume(volume_id).is_some();
    let server = world.server_mut(&operation.server_id);
    match operation.kind {
        OperationKind::Attach if server.is_none() => Some("the server is gone".to_owned()),
        OperationKind::Attach if !volume_exists => Some("the volume is gone".to_owned()),
        OperationKind::Detach => {
            let server = server?;
            let in_use = server.state == "ACTIVE" && server.disk(volume_id).is_some_and(|disk| disk.mounted);
            match switches.mounted_detach {
                MountedDetach::Fails if in_use => Some("the volume is mounted in the guest".to_owned()),
                MountedDetach::Hangs if in_use => {
                    "ERROR".clone_into(&mut server.state);
                    None
                }
                _ => None,
            }
        }
        OperationKind::Attach | OperationKind::Stop | OperationKind::Start => None,
    }
}

/// The volume's or server's state after the operation.
pub(crate) fn settle_state(world: &mut World, switches: &Switches, operation: &Operation) {
    let has_failed = operation.failure.is_some();
    match operation.kind {
        OperationKind::Attach | OperationKind::Detach => {
            let attaches = operation.kind == OperationKind::Attach;
            let to_error = match attaches {
                true => switches.failed_attach == FailedAttach::Error,
                false => switches.failed_detach == FailedDetach::Error,
            };
            let Some(volume) = volume_mut(world, operation) else { return };
            // A record that somebody took away meanwhile cannot become an attachment.
            let remains = attaches != has_failed && volume.attachment(&operation.server_id).is_some();
            let state = match has_failed && to_error {
                true => error_state(switches.error_state, attaches),
                false => volume.state_with(&operation.server_id, remains),
            };
            state.clone_into(&mut volume.state);
        }
        OperationKind::Stop | OperationKind::Start => {
            let Some(server) = world.server_mut(&operation.server_id) else { return };
            let state = match (has_failed, switches.failed_power) {
                (true, FailedPower::Error) => "ERROR",
                (true, FailedPower::FallsBack) => &operation.state_before,
                (false, _) if operation.kind == OperationKind::Stop => server::stopped(switches.stopped_state),
                (false, _) => "ACTIVE",
            };
            state.clone_into(&mut server.state);
        }
    }
}

fn error_state(spelling: ErrorState, attaches: bool) -> &'static str {
    match (spelling, attaches) {
        (ErrorState::Plain, _) => "error",
        (ErrorState::Underscore, true) => "error_attaching",
        (ErrorState::Underscore, false) => "error_detaching",
        (ErrorState::Hyphen, true) => "error-attaching",
        (ErrorState::Hyphen, false) => "error-detaching",
        (ErrorState::Words, true) => "Error Attaching",
        (ErrorState::Words, false) => "Error Detaching",
    }
}

/// Whether the pair is attached when all is done.
fn is_attached_after(operation: &Operation) -> bool {
    (operation.kind == OperationKind::Attach) != operation.failure.is_some()
}

/// The volume's `servers[]` after the operation.
pub(crate) fn settle_volume(world: &mut World, operation: &Operation, at: &str) {
    let Some(volume) = volume_mut(world, operation) else { return };
    if !is_attached_after(operation) {
        volume.attachments.retain(|a| a.server_id != operation.server_id || a.phase == Phase::Attached);
    } else if let Some(attachment) = volume.attachment_mut(&operation.server_id) {
        attachment.phase = Phase::Attached;
        if operation.kind == OperationKind::Attach {
            at.clone_into(&mut attachment.attached_at);
        }
    }
}

/// The server's volumes after the operation.
pub(crate) fn settle_server(world: &mut World, operation: &Operation) {
    let Some(volume_id) = operation.volume_id.as_deref() else { return };
    if is_attached_after(operation) {
        set_server_phase(world, operation, Phase::Attached);
    } else if let Some(server) = world.server_mut(&operation.server_id) {
        server.disks.retain(|disk| disk.volume_id != volume_id || disk.phase == Phase::Attached);
    }
}
