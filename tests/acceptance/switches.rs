//! What Huawei's pages leave open: whichever way it goes, attachments come, are there, and go.

use std::time::Duration;

use cloudvolume::simulator::{
    Effect, FaultRule,
    huaweicloud::{
        Durations, Switches,
        built_in::{server_id, volume_id},
    },
};
use futures::{StreamExt as _, stream};

use crate::support::{fleet::Fleet, run::Run, stage::Stage, subject::HUAWEICLOUD_ECS};

/// Switches that no call about an ECS or an EVS volume meets: they are tested with the others of their service.
const ELSEWHERE: [&str; 8] = [
    "iam_error",
    "lite_server_in_evs",
    "lite_server_refusal",
    "lite_server_volumes",
    "metadata",
    "operation_status_case",
    "sts_expiry_key",
    "unknown_operation",
];
/// How many clouds are tried at the same time.
const AT_A_TIME: usize = 4;

#[tokio::test]
async fn attachments_come_and_go_whichever_way_the_vendor_goes() {
    let table = Switches::table();
    for name in ELSEWHERE {
        assert!(table.iter().any(|switch| switch.name == name), "there is no {name}");
    }
    let switches = table.iter().filter(|switch| !ELSEWHERE.contains(&switch.name));
    // The first value is the default, which every other test has.
    let values = switches.flat_map(|switch| switch.values[1..].iter().map(|(value, _)| (switch.name, value.as_str())));
    stream::iter(values).for_each_concurrent(AT_A_TIME, |(name, value)| come_and_go(name, value)).await;
}

#[tokio::test]
async fn what_took_without_an_answer_and_shows_late_is_not_done_twice() {
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| {
        config.huaweicloud.switches.set("job_begins", "when_running").expect("a switch");
        // Later than anybody looks for a trace of a call before sending it again.
        let whole = Durations::all(Duration::from_secs(6));
        config.huaweicloud.durations = Durations { init: Duration::from_secs(5), ..whole };
    });
    let stage = stage.await;
    stage.configure(&stage.attachment(""));
    for call in [stage.subject.calls.attach, stage.subject.calls.detach] {
        let gave_up = Effect::Status { status: 504, body: String::new() };
        stage.cloud.add_fault(FaultRule::new(call, gave_up).after().times(1));
    }
    stage.terraform.apply().await.succeeds();
    assert!(stage.is_attached(0, 0));
    stage.terraform.destroy().await.succeeds();
    assert!(!stage.is_attached(0, 0));
    let jobs = stage.cloud.jobs();
    let worked = jobs.iter().flat_map(|job| &job.parts).filter(|part| !part.refused).count();
    assert_eq!(worked, 2, "{:?}", stage.mutations());
    stage.every_fault_fired();
}

/// A volume of its own and a shared one on three servers: attached, nothing more to do, detached.
async fn come_and_go(name: &str, value: &str) {
    let fleet = Fleet::with(3, |config| config.huaweicloud.switches.set(name, value).expect("a switch")).await;
    let own = fleet.stage.attachment_to(&server_id(1), &volume_id(1), "").replace("\"test\"", "\"own\"");
    fleet.stage.configure(&(fleet.attachments("") + &own));
    let is_attached = || fleet.stage.cloud.world(|world| world.huaweicloud.is_attached(&server_id(1), &volume_id(1)));
    let about = format!("{name} is {value}");
    let went_well = |run: Run| assert_eq!(run.code(), Some(0), "{about}: {run}");

    went_well(fleet.stage.terraform.apply().await);
    assert_eq!((fleet.on_servers(), is_attached()), (fleet.all(), true), "{about}");
    went_well(fleet.stage.terraform.plan().await);
    went_well(fleet.stage.terraform.destroy().await);
    assert_eq!((fleet.on_servers(), is_attached()), (vec![], false), "{about}");
    assert_eq!(fleet.stage.terraform.state().len(), 0, "{about}");
}
