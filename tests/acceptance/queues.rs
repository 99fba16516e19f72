//! Queues: a server does one thing at a time, nobody else waits for that, and whoever waits is told for what.

use std::{fmt::Write as _, time::Duration};

use cloudvolume::simulator::{
    Effect, Entry, FaultRule, Journal, TransitionMode, World,
    huaweicloud::{
        self,
        built_in::{server_id, shared_volume_id, volume_id},
    },
};

use crate::support::{stage::Stage, subject::HUAWEICLOUD_ECS, workspace::Workspace};

const ATTACH: &str = "AttachServerVolume";

#[tokio::test]
async fn plain_and_shared_volumes_of_many_servers_never_meet_on_a_server_whatever_the_parallelism() {
    // As many attachments as there may be operations at a time, at least.
    for (parallelism, servers, volumes_each) in [(1, 2, 2), (10, 4, 3), (100, 8, 11)] {
        let stage = servers_with_volumes(servers, volumes_each, "").await;
        let all = servers * (volumes_each + 2);
        assert!(all >= parallelism);
        let at = format!("-parallelism={parallelism}");
        let apply = stage.terraform.run(&["apply", "-no-color", "-auto-approve", &at]).await;
        apply.succeeds().says(&[&format!("{all} added")]);
        let destroy = stage.terraform.run(&["destroy", "-no-color", "-auto-approve", &at]).await;
        destroy.succeeds().says(&[&format!("{all} destroyed")]);
        never_two_at_once(&stage, servers);
    }
}

#[tokio::test]
async fn a_server_that_is_busy_for_long_holds_up_nobody_else() {
    // That time runs out is only to end the test when somebody is held up.
    let stage = servers_with_volumes(3, 2, "timeouts = { create = \"40s\" }").await;
    // The last server is busy for ever, the shared volumes come then and wait for it, and then the other servers' own.
    let own = |server: usize| [2 * server - 1, 2 * server].map(volume_id);
    stage.cloud.add_fault(FaultRule::new(ATTACH, Effect::JobStalls).server(&server_id(3)).times(1));
    let shared = [1, 2].map(shared_volume_id);
    let others = [own(1), own(2)].concat();
    for (volumes, late) in [(&shared[..], 500), (&others[..], 3_000)] {
        for volume in volumes {
            let late = Effect::Delay { time: Duration::from_millis(late) };
            stage.cloud.add_fault(FaultRule::new("ShowVolume", late).volume(volume).times(1));
        }
    }
    let mut apply = stage.terraform.start(&["apply", "-no-color", "-auto-approve", "-parallelism=100"]);
    let sent = |journal: &Journal, volume: &String| {
        journal.of(ATTACH).find(|call| call.finished && call.body.contains(volume)).map(|call| call.sequence)
    };
    stage.until(&mut apply, |journal| others.iter().all(|volume| sent(journal, volume).is_some())).await;

    let journal = stage.cloud.journal();
    let stalled = own(3).iter().filter_map(|volume| sent(&journal, volume)).collect::<Vec<_>>();
    assert_eq!(stalled.len(), 1, "the last server does one thing at a time");
    assert!(others.iter().all(|volume| sent(&journal, volume) > Some(stalled[0])), "it is busy before the others come");
    assert!(stage.cloud.jobs()[0].is_unfinished(), "the last server is still busy");
    assert_eq!(stage.cloud.count("BatchAttachSharableVolumes"), 0, "and the shared volumes wait for it");
    apply.interrupt_group();
    apply.finish().await.fails();
    never_two_at_once(&stage, 3);
}

#[tokio::test]
async fn a_timeout_says_that_the_time_went_into_the_queue() {
    let stage = Stage::held(&HUAWEICLOUD_ECS).await;
    let [first, others @ ..] = stage.subject.volumes;
    for volume in others {
        // The first volume is to be the first in the queue.
        stage
            .cloud
            .add_fault(FaultRule::new("ShowVolume", Effect::Delay { time: Duration::from_millis(300) }).volume(volume));
    }
    let timeouts = format!("timeouts = {{ create = each.value == \"{first}\" ? \"5s\" : \"2s\" }}");
    let volume_id = "volume_id = each.value";
    stage.configure(&stage.attachments().replace(volume_id, &format!("{volume_id}\n  {timeouts}")));

    let apply = stage.terraform.apply().await.fails().with_errors(4);
    apply.says(&[
        "its turn has not come: other attaches and detaches of the server",
        "of 2.0 s",
        "Nothing is under way",
        "timeouts.create",
    ]);
    assert_eq!(stage.mutations(), [ATTACH], "nothing was sent for those that waited");
    let sent = stage.terraform.state().only().expect("what was sent, and nothing else");
    assert_eq!(sent.attributes["volume_id"], first);
}

#[tokio::test]
async fn a_server_that_somebody_else_keeps_busy_is_waited_for() {
    let (refused, told_to_wait, in_the_job) = ("ecs0100", "ecs0603", "failed_job");
    tokio::join!(busy_elsewhere(refused), busy_elsewhere(told_to_wait), busy_elsewhere(in_the_job));
}

/// Another Terraform attaches a volume to the same server, until we have come upon that.
async fn busy_elsewhere(conflict: &str) {
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| {
        config.mode = TransitionMode::Manual;
        config.huaweicloud.switches.set("server_conflict", conflict).expect("a switch");
    });
    let stage = stage.await;
    let theirs = Workspace::new();
    stage.write_to(&theirs, &stage.attachment_of(0, 1, ""));
    let mut their_apply = theirs.start_apply();
    stage.until_under_way(&mut their_apply, ATTACH).await;

    stage.configure(&stage.attachment(""));
    let mut our_apply = stage.terraform.start_apply();
    stage.until_answered(&mut our_apply, ATTACH, 2).await;
    stage.cloud.set_mode(TransitionMode::Auto);
    our_apply.finish().await.succeeds();
    their_apply.finish().await.succeeds();
    assert!(stage.is_attached(0, 0) && stage.is_attached(0, 1), "{conflict}");
    assert!(stage.cloud.count(ATTACH) > 2, "{conflict}: it was refused at first");
}

/// So many plain volumes for each server, and two shared ones on all of them, with more arguments.
async fn servers_with_volumes(servers: usize, volumes_each: usize, more: &str) -> Stage {
    let mut world = World::built_in();
    world.huaweicloud = huaweicloud::World::fleet(servers, servers * volumes_each, 2);
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| config.world = Some(world)).await;
    let mut resources = String::new();
    for server in 1..=servers {
        let own = (1..=volumes_each).map(|n| volume_id((server - 1) * volumes_each + n));
        for (n, volume) in own.chain([shared_volume_id(1), shared_volume_id(2)]).enumerate() {
            let one = stage
                .attachment_to(&server_id(server), &volume, more)
                .replace("\"test\"", &format!("\"test_{server}_{n}\""));
            let _ = writeln!(resources, "{one}");
        }
    }
    stage.configure(&resources);
    stage
}

/// Asserts that no two jobs of one server overlap, and that nobody was told to come back later: the queues are ours.
#[track_caller]
fn never_two_at_once(stage: &Stage, servers: usize) {
    let journal = stage.cloud.journal();
    let refused = |call: &&&Entry| call.status.is_some_and(|status| status != 200);
    let refused: Vec<_> = journal.mutations().iter().filter(refused).map(|call| (*call).clone()).collect();
    assert!(refused.is_empty(), "{refused:#?}");
    for server in 1..=servers {
        let jobs = stage.cloud.jobs();
        let of_server = jobs.iter().filter(|job| job.parts.iter().any(|part| part.server_id == server_id(server)));
        let mut times: Vec<_> = of_server.map(|job| (job.began, job.ended.unwrap_or(Duration::MAX))).collect();
        times.sort();
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "server {server}: {times:?}");
    }
}
