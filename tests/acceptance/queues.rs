//! Queues: a server does one thing at a time, nobody else waits for that, and whoever waits is told for what.

use std::{fmt::Write as _, time::Duration};

use cloudvolume::simulator::{
    Effect, FaultRule, World,
    huaweicloud::{
        self,
        built_in::{server_id, shared_volume_id, volume_id},
    },
};

use crate::support::{stage::Stage, subject::HUAWEICLOUD_ECS, workspace::Workspace};

#[tokio::test]
async fn plain_and_shared_volumes_of_many_servers_never_meet_on_a_server_whatever_the_parallelism() {
    for parallelism in [10, 100] {
        let stage = servers_with_volumes(4, 3).await;
        let at = format!("-parallelism={parallelism}");
        stage.terraform.run(&["apply", "-no-color", "-auto-approve", &at]).await.succeeds().says(&["20 added"]);
        stage.terraform.run(&["destroy", "-no-color", "-auto-approve", &at]).await.succeeds().says(&["20 destroyed"]);
        never_two_at_once(&stage, 4);
        // Nobody was told to come back later: the queues are ours.
        let refused: Vec<_> =
            stage.cloud.journal().mutations().into_iter().filter(|call| call.status != Some(200)).cloned().collect();
        assert!(refused.is_empty(), "{refused:#?}");
    }
}

#[tokio::test]
async fn a_server_that_is_busy_for_long_holds_up_nobody_else() {
    let stage = servers_with_volumes(3, 2).await;
    stage.cloud.add_fault(FaultRule::new("AttachServerVolume", Effect::JobStalls).server(&server_id(1)).times(1));
    let apply = stage.terraform.start(&["apply", "-no-color", "-auto-approve", "-parallelism=100"]);
    // The two plain volumes of each of the other servers, one after the other; the shared ones may wait for the first server.
    stage
        .cloud
        .wait_until(|journal| {
            let sent = |volume| journal.of("AttachServerVolume").any(|call| call.body.contains(&volume_id(volume)));
            (3..=6).all(sent)
        })
        .await;
    let busy = stage.cloud.jobs().iter().filter(|job| job.is_unfinished()).count();
    assert!(busy >= 1, "the first server is still busy");
    apply.interrupt_group();
    apply.finish().await;
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
    assert_eq!(stage.mutations(), ["AttachServerVolume"], "nothing was sent for those that waited");
    let sent = stage.terraform.state().only().expect("what was sent, and nothing else");
    assert_eq!(sent.attributes["volume_id"], first);
}

#[tokio::test]
async fn a_server_that_somebody_else_keeps_busy_is_waited_for() {
    let (refused, told_to_wait, in_the_job) = ("ecs0100", "ecs0603", "failed_job");
    tokio::join!(busy_elsewhere(refused), busy_elsewhere(told_to_wait), busy_elsewhere(in_the_job));
}

/// Another Terraform attaches a volume to the same server and takes its time.
async fn busy_elsewhere(conflict: &str) {
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| {
        config.huaweicloud.durations.attach = Duration::from_secs(4);
        config.huaweicloud.switches.set("server_conflict", conflict).expect("a switch");
    });
    let stage = stage.await;
    let theirs = Workspace::new();
    stage.write_to(&theirs, &stage.attachment_of(0, 1, ""));
    let mut their_apply = theirs.start_apply();
    stage.until_answered(&mut their_apply, "ShowJob", 1).await;

    stage.cloud.set_config(|config| config.huaweicloud.durations.attach = Duration::from_millis(100));
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    their_apply.finish().await.succeeds();
    assert!(stage.is_attached(0, 0) && stage.is_attached(0, 1), "{conflict}");
    assert!(stage.cloud.count("AttachServerVolume") > 2, "{conflict}: it was refused at first");
}

/// So many plain volumes for each server, and two shared ones on all of them.
async fn servers_with_volumes(servers: usize, volumes_each: usize) -> Stage {
    let mut world = World::built_in();
    world.huaweicloud = huaweicloud::World::fleet(servers, servers * volumes_each, 2);
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| config.world = Some(world)).await;
    let mut resources = String::new();
    for server in 1..=servers {
        let own = (1..=volumes_each).map(|n| volume_id((server - 1) * volumes_each + n));
        for (n, volume) in own.chain([shared_volume_id(1), shared_volume_id(2)]).enumerate() {
            let one = stage
                .attachment_to(&server_id(server), &volume, "")
                .replace("\"test\"", &format!("\"test_{server}_{n}\""));
            let _ = writeln!(resources, "{one}");
        }
    }
    stage.configure(&resources);
    stage
}

/// Asserts that no two jobs of one server overlap.
fn never_two_at_once(stage: &Stage, servers: usize) {
    for server in 1..=servers {
        let jobs = stage.cloud.jobs();
        let of_server = jobs.iter().filter(|job| job.parts.iter().any(|part| part.server_id == server_id(server)));
        let mut times: Vec<_> = of_server.map(|job| (job.began, job.ended.unwrap_or(Duration::MAX))).collect();
        times.sort();
        assert!(times.windows(2).all(|pair| pair[0].1 <= pair[1].0), "server {server}: {times:?}");
    }
}
