//! Errors: the service's `errors[]` envelope, the gateway's own JSON, and the edge firewall's page.

use serde_json::{Value, json};

use super::switches::{ErrorDetail, InvalidInput, LastingRefusal, NoSuchVersion, Switches, ThrottleBody, Unauthorized};
use crate::simulator::clock::{MILLISECONDS_Z, stamp};
use crate::simulator::message::{Reply, Request};
use crate::simulator::store::State;

/// Why a request is not carried out; [`reply`] puts it into words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The gateway's: no such route, no authentication headers.
    Gateway(u16),
    /// The signature is wrong.
    Unauthorized(&'static str),
    /// The version is not served.
    NoSuchVersion,
    /// Something in the input is not valid.
    Invalid {
        /// The field's name.
        field: String,
        /// What is wrong with it.
        text: String,
    },
    /// The service's.
    Service {
        /// The HTTP status.
        status: u16,
        /// The vendor's code.
        code: String,
        /// For people.
        detail: String,
    },
    /// Too many requests.
    Throttled,
    /// The edge firewall's.
    Rejected(u16),
}

impl Refusal {
    pub(crate) fn invalid(field: &str, text: &str) -> Self {
        Self::Invalid { field: field.to_owned(), text: text.to_owned() }
    }

    pub(crate) fn service(status: u16, code: &str, detail: impl Into<String>) -> Self {
        Self::Service { status, code: code.to_owned(), detail: detail.into() }
    }

    /// What is named does not exist, or the name is no id at all.
    pub(crate) fn missing(what: &str, id: &str) -> Self {
        Self::service(404, "NotFound", format!("{what} {id} could not be found."))
    }

    /// What is asked for does not go with the present state; later it may.
    pub(crate) fn conflict(action: &str, detail: impl Into<String>) -> Self {
        Self::service(409, &format!("VirtualServer.{action}.Conflict"), detail)
    }

    /// What is asked for never goes.
    pub(crate) fn lasting(switches: &Switches, action: &str, detail: impl Into<String>) -> Self {
        match switches.lasting_refusal {
            LastingRefusal::Conflict => Self::conflict(action, detail),
            LastingRefusal::BadRequest => Self::service(400, &format!("VirtualServer.{action}.Invalid"), detail),
        }
    }
}

/// The answer to a request that is not carried out.
pub(crate) fn reply(state: &mut State, request: &Request, refusal: Refusal) -> Reply {
    let switches = &state.config.samsungcloud.switches;
    match refusal {
        Refusal::Gateway(status) => gateway(state, &request.path, status),
        Refusal::Unauthorized(text) => match switches.unauthorized {
            Unauthorized::Envelope => envelope(state, 401, "Unauthorized", text),
            Unauthorized::Gateway => gateway(state, &request.path, 401),
        },
        Refusal::NoSuchVersion => {
            let text = "The requested API version does not exist.";
            match switches.no_such_version {
                NoSuchVersion::Envelope => envelope(state, 406, "NoSuchVersion", text),
                NoSuchVersion::Flat => Reply::json(406, &json!({"code": "NoSuchVersion", "message": text})),
            }
        }
        Refusal::Invalid { field, text } => match switches.invalid_input {
            InvalidInput::Envelope => {
                envelope(state, 400, "ValidationError", &format!("Field \"{field}\" is invalid. {text}"))
            }
            InvalidInput::List => {
                let item = json!({"msg": text, "loc": [field], "ctx": {}, "type_": "value_error"});
                Reply::json(400, &json!([item]))
            }
        },
        Refusal::Service { status, code, detail } => envelope(state, status, &code, &detail),
        Refusal::Throttled => match switches.throttle_body {
            ThrottleBody::Envelope => envelope(state, 429, "TooManyRequests", "Too many requests. Try again later."),
            ThrottleBody::Gateway => gateway(state, &request.path, 429),
        },
        Refusal::Rejected(status) => request_rejected(state, status),
    }
}

/// `{"errors": […]}`, keys in alphabetical order, and a newline at the end.
pub(crate) fn envelope(state: &mut State, status: u16, code: &str, detail: &str) -> Reply {
    let detail = match state.config.samsungcloud.switches.error_detail {
        ErrorDetail::List if status < 500 => json!([detail]),
        ErrorDetail::AlwaysList => json!([detail]),
        ErrorDetail::List | ErrorDetail::Text => json!(detail),
    };
    let error = json!({
        "code": code,
        "detail": detail,
        "global_request_id": format!("req-{}", state.uuid()),
        "links": [],
        "related_resources": [],
        "request_id": format!("req-{}", state.uuid()),
        "response": Value::Null,
        "status": status,
        "title": code,
    });
    Reply::text(status, "application/json", format!("{}\n", json!({"errors": [error]})))
}

/// The gateway's own JSON, which has no `errors`.
pub(crate) fn gateway(state: &mut State, path: &str, status: u16) -> Reply {
    let reason = http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let body = json!({
        "timestamp": stamp(state.clock.wall(), MILLISECONDS_Z).replace('Z', "+00:00"),
        "path": path,
        "status": status,
        "error": reason.unwrap_or_default(),
        "requestId": format!("{:08x}-{}", state.dice.u32(..), state.dice.u16(1..)),
    });
    Reply::json(status, &body)
}

/// The edge firewall's page.
fn request_rejected(state: &mut State, status: u16) -> Reply {
    let id = state.dice.u64(..);
    let page = format!(
        "<html><head><title>Request Rejected</title></head><body>The requested URL was rejected. \
         Please consult with your administrator.<br><br>Your support ID is: {id}</body></html>"
    );
    Reply::text(status, "text/html; charset=utf-8", page)
}
