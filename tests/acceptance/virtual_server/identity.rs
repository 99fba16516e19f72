//! Where the account is and who we are to it: regions of the catalog, clocks, environment and files.

use std::fs;

use cloudvolume::simulator::samsungcloud::built_in::{server_id, volume_id};

use super::{stage, stage_with};
use crate::support::account::SAMSUNGCLOUD;

#[tokio::test]
async fn a_region_that_the_catalog_does_not_have_is_answered_with_those_it_has() {
    let stage = stage().await;
    stage.write(&stage.provider_with("default_region", "kr-nowhere1"), &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["kr-nowhere1", "kr-east1", "kr-west1"]);
    stage.configure(&stage.attachment("region = \"xx-east1\""));
    stage.terraform.apply().await.fails().says(&["xx-east1", "kr-east1", "kr-west1"]);
    assert_eq!(stage.terraform.state().len(), 0);
    assert_eq!(stage.asked(), [""; 0], "no other region's endpoint is called instead");
}

#[tokio::test]
async fn a_resource_may_be_in_another_region_than_the_provider() {
    let stage = stage().await;
    let (server, volume) = (server_id(7), volume_id(6));
    stage.configure(&stage.attachment_to(&server, &volume, "region = \"kr-east1\""));
    stage.terraform.apply().await.succeeds();
    let is_attached = || stage.cloud.world(|world| world.samsungcloud.is_attached(&server, &volume));
    assert!(is_attached());
    assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["region"], "kr-east1");

    stage.terraform.forget(&stage.subject.address()).await;
    let id = format!("kr-east1/{server}/{volume}");
    stage.terraform.import(&stage.subject.address(), &id).await.succeeds();
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds();
    assert!(!is_attached());
}

#[tokio::test]
async fn a_catalog_with_one_region_needs_none_configured_and_the_state_names_it() {
    let stage = stage_with(|config| config.samsungcloud.regions.truncate(1)).await;
    stage.write(&stage.provider(&SAMSUNGCLOUD.arguments[1..]), &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    let region = || stage.terraform.state().only().expect("an attachment").attributes["region"].clone();
    assert_eq!(region(), stage.region());
    stage.terraform.plan().await.changes_nothing();

    // As earlier versions left it.
    let file = stage.terraform.path().join("terraform.tfstate");
    let named = format!("\"region\": \"{}\"", stage.region());
    let state = fs::read_to_string(&file).unwrap();
    assert!(state.contains(&named), "{state}");
    fs::write(&file, state.replace(&named, "\"region\": \"\"")).unwrap();
    stage.terraform.apply().await.succeeds();
    assert_eq!(region(), stage.region());
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [stage.subject.calls.attach, stage.subject.calls.detach]);
}

#[tokio::test]
async fn an_endpoint_for_all_regions_needs_none_either() {
    let stage = stage().await;
    let endpoint = stage.cloud.samsungcloud_url();
    let arguments = [&SAMSUNGCLOUD.arguments[1..], &[("endpoint_override", endpoint.as_str())]].concat();
    stage.write(&stage.provider(&arguments), &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert!(stage.terraform.state().only().expect("an attachment").attributes["region"].is_null());
    stage.terraform.plan().await.changes_nothing();
    stage.terraform.destroy().await.succeeds();
    assert_eq!(stage.mutations(), [stage.subject.calls.attach, stage.subject.calls.detach]);
}

#[tokio::test]
async fn several_regions_and_none_configured_are_an_error_that_lists_them() {
    let stage = stage().await;
    stage.write(&stage.provider(&SAMSUNGCLOUD.arguments[1..]), &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["kr-east1", "kr-west1", "region"]);
    assert_eq!(stage.asked(), [""; 0]);
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    for hours in [2, -2] {
        let stage = stage_with(|config| config.clock_offset = hours * 3600).await;
        stage.configure(&stage.attachment(""));
        stage.terraform.apply().await.fails().says(&["clock", "401"]);
        assert!(stage.mutations().is_empty());
    }
}

#[tokio::test]
async fn the_environment_of_the_vendors_own_provider_works() {
    let mut stage = stage().await;
    let [(_, region), (_, access_key), (_, secret_key)] = SAMSUNGCLOUD.arguments;
    let auth_url = format!("{}/v1", stage.cloud.samsungcloud_url());
    for (name, value) in [
        ("SCP_TF_AUTH_URL", auth_url.as_str()),
        ("SCP_TF_DEFAULT_REGION", region),
        ("SCP_TF_ACCESS_KEY", access_key),
        ("SCP_TF_SECRET_KEY", secret_key),
    ] {
        stage.terraform.set(name, value);
    }
    stage.write("provider \"cloudvolume\" {}", &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["region"], region);
}

#[tokio::test]
async fn the_files_of_the_vendors_own_provider_work_and_the_block_outranks_them() {
    let stage = stage().await;
    let [(_, region), (_, access_key), (_, secret_key)] = SAMSUNGCLOUD.arguments;
    let folder = stage.terraform.path().join(".scpconf");
    fs::create_dir(&folder).unwrap();
    let auth_url = format!("{}/v1", stage.cloud.samsungcloud_url());
    let config = format!(r#"{{"auth-url": "{auth_url}", "default-region": "kr-nowhere1"}}"#);
    let credentials = format!(r#"{{"access-key": "{access_key}", "secret-key": "{secret_key}"}}"#);
    fs::write(folder.join("config.json"), config).unwrap();
    fs::write(folder.join("credentials.json"), credentials).unwrap();
    let provider = format!("provider \"cloudvolume\" {{\n  samsungcloud = {{ default_region = \"{region}\" }}\n}}");
    stage.write(&provider, &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["region"], region);
}

#[tokio::test]
async fn a_malformed_file_is_reported_with_its_name_and_without_its_secrets() {
    let stage = stage().await;
    let folder = stage.terraform.path().join(".scpconf");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("credentials.json"), "{\"access-key\": \"AK\", \"secret-key\": \"hush-hush\"").unwrap();
    stage.write(&stage.provider(&SAMSUNGCLOUD.arguments[..1]), &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["credentials.json"]).never_says("hush-hush");
    assert!(stage.cloud.journal().entries().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn no_credentials_name_every_place_looked_at() {
    let stage = stage().await;
    stage.write(&stage.provider(&SAMSUNGCLOUD.arguments[..1]), &stage.attachment(""));
    let places = ["access_key", "secret_key", "SCP_TF_ACCESS_KEY", "SCP_TF_SECRET_KEY", ".scpconf/credentials.json"];
    stage.terraform.apply().await.fails().says(&places);
    assert_eq!(stage.terraform.state().len(), 0);
}

#[tokio::test]
async fn no_secret_is_in_a_log_at_any_level() {
    let mut stage = stage().await;
    stage.terraform.set("TF_LOG", "TRACE");
    stage.configure(&stage.attachment(""));
    for (run, call) in [
        (stage.terraform.apply().await, stage.subject.calls.attach),
        (stage.terraform.destroy().await, stage.subject.calls.detach),
    ] {
        let signature = |headers: &[(String, String)]| {
            headers.iter().find(|(name, _)| name == "scp-signature").map(|(_, value)| value.clone())
        };
        let journal = stage.cloud.journal();
        let signatures: Vec<_> = journal.entries().iter().filter_map(|entry| signature(&entry.headers)).collect();
        assert!(!signatures.is_empty());
        let run = run.succeeds().logs(&["@module=", call]).never_says(SAMSUNGCLOUD.arguments[2].1);
        signatures.iter().fold(run, |run, signature| run.never_says(signature));
    }
}
