//! What only Samsung Cloud Platform's Virtual Server does: no jobs, versions, two kinds of 404, regions in a catalog.

mod answers;
mod identity;
mod states;
mod versions;

use cloudvolume::simulator::{Config, samsungcloud::Phase};

use crate::support::{stage::Stage, subject::SAMSUNGCLOUD_VIRTUAL_SERVER};

async fn stage() -> Stage {
    Stage::new(&SAMSUNGCLOUD_VIRTUAL_SERVER).await
}

async fn stage_with(change: impl FnOnce(&mut Config)) -> Stage {
    Stage::with(&SAMSUNGCLOUD_VIRTUAL_SERVER, change).await
}

/// The usual provider block with one more argument of the cloud's.
fn provider_and(stage: &Stage, argument: &str, value: &str) -> String {
    let arguments = [&stage.subject.account.arguments[..], &[(argument, value)]].concat();
    stage.provider(&arguments)
}

/// Asserts that apply returns when both sides show the pair, and destroy when neither does. What the server shows of a volume
/// that is being attached looks like one that is attached, so only the volume's record has to be at rest.
async fn attaches_and_detaches(stage: &Stage) {
    let (server, volume) = (stage.subject.servers[0], stage.subject.volumes[0]);
    let shown = || {
        stage.cloud.world(|world| {
            let (server_record, volume_record) = (
                world.samsungcloud.server(server).expect("a server"),
                world.samsungcloud.volume(volume).expect("a volume"),
            );
            let phase = volume_record.attachment(server).map(|attachment| attachment.phase);
            (server_record.disk(volume).is_some(), phase, volume_record.state.clone())
        })
    };
    stage.terraform.apply().await.succeeds();
    assert_eq!(shown(), (true, Some(Phase::Attached), "in-use".to_owned()));
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds();
    assert_eq!(shown(), (false, None, "available".to_owned()));
    assert_eq!(stage.mutations(), [stage.subject.calls.attach, stage.subject.calls.detach]);
}
