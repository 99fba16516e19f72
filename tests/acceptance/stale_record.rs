//! Stale records: EVS lists a server that does not have the volume, or does not exist. They are released when the practitioner
//! allows it, one by one, and never against a server that has the volume.
//!
//! Lists get their time to settle before a record counts as stale, so that all of this is told at the same time.

use cloudvolume::simulator::{
    Effect, FaultRule,
    huaweicloud::built_in::{server_id, shared_volume_id, volume_id},
};
use futures::future::join_all;
use serde_json::{Value, json};

use crate::support::{fleet::Fleet, stage::Stage, subject::HUAWEICLOUD_ECS};

const RELEASE: &str = "release_stale_record = true";

#[tokio::test]
async fn a_stale_record_is_named_or_released_and_no_other_is_touched() {
    tokio::join!(
        a_record_of_a_server_that_is_gone_is_named_or_released(),
        a_record_of_a_server_that_does_not_have_the_volume_is_named_or_released(),
        nothing_is_released_while_a_living_server_has_the_volume(),
        a_release_that_does_not_go_well_is_looked_into(),
    );
}

/// The answer is lost, or contradicts the look before: the record is looked at again, and released where it is still there.
async fn a_release_that_does_not_go_well_is_looked_into() {
    let not_found = |code: &str| Effect::ApiError { status: 404, code: code.to_owned(), message: "no".to_owned() };
    let cases = [(Effect::ResetAfter, 1), (Effect::ResetBefore, 2), (not_found("itemNotFound"), 2)];
    let cases = cases.map(|(effect, sent)| async move {
        let stage = attached_and_stale(RELEASE, Stale::ServerGone).await;
        let record = record(&stage, &volume_id(1), &server_id(1));
        stage.cloud.add_fault(FaultRule::new("os-detach", effect.clone()).times(1));
        stage.terraform.destroy().await.succeeds();
        assert_eq!(stage.terraform.state().len(), 0);
        assert_eq!(releases(&stage), vec![json!({"os-detach": {"attachment_id": record}}); sent], "{effect:?}");
        stage.cloud.world(|world| assert_eq!(world.huaweicloud.volume(&volume_id(1)).unwrap().status, "available"));
        stage.every_fault_fired();
    });
    join_all(cases).await;
}

async fn a_record_of_a_server_that_is_gone_is_named_or_released() {
    let not_allowed = async {
        let stage = attached_and_stale("", Stale::ServerGone).await;
        let destroy = stage.terraform.destroy().await.fails();
        destroy.says(&["stale record", "Set release_stale_record = true", &server_id(1), &volume_id(1)]);
        assert_eq!(stage.terraform.state().len(), 1);
        assert_eq!(stage.mutations(), ["AttachServerVolume"]);
    };
    let allowed = async {
        let stage = attached_and_stale(RELEASE, Stale::ServerGone).await;
        let record = record(&stage, &volume_id(1), &server_id(1));
        stage.terraform.destroy().await.succeeds();
        assert_eq!(stage.terraform.state().len(), 0);
        assert_eq!(releases(&stage), [json!({"os-detach": {"attachment_id": record}})]);
        assert_eq!(stage.mutations(), ["AttachServerVolume", "os-detach"]);
        stage.cloud.world(|world| assert_eq!(world.huaweicloud.volume(&volume_id(1)).unwrap().status, "available"));
    };
    tokio::join!(not_allowed, allowed);
}

async fn a_record_of_a_server_that_does_not_have_the_volume_is_named_or_released() {
    let not_allowed = async {
        let stage = attached_and_stale("", Stale::DiskGone).await;
        let destroy = stage.terraform.destroy().await.fails();
        destroy.says(&["stale record", "Set release_stale_record = true", &server_id(1), &volume_id(1)]);
        assert_eq!(stage.mutations(), ["AttachServerVolume"]);
    };
    let allowed = async {
        let stage = attached_and_stale(RELEASE, Stale::DiskGone).await;
        stage.terraform.destroy().await.succeeds();
        assert_eq!(stage.mutations(), ["AttachServerVolume", "os-detach"]);
        assert_eq!(stage.terraform.state().len(), 0);
    };
    let shared = async {
        let fleet = Fleet::new(3).await;
        fleet.configure(RELEASE);
        let fleet = fleet.attached().await;
        let stale = record(&fleet.stage, &shared_volume_id(1), &server_id(2));
        fleet.stage.cloud.edit(|world| world.huaweicloud.forget_disk(&server_id(2), &shared_volume_id(1)));
        let only = format!("-target={}.test[1]", fleet.stage.subject.kind);
        fleet.stage.terraform.run(&["destroy", "-no-color", "-auto-approve", &only]).await.succeeds();
        assert_eq!(releases(&fleet.stage), [json!({"os-detach": {"attachment_id": stale}})]);
        assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![1, 3], vec![1, 3]), "the others keep theirs");
    };
    tokio::join!(not_allowed, allowed, shared);
}

async fn nothing_is_released_while_a_living_server_has_the_volume() {
    let record_missing = async {
        let stage = attached_and_stale(RELEASE, Stale::RecordGone).await;
        stage.terraform.destroy().await.succeeds();
        assert_eq!(stage.mutations(), ["AttachServerVolume", "DetachServerVolume"]);
        assert!(
            stage.cloud.world(|world| world.huaweicloud.server(&server_id(1)).unwrap().disk(&volume_id(1)).is_none())
        );
    };
    let in_use = async {
        let stage = attached_and_stale(RELEASE, Stale::Mounted).await;
        stage.terraform.destroy().await.fails().says(&["in use in the guest", "unmount", &server_id(1)]);
        assert_eq!(stage.mutations(), ["AttachServerVolume", "DetachServerVolume"]);
        assert!(stage.is_attached(0, 0));
    };
    tokio::join!(record_missing, in_use);
}

/// What happened behind our back.
enum Stale {
    ServerGone,
    DiskGone,
    RecordGone,
    /// Nothing is stale: the guest uses the disk, so that it cannot be detached.
    Mounted,
}

/// The usual pair, attached, and then this.
async fn attached_and_stale(arguments: &str, stale: Stale) -> Stage {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment(arguments));
    stage.terraform.apply().await.succeeds();
    stage.cloud.edit(|world| {
        let world = &mut world.huaweicloud;
        match stale {
            Stale::ServerGone => world.delete_server_leaving_records(&server_id(1)),
            Stale::DiskGone => world.forget_disk(&server_id(1), &volume_id(1)),
            Stale::RecordGone => world.forget_attachment(&server_id(1), &volume_id(1)),
            Stale::Mounted => {
                world.server_mut(&server_id(1)).and_then(|server| server.disk_mut(&volume_id(1))).unwrap().mounted =
                    true;
            }
        }
    });
    stage
}

/// EVS's id of a record.
fn record(stage: &Stage, volume: &str, server: &str) -> String {
    stage.cloud.world(|world| {
        let volume = world.huaweicloud.volume(volume).expect("a volume");
        volume.attachment(server).expect("a record").attachment_id.clone()
    })
}

/// The bodies of the calls that released a record.
fn releases(stage: &Stage) -> Vec<Value> {
    stage.cloud.journal().of("os-detach").map(|entry| serde_json::from_str(&entry.body).expect("JSON")).collect()
}
