//! Refreshing many attachments: what one call tells about many of them is asked once.

use cloudvolume::simulator::{
    Effect, FaultRule, World,
    huaweicloud::{
        self,
        built_in::{server_id, volume_id},
    },
};

use crate::support::{stage::Stage, subject::HUAWEICLOUD_ECS};

const SERVERS: usize = 10;
const VOLUMES_EACH: usize = 20;

#[tokio::test]
async fn two_hundred_attachments_of_ten_servers_are_refreshed_with_three_calls_a_server() {
    let stage = ten_servers_with_twenty_volumes().await;

    stage.cloud.clear_journal();
    stage.terraform.plan().await.changes_nothing();
    let journal = stage.cloud.journal();
    for server in 1..=SERVERS {
        let id = server_id(server);
        let about = |call: &&str| call.contains(&id);
        let calls: Vec<_> = journal
            .entries()
            .iter()
            .map(|entry| format!("{} {}?{}", entry.operation, entry.path, entry.query))
            .collect();
        let calls: Vec<_> = calls.iter().map(String::as_str).filter(about).collect();
        assert!(calls.len() <= 3, "{calls:#?}");
    }
    let others = journal.entries().iter().filter(|entry| !matches!(entry.service.as_str(), "ecs" | "evs")).count();
    assert!(others <= 2, "{:?}", journal.operations());
    assert!(journal.entries().len() <= 3 * SERVERS + others, "{:?}", journal.operations());

    // One server that cannot be read spoils nobody else's refresh.
    let denied = Effect::ApiError { status: 403, code: "Pdp.0001".to_owned(), message: "denied".to_owned() };
    stage.cloud.add_fault(FaultRule::new("ShowServer", denied).server(&server_id(3)));
    let plan = stage.terraform.plan().await.fails().with_errors(VOLUMES_EACH);
    for server in 1..=SERVERS {
        assert_eq!(plan.stderr.contains(&server_id(server)), server == 3, "{plan}");
    }
    stage.cloud.clear_faults();

    // What is gone is seen for each pair by itself, although most are told by what is shared.
    stage.cloud.edit(|world| world.huaweicloud.detach(&server_id(4), &volume_id(61)));
    stage.terraform.plan().await.changes_something().says(&["1 to add, 0 to change, 0 to destroy"]);
}

/// All of them in the state.
async fn ten_servers_with_twenty_volumes() -> Stage {
    let mut world = World::built_in();
    world.huaweicloud = huaweicloud::World::fleet(SERVERS, SERVERS * VOLUMES_EACH, 0);
    for volume in 0..SERVERS * VOLUMES_EACH {
        world.huaweicloud.attach(&server_id(volume / VOLUMES_EACH + 1), &volume_id(volume + 1));
    }
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| config.world = Some(world)).await;
    stage.configure(&format!(
        "resource \"{}\" \"test\" {{\n  count = {}\n  server_id = format(\"5e000000-0000-4000-8000-%012d\", \
         floor(count.index / {VOLUMES_EACH}) + 1)\n  volume_id = format(\"d1000000-0000-4000-8000-%012d\", count.index + 1)\n}}\n",
        stage.subject.kind,
        SERVERS * VOLUMES_EACH
    ));
    // They are attached already and are adopted: it is the refresh that is looked at here.
    stage.terraform.run(&["apply", "-no-color", "-auto-approve", "-parallelism=50"]).await.succeeds();
    stage
}
