//! From what Terraform and the simulator recorded to figures.

use std::time::Duration;

use cloudvolume::simulator::Entry;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

use crate::support::subject::Subject;

/// How long each create, update or delete took, by what `terraform apply -json` printed: from the moment that Terraform
/// began it to the moment that it was told the result. Its own `elapsed_seconds` are whole, its timestamps are not.
pub(crate) fn operations(printed: &str) -> Vec<Duration> {
    let messages = messages(printed);
    let at = |message: &Value| OffsetDateTime::parse(message["@timestamp"].as_str()?, &Rfc3339).ok();
    let of = |kind: &'static str| messages.iter().filter(move |message| message["type"] == kind);
    of("apply_start")
        .filter_map(|start| {
            let address = &start["hook"]["resource"]["addr"];
            let end = of("apply_complete").find(|end| end["hook"]["resource"]["addr"] == *address)?;
            Some((at(end)? - at(start)?).unsigned_abs())
        })
        .collect()
}

/// The indices of the attachments that Terraform began, in its order.
pub(crate) fn started(printed: &str) -> impl Iterator<Item = usize> {
    let started = messages(printed).into_iter().filter(|message| message["type"] == "apply_start");
    started.map(|start| {
        let index = start["hook"]["resource"]["resource_key"].as_u64().expect("an index");
        usize::try_from(index).expect("a small index")
    })
}

fn messages(printed: &str) -> Vec<Value> {
    printed.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Requests of `rounds` runs as an average: "9.0 (1.0 to change, 3.2 polls)".
pub(crate) fn calls_of(requests: &[Entry], subject: &Subject, rounds: usize) -> String {
    let each = |count: usize| format!("{:.1}", count as f64 / rounds as f64);
    let changes = requests.iter().filter(|entry| entry.mutating).count();
    let polls = requests.iter().filter(|entry| entry.operation == subject.calls.progress).count();
    format!("{} ({} to change, {} polls)", each(requests.len()), each(changes), each(polls))
}

/// The middle one.
pub(crate) fn median(times: &mut [Duration]) -> Duration {
    times.sort();
    times[times.len() / 2]
}

/// `1.23 s`.
pub(crate) fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

/// `123 ms`.
pub(crate) fn milliseconds(time: Duration) -> String {
    format!("{} ms", time.as_millis())
}
