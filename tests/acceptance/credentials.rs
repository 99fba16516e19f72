//! Who we are to the cloud: where credentials come from, what is said when they do not do, and that no secret gets out.

use crate::support::{
    account::{ACCESS_KEY, SECRET_KEY},
    stage::Stage,
    subject::HUAWEICLOUD_ECS,
};

#[tokio::test]
async fn a_wrong_key_is_said_once_and_not_tried_again() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let wrong = "not-the-secret-of-this-key";
    stage.write(&stage.provider_with("access_key", wrong), &stage.attachment(""));

    let apply = stage.terraform.apply().await.fails();
    apply.says(&["APIGW.0301", "401"]).never_says(wrong).never_says(SECRET_KEY);
    assert_eq!(stage.terraform.state().len(), 0);
    assert!(stage.mutations().is_empty());
    let refused = stage.cloud.journal().entries().iter().filter(|entry| entry.status == Some(401)).count();
    assert_eq!(refused, 1, "{:?}", stage.cloud.journal());
}

#[tokio::test]
async fn a_clock_that_is_wrong_is_named() {
    let stage = Stage::with(&HUAWEICLOUD_ECS, |config| config.clock_offset = 2 * 3600).await;
    stage.configure(&stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["clock", "401"]);
    assert!(stage.mutations().is_empty());
}

#[tokio::test]
async fn the_environment_of_the_vendors_own_provider_works() {
    let mut stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.terraform.set("HW_REGION_NAME", stage.region());
    stage.terraform.set("HW_ACCESS_KEY", ACCESS_KEY);
    stage.terraform.set("HW_SECRET_KEY", SECRET_KEY);
    stage.write(&stage.provider(&[]), &stage.attachment(""));
    stage.terraform.apply().await.succeeds();
    assert_eq!(stage.terraform.state().only().expect("an attachment").attributes["region"], stage.region());
}

#[tokio::test]
async fn half_a_key_names_the_missing_half() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let provider = stage.provider(&[("region", stage.region()), ("access_key", ACCESS_KEY)]);
    stage.write(&provider, &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["secret_key", "HW_SECRET_KEY"]);
    assert!(stage.cloud.journal().entries().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn no_credentials_name_every_place_looked_at() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.write(&stage.provider(&[("region", stage.region())]), &stage.attachment(""));
    let places = ["access_key", "HW_ACCESS_KEY", "HW_SECRET_KEY", "HW_AUTH_TOKEN", ".hcloud/config.json"];
    stage.terraform.apply().await.fails().says(&places);
    assert_eq!(stage.terraform.state().len(), 0);
}

#[tokio::test]
async fn no_region_names_every_place_looked_at() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let provider = stage.provider(&[("access_key", ACCESS_KEY), ("secret_key", SECRET_KEY)]);
    stage.write(&provider, &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["region", "HW_REGION_NAME"]);
}

#[tokio::test]
async fn an_unknown_region_is_named() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.write(&stage.provider_with("region", "xx-nowhere-9"), &stage.attachment(""));
    stage.terraform.apply().await.fails().says(&["xx-nowhere-9"]);
    assert!(stage.mutations().is_empty());
}

#[tokio::test]
async fn a_cloud_that_is_not_configured_is_an_error_only_when_it_is_used() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let other = "resource \"terraform_data\" \"other\" {}\n".to_owned();
    stage.write("provider \"cloudvolume\" {}", &other);
    stage.terraform.apply().await.succeeds();
    stage.write("provider \"cloudvolume\" {}", &(other + &stage.attachment("")));
    stage.terraform.apply().await.fails().says(&["The configuration of huaweicloud cannot be used"]);
    assert_eq!(stage.terraform.state().len(), 1, "the other resource");
}

#[tokio::test]
async fn values_unknown_until_apply_may_configure_the_provider() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let key = format!("resource \"terraform_data\" \"key\" {{ input = \"{ACCESS_KEY}\" }}");
    let provider = stage.provider_with("access_key", "KEY").replace("\"KEY\"", "terraform_data.key.output");
    let provider = provider.replace("secret_key = ", &format!("secret_key = \"{SECRET_KEY}\" # "));
    stage.write(&provider, &format!("{key}\n{}", stage.attachment("")));
    stage.terraform.apply().await.succeeds().says(&["2 added"]);
}

#[tokio::test]
async fn no_secret_is_in_a_log_at_any_level() {
    let mut stage = Stage::new(&HUAWEICLOUD_ECS).await;
    stage.terraform.set("TF_LOG", "TRACE");
    stage.configure(&stage.attachment(""));
    for (run, call) in [
        (stage.terraform.apply().await, HUAWEICLOUD_ECS.calls.attach),
        (stage.terraform.destroy().await, HUAWEICLOUD_ECS.calls.detach),
    ] {
        let signatures: Vec<_> =
            stage.cloud.journal().entries().iter().filter_map(|entry| authorization(&entry.headers)).collect();
        assert!(!signatures.is_empty());
        let run = run.succeeds().logs(&["@module=", call]).never_says(SECRET_KEY);
        signatures.iter().fold(run, |run, signature| run.never_says(signature));
    }
}

fn authorization(headers: &[(String, String)]) -> Option<String> {
    headers.iter().find(|(name, _)| name == "authorization").map(|(_, value)| value.clone())
}
