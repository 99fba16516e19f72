//! Samsung Cloud Platform: the virtualserver API, and the catalog that says where it is.
//!
//! One table of routes says which call is which operation, what it asks of its caller, and who answers. Each region has
//! an address of its own, because the catalog names a region by its URL; the catalog lives with the first.

pub mod built_in;
pub mod config;
pub mod operation;
pub mod switches;
pub mod version;
pub mod world;

mod attach;
mod auth;
mod catalog;
mod device;
mod edit;
mod error;
mod page;
mod server;
pub(super) mod signature;
mod view;
mod volume;
mod work;

#[cfg(test)]
mod tests;

use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::FormatItem;
use time::macros::format_description;

pub use config::{AccessKey, Config, Durations};
pub use operation::{Operation, OperationKind};
pub use switches::Switches;
pub use version::{ApiVersion, Lifecycle, Version};
pub use world::{Attachment, Disk, Phase, Server, Volume, World};

use super::clock::stamp;
use super::fault::{Effect, JobFault, Target};
use super::message::{Params, Reply, Request};
use super::rate::Minute;
use super::store::State;
use auth::Guard;
use error::Refusal;
use switches::LimitStyle;

/// What Samsung's side remembers besides the world.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) operations: Vec<Operation>,
    calls: Minute,
    /// Where each region listens.
    pub(crate) ports: Vec<u16>,
}

/// A request on its way through the service.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) request: &'a Request,
    /// The place of the region whose address was called.
    pub(crate) region: usize,
    /// The version it is answered in.
    pub(crate) version: Version,
    pub(crate) faults: &'a [JobFault],
    params: Params,
}

impl Call<'_> {
    /// A path parameter by the name in its route's template.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    pub(crate) fn switches(&self) -> &Switches {
        &self.state.config.samsungcloud.switches
    }

    pub(crate) fn world(&self) -> &World {
        &self.state.world.samsungcloud
    }

    /// Whether something of that region can be seen by this call.
    pub(crate) fn sees(&self, region: &str) -> bool {
        let regions = &self.state.config.samsungcloud.regions;
        match regions.get(self.region) {
            _ if region.is_empty() => self.region == 0,
            Some(here) => here == region,
            None => false,
        }
    }

    /// A server this call can see.
    pub(crate) fn server(&self, id: &str) -> Result<&Server, Refusal> {
        let server = self.world().server(id).filter(|server| self.sees(&server.region));
        server.ok_or_else(|| Refusal::missing("Server", id))
    }

    /// A volume this call can see.
    pub(crate) fn volume(&self, id: &str) -> Result<&Volume, Refusal> {
        let volume = self.world().volume(id).filter(|volume| self.sees(&volume.region));
        volume.ok_or_else(|| Refusal::missing("Volume", id))
    }

    /// The body, which must be a JSON object.
    pub(crate) fn object(&self) -> Result<Map<String, Value>, Refusal> {
        match self.request.json() {
            Value::Object(body) => Ok(body),
            _ => Err(Refusal::invalid("body", "The value should be a JSON object.")),
        }
    }
}

/// What a handler gives.
pub(crate) type Answer = Result<Reply, Refusal>;

/// One route.
struct Route {
    method: &'static str,
    template: &'static str,
    service: &'static str,
    operation: &'static str,
    guard: Guard,
    answer: fn(&mut Call<'_>) -> Answer,
}

/// A call of the virtualserver API.
const fn call(
    method: &'static str,
    template: &'static str,
    operation: &'static str,
    answer: fn(&mut Call<'_>) -> Answer,
) -> Route {
    Route { method, template, service: "virtualserver", operation, guard: Guard::Versioned, answer }
}

/// Every call there is, under the names of the vendor's permissions.
static ROUTES: &[Route] = &[
    call("POST", "/v1/volumes/{volume_id}/servers", "AttachVolumeVirtualServer", volume::attach),
    call("DELETE", "/v1/volumes/{volume_id}/servers/{server_id}", "DetachVolumeVirtualServer", volume::detach),
    call("GET", "/v1/volumes/{volume_id}", "ShowVolume", volume::show),
    call("GET", "/v1/volumes", "ListVolumes", volume::list),
    call("DELETE", "/v1/volumes/{volume_id}", "DeleteVolume", volume::delete),
    call("POST", "/v1/servers/{server_id}/volumes", "CreateVirtualServerVolume", server::attach_volume),
    call("DELETE", "/v1/servers/{server_id}/volumes/{volume_id}", "DeleteVirtualServerVolume", server::detach_volume),
    call("GET", "/v1/servers/{server_id}/volumes", "ListVirtualServerVolumes", server::list_volumes),
    call("GET", "/v1/servers/{server_id}/volumes/{volume_id}", "ShowVirtualServerVolume", server::show_volume),
    call("PUT", "/v1/servers/{server_id}/volumes/{volume_id}", "SetVirtualServerVolume", server::update_volume),
    call("GET", "/v1/servers/{server_id}", "ShowVirtualServer", server::show),
    call("GET", "/v1/servers", "ListVirtualServers", server::list),
    call("POST", "/v1/servers/{server_id}/start", "StartVirtualServer", server::start),
    call("POST", "/v1/servers/{server_id}/stop", "StopVirtualServer", server::stop),
    call("POST", "/v1/servers/{server_id}/lock", "LockVirtualServer", server::set_lock),
    call("POST", "/v1/servers/{server_id}/unlock", "UnlockVirtualServer", server::set_lock),
    call("DELETE", "/v1/servers/{server_id}", "DeleteVirtualServer", server::delete),
    Route {
        service: "catalog",
        guard: Guard::Signed,
        ..call("GET", "/v1/endpoints", "ListEndpoints", catalog::list_endpoints)
    },
    Route { guard: Guard::Open, ..call("GET", "/", "ListVersions", catalog::list_versions) },
];

/// The route of a request and what its template's names stand for.
fn find(request: &Request) -> Option<(&'static Route, Params)> {
    let segments = request.segments();
    let mut routes = ROUTES.iter().filter(|route| route.method == request.method);
    routes.find_map(|route| Some((route, Params::of(route.template, &segments)?)))
}

/// What a request is about: for the journal and the fault rules.
pub(crate) fn identify(request: &Request) -> Target {
    let Some((route, params)) = find(request) else {
        return Target { service: "gateway", ..Target::default() };
    };
    let body = request.json();
    let ids = |wanted: &str| {
        params.get(wanted).map(str::to_owned).into_iter().chain(body[wanted].as_str().map(str::to_owned)).collect()
    };
    Target {
        service: route.service,
        operation: route.operation.to_owned(),
        mutating: route.method != "GET",
        server_ids: ids("server_id"),
        volume_ids: ids("volume_id"),
    }
}

/// Answers a request to a region's address.
pub(crate) fn answer(state: &mut State, request: &Request, region: usize, faults: &[JobFault]) -> Reply {
    let reply = limit_rate(state).and_then(|()| handle(state, request, region, faults));
    reply.unwrap_or_else(|refusal| error::reply(state, request, refusal))
}

/// Counts the calls of the minute, those to be refused too, as what stands in front of everything does.
fn limit_rate(state: &mut State) -> Result<(), Refusal> {
    let config = &state.config.samsungcloud;
    match config.calls_per_minute {
        Some(limit) if state.samsungcloud.calls.exceeds(limit, state.clock.now()) => {
            Err(match config.switches.limit_style {
                LimitStyle::Firewall => Refusal::Rejected(417),
                LimitStyle::Throttled => Refusal::Throttled,
            })
        }
        _ => Ok(()),
    }
}

fn handle(state: &mut State, request: &Request, region: usize, faults: &[JobFault]) -> Answer {
    let found = find(request);
    let is_open = found.as_ref().is_some_and(|(route, _)| route.guard == Guard::Open);
    if request.method == "OPTIONS" {
        return Err(Refusal::Gateway(403));
    }
    if auth::is_anonymous(request) && !is_open {
        return Err(Refusal::Gateway(404));
    }
    let (route, params) = found.ok_or(Refusal::Gateway(404))?;
    if !is_open {
        auth::admit(state, request)?;
    }
    let config = &state.config.samsungcloud;
    let version = match route.guard {
        Guard::Versioned => version::negotiate(request, &config.api_versions, config.switches.malformed_version)?,
        Guard::Open | Guard::Signed => Version { major: 1, minor: 0 },
    };
    (route.answer)(&mut Call { state, request, region, version, faults, params })
}

/// The answer of a fault that needs the vendor's own words.
pub(crate) fn fault_reply(state: &mut State, request: &Request, target: &Target, effect: &Effect) -> Option<Reply> {
    Some(match effect {
        Effect::ApiError { status, .. } if target.service == "gateway" => error::gateway(state, &request.path, *status),
        Effect::ApiError { status, code, message } => error::envelope(state, *status, code, message),
        Effect::Throttle { retry_after, .. } => {
            let reply = error::reply(state, request, Refusal::Throttled);
            match retry_after {
                Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
                None => reply,
            }
        }
        Effect::HtmlPage { status } => error::reply(state, request, Refusal::Rejected(*status)),
        other => other.plain_reply()?,
    })
}

/// The answer to a body that is larger than the gateway takes.
pub(crate) fn too_large(state: &mut State, path: &str) -> Reply {
    error::gateway(state, path, 413)
}

/// A time as the world has it: `2026-01-02T03:04:05Z`.
pub(crate) fn seconds(moment: OffsetDateTime) -> String {
    const SECONDS_Z: &[FormatItem<'_>] = format_description!("[year]-[month]-[day]T[hour]:[minute]:[second]Z");
    stamp(moment, SECONDS_Z)
}
