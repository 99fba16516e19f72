//! The library's handle as HTTP, under `/_simulator/`: for tests in other languages and for people with `curl`.
//!
//! Unsigned, and therefore answered to loopback peers only, whatever address the simulator is bound to.

use std::net::SocketAddr;
use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::huaweicloud::Job;
use super::message::{Reply, Request};
use super::store::Store;
use super::transition::Schedule;
use super::{FaultRule, World, duration};

/// Answers one control request.
pub(crate) fn answer(store: &Store, request: &Request, peer: SocketAddr) -> Reply {
    if !peer.ip().to_canonical().is_loopback() {
        return refuse(403, "the control endpoint answers on loopback only");
    }
    let segments = request.segments();
    let name = segments.get(1..).unwrap_or_default().join("/");
    match (request.method.as_str(), name.as_str()) {
        ("GET", "health") => Reply::json(200, &json!({"status": "ok"})),
        ("GET", "journal") => Reply::json(200, &json!({"entries": store.lock().journal.redacted()})),
        ("DELETE", "journal") => {
            store.lock().journal.entries.clear();
            done()
        }
        ("GET", "jobs") => Reply::json(200, &json!({"jobs": jobs(store)})),
        ("GET", "world") => reply_of(&store.lock().world),
        ("PUT", "world") => put_world(store, request),
        ("POST", "edit") => edit(store, request),
        ("GET", "faults") => {
            let faults = store.lock();
            Reply::json(200, &json!({"faults": faults.faults.rules(), "counts": faults.faults.counts()}))
        }
        ("POST", "faults") => parsed(request).map_or_else(
            |reply| reply,
            |rule: FaultRule| {
                store.lock().faults.add(rule);
                done()
            },
        ),
        ("DELETE", "faults") => {
            store.lock().faults.clear();
            done()
        }
        ("GET", "operations") => Reply::json(200, &json!({"operations": operations(store)})),
        ("GET", "switches") => Reply::json(200, &switches(store)),
        ("PATCH", "switches") => patch_switches(store, request),
        ("POST", "advance") => advance(store, request),
        ("POST", "reset") => {
            store.reset();
            done()
        }
        _ => refuse(
            404,
            "there are GET health, GET|DELETE journal, GET jobs, GET operations, GET|PUT world, \
             POST edit, GET|POST|DELETE faults, GET|PATCH switches, POST advance, POST reset",
        ),
    }
}

fn done() -> Reply {
    Reply::json(200, &json!({}))
}

fn refuse(status: u16, text: &str) -> Reply {
    Reply::json(status, &json!({"error": text}))
}

fn reply_of(value: &impl serde::Serialize) -> Reply {
    match serde_json::to_value(value) {
        Ok(value) => Reply::json(200, &value),
        Err(error) => refuse(500, &error.to_string()),
    }
}

fn parsed<T: for<'de> Deserialize<'de>>(request: &Request) -> Result<T, Reply> {
    serde_json::from_slice(&request.body).map_err(|error| refuse(400, &error.to_string()))
}

/// Huawei Cloud's jobs.
fn jobs(store: &Store) -> Vec<Value> {
    let shown = |job: &Job| {
        let mut shown = timed(job, job.began, job.ended);
        for (shown, part) in shown["parts"].as_array_mut().into_iter().flatten().zip(&job.parts) {
            shown["ended"] = json!(part.ended.map(milliseconds));
        }
        shown
    };
    store.lock().huaweicloud.jobs.iter().map(shown).collect()
}

/// Samsung Cloud Platform's operations.
fn operations(store: &Store) -> Vec<Value> {
    let state = store.lock();
    state.samsungcloud.operations.iter().map(|operation| timed(operation, operation.began, operation.ended)).collect()
}

/// With its times in milliseconds, which is what people compare.
fn timed(shown: &impl serde::Serialize, began: Duration, ended: Option<Duration>) -> Value {
    let mut shown = serde_json::to_value(shown).unwrap_or_default();
    shown["began"] = json!(milliseconds(began));
    shown["ended"] = json!(ended.map(milliseconds));
    shown
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1e6).round() / 1e3
}

/// Huawei Cloud's switches by name, and those of Samsung Cloud Platform under `samsungcloud`.
fn switches(store: &Store) -> Value {
    let config = &store.lock().config;
    let mut shown = serde_json::to_value(&config.huaweicloud.switches).unwrap_or_default();
    shown["samsungcloud"] = serde_json::to_value(&config.samsungcloud.switches).unwrap_or_default();
    shown
}

fn put_world(store: &Store, request: &Request) -> Reply {
    let world: World = match parsed(request) {
        Ok(world) => world,
        Err(reply) => return reply,
    };
    if let Err(text) = world.validate() {
        return refuse(400, &text);
    }
    let mut state = store.lock();
    state.world = world;
    // What was under way was so in the old world.
    state.huaweicloud.jobs.clear();
    state.samsungcloud.operations.clear();
    state.schedule = Schedule::default();
    drop(state);
    done()
}

/// Deletes a server of either cloud, or a Lite Server, behind every client's back.
fn edit(store: &Store, request: &Request) -> Reply {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Wanted {
        delete_server: String,
        /// The volumes keep their records of it.
        #[serde(default)]
        leaving_records: bool,
    }
    let Wanted { delete_server: id, leaving_records } = match parsed(request) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut state = store.lock();
    let World { huaweicloud, samsungcloud } = &mut state.world;
    let is_lite = huaweicloud.lite_server(&id).is_some();
    match (samsungcloud.server(&id).is_some(), is_lite, leaving_records) {
        (true, _, false) => samsungcloud.delete_server(&id),
        (true, _, true) => samsungcloud.delete_server_leaving_records(&id),
        (false, true, false) => huaweicloud.delete_lite_server(&id),
        (false, true, true) => huaweicloud.delete_lite_server_leaving_records(&id),
        (false, false, _) if huaweicloud.server(&id).is_none() => return refuse(404, "there is no such server"),
        (false, false, false) => huaweicloud.delete_server(&id),
        (false, false, true) => huaweicloud.delete_server_leaving_records(&id),
    }
    done()
}

/// Any subset of the switches, all or none of which are set.
fn patch_switches(store: &Store, request: &Request) -> Reply {
    let wanted: serde_json::Map<String, Value> = match parsed(request) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut state = store.lock();
    let mut huaweicloud = state.config.huaweicloud.switches.clone();
    let mut samsungcloud = state.config.samsungcloud.switches.clone();
    for (name, value) in &wanted {
        let set = match value.as_object().filter(|_| name == "samsungcloud") {
            Some(inner) => {
                let mut inner = inner.iter();
                inner.try_for_each(|(name, value)| samsungcloud.set(name, value.as_str().unwrap_or_default()))
            }
            None => huaweicloud.set(name, value.as_str().unwrap_or_default()),
        };
        if let Err(text) = set {
            return refuse(400, &text);
        }
    }
    state.config.huaweicloud.switches = huaweicloud;
    state.config.samsungcloud.switches = samsungcloud;
    drop(state);
    done()
}

/// `{"steps": n}` makes n transitions, `{"time": "1h"}` lets time pass, `{}` makes every transition there is.
fn advance(store: &Store, request: &Request) -> Reply {
    #[derive(Deserialize, Default)]
    #[serde(default, deny_unknown_fields)]
    struct Wanted {
        steps: Option<usize>,
        time: Option<String>,
    }
    let wanted = if request.body.is_empty() { Ok(Wanted::default()) } else { parsed(request) };
    let wanted = match wanted {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut state = store.lock();
    if let Some(time) = wanted.time {
        return match duration::parse(&time) {
            Ok(time) => {
                state.clock.skip(time);
                state.settle();
                done()
            }
            Err(text) => refuse(400, &text),
        };
    }
    let limit = wanted.steps.unwrap_or(usize::MAX);
    let mut made = 0;
    while made < limit && state.advance() {
        made += 1;
    }
    Reply::json(200, &json!({"made": made}))
}
