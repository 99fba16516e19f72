//! Malformed input: refused before anything is sent, at the attribute that is wrong.

use crate::support::{
    account::{ACCESS_KEY, SECRET_KEY},
    stage::Stage,
    subject::{HUAWEICLOUD_ECS, Subject},
};

pub(crate) async fn malformed_arguments_are_refused_at_their_attribute(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    let cases = [
        ("server_id", "\"not-a-uuid\""),
        ("volume_id", "\"0000\""),
        ("server_id", "\"\""),
        ("on_destroy", "\"explode\""),
        ("region", "\"\""),
    ];
    for (attribute, value) in cases {
        stage.configure(&stage.attachment_where(attribute, value));
        // Terraform shows the line of the attribute that a diagnostic points to.
        let validate = stage.terraform.validate().await.fails();
        validate.points_to(&format!("{attribute} = {value}"));
    }
    // It does not for what is inside an object: there the text names it.
    for (timeout, value) in [("create", "5 minutes"), ("read", "10"), ("update", "1y"), ("delete", "-1s")] {
        stage.configure(&stage.attachment(&format!("timeouts = {{ {timeout} = \"{value}\" }}")));
        let validate = stage.terraform.validate().await.fails();
        validate.says(&["Error:", &format!("{timeout} timeout"), value]);
    }
    assert!(stage.cloud.journal().entries().is_empty(), "validating needs no network");
}

#[tokio::test]
async fn malformed_arguments_of_an_ecs_attachment_are_refused_at_their_attribute() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    for (attribute, value) in
        [("device_hint", "\"sdb\""), ("force_detach", "\"perhaps\""), ("delete_on_termination", "\"no way\"")]
    {
        stage.configure(&stage.attachment_where(attribute, value));
        stage.terraform.validate().await.fails().points_to(&format!("{attribute} = {value}"));
    }
}

pub(crate) async fn a_malformed_import_id_is_answered_with_the_expected_form(subject: &'static Subject) {
    let stage = Stage::new(subject).await;
    stage.configure(&stage.attachment(""));
    for id in ["nonsense", "a/b/c/d"] {
        let import = stage.terraform.import(&subject.address(), id).await.fails();
        import.says(&["<server_id>/<volume_id>", "<region>/<server_id>/<volume_id>"]);
    }
    for id in ["a/b".to_owned(), format!("{}/", subject.servers[0])] {
        stage.terraform.import(&subject.address(), &id).await.fails().says(&["is not a UUID"]);
    }
    assert_eq!(stage.asked(), [""; 0], "nothing was sent");
}

#[tokio::test]
async fn malformed_provider_settings_are_refused_at_their_attribute() {
    let stage = Stage::new(&HUAWEICLOUD_ECS).await;
    let keys =
        format!("region = \"{}\"\n access_key = \"{ACCESS_KEY}\"\n secret_key = \"{SECRET_KEY}\"\n", stage.region());
    let cases = [
        ("poll_interval = { min = \"soon\" }", ""),
        ("poll_interval = { min = \"10s\", max = \"1s\" }", ""),
        ("max_retries = -1", ""),
        ("requests_per_second = -1", ""),
        ("", "endpoints = { ecs = \"ftp://example.com\" }"),
        ("", "endpoints = { ecs = \"http://example.com\" }"),
    ];
    for (general, cloud) in cases {
        let provider = format!("provider \"cloudvolume\" {{\n {general}\n huaweicloud = {{\n {keys} {cloud}\n }}\n}}");
        stage.write(&provider, &stage.attachment(""));
        let wrong = if general.is_empty() { cloud } else { general };
        let attribute = wrong.split(" = ").next().expect("a name");
        stage.terraform.apply().await.fails().says(&["Error:", attribute]).never_says(SECRET_KEY);
    }
    assert!(stage.cloud.journal().entries().is_empty(), "nothing was sent");
}
