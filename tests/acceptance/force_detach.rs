//! `force_detach`: only where it is asked for, announced by the plan, and one server at a time.

use cloudvolume::simulator::{
    World,
    huaweicloud::built_in::{server_id, shared_volume_id},
};

use crate::support::{fleet::Fleet, stage::Stage, subject::HUAWEICLOUD_ECS};

const DETACH: &str = "DetachServerVolume";
const FORCE: &str = "force_detach = true";

#[tokio::test]
async fn a_disk_in_use_is_kept_unless_force_is_asked_for_and_the_plan_warns_of_it() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    let mounted = |world: &mut World| {
        let server = world.huaweicloud.server_mut(stage.subject.servers[0]).expect("a server");
        server.disk_mut(stage.subject.volumes[0]).expect("a disk").mounted = true;
    };
    stage.cloud.edit(mounted);
    let plan = ["plan", "-destroy", "-no-color"];
    stage.terraform.run(&plan).await.succeeds().never_says("by force");
    stage.terraform.destroy().await.fails().says(&["in use in the guest", "unmounted"]);
    assert!(stage.is_attached(0, 0));

    // In place: a change of mind detaches nothing.
    stage.configure(&stage.attachment(FORCE));
    stage.terraform.apply().await.succeeds().says(&["0 added, 1 changed, 0 destroyed"]);
    let warning = ["will be detached by force", "stay occupied until the server reboots", stage.subject.servers[0]];
    stage.terraform.run(&plan).await.succeeds().warns(&warning);
    stage.terraform.destroy().await.succeeds();
    assert!(!stage.is_attached(0, 0));
    let journal = stage.cloud.journal();
    let flags: Vec<_> = journal.of(DETACH).map(|call| call.query.contains("delete_flag=1")).collect();
    assert_eq!(flags, [false, true]);
}

#[tokio::test]
async fn a_shared_volume_is_forced_off_each_server_by_a_call_of_its_own() {
    let fleet = Fleet::new(4).await;
    fleet.configure(FORCE);
    let fleet = fleet.attached().await;
    fleet.stage.cloud.edit(|world| {
        for server in 1..=4 {
            let server = world.huaweicloud.server_mut(&server_id(server)).expect("a server");
            server.disk_mut(&shared_volume_id(1)).expect("a disk").mounted = true;
        }
    });
    fleet.stage.cloud.clear_journal();
    fleet.destroy().await.succeeds();
    assert_eq!(fleet.stage.mutations(), [DETACH; 4]);
    assert!(fleet.stage.cloud.journal().of(DETACH).all(|call| call.query.contains("delete_flag=1")));
    assert_eq!((fleet.on_servers(), fleet.in_state()), (vec![], vec![]));
}
