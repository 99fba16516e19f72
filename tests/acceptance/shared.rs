//! Shared volumes: what one call can do for many servers costs one call.

use cloudvolume::simulator::{
    Effect, FaultRule, World,
    huaweicloud::{
        self,
        built_in::{server_id, shared_volume_id},
    },
};

use crate::support::{stage::Stage, subject::HUAWEICLOUD_ECS};

/// As many servers as may share a volume.
const SERVERS: usize = 16;

#[tokio::test]
async fn sixteen_servers_get_and_lose_a_shared_volume_with_one_call_each() {
    let stage = shared_stage().await;
    let parallel = format!("-parallelism={SERVERS}");
    stage.terraform.run(&["apply", "-no-color", "-auto-approve", &parallel]).await.succeeds().says(&["16 added"]);
    assert_eq!(stage.mutations(), ["BatchAttachSharableVolumes"]);
    assert!((1..=SERVERS).all(|server| is_attached(&stage, server)));
    stage.terraform.plan().await.changes_nothing();

    stage.terraform.run(&["destroy", "-no-color", "-auto-approve", &parallel]).await.succeeds().says(&["16 destroyed"]);
    assert_eq!(stage.mutations(), ["BatchAttachSharableVolumes", "BatchDetachVolumes"]);
    assert!(!(1..=SERVERS).any(|server| is_attached(&stage, server)));
}

#[tokio::test]
async fn at_terraforms_usual_parallelism_two_calls_do_for_sixteen_servers() {
    let stage = shared_stage().await;
    stage.terraform.apply().await.succeeds().says(&["16 added"]);
    stage.terraform.destroy().await.succeeds().says(&["16 destroyed"]);
    assert!(stage.mutations().len() <= 4, "{:?}", stage.mutations());
}

#[tokio::test]
async fn one_bad_member_of_a_batch_fails_alone_and_with_its_own_reason() {
    let stage = shared_stage().await;
    stage.terraform.run(&["apply", "-no-color", "-auto-approve", "-parallelism=16"]).await.succeeds();

    let fails = Effect::JobFails { code: "Ecs.0206".to_owned(), reason: "the guest is using the disk".to_owned() };
    stage.cloud.add_fault(FaultRule::new("BatchDetachVolumes", fails).server(&server_id(7)));
    let destroy = stage.terraform.run(&["destroy", "-no-color", "-auto-approve", "-parallelism=16"]).await.fails();
    destroy.says(&["Ecs.0206", "the guest is using the disk", &server_id(7)]).never_says("Ecs.0611");
    let left = stage.terraform.state().only().expect("the bad member alone");
    assert_eq!(left.attributes["server_id"], server_id(7));
    assert!((1..=SERVERS).all(|server| is_attached(&stage, server) == (server == 7)));
}

/// A cloud with one shared volume, and a configuration that attaches it to every server.
async fn shared_stage() -> Stage {
    let mut world = World::built_in();
    world.huaweicloud = huaweicloud::World::fleet(SERVERS, 0, 1);
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| config.world = Some(world)).await;
    stage.configure(&format!(
        "resource \"{}\" \"test\" {{\n  count = {SERVERS}\n  server_id = format(\"5e000000-0000-4000-8000-%012d\", \
         count.index + 1)\n  volume_id = \"{}\"\n}}\n",
        stage.subject.kind,
        shared_volume_id(1)
    ));
    stage
}

fn is_attached(stage: &Stage, server: usize) -> bool {
    stage.cloud.world(|world| world.huaweicloud.is_attached(&server_id(server), &shared_volume_id(1)))
}
