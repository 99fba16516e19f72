//! The library's handle as HTTP, under `/_simulator/`: for tests in other languages and for people with `curl`.
//!
//! Unsigned, and therefore answered to loopback peers only, whatever address the simulator is bound to.

use std::net::SocketAddr;

use serde::Deserialize;
use serde_json::{Value, json};

use super::message::{Reply, Request};
use super::store::Store;
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
        ("GET", "switches") => reply_of(&store.lock().config.huaweicloud.switches),
        ("PATCH", "switches") => patch_switches(store, request),
        ("POST", "advance") => advance(store, request),
        ("POST", "reset") => {
            store.reset();
            done()
        }
        _ => refuse(
            404,
            "there are GET health, GET|DELETE journal, GET jobs, GET|PUT world, GET|POST|DELETE faults, \
             GET|PATCH switches, POST advance, POST reset",
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

/// The jobs with their times in milliseconds, which is what people compare.
fn jobs(store: &Store) -> Vec<Value> {
    let state = store.lock();
    let milliseconds = |time: std::time::Duration| (time.as_secs_f64() * 1e6).round() / 1e3;
    let shown = |job: &super::huaweicloud::Job| {
        let mut shown = serde_json::to_value(job).unwrap_or_default();
        shown["began"] = json!(milliseconds(job.began));
        shown["ended"] = json!(job.ended.map(milliseconds));
        shown
    };
    state.huaweicloud.jobs.iter().map(shown).collect()
}

fn put_world(store: &Store, request: &Request) -> Reply {
    let world: World = match parsed(request) {
        Ok(world) => world,
        Err(reply) => return reply,
    };
    if let Err(text) = world.validate() {
        return refuse(400, &text);
    }
    store.lock().world = world;
    done()
}

/// Any subset of the switches, all or none of which are set.
fn patch_switches(store: &Store, request: &Request) -> Reply {
    let wanted: serde_json::Map<String, Value> = match parsed(request) {
        Ok(wanted) => wanted,
        Err(reply) => return reply,
    };
    let mut state = store.lock();
    let mut switches = state.config.huaweicloud.switches.clone();
    for (name, value) in &wanted {
        if let Err(text) = switches.set(name, value.as_str().unwrap_or_default()) {
            return refuse(400, &text);
        }
    }
    state.config.huaweicloud.switches = switches;
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
