//! Huawei Cloud: ECS, EVS, ModelArts Lite Server, IAM, STS and the ECS metadata service on one address.
//!
//! One table of routes says which call is which operation of which service, who may call it, and who answers. The
//! services differ in their paths, so they need no host of their own.

pub mod built_in;
pub mod config;
pub mod job;
pub mod switches;
pub mod world;

mod attach;
mod auth;
mod device;
mod ecs;
mod edit;
mod error;
mod evs;
mod iam;
mod metadata;
mod modelarts;
pub(super) mod signature;
mod work;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::time::Duration;

use serde_json::Value;

pub use config::{AccessKey, Config, Durations, Region, Token, User};
pub use job::{Failure, Job, JobKind, JobStatus, Part};
pub use switches::Switches;
pub use world::{Attachment, CloudServer, Disk, Hypervisor, LiteDisk, LiteServer, Phase, Server, Volume, World};

use super::fault::{Effect, JobFault, Target, ThrottleStyle};
use super::message::{Params, Reply, Request};
use super::rate::Minute;
use super::store::State;
use auth::Guard;
use switches::BatchRoutes;

/// What Huawei Cloud's side remembers besides the world.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pub(crate) jobs: Vec<Job>,
    pub(crate) credentials: auth::Issued,
    /// Calls in the current minute, by operation.
    calls: HashMap<String, Minute>,
}

/// A request on its way through a service.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) request: &'a Request,
    pub(crate) body: Value,
    /// The region of the project in the path; the first one for calls without.
    pub(crate) region: String,
    pub(crate) faults: &'a [JobFault],
    params: Params,
}

impl Call<'_> {
    /// A path parameter by the name in its route's template.
    pub(crate) fn param(&self, name: &str) -> &str {
        self.params.get(name).unwrap_or_default()
    }

    pub(crate) fn switches(&self) -> &Switches {
        &self.state.config.huaweicloud.switches
    }

    pub(crate) fn world(&self) -> &World {
        &self.state.world.huaweicloud
    }

    /// Whether something of that region can be seen by this call.
    pub(crate) fn sees(&self, region: &str) -> bool {
        let first = self.state.config.huaweicloud.regions.first().map_or("", |region| region.name.as_str());
        self.region == if region.is_empty() { first } else { region }
    }

    /// A server this call can see.
    pub(crate) fn server(&self, id: &str) -> Option<&Server> {
        self.world().server(id).filter(|server| self.sees(&server.region))
    }

    /// A volume this call can see.
    pub(crate) fn volume(&self, id: &str) -> Option<&Volume> {
        self.world().volume(id).filter(|volume| self.sees(&volume.region))
    }
}

/// What a handler gives: an error is a reply like any other, and leaves early.
pub(crate) type Answer = Result<Reply, Reply>;

/// How an operation is named.
enum Name {
    /// By its route.
    Fixed(&'static str),
    /// By the key in its body: several operations share one route.
    ByKey(&'static [(&'static str, &'static str)]),
}

/// One route.
struct Route {
    method: &'static str,
    template: &'static str,
    service: &'static str,
    name: Name,
    guard: Guard,
    mutating: bool,
    answer: fn(&mut Call<'_>) -> Answer,
}

const fn read(
    template: &'static str,
    service: &'static str,
    name: &'static str,
    answer: fn(&mut Call<'_>) -> Answer,
) -> Route {
    Route { method: "GET", template, service, name: Name::Fixed(name), guard: Guard::Project, mutating: false, answer }
}

const fn write(
    method: &'static str,
    template: &'static str,
    service: &'static str,
    name: &'static str,
    answer: fn(&mut Call<'_>) -> Answer,
) -> Route {
    Route { method, template, service, name: Name::Fixed(name), guard: Guard::Project, mutating: true, answer }
}

const fn identity(
    method: &'static str,
    template: &'static str,
    name: &'static str,
    guard: Guard,
    answer: fn(&mut Call<'_>) -> Answer,
) -> Route {
    Route { method, template, service: "iam", name: Name::Fixed(name), guard, mutating: false, answer }
}

const SERVER_ACTIONS: Name = Name::ByKey(&[("os-stop", "BatchStopServers"), ("os-start", "BatchStartServers")]);
const VOLUME_ACTIONS: Name = Name::ByKey(&[
    ("os-detach", "os-detach"),
    ("os-attach", "os-attach"),
    ("os-reserve", "os-reserve"),
    ("os-unreserve", "os-unreserve"),
]);

/// Every call there is. Literal segments come before `{…}` where two templates could fit.
static ROUTES: &[Route] = &[
    write(
        "POST",
        "/v1/{project_id}/cloudservers/{server_id}/attachvolume",
        "ecs",
        "AttachServerVolume",
        attach::attach,
    ),
    write(
        "DELETE",
        "/v1/{project_id}/cloudservers/{server_id}/detachvolume/{volume_id}",
        "ecs",
        "DetachServerVolume",
        attach::detach,
    ),
    write(
        "POST",
        "/v1/{project_id}/batchaction/attachvolumes/{volume_id}",
        "ecs",
        "BatchAttachSharableVolumes",
        attach::batch_attach,
    ),
    write(
        "POST",
        "/v1/{project_id}/batchaction/detachvolumes/{volume_id}",
        "ecs",
        "BatchDetachVolumes",
        attach::batch_detach,
    ),
    Route {
        name: SERVER_ACTIONS,
        ..write("POST", "/v1/{project_id}/cloudservers/action", "ecs", "", ecs::server_action)
    },
    read("/v1/{project_id}/jobs/{job_id}", "ecs", "ShowJob", ecs::show_job),
    read("/v1/{project_id}/cloudservers/{server_id}", "ecs", "ShowServer", ecs::show_server),
    read(
        "/v1/{project_id}/cloudservers/{server_id}/block_device",
        "ecs",
        "ListServerBlockDevices",
        ecs::list_block_devices,
    ),
    read(
        "/v1/{project_id}/cloudservers/{server_id}/block_device/{volume_id}",
        "ecs",
        "ShowServerBlockDevice",
        ecs::show_block_device,
    ),
    write(
        "PUT",
        "/v1/{project_id}/cloudservers/{server_id}/block_device/{volume_id}",
        "ecs",
        "UpdateServerBlockDevice",
        ecs::update_block_device,
    ),
    read(
        "/v1/{project_id}/cloudservers/{server_id}/os-volume_attachments",
        "ecs",
        "ListServerVolumeAttachments",
        ecs::list_volume_attachments,
    ),
    read("/v2/{project_id}/cloudvolumes/detail", "evs", "ListVolumes", evs::list_volumes),
    read("/v2/{project_id}/cloudvolumes/{volume_id}", "evs", "ShowVolume", evs::show_volume),
    read("/v2/{project_id}/volumes/{volume_id}", "evs", "CinderShowVolume", evs::show_volume),
    read("/v3/{project_id}/volumes/{volume_id}", "evs", "CinderShowVolume", evs::show_volume),
    Route {
        name: VOLUME_ACTIONS,
        ..write("POST", "/v2/{project_id}/volumes/{volume_id}/action", "evs", "", evs::volume_action)
    },
    write(
        "POST",
        "/v1/{project_id}/dev-servers/{server_id}/attachvolume",
        "modelarts",
        "AttachDevServerVolume",
        modelarts::attach,
    ),
    write(
        "DELETE",
        "/v1/{project_id}/dev-servers/{server_id}/detachvolume/{volume_id}",
        "modelarts",
        "DetachDevServerVolume",
        modelarts::detach,
    ),
    read(
        "/v1/{project_id}/dev-servers/{server_id}/operation/{operation_id}",
        "modelarts",
        "GetDevServerOperation",
        modelarts::show_operation,
    ),
    read("/v1/{project_id}/dev-servers", "modelarts", "ListDevServers", modelarts::list_servers),
    read("/v1/{project_id}/dev-servers/all", "modelarts", "ListAllDevServers", modelarts::list_servers),
    read("/v1/{project_id}/dev-servers/{server_id}", "modelarts", "ShowDevServer", modelarts::show_server),
    identity("POST", "/v3/auth/tokens", "KeystoneCreateUserTokenByPassword", Guard::Open, iam::create_token),
    identity("GET", "/v3/projects", "KeystoneListProjects", Guard::Account, iam::list_projects),
    identity("GET", "/v3/auth/domains", "KeystoneListAuthDomains", Guard::Account, iam::list_domains),
    identity(
        "POST",
        "/v3.0/OS-CREDENTIAL/securitytokens",
        "CreateTemporaryAccessKeyByAgency",
        Guard::Account,
        iam::create_temporary_key,
    ),
    Route {
        service: "sts",
        ..identity("POST", "/v5/agencies/assume", "AssumeAgency", Guard::Account, iam::assume_agency)
    },
    Route {
        service: "sts",
        ..identity("GET", "/v5/caller-identity", "GetCallerIdentity", Guard::Account, iam::caller_identity)
    },
    Route {
        service: "metadata",
        ..identity("PUT", "/meta-data/latest/api/token", "CreateMetadataToken", Guard::Open, metadata::create_token)
    },
    Route {
        service: "metadata",
        ..identity("GET", "/openstack/latest/securitykey", "GetSecurityKey", Guard::Open, metadata::security_key)
    },
    Route {
        service: "metadata",
        ..identity("GET", "/openstack/latest/meta_data.json", "GetMetadata", Guard::Open, metadata::meta_data)
    },
];

/// The services that can have an address of their own.
pub(crate) const SERVICES: [&str; 6] = ["ecs", "evs", "modelarts", "iam", "sts", "metadata"];

/// The route of a request to a listener, of one service only or of the rest, and what its template's names stand for.
fn find(config: &Config, only: Option<&str>, request: &Request) -> Option<(&'static Route, Params)> {
    let segments = request.segments();
    ROUTES
        .iter()
        .filter(|route| route.method == request.method && config.serves(only, route.service))
        .find_map(|route| Some((route, Params::of(route.template, &segments)?)))
}

/// What a request is about: for the journal and the fault rules.
pub(crate) fn identify(config: &Config, only: Option<&str>, request: &Request) -> Target {
    let Some((route, params)) = find(config, only, request) else {
        return Target { service: "gateway", ..Target::default() };
    };
    let body = request.json();
    let operation = match &route.name {
        Name::Fixed("KeystoneCreateUserTokenByPassword") if body["auth"]["identity"]["assume_role"].is_object() => {
            "KeystoneCreateAgencyToken"
        }
        Name::Fixed(name) => name,
        Name::ByKey(names) => names.iter().find(|(key, _)| body.get(key).is_some()).map_or("", |(_, name)| name),
    };
    let text = |value: &Value| value.as_str().map(str::to_owned);
    let of = |name: &str| params.get(name).map(str::to_owned).into_iter();
    let members = body["serverinfo"].as_array().into_iter().flatten();
    let members = members.filter_map(|member| text(member).or_else(|| text(&member["server_id"])));
    let acted_on = body.as_object().into_iter().flatten().flat_map(|(_, value)| {
        value["servers"].as_array().into_iter().flatten().filter_map(|server| text(&server["id"])).collect::<Vec<_>>()
    });
    let named = [&body["volumeAttachment"]["volumeId"], &body["volume_id"]].into_iter().filter_map(text);
    Target {
        service: route.service,
        operation: operation.to_owned(),
        mutating: route.mutating,
        server_ids: of("server_id").chain(members).chain(acted_on).collect(),
        volume_ids: of("volume_id").chain(named).collect(),
    }
}

/// Answers a request to a listener, of one service only or of the rest.
pub(crate) fn answer(state: &mut State, only: Option<&str>, request: &Request, faults: &[JobFault]) -> Reply {
    let request_id = state.hex_id();
    let found = find(&state.config.huaweicloud, only, request);
    let reply = handle(state, request, found, faults, &request_id).unwrap_or_else(|reply| reply);
    let is_traced = reply.headers.iter().any(|(name, _)| name == IAM_TRACE);
    if is_traced { reply } else { reply.with_header("X-Request-Id", request_id) }
}

/// What IAM calls the request's id; the gateway before it has the name of the other services.
pub(crate) const IAM_TRACE: &str = "X-IAM-Trace-Id";

fn handle(
    state: &mut State,
    request: &Request,
    found: Option<(&'static Route, Params)>,
    faults: &[JobFault],
    request_id: &str,
) -> Answer {
    let (route, params) = found.ok_or_else(|| error::no_route(request_id))?;
    let routes = state.config.huaweicloud.switches.batch_routes;
    let is_missing = match route.name {
        Name::Fixed("BatchAttachSharableVolumes") => routes == BatchRoutes::None,
        Name::Fixed("BatchDetachVolumes") => routes != BatchRoutes::Both,
        _ => false,
    };
    if is_missing {
        return Err(error::no_route(request_id));
    }
    let project_id = params.get("project_id");
    auth::admit(state, request, route.guard, route.service, project_id, request_id)?;
    limit_rate(state, route, request_id)?;
    let config = &state.config.huaweicloud;
    let region = match project_id {
        Some(id) => config.region_of(id),
        None => config.regions.first().map(|region| region.name.as_str()),
    };
    let region = region.unwrap_or_default().to_owned();
    let body = request.json();
    let mut call = Call { state, request, body, region, faults, params };
    let traced = |reply: Reply| match route.service {
        "iam" => reply.with_header(IAM_TRACE, request_id),
        _ => reply,
    };
    (route.answer)(&mut call).map(traced).map_err(traced)
}

/// Counts the calls of the minute, as the gateway does for each operation.
fn limit_rate(state: &mut State, route: &Route, request_id: &str) -> Result<(), Reply> {
    let Some(limit) = state.config.huaweicloud.calls_per_minute else { return Ok(()) };
    let now = state.clock.now();
    let calls = state.huaweicloud.calls.entry(format!("{} {}", route.method, route.template)).or_default();
    if calls.exceeds(limit, now) { Err(error::throttled(request_id, limit)) } else { Ok(()) }
}

/// The answer of a fault that needs the service's own words.
pub(crate) fn fault_reply(state: &mut State, target: &Target, effect: &Effect) -> Option<Reply> {
    let request_id = state.hex_id();
    let mut name = "X-Request-Id";
    let reply = match effect {
        Effect::ApiError { status, code, message } if target.service == "gateway" || code.starts_with("APIG") => {
            error::gateway(*status, code, message, &request_id)
        }
        Effect::ApiError { status, code, message } => match target.service {
            "modelarts" => error::modelarts(*status, code, message),
            "iam" => {
                name = IAM_TRACE;
                error::iam(*status, message)
            }
            "sts" | "metadata" => error::iam(*status, message),
            _ => error::ecs(*status, code, message),
        },
        Effect::Throttle { style, retry_after } => {
            let reply = match style {
                ThrottleStyle::Gateway => error::throttled(&request_id, 100),
                ThrottleStyle::Accepted => error::ecs(202, "Common.0024", "Flow limit exceeded."),
                ThrottleStyle::FlowControl => error::flow_control(&state.config.huaweicloud.switches),
            };
            match retry_after {
                Some(seconds) => reply.with_header("Retry-After", seconds.to_string()),
                None => reply,
            }
        }
        other => other.plain_reply()?,
    };
    Some(reply.with_header(name, request_id))
}

/// The answer to a body that is larger than the gateway takes.
pub(crate) fn too_large(state: &mut State) -> Reply {
    let request_id = state.hex_id();
    error::gateway(413, "APIGW.0201", "The request body is too large", &request_id)
        .with_header("X-Request-Id", request_id)
}

/// How long the gateway locks a key.
pub(crate) const KEY_LOCK: Duration = Duration::from_secs(300);
