//! Every request of the clients and every reply of the simulator against Huawei's own OpenAPI documents.

use std::collections::BTreeSet;

use cloudvolume::{
    huaweicloud::{Client, Error, modelarts::DevServerOperation},
    ids::{JobId, ServerId, VolumeId},
    simulator::{
        Simulator,
        huaweicloud::{
            Switches,
            built_in::{lite_server_id, server_id, shared_volume_id, volume_id},
        },
    },
};

use crate::{
    cloud::{Identity, budget, held, huaweicloud},
    documents::{Deviation, Document},
};

/// Where the documents are known to be wrong or older than the service.
struct Exception {
    operation: &'static str,
    places: &'static [&'static str],
    reason: &'static str,
}

const EXCEPTIONS: &[Exception] = &[
    Exception {
        operation: "ShowDevServer",
        places: &["reply /category", "reply /volumes"],
        reason: "the vendor's SDK and pages of 2026 have these; the document is older",
    },
    Exception {
        operation: "ListDevServers",
        places: &[
            "reply /data/*/category",
            "reply /data/*/volumes",
            "reply /data/*/cloud_server/hps_ecs_id",
            "reply /data/*/cloud_server/hps_id",
            "reply /data/*/cloud_server/type",
        ],
        reason: "the vendor's SDK and pages of 2026 have these, and HPS for a type; the document is older",
    },
    Exception {
        operation: "ShowVolume",
        places: &[
            "reply /volume/attachments/*/host_name",
            "reply /volume/consistencygroup_id",
            "reply /volume/description",
            "reply /volume/source_volid",
        ],
        reason: "null where there is nothing to say, as in cinder; the example happens to leave these out or to have something",
    },
    Exception {
        operation: "ListVolumes",
        places: &[
            "reply /volumes/*/attachments/*/host_name",
            "reply /volumes/*/consistencygroup_id",
            "reply /volumes/*/source_volid",
            "reply /volumes/*/volume_image_metadata",
        ],
        reason: "likewise",
    },
    Exception {
        operation: "ListVolumes",
        places: &["reply /volumes/*/volume_image_metadata/os_type"],
        reason: "the document calls each value an object; cinder has texts, and so has every volume made of an image",
    },
];

/// What a switch does on purpose: its value, and the places where that leaves the documents.
const SWITCHED: &[(&str, &str, &[&str])] = &[
    ("accepted_status", "accepted", &["reply"]),
    ("accepted_status", "no_content", &["reply"]),
    ("block_device_size", "text", &["reply /volumeAttachment/size", "reply /volumeAttachments/*/size"]),
    (
        "data_boot_index",
        "null",
        &[
            "reply /volumeAttachment/bootIndex",
            "reply /volumeAttachments/*/bootIndex",
            "reply /server/os-extended-volumes:volumes_attached/*/bootIndex",
        ],
    ),
    ("job_end_time", "null", &["reply /end_time", "reply /entities/sub_jobs/*/end_time"]),
    ("nullable_texts", "null", &["reply /volume/name", "reply /volumes/*/name", "reply /volumes/*/volume_type"]),
    ("shareable", "flag", &["reply /volume/shareable", "reply /volumes/*/shareable"]),
    ("job_volume_id", "present", &["reply /entities/volume_id", "reply /entities/sub_jobs/*/entities/volume_id"]),
];

/// Where what goes well by default is refused, on purpose.
const REFUSING: &[(&str, &str)] = &[("batch_routes", "none"), ("batch_routes", "attach_only")];

/// Operations without a document, with the reason.
const UNDOCUMENTED: &[(&str, &str)] = &[
    ("os-detach", "the crate for EVS has no cinder actions; the deprecated page is walked byte for byte in `pages`"),
    ("AssumeAgency", "there is no crate for STS"),
];

#[tokio::test]
async fn every_request_and_every_reply_is_as_huaweis_documents_have_it() {
    let cloud = held(|_| ()).await;
    for identity in [Identity::Key, Identity::Password, Identity::Agency, Identity::AgencyById] {
        walk(&cloud, &huaweicloud(&cloud, identity), |call| panic!("{identity:?}: {call}")).await;
    }
    let journal = cloud.journal();
    let succeeds = |operation: &str| journal.of(operation).any(|entry| entry.status.is_some_and(|status| status < 300));
    for operation in journal.operations() {
        assert!(succeeds(operation), "{operation} never succeeds");
    }
    let (deviations, undocumented) = compare(&cloud);
    let undocumented: Vec<_> = undocumented.iter().map(String::as_str).collect();
    assert_eq!(undocumented, ["AssumeAgency", "os-detach"], "each with a reason: {UNDOCUMENTED:?}");
    let unknown: Vec<_> = deviations.iter().filter(|deviation| !is_known(deviation)).collect();
    assert!(unknown.is_empty(), "{unknown:#?}");
    for Exception { operation, places, reason } in EXCEPTIONS {
        for place in *places {
            let occurs = deviations.iter().any(|found| found.operation == *operation && found.place == *place);
            assert!(occurs, "{operation}, {place} is no exception any more: {reason}");
        }
    }
}

#[tokio::test]
async fn what_the_vendor_leaves_open_is_as_documented_whichever_way_it_goes() {
    for switch in Switches::table() {
        // The first value is the default.
        for (value, about) in &switch.values[1..] {
            let cloud = held(|config| config.huaweicloud.switches.set(switch.name, value).unwrap()).await;
            let refuses = REFUSING.contains(&(switch.name, value.as_str()));
            let client = huaweicloud(&cloud, Identity::AgencyById);
            walk(&cloud, &client, |call| assert!(refuses, "{} is {value} ({about}): {call}", switch.name)).await;
            let (deviations, _) = compare(&cloud);
            let meant = SWITCHED.iter().find(|(name, set, _)| (*name, *set) == (switch.name, value.as_str()));
            let meant = meant.map_or(&[][..], |(_, _, places)| places);
            let unknown = |found: &&Deviation| !is_known(found) && !meant.contains(&found.place.as_str());
            let unknown: Vec<_> = deviations.iter().filter(unknown).collect();
            assert!(unknown.is_empty(), "{} is {value} ({about}): {unknown:#?}", switch.name);
        }
    }
}

fn is_known(found: &Deviation) -> bool {
    EXCEPTIONS.iter().any(|known| known.operation == found.operation && known.places.contains(&found.place.as_str()))
}

/// What of the journal is not as documented, and what has no document.
fn compare(cloud: &Simulator) -> (BTreeSet<Deviation>, BTreeSet<String>) {
    let (mut deviations, mut undocumented) = (BTreeSet::new(), BTreeSet::new());
    for entry in cloud.journal().entries() {
        match Document::of(&entry.service, &entry.operation) {
            Some(document) => deviations.extend(document.deviations(entry)),
            None => {
                undocumented.insert(entry.operation.clone());
            }
        }
    }
    (deviations, undocumented)
}

/// Every call, in states that differ: at rest, under way, done, and refused. What is refused is checked like any answer; what
/// goes well by default and not here is told to `refused`.
async fn walk(cloud: &Simulator, client: &Client, refused: impl Fn(String)) {
    let budget = budget();
    let (server, volume) = (ServerId::new(server_id(1)), VolumeId::new(volume_id(1)));
    let look = async || {
        well(client.show_server(&budget, &server).await, &refused);
        well(client.list_server_block_devices(&budget, &server).await, &refused);
        let _ = client.show_server_block_device(&budget, &server, &volume).await;
        well(client.show_volume(&budget, &volume).await, &refused);
        well(client.list_volumes_of_server(&budget, &server).await, &refused);
        well(client.list_volumes_by_id(&budget, std::slice::from_ref(&volume)).await, &refused);
    };
    let follow = async |job: Result<Option<JobId>, Error>| {
        let Some(job) = well(job, &refused) else { return };
        loop {
            if let Some(job) = &job {
                well(client.show_job(&budget, job).await, &refused);
            }
            look().await;
            if !cloud.advance() {
                return;
            }
        }
    };
    look().await;
    follow(client.attach_server_volume(&budget, &server, &volume, Some("/dev/vdb")).await).await;
    well(client.show_server_block_device(&budget, &server, &volume).await, &refused);
    let _ = client.attach_server_volume(&budget, &server, &volume, None).await;
    well(client.update_server_block_device(&budget, &server, &volume, true).await, &refused);
    follow(client.detach_server_volume(&budget, &server, &volume, false).await).await;
    let _ = client.detach_server_volume(&budget, &server, &volume, true).await;
    let _ = client.show_job(&budget, &JobId::new("ff80808288d41e1b018990260955686a")).await;

    follow(client.attach_server_volume(&budget, &server, &volume, None).await).await;
    cloud.edit(|world| world.huaweicloud.forget_disk(server.as_str(), volume.as_str()));
    let record = client.show_volume(&budget, &volume).await.unwrap().attachment(&server).cloned();
    let attachment_id = record.and_then(|record| record.attachment_id).expect("a record");
    well(client.os_detach(&budget, &volume, &attachment_id).await, &refused);

    let shared = VolumeId::new(shared_volume_id(1));
    let servers = [ServerId::new(server_id(1)), ServerId::new(server_id(2))];
    let devices = [(servers[0].clone(), Some("/dev/vdc".to_owned())), (servers[1].clone(), None)];
    follow(client.batch_attach_sharable_volumes(&budget, &shared, &devices).await).await;
    follow(client.batch_detach_volumes(&budget, &shared, &servers).await).await;
    follow(client.batch_stop_servers(&budget, &servers[..1]).await).await;
    follow(client.batch_start_servers(&budget, &servers[..1]).await).await;

    let lite = ServerId::new(lite_server_id(1));
    well(client.list_dev_servers(&budget).await, &refused);
    let _ = client.show_dev_server(&budget, &server).await;
    let follow = async |operation: Result<DevServerOperation, Error>| {
        let Some(operation) = well(operation, &refused) else { return };
        loop {
            well(client.show_dev_server_operation(&budget, &lite, &operation.id).await, &refused);
            well(client.show_dev_server(&budget, &lite).await, &refused);
            well(client.show_volume(&budget, &volume).await, &refused);
            if !cloud.advance() {
                return;
            }
        }
    };
    follow(client.attach_dev_server_volume(&budget, &lite, &volume).await).await;
    let _ = client.attach_dev_server_volume(&budget, &lite, &volume).await;
    follow(client.detach_dev_server_volume(&budget, &lite, &volume).await).await;
    let _ = client.detach_dev_server_volume(&budget, &ServerId::new(lite_server_id(3)), &volume).await;
    let _ = client.show_dev_server_operation(&budget, &lite, &JobId::new(server_id(1))).await;
}

/// What a call gave; a failure is told to `refused`.
fn well<T>(answer: Result<T, Error>, refused: impl Fn(String)) -> Option<T> {
    answer.inspect_err(|error| refused(error.to_string())).ok()
}
