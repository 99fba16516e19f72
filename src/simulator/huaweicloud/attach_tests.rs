//! Attach and detach as a client sees them: the way through the states, and every refusal.

use std::time::Duration;

use serde_json::{Value, json};

use super::built_in::{server_id, volume_id};
use crate::simulator::testing::{attach, block_devices, detach, job, manual, start, volume};
use crate::simulator::{Config, SettleOrder, Simulator};

async fn simulator() -> Simulator {
    start(manual()).await
}

#[tokio::test]
async fn an_attach_goes_from_init_through_running_to_success_and_both_sides_agree() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    let accepted = attach(&simulator, &server, &disk).await;
    assert_eq!(accepted.status, 200);
    assert_eq!(accepted.header("x-request-id").map(str::len), Some(32));

    let first = job(&simulator, &accepted).await;
    assert_eq!((&first["status"], &first["job_type"]), (&json!("INIT"), &json!("attachVolume")));
    assert_eq!((&first["end_time"], &first["error_code"]), (&json!(""), &Value::Null));
    assert_eq!(first["entities"], json!({"server_id": server}));
    assert_eq!(volume(&simulator, &disk).await["status"], "attaching");
    let listed = block_devices(&simulator, &server).await;
    assert_eq!((&listed[1]["device"], &listed[1]["pciAddress"]), (&json!("/dev/vdb"), &json!("")));

    assert!(simulator.advance());
    assert_eq!(job(&simulator, &accepted).await["status"], "RUNNING");
    assert!(simulator.advance());
    let last = job(&simulator, &accepted).await;
    assert_eq!((&last["status"], &last["fail_reason"]), (&json!("SUCCESS"), &Value::Null));
    assert!(last["end_time"].as_str().unwrap().ends_with('Z'));
    assert!(!simulator.advance(), "nothing is left to do");

    let record = volume(&simulator, &disk).await;
    assert_eq!(record["status"], "in-use");
    assert_eq!(record["attachments"][0]["server_id"], *server);
    assert_eq!(record["attachments"][0]["id"], *disk, "EVS gives the volume's id here");
    assert_ne!(record["attachments"][0]["attachment_id"], *disk);
    let listed = block_devices(&simulator, &server).await;
    assert_eq!((&listed[1]["pciAddress"], &listed[1]["bootIndex"]), (&json!("0000:02:02.0"), &json!(1)));
    assert!(simulator.world(|world| world.huaweicloud.is_attached(&server, &disk)));
}

#[tokio::test]
async fn a_detach_goes_the_same_way_back() {
    let simulator = simulator().await;
    let (server, disk) = (server_id(1), volume_id(1));
    simulator.edit(|world| world.huaweicloud.attach(&server, &disk));
    let accepted = detach(&simulator, &server, &disk).await;
    assert_eq!(volume(&simulator, &disk).await["status"], "detaching");
    assert_eq!(block_devices(&simulator, &server).await.len(), 2, "still listed");
    simulator.advance_all();
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    let record = volume(&simulator, &disk).await;
    assert_eq!((&record["status"], &record["attachments"]), (&json!("available"), &json!([])));
    assert_eq!(block_devices(&simulator, &server).await.len(), 1);
}

#[tokio::test]
async fn in_automatic_mode_time_ends_the_job() {
    let mut config = Config { mode: crate::simulator::TransitionMode::Auto, ..manual() };
    config.huaweicloud.durations = super::Durations::all(Duration::from_secs(60));
    let simulator = start(config).await;
    let accepted = attach(&simulator, &server_id(1), &volume_id(1)).await;
    assert_eq!(job(&simulator, &accepted).await["status"], "INIT");
    simulator.skip_time(Duration::from_secs(6));
    assert_eq!(job(&simulator, &accepted).await["status"], "RUNNING");
    simulator.skip_time(Duration::from_secs(54));
    assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS");
    let job = &simulator.jobs()[0];
    assert_eq!(job.ended.unwrap() - job.began, Duration::from_secs(60), "to the moment, whenever somebody looks");
}

#[tokio::test]
async fn with_a_lag_the_lists_follow_in_the_order_asked_for() {
    for (order, after_job) in [
        (SettleOrder::Together, (true, false, false)),
        (SettleOrder::ServerFirst, (true, true, false)),
        (SettleOrder::VolumeFirst, (true, false, true)),
        (SettleOrder::JobLast, (false, true, true)),
    ] {
        let config = Config { settle_lag: Duration::from_secs(1), settle_order: order, ..manual() };
        let simulator = start(config).await;
        let (server, disk) = (server_id(1), volume_id(1));
        let accepted = attach(&simulator, &server, &disk).await;
        simulator.advance();
        simulator.advance();
        let seen = (
            job(&simulator, &accepted).await["status"] == "SUCCESS",
            block_devices(&simulator, &server).await[1]["pciAddress"] != "",
            volume(&simulator, &disk).await["status"] == "in-use",
        );
        assert_eq!(seen, after_job, "{order:?}");
        simulator.advance();
        assert_eq!(job(&simulator, &accepted).await["status"], "SUCCESS", "{order:?}");
        assert!(simulator.world(|world| world.huaweicloud.is_attached(&server, &disk)), "{order:?}");
    }
}
