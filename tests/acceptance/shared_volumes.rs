//! Shared volumes: what one call can do for many servers costs one call.

use cloudvolume::simulator::huaweicloud::built_in::{server_id, shared_volume_id};
use serde_json::{Value, json};

use crate::support::fleet::Fleet;

/// As many servers as may share a volume.
const SERVERS: usize = 16;
const ATTACH: &str = "BatchAttachSharableVolumes";
const DETACH: &str = "BatchDetachVolumes";

#[tokio::test]
async fn sixteen_servers_get_and_lose_a_shared_volume_with_one_call_each() {
    let fleet = Fleet::new(SERVERS).await.with_slow_looks();
    fleet.apply().await.succeeds().says(&["16 added"]);
    assert_eq!(fleet.stage.mutations(), [ATTACH]);
    assert_eq!(fleet.on_servers(), fleet.all());
    fleet.stage.terraform.plan().await.changes_nothing();

    fleet.destroy().await.succeeds().says(&["16 destroyed"]);
    assert_eq!(fleet.stage.mutations(), [ATTACH, DETACH]);
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
    assert_eq!((fleet.batch_sizes(ATTACH), fleet.batch_sizes(DETACH)), (vec![SERVERS], vec![SERVERS]));
    fleet.worked_once_on_each(2);
}

#[tokio::test]
async fn at_terraforms_usual_parallelism_two_calls_do_for_sixteen_servers() {
    let fleet = Fleet::new(SERVERS).await.with_slow_looks();
    fleet.start("apply", 10).finish().await.succeeds().says(&["16 added"]);
    let attaches = fleet.stage.mutations().len();
    assert!(attaches <= 2, "{:?}", fleet.stage.mutations());
    fleet.start("destroy", 10).finish().await.succeeds().says(&["16 destroyed"]);
    assert!(fleet.stage.mutations().len() - attaches <= 2, "{:?}", fleet.stage.mutations());
    fleet.worked_once_on_each(2);
}

#[tokio::test]
async fn one_at_a_time_every_server_costs_a_plain_call() {
    let fleet = Fleet::new(SERVERS).await;
    fleet.start("apply", 1).finish().await.succeeds().says(&["16 added"]);
    assert_eq!(fleet.stage.mutations(), ["AttachServerVolume"; SERVERS]);
    fleet.stage.cloud.clear_journal();
    fleet.start("destroy", 1).finish().await.succeeds().says(&["16 destroyed"]);
    assert_eq!(fleet.stage.mutations(), ["DetachServerVolume"; SERVERS]);
}

#[tokio::test]
async fn a_batch_asks_for_each_servers_device_name() {
    let fleet = Fleet::new(2).await.with_slow_looks();
    fleet.configure("device_hint = [\"/dev/vdc\", null][count.index]");
    fleet.apply().await.succeeds();

    let journal = fleet.stage.cloud.journal();
    let body: Value = serde_json::from_str(&journal.of(ATTACH).next().expect("a batch").body).unwrap();
    let mut members = body["serverinfo"].as_array().unwrap().clone();
    members.sort_by_key(|member| member["server_id"].to_string());
    let expected = [json!({"server_id": server_id(1), "device": "/dev/vdc"}), json!({"server_id": server_id(2)})];
    assert_eq!(members, expected);
    fleet.stage.terraform.plan().await.changes_nothing();
}

#[tokio::test]
async fn a_server_that_has_the_volume_already_is_adopted_and_left_out_of_the_batch() {
    let fleet = Fleet::new(4).await.with_slow_looks();
    fleet.stage.cloud.edit(|world| world.huaweicloud.attach(&server_id(2), &shared_volume_id(1)));
    fleet.apply().await.succeeds().warns(&["attached already"]).says(&["4 added"]);
    assert_eq!(fleet.batch_sizes(ATTACH), [3]);
    assert_eq!(fleet.on_servers(), fleet.all());
}

#[tokio::test]
async fn a_server_that_lost_the_volume_behind_our_back_is_left_out_of_the_batch() {
    let fleet = Fleet::new(4).await.with_slow_looks().attached().await;
    fleet.stage.cloud.edit(|world| world.huaweicloud.detach(&server_id(2), &shared_volume_id(1)));
    fleet.stage.terraform.run(&["destroy", "-no-color", "-auto-approve", "-refresh=false"]).await.succeeds();
    assert_eq!((fleet.batch_sizes(DETACH), fleet.in_state()), (vec![3], vec![]));
}

#[tokio::test]
async fn a_server_that_another_configuration_put_the_volume_on_keeps_it() {
    let fleet = Fleet::new(5).await;
    fleet.stage.cloud.edit(|world| world.huaweicloud.attach(&server_id(5), &shared_volume_id(1)));
    fleet.stage.configure(&fleet.attachments("").replace("count = 5", "count = 4"));
    fleet.apply().await.succeeds();
    fleet.destroy().await.succeeds();
    assert_eq!(fleet.on_servers(), [5]);
}

#[tokio::test]
async fn a_seventeenth_server_is_refused_with_the_clouds_reason_and_the_sixteen_stay() {
    let fleet = Fleet::new(SERVERS + 1).await;
    fleet.start("apply", 10).finish().await.fails().with_errors(1).says(&["Ecs.0103", &shared_volume_id(1)]);
    assert_eq!(fleet.on_servers().len(), SERVERS);
    assert_eq!(fleet.in_state(), fleet.on_servers());
}

#[tokio::test]
async fn seventeen_servers_that_come_at_once_are_not_one_batch() {
    let fleet = Fleet::new(SERVERS + 1).await.with_slow_looks();
    fleet.apply().await.fails().with_errors(1).says(&["Ecs.0103", &shared_volume_id(1)]);
    assert_eq!(fleet.on_servers().len(), SERVERS);
    assert_eq!(fleet.in_state(), fleet.on_servers());
    assert_eq!(fleet.batch_sizes(ATTACH), [SERVERS], "as many as may share a volume, and the last goes alone");
}

#[tokio::test]
async fn a_volume_moves_from_four_servers_to_four_others_in_one_apply() {
    let fleet = Fleet::new(8).await.with_slow_looks();
    let four = fleet.attachments("").replace("count = 8", "count = 4");
    fleet.stage.configure(&four);
    fleet.apply().await.succeeds().says(&["4 added"]);
    fleet.stage.cloud.clear_journal();

    // Resources of their own: nothing tells Terraform to detach first.
    fleet.stage.configure(&four.replace("\"test\"", "\"moved\"").replace("index + 1", "index + 5"));
    fleet.apply().await.succeeds().says(&["4 added, 0 changed, 4 destroyed"]);
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![5, 6, 7, 8], vec![5, 6, 7, 8]));
    let journal = fleet.stage.cloud.journal();
    assert!(journal.mutations().len() < 8, "some went together: {:?}", fleet.stage.mutations());
    assert!(journal.mutations().iter().all(|call| call.status == Some(200)), "the volume takes one call at a time");
    fleet.stage.terraform.plan().await.changes_nothing();
}
