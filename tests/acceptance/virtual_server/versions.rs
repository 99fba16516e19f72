//! API versions: which one is spoken, and what is said of one that is on its way out or gone.

use cloudvolume::simulator::samsungcloud::{
    ApiVersion, Lifecycle, Version, built_in::volume_id, switches::NoSuchVersion,
};

use super::{attaches_and_detaches, provider_and, stage, stage_with};

fn version(minor: u32, status: Lifecycle, not_before: &str) -> ApiVersion {
    ApiVersion { version: Version { major: 1, minor }, status, not_before: not_before.to_owned() }
}

#[tokio::test]
async fn every_version_does_the_whole_job_and_is_named_in_every_call() {
    for wanted in ["1.0", "1.1", "1.2", "1.3"] {
        let stage = stage().await;
        stage.write(&provider_and(&stage, "api_version", wanted), &stage.attachment("delete_on_termination = true"));
        attaches_and_detaches(&stage).await;
        for entry in stage.cloud.journal().entries().iter().filter(|entry| entry.service == "virtualserver") {
            let sent =
                entry.headers.iter().find(|(name, _)| name == "scp-api-version").map(|(_, value)| value.as_str());
            let expected = (entry.operation != "ListVersions").then(|| format!("virtualserver {wanted}"));
            assert_eq!(sent, expected.as_deref(), "{entry:?}");
        }
    }
}

#[tokio::test]
async fn a_version_newer_than_this_provider_passes_through() {
    let stage = stage_with(|config| {
        config.samsungcloud.api_versions.insert(0, version(15, Lifecycle::Current, ""));
    });
    let stage = stage.await;
    stage.write(&provider_and(&stage, "api_version", "1.15"), &stage.attachment(""));
    attaches_and_detaches(&stage).await;
}

#[tokio::test]
async fn a_version_that_is_gone_is_answered_with_those_there_are_and_keeps_the_state() {
    for body in [NoSuchVersion::Envelope, NoSuchVersion::Flat] {
        let stage = stage_with(|config| config.samsungcloud.switches.no_such_version = body).await;
        stage.configure(&stage.attachment(""));
        stage.terraform.apply().await.succeeds();

        stage.write(&provider_and(&stage, "api_version", "1.7"), &stage.attachment(""));
        let plan = stage.terraform.plan().await.fails();
        plan.says(&["406", "NoSuchVersion", "1.3, 1.2, 1.1, 1.0", "api_version", &volume_id(1)]);
        stage.terraform.destroy().await.fails();
        assert_eq!(stage.terraform.state().len(), 1);
        assert_eq!(stage.mutations(), [stage.subject.calls.attach]);
    }
}

#[tokio::test]
async fn text_that_is_no_version_is_refused_before_any_call() {
    let stage = stage().await;
    for text in ["1", "latest", "virtualserver 1.3"] {
        stage.write(&provider_and(&stage, "api_version", text), &stage.attachment(""));
        stage.terraform.apply().await.fails().says(&["api_version", "1.3"]);
    }
    assert!(stage.cloud.journal().entries().is_empty(), "nothing was sent");
}

#[tokio::test]
async fn a_version_on_its_way_out_is_a_warning_with_its_last_day() {
    let stage = stage_with(|config| {
        config.samsungcloud.api_versions = vec![
            version(4, Lifecycle::Current, ""),
            version(3, Lifecycle::Supported, "2999-12-31"),
            version(2, Lifecycle::Deprecated, "2999-06-30"),
            version(1, Lifecycle::Deprecated, "2020-05-31"),
        ];
    });
    let stage = stage.await;
    let cases = [
        ("1.1", &["on its way out", "Version 1.1 is deprecated", "ended on 2020-05-31", "1.4, 1.3, 1.2, 1.1"][..]),
        ("1.2", &["on its way out", "Version 1.2 is deprecated", "until 2999-06-30", "set api_version"][..]),
        ("1.3", &[][..]),
        ("1.4", &[][..]),
    ];
    for (wanted, said) in cases {
        stage.write(&provider_and(&stage, "api_version", wanted), &stage.attachment(""));
        let plan = stage.terraform.plan().await.changes_something().warns(said);
        if said.is_empty() {
            plan.never_says("on its way out");
        }
    }
    stage.write(&provider_and(&stage, "api_version", "1.1"), &stage.attachment(""));
    stage.cloud.clear_journal();
    let silenced = provider_and(&stage, "api_version", "1.1\"\n    skip_version_check = \"true");
    stage.write(&silenced, &stage.attachment(""));
    stage.terraform.plan().await.changes_something().never_says("on its way out");
    assert_eq!(stage.cloud.count("ListVersions"), 0, "a check that is left out asks nothing");
}

#[tokio::test]
async fn versions_that_cannot_be_listed_are_no_reason_to_fail() {
    let stage = stage().await;
    let broken = cloudvolume::simulator::Effect::HtmlPage { status: 500 };
    stage.cloud.add_fault(cloudvolume::simulator::FaultRule::new("ListVersions", broken));
    stage.write(&provider_and(&stage, "microversion_check_timeout", "1"), &stage.attachment(""));
    stage.terraform.plan().await.changes_something().never_says("on its way out");
}
