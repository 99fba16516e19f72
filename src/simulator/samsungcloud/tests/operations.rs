//! How attach, detach, stop and start go on after they were accepted.

use serde_json::json;

use super::*;
use crate::simulator::samsungcloud::OperationKind;

fn seen(state: &str, servers: usize, volumes: usize) -> (String, usize, usize) {
    (state.to_owned(), servers, volumes)
}

#[tokio::test]
async fn a_volume_goes_through_attaching_and_detaching() {
    let simulator = simulator().await;
    let (server, id) = pair();
    let accepted = attach(&simulator, &server, &id).await;
    let body = json!({"delete_on_termination": false, "device": "/dev/vdb", "server_id": server, "volume_id": id});
    assert_eq!((accepted.status, accepted.json()), (202, body));
    assert_eq!(sight(&simulator, &id).await, seen("attaching", 0, 2), "the server's side lists it already");
    assert!(simulator.advance());
    assert_eq!(sight(&simulator, &id).await, seen("in-use", 1, 2));
    let listed = volume(&simulator, &id).await["servers"][0].clone();
    assert_eq!((&listed["id"], &listed["device"]), (&json!(server), &json!("/dev/vdb")));
    assert!(simulator.world(|world| world.samsungcloud.is_attached(&server, &id)));

    let accepted = detach(&simulator, &server, &id).await;
    assert_eq!((accepted.status, accepted.text.as_str()), (202, ""));
    assert_eq!(sight(&simulator, &id).await, seen("detaching", 1, 2));
    assert!(simulator.advance());
    assert_eq!(sight(&simulator, &id).await, seen("available", 0, 1));
    assert!(!simulator.advance(), "nothing is left to do");
    let operations = simulator.operations();
    assert!(operations.iter().all(|operation| operation.ended.is_some() && operation.failure.is_none()));
    assert_eq!(operations[1].kind, OperationKind::Detach);
}
