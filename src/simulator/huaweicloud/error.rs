//! Errors in the envelope of the service, or the layer before it, that would have written them.

use serde_json::json;

use super::job::Failure;
use super::switches::{EvsActionError, FlowControlStatus, MissingServer, NotAttached, Switches};
use crate::simulator::message::Reply;

/// ECS: `{"error": {"code", "message"}}`.
pub(crate) fn ecs(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error": {"code": code, "message": message}}))
}

/// ECS actions on many servers: what is wrong with each stands in `internalError`.
pub(crate) fn batch_action(refused: Vec<(&str, Failure)>) -> Reply {
    let inner =
        |(id, failure): (&str, Failure)| json!({"id": id, "error_code": failure.code, "error_message": failure.reason});
    let inner: Vec<_> = refused.into_iter().map(inner).collect();
    let error = json!({"code": "Ecs.0611", "message": "Batch operation failed."});
    Reply::json(400, &json!({"error": error, "internalError": inner}))
}

/// EVS: the same shape.
pub(crate) fn evs(status: u16, code: &str, message: &str) -> Reply {
    ecs(status, code, message)
}

/// Nova and cinder: the key says what is wrong, the code is the status.
pub(crate) fn openstack(status: u16, message: &str) -> Reply {
    Reply::json(status, &json!({openstack_key(status): {"code": status, "message": message}}))
}

fn openstack_key(status: u16) -> &'static str {
    match status {
        404 => "itemNotFound",
        409 => "conflictingRequest",
        _ => "badRequest",
    }
}

/// ModelArts: flat, with `error_msg`.
pub(crate) fn modelarts(status: u16, code: &str, message: &str) -> Reply {
    Reply::json(status, &json!({"error_code": code, "error_msg": message}))
}

/// The gateway in front of every service: flat, with the request's id.
pub(crate) fn gateway(status: u16, code: &str, message: &str, request_id: &str) -> Reply {
    Reply::json(status, &json!({"error_msg": message, "error_code": code, "request_id": request_id}))
}

/// IAM's `v3` calls: an integer code and a title.
pub(crate) fn iam(status: u16, message: &str) -> Reply {
    let title = match status {
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        _ => "Internal Server Error",
    };
    Reply::json(status, &json!({"error": {"code": status, "message": message, "title": title}}))
}

/// 401 of the gateway, with the reason after the fixed words.
pub(crate) fn unauthenticated(reason: &str, request_id: &str) -> Reply {
    gateway(401, "APIGW.0301", &format!("Incorrect IAM authentication information: {reason}"), request_id)
}

/// A route nobody knows.
pub(crate) fn no_route(request_id: &str) -> Reply {
    gateway(404, "APIGW.0101", "The API does not exist or has not been published in the environment", request_id)
}

/// Too many calls, by the gateway.
pub(crate) fn throttled(request_id: &str, limit: u32) -> Reply {
    let message =
        format!("The throttling threshold has been reached: policy user over ratelimit,limit:{limit},time:1 minute");
    gateway(429, "APIGW.0308", &message, request_id)
}

/// Too many calls, by ECS.
pub(crate) fn flow_control(switches: &Switches) -> Reply {
    let status = match switches.flow_control_status {
        FlowControlStatus::TooManyRequests => 429,
        FlowControlStatus::ServiceUnavailable => 503,
    };
    ecs(status, "Common.1503", "Api flow control Error because too many requests.")
}

/// An ECS error whose text carries nova's.
fn wrapped_not_found(what: &str, id: &str) -> Reply {
    let nova = format!("{{\"itemNotFound\":{{\"message\":\"{what} {id} could not be found.\",\"code\":404}}}}");
    ecs(400, "Ecs.1000", &format!("Failed to call the nova service: {nova}"))
}

/// No such server.
pub(crate) fn server_missing(switches: &Switches, id: &str) -> Reply {
    match switches.missing_server {
        MissingServer::Ecs0114 => ecs(404, "Ecs.0114", "The ECS does not exist."),
        MissingServer::Ecs0614 => ecs(404, "Ecs.0614", "The ECS does not exist."),
        MissingServer::Ecs1000 => wrapped_not_found("Instance", id),
    }
}

/// Detach of a pair that is none.
pub(crate) fn not_attached(switches: &Switches, volume_id: &str) -> Reply {
    match switches.not_attached {
        NotAttached::Ecs0111 => ecs(
            400,
            "Ecs.0111",
            "The EVS disk has been detached from the ECS. Refresh the disk list and check the disk.",
        ),
        NotAttached::Ecs1000 => volume_not_found(volume_id),
    }
}

/// Nova's "no such attachment" inside an ECS error.
pub(crate) fn volume_not_found(volume_id: &str) -> Reply {
    wrapped_not_found("Volume attachment", volume_id)
}

/// The server is in a state in which this cannot be done.
pub(crate) const SERVER_STATE: (&str, &str) =
    ("Ecs.0100", "The ECS status does not meet requirements. Make the ECS in the required status and try again.");
/// Another command runs on the server.
pub(crate) const BUSY: (&str, &str) = ("Ecs.0603", "The commands are being executed. Try again later.");
/// The server is locked.
pub(crate) const SERVER_LOCKED: (&str, &str) = ("Ecs.0605", "ECS locked.");
/// The volume is missing or in a state in which this cannot be done.
pub(crate) const VOLUME_STATE: (&str, &str) =
    ("Ecs.0103", "The disk can be attached to a server only when it exists and is in the Available state.");
/// A parameter makes no sense.
pub(crate) const INVALID: (&str, &str) = ("Ecs.0005", "Invalid parameter values. Contact customer service.");

/// A plain 400 from one of the pairs above.
pub(crate) fn bad_request((code, message): (&str, &str)) -> Reply {
    ecs(400, code, message)
}

/// An error of an EVS volume action, in the envelope the switch says.
pub(crate) fn evs_action(switches: &Switches, status: u16, message: &str) -> Reply {
    match switches.evs_action_error {
        EvsActionError::Cinder => openstack(status, message),
        EvsActionError::CinderText => {
            let code = status.to_string();
            Reply::json(status, &json!({openstack_key(status): {"code": code, "message": message}}))
        }
        EvsActionError::Evs => evs(status, if status == 404 { "EVS.5404" } else { "EVS.5400" }, message),
    }
}
