//! Tests of each call on a scripted server: what goes over the wire, and how the answer is read.

use super::*;

/// The signature that belongs to a request as it came; shows that nothing that is signed was changed on the way.
fn expected_signature(seen: &Seen) -> String {
    let (method, path) = seen.line.split_once(' ').unwrap();
    let authorization = seen.header("authorization").unwrap();
    let names = authorization.split_once("SignedHeaders=").unwrap().1.split_once(',').unwrap().0;
    let headers = names
        .split(';')
        .filter(|name| *name != "host")
        .map(|name| (HeaderName::from_str(name).unwrap(), seen.header(name).unwrap().parse().unwrap()));
    let request = Request {
        operation: "Test",
        method: Method::from_str(method).unwrap(),
        url: Url::parse(&format!("http://{}{path}", seen.header("host").unwrap())).unwrap(),
        headers: headers.collect::<HeaderMap>(),
        body: seen.body.clone().into(),
        idempotent: true,
    };
    let headers = signer::signed_headers(&request).unwrap();
    let canonical = signer::canonical_request(&request, &headers);
    let to_sign = signer::string_to_sign(seen.header("x-sdk-date").unwrap(), &canonical);
    signer::authorization("AKEXAMPLE", &headers, &signer::signature(SECRET_KEY, &to_sign))
}

#[tokio::test]
async fn an_attach_is_sent_as_documented_and_signed_as_it_is_sent() {
    let path = format!("POST /v1/p/cloudservers/{SERVER}/attachvolume");
    let (client, script) = scripted([
        expect(&path, 200, r#"{"job_id":"j1"}"#)
            .with_body(json!({ "volumeAttachment": { "volumeId": VOLUME, "device": "/dev/vdb" } }))
            .with_header("x-project-id", "p")
            .with_header("content-type", "application/json")
            .with_header("x-sdk-date", "20260102T030405Z"),
        expect(&path, 200, r#"{"job_id":"j2"}"#).with_body(json!({ "volumeAttachment": { "volumeId": VOLUME } })),
    ])
    .await;
    let job = client.attach_server_volume(&budget(), &server(), &volume(), Some("/dev/vdb")).await.unwrap();
    assert_eq!(job, Some(JobId::new("j1")));
    client.attach_server_volume(&budget(), &server(), &volume(), None).await.unwrap();
    for seen in script.finish() {
        assert_eq!(seen.header("authorization").unwrap(), expected_signature(&seen));
        assert_eq!(seen.header("x-auth-token"), None);
    }
}

#[tokio::test]
async fn a_detach_has_no_body_and_forces_only_when_told() {
    let (client, script) = scripted([
        expect(detach_path(), 200, r#"{"job_id":"j1"}"#),
        expect(format!("{}?delete_flag=1", detach_path()), 200, r#"{"job_id":"j2"}"#),
    ])
    .await;
    client.detach_server_volume(&budget(), &server(), &volume(), false).await.unwrap();
    client.detach_server_volume(&budget(), &server(), &volume(), true).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn the_two_batches_have_two_shapes() {
    let job = r#"{"job_id":"j"}"#;
    let (client, script) = scripted([
        expect(format!("POST /v1/p/batchaction/attachvolumes/{VOLUME}"), 200, job)
            .with_body(json!({ "serverinfo": [{ "server_id": "a", "device": "/dev/vdb" }, { "server_id": "b" }] })),
        expect(format!("POST /v1/p/batchaction/detachvolumes/{VOLUME}"), 200, job)
            .with_body(json!({ "serverinfo": ["a", "b"] })),
        expect("POST /v1/p/cloudservers/action", 200, job)
            .with_body(json!({ "os-stop": { "type": "SOFT", "servers": [{ "id": "a" }] } })),
        expect("POST /v1/p/cloudservers/action", 200, job)
            .with_body(json!({ "os-start": { "servers": [{ "id": "a" }] } })),
    ])
    .await;
    let (a, b) = (ServerId::new("a"), ServerId::new("b"));
    let devices = [(a.clone(), Some("/dev/vdb".to_owned())), (b.clone(), None)];
    client.batch_attach_sharable_volumes(&budget(), &volume(), &devices).await.unwrap();
    client.batch_detach_volumes(&budget(), &volume(), &[a.clone(), b]).await.unwrap();
    client.batch_stop_servers(&budget(), std::slice::from_ref(&a)).await.unwrap();
    client.batch_start_servers(&budget(), &[a]).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn setting_delete_on_termination_accepts_an_empty_answer() {
    let path = format!("PUT /v1/p/cloudservers/{SERVER}/block_device/{VOLUME}");
    let body = json!({ "block_device": { "delete_on_termination": true } });
    let (client, script) = scripted([expect(path, 200, "").with_body(body)]).await;
    client.update_server_block_device(&budget(), &server(), &volume(), true).await.unwrap();
    script.finish();
}

#[tokio::test]
async fn an_evs_record_is_released_by_its_attachment_id() {
    let body = json!({ "os-detach": { "attachment_id": "r" } });
    let (client, script) =
        scripted([expect(format!("POST /v2/p/volumes/{VOLUME}/action"), 202, "").with_body(body)]).await;
    client.os_detach(&budget(), &volume(), "r").await.unwrap();
    script.finish();
}

#[tokio::test]
async fn a_job_is_read_with_its_parts_and_a_failed_one_is_an_answer() {
    let job = json!({
        "status": "FAIL", "job_id": "P", "job_type": "batchDetachVolume", "begin_time": "2026-01-02T03:04:05.678Z", "end_time": "",
        "error_code": "Common.0021", "fail_reason": "Subjob fails.",
        "entities": { "sub_jobs_total": 2, "sub_jobs": [
            { "status": "SUCCESS", "job_id": "C1", "error_code": null, "fail_reason": null, "entities": { "server_id": "A" } },
            { "status": "FAIL", "job_id": "C2", "error_code": "Ecs.0111", "fail_reason": null,
              "entities": { "server_id": "B", "errorcode_message": "not attached" } },
        ] },
    });
    let (client, script) = scripted([expect("GET /v1/p/jobs/P", 200, job.to_string())]).await;
    let job = client.show_job(&budget(), &JobId::new("P")).await.unwrap();
    assert_eq!(job.status.as_str(), "FAIL");
    assert_eq!(job.end_time, None);
    let part = job.of_server(&ServerId::new("b")).unwrap();
    assert_eq!(part.error_code.as_ref().and_then(ErrorCode::kind), Some(ErrorKind::NotAttached));
    assert_eq!(part.fail_reason.as_deref(), Some("not attached"));
    assert_eq!(job.of_server(&ServerId::new("C")), None);
    let failed: Vec<_> = job.failures().map(|part| part.id.as_ref().unwrap().as_str()).collect();
    assert_eq!(failed, ["C2", "P"]);
    script.finish();
}

#[tokio::test]
async fn a_job_that_is_plain_new_or_strange_is_read_too() {
    let (client, script) = scripted([
        expect(
            "GET /v1/p/jobs/j",
            200,
            r#"{"status":"init","entities":{"server_id":"A","volume_id":"V"},"job_id":"j"}"#,
        ),
        expect("GET /v1/p/jobs/j", 200, r#"{"status":"PENDING_PAYMENT","entities":null,"end_time":null,"new":[1]}"#),
        expect("GET /v1/p/jobs/j", 200, r#"{"job_id":"j","entities":{}}"#),
        expect(
            "GET /v1/p/jobs/j",
            400,
            r#"{"error":{"code":"Common.0011","message":"Failed to query system tasks."}}"#,
        ),
        expect("GET /v1/p/jobs/j", 200, r#"{"code":"Common.0025","message":"Query job Error because x."}"#),
    ])
    .await;
    let show = || async { client.show_job(&budget(), &JobId::new("j")).await };
    let job = show().await.unwrap();
    assert_eq!((job.status.as_str(), job.server_id), ("INIT", Some(ServerId::new("A"))));
    assert_eq!(show().await.unwrap().status.as_str(), "PENDING_PAYMENT");
    assert_eq!(show().await.unwrap_err().kind(), ErrorKind::Malformed);
    assert_eq!(show().await.unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(show().await.unwrap_err().code(), Some(&ErrorCode::COMMON_0025));
    script.finish();
}

#[tokio::test]
async fn devices_and_servers_are_read_whatever_type_a_field_has() {
    let devices = r#"{"attachableQuantity":{"free_scsi":"23","free_disk":23},"volumeAttachments":[
        {"id":"V","volumeId":"V","serverId":"S","device":"/dev/vda","bootIndex":0,"bus":"virtio","pciAddress":"0000:02:01.0","size":"40"},
        {"volumeId":"W","device":"","bootIndex":null,"pciAddress":"","size":40}]}"#;
    let one = r#"{"volumeAttachment":{"volumeId":"V","bootIndex":"1"}}"#;
    let shown = r#"{"server":{"id":"S","status":"ACTIVE","OS-EXT-STS:vm_state":"active","OS-EXT-STS:task_state":null,"locked":"false",
        "OS-EXT-AZ:availability_zone":"az1","os-extended-volumes:volumes_attached":[
        {"id":"V","delete_on_termination":"true","bootIndex":"0","device":"/dev/vda"},
        {"id":"W","delete_on_termination":false,"bootIndex":null,"device":null},{"id":"X"}]}}"#;
    let (client, script) = scripted([
        expect(format!("GET /v1/p/cloudservers/{SERVER}/block_device"), 200, devices),
        expect(format!("GET /v1/p/cloudservers/{SERVER}/block_device/{VOLUME}"), 200, one),
        expect(format!("GET /v1/p/cloudservers/{SERVER}"), 200, shown),
    ])
    .await;
    let devices = client.list_server_block_devices(&budget(), &server()).await.unwrap();
    assert_eq!(devices.attachable_quantity.unwrap().free_scsi, Some(23));
    let [system, data] = devices.volume_attachments.try_into().unwrap();
    assert_eq!(
        (system.boot_index, system.size, system.pci_address.as_deref()),
        (Some(0), Some(40), Some("0000:02:01.0"))
    );
    assert_eq!((data.boot_index, data.device, data.pci_address), (None, None, None));
    let device = client.show_server_block_device(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!(device.boot_index, Some(1));
    let server = client.show_server(&budget(), &server()).await.unwrap();
    assert_eq!((server.status.as_str(), server.task_state, server.locked), ("ACTIVE", None, Some(false)));
    let volumes: Vec<_> = server.volumes_attached.iter().map(|v| (v.boot_index, v.delete_on_termination)).collect();
    assert_eq!(volumes, [(Some(0), Some(true)), (None, Some(false)), (None, None)]);
    script.finish();
}

#[tokio::test]
async fn volumes_are_read_one_and_many() {
    let one = r#"{"volume":{"id":"V","name":null,"status":"in-use","multiattach":true,"shareable":"false","bootable":"true","size":"40",
        "metadata":{"hw:passthrough":"true","n":1,"x":null},"wwn":" 688860300000e1bc","tags":{},"attachments":[
        {"id":"V","volume_id":"V","attachment_id":"r","server_id":"S","device":"/dev/vdb","host_name":null,"attached_at":"2026-01-02T03:04:05.678901"},
        {"id":"V","server_id":null}]}}"#;
    let ids: Vec<_> = (0..61).map(|i| VolumeId::new(format!("v{i}"))).collect();
    let listed = |ids: &[VolumeId]| {
        let ids = ids.iter().map(|id| format!("%27{id}%27")).collect::<Vec<_>>().join("%2C");
        format!("GET /v2/p/cloudvolumes/detail?ids=%5B{ids}%5D&limit=1000")
    };
    let page: Vec<_> =
        (0..1000).map(|i| json!({ "id": format!("w{i}"), "status": "in-use", "attachments": null })).collect();
    let last = r#"{"count":1001,"volumes":[{"id":"w1000","status":"in-use"}],"volumes_links":null}"#;
    let (client, script) = scripted([
        expect(format!("GET {}", volume_path()), 200, one),
        expect(listed(&ids[..60]), 200, r#"{"volumes":[{"id":"v1","status":"error"}]}"#),
        expect(listed(&ids[60..]), 200, r#"{"volumes":[]}"#),
        expect("GET /v2/p/cloudvolumes/detail?server_id=S&limit=1000", 200, json!({ "volumes": page }).to_string()),
        expect("GET /v2/p/cloudvolumes/detail?server_id=S&limit=1000&marker=w999", 200, last),
    ])
    .await;
    let found = client.show_volume(&budget(), &volume()).await.unwrap();
    assert_eq!((found.multiattach, found.bootable, found.size), (Some(true), Some(true), Some(40)));
    assert_eq!(found.wwn.as_deref(), Some("688860300000e1bc"));
    assert_eq!(found.metadata["n"], "1");
    assert_eq!(found.attachment(&ServerId::new("s")).unwrap().attachment_id.as_deref(), Some("r"));
    assert_eq!(found.attachment(&ServerId::new("T")), None);
    let listed = client.list_volumes_by_id(&budget(), &ids).await.unwrap();
    assert_eq!(listed.len(), 1);
    let listed = client.list_volumes_of_server(&budget(), &ServerId::new("S")).await.unwrap();
    assert_eq!(listed.len(), 1001);
    script.finish();
}

#[tokio::test]
async fn a_lite_server_and_its_operations_are_read() {
    let shown = r#"{"id":"L","name":"n","status":"RUNNING","create_at":1767323045000,"cloud_server":{"id":"C","type":"HPS","hps_ecs_id":"E"},
        "volumes":[{"size":100,"type":"DATA","evs_type":"SSD","evs_id":"V"}]}"#;
    let base = format!("/v1/p/dev-servers/{SERVER}");
    let (client, script) = scripted([
        expect(format!("GET {base}"), 200, shown),
        expect(format!("GET {base}"), 200, r#"{"id":"L","status":"STOPPED","cloud_server":null,"volumes":null}"#),
        expect(format!("POST {base}/attachvolume"), 200, r#"{"operation_id":"o","operation_status":"Pending","operation_type":"node_attach_volume"}"#)
            .with_body(json!({ "volume_id": VOLUME })),
        expect(format!("DELETE {base}/detachvolume/{VOLUME}"), 200, r#"{"operation_id":"o"}"#),
        expect(
            format!("GET {base}/operation/o"),
            200,
            r#"{"operation_id":"o","operation_status":"failed","operation_error":{"code":"ModelArts.7000","message":"m"}}"#,
        ),
        expect(format!("GET {base}"), 400, r#"{"error_code":"ModelArts.6404","error_msg":"LiteServer instance 'x' not found."}"#)
            .answering_header("X-Request-Id", "trace-1"),
        expect(format!("POST {base}/attachvolume"), 200, r#"{"operation_status":"pending"}"#)
            .with_body(json!({ "volume_id": VOLUME })),
    ])
    .await;
    let dev_server = client.show_dev_server(&budget(), &server()).await.unwrap();
    assert_eq!(dev_server.cloud_server.unwrap().hps_ecs_id, Some(ServerId::new("E")));
    assert_eq!(dev_server.volumes.unwrap()[0].evs_id, Some(VolumeId::new("V")));
    assert_eq!(client.show_dev_server(&budget(), &server()).await.unwrap().volumes, None);
    let attached = client.attach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!((attached.id, attached.status.as_str()), (JobId::new("o"), "pending"));
    let detached = client.detach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap();
    assert_eq!(detached.status.as_str(), "pending");
    let failed = client.show_dev_server_operation(&budget(), &server(), &JobId::new("o")).await.unwrap();
    assert_eq!((failed.status.as_str(), failed.error_code), ("failed", Some(ErrorCode::MODELARTS_7000)));
    let gone = client.show_dev_server(&budget(), &server()).await.unwrap_err();
    assert_eq!((gone.kind(), gone.request_id()), (ErrorKind::NotFound, Some("trace-1")));
    let lost = client.attach_dev_server_volume(&budget(), &server(), &volume()).await.unwrap_err();
    assert_eq!((lost.kind(), lost.may_have_been_processed()), (ErrorKind::AnswerLost, true));
    script.finish();
}

#[tokio::test]
async fn an_id_that_would_lead_elsewhere_is_not_sent() {
    let (client, script) = scripted([]).await;
    let error = client.show_volume(&budget(), &VolumeId::new("../x")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
    script.finish();
}
