//! One configuration, three clouds, at the same time.

use crate::support::{
    run::Running,
    stage::Stage,
    subject::{HUAWEICLOUD_ECS, HUAWEICLOUD_LITE_SERVER, SAMSUNGCLOUD_VIRTUAL_SERVER, Subject},
};

/// Each with the volume that it attaches; two of them share the volumes of one cloud.
static SUBJECTS: [(&Subject, usize); 3] =
    [(&HUAWEICLOUD_ECS, 0), (&HUAWEICLOUD_LITE_SERVER, 1), (&SAMSUNGCLOUD_VIRTUAL_SERVER, 0)];

#[tokio::test]
async fn three_clouds_are_attached_to_and_detached_from_in_parallel() {
    let stage = Stage::held(&HUAWEICLOUD_ECS).await;
    let accounts = [HUAWEICLOUD_ECS.account, SAMSUNGCLOUD_VIRTUAL_SERVER.account];
    let clouds = accounts.map(|account| account.block(&stage.cloud, &account.arguments)).concat();
    let resources = SUBJECTS.map(|(subject, volume)| attachment(subject, volume));
    stage.write(&stage.provider_of(&clouds), &resources.concat());

    let mut apply = stage.terraform.start_apply();
    all_under_way(&stage, &mut apply, |subject| subject.calls.attach).await;
    stage.finish(apply).await.succeeds().says(&["3 added"]);
    assert!(SUBJECTS.iter().all(|(subject, volume)| is_attached(&stage, subject, *volume)));
    stage.terraform.plan().await.changes_nothing();

    let mut destroy = stage.terraform.start_destroy();
    all_under_way(&stage, &mut destroy, |subject| subject.calls.detach).await;
    stage.finish(destroy).await.succeeds().says(&["3 destroyed"]);
    assert!(!SUBJECTS.iter().any(|(subject, volume)| is_attached(&stage, subject, *volume)));
    assert_eq!(stage.mutations().len(), 6, "each once: {:?}", stage.mutations());
}

fn attachment(subject: &Subject, volume: usize) -> String {
    let Subject { kind, servers, volumes, .. } = subject;
    let (server, volume) = (servers[0], volumes[volume]);
    format!("resource \"{kind}\" \"test\" {{\n  server_id = \"{server}\"\n  volume_id = \"{volume}\"\n}}\n")
}

/// Waits until every cloud has taken its call, while none of them has finished anything: jobs end when the test says so.
async fn all_under_way(stage: &Stage, running: &mut Running, call: fn(&Subject) -> &'static str) {
    for (subject, _) in SUBJECTS {
        stage.until_answered(running, call(subject), 1).await;
    }
}

fn is_attached(stage: &Stage, subject: &Subject, volume: usize) -> bool {
    stage.cloud.world(|world| (subject.hands.is_attached)(world, subject.servers[0], subject.volumes[volume]))
}

#[tokio::test]
async fn trouble_in_one_cloud_is_none_of_the_others() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let (huaweicloud, samsungcloud) = (HUAWEICLOUD_ECS.account, SAMSUNGCLOUD_VIRTUAL_SERVER.account);
    let mut wrong = samsungcloud.arguments;
    wrong[2].1 = "not-the-secret-of-this-key";
    let clouds = huaweicloud.block(&stage.cloud, &huaweicloud.arguments) + &samsungcloud.block(&stage.cloud, &wrong);
    let resources = attachment(&HUAWEICLOUD_ECS, 0) + &attachment(&SAMSUNGCLOUD_VIRTUAL_SERVER, 0);
    stage.write(&stage.provider_of(&clouds), &resources);
    stage.terraform.apply().await.fails().says(&["401", "credentials of samsungcloud"]).never_says(wrong[2].1);
    assert!(stage.is_attached(0, 0));
    assert_eq!(stage.terraform.state().len(), 1);
}
