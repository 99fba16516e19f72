//! Tests of the client: where calls go, what they carry, and what their answers mean.

use secrecy::SecretString;
use time::macros::date;

use super::*;
use crate::{
    ids::VolumeId,
    samsungcloud::script::{self, Script, Seen, Step, budget},
    transport::ErrorKind,
};

const VOLUME: &str = "3f500f00-ed80-4566-a057-e31760226f9a";
const SHOW_VOLUME: &str = include_str!("../../tests/data/samsungcloud/replies/show-volume.json");
const ENDPOINTS: &str = include_str!("../../tests/data/samsungcloud/replies/list-endpoints.json");
const VERSIONS: &str = include_str!("../../tests/data/samsungcloud/replies/list-versions.json");
const NO_SUCH_VERSION: &str = include_str!("../../tests/data/samsungcloud/replies/no-such-version.json");

fn volume() -> VolumeId {
    VolumeId::new(VOLUME)
}

fn show(body: &str) -> Step {
    Step::new(format!("GET /v1/volumes/{VOLUME}"), 200, body)
}

fn header<'a>(seen: &'a Seen, name: &str) -> Option<&'a str> {
    seen.headers.get(name).map(String::as_str)
}

/// A script for the catalog whose regions lead to two others.
async fn catalog(west: &Script, east: &Script) -> Script {
    let body = ENDPOINTS.replace("KR_WEST1", &west.url).replace("KR_EAST1", &east.url);
    Script::start(vec![Step::new("GET /v1/endpoints", 200, body)]).await
}

fn client_by_catalog(catalog: &Script, region: Option<&str>) -> Client {
    let config = Config {
        auth_url: Some(format!("{}/v1", catalog.url)),
        default_region: region.map(str::to_owned),
        account_id: Some("0a1b2c".to_owned()),
        ..script::config()
    };
    Client::new(&config, script::transport()).unwrap()
}

#[test]
fn every_problem_of_a_configuration_is_named_at_once() {
    let config = Config {
        secret_key: Some(SecretString::from("hush\n")),
        api_version: "v1".to_owned(),
        account_id: Some("a\u{7}b".to_owned()),
        ..Config::default()
    };
    let error = Client::new(&config, script::transport()).unwrap_err();
    let fields = error.problems.iter().map(|problem| problem.field.as_str()).collect::<Vec<_>>();
    assert_eq!(fields, ["auth_url", "access_key", "secret_key", "api_version", "account_id"]);
    assert!(!format!("{error} {error:?}").contains("hush"));
}

#[tokio::test]
async fn the_catalog_is_asked_once_for_all_regions_and_each_call_goes_to_its_own() {
    let west = Script::start(vec![show(SHOW_VOLUME), show(SHOW_VOLUME)]).await;
    let east = Script::start(vec![show(SHOW_VOLUME)]).await;
    let catalog = catalog(&west, &east).await;
    let client = client_by_catalog(&catalog, Some("kr-west1"));
    let (budget, volume) = (budget(), volume());
    let (one, two) = tokio::join!(client.show_volume(&budget, &volume), client.show_volume(&budget, &volume));
    assert!(one.is_ok() && two.is_ok());
    let other = client.for_region("kr-east1");
    other.show_volume(&budget, &volume).await.unwrap();
    assert_eq!((client.region(), other.region()), (Some("kr-west1"), Some("kr-east1")));

    let asked = catalog.finish().await;
    assert_eq!(header(&asked[0], "scp-accountid"), Some("0a1b2c"));
    assert_eq!(header(&asked[0], "scp-api-version"), None);
    assert!(header(&asked[0], "scp-signature").is_some());
    assert_eq!(west.finish().await.len(), 2);
    let calls = east.finish().await;
    assert_eq!(header(&calls[0], "scp-accountid"), None, "a service call carries no account id");
}

#[tokio::test]
async fn a_region_that_the_catalog_lacks_is_an_error_that_lists_the_others_and_sends_nothing() {
    let (west, east) = (Script::start(Vec::new()).await, Script::start(Vec::new()).await);
    let catalog = catalog(&west, &east).await;
    let client = client_by_catalog(&catalog, None);
    let error = client.for_region("kr-south1").show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    assert!(error.to_string().ends_with("in region \"kr-south1\"; it has kr-east1, kr-west1"), "{error}");
    let error = client.endpoint(&budget()).await.unwrap_err();
    assert!(error.to_string().ends_with("one must be named: kr-east1, kr-west1"), "{error}");
    catalog.finish().await;
}

#[tokio::test]
async fn an_override_serves_the_configured_region_and_no_other() {
    let script = Script::start(vec![show(SHOW_VOLUME), show(SHOW_VOLUME), show(SHOW_VOLUME)]).await;
    let client = script.client_with(|config| config.default_region = Some("kr-west1".to_owned()));
    // A state that was written while no region was configured holds an empty one.
    for same in [client.clone(), client.for_region("kr-west1"), client.for_region("")] {
        same.show_volume(&budget(), &volume()).await.unwrap();
        assert_eq!(same.region(), Some("kr-west1"));
    }
    for (client, said) in [(client, "overridden for region \"kr-west1\""), (script.client(), "set default_region")] {
        let error = client.for_region("kr-east1").show_volume(&budget(), &volume()).await.unwrap_err();
        assert_eq!((error.kind(), error.operation()), (ErrorKind::Configuration, "endpoints.virtualserver"));
        assert!(error.to_string().contains(said) && error.to_string().contains("kr-east1"), "{error}");
    }
    script.finish().await;
}

#[tokio::test]
async fn a_catalog_that_is_not_found_is_not_a_volume_that_is_gone() {
    let not_found = include_str!("../../tests/data/samsungcloud/replies/not-found.json");
    let catalog = Script::start(vec![Step::new("GET /v1/endpoints", 404, not_found)]).await;
    let error = client_by_catalog(&catalog, None).show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.operation()), (ErrorKind::NoSuchRoute, "ListEndpoints"));
    catalog.finish().await;
}

#[tokio::test]
async fn a_refused_version_comes_with_the_list_of_those_offered() {
    let refused = Step::new(format!("GET /v1/volumes/{VOLUME}"), 406, NO_SUCH_VERSION);
    let script = Script::start(vec![refused, Step::new("GET /", 200, VERSIONS)]).await;
    let client = script.client_with(|config| config.api_version = "1.0".to_owned());
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.code()), (ErrorKind::Configuration, Some("NoSuchVersion")));
    let offered = error.offered_versions().iter().map(|offered| offered.version.to_string()).collect::<Vec<_>>();
    assert_eq!(offered, ["1.5", "1.3"]);
    let seen = script.finish().await;
    for absent in ["scp-accesskey", "scp-signature", "scp-api-version"] {
        assert_eq!(header(&seen[1], absent), None, "the list is asked for without {absent}");
    }
}

#[tokio::test]
async fn a_406_that_is_not_the_services_own_is_a_refused_version_where_the_list_can_be_had() {
    let refused = Step::new(format!("GET /v1/volumes/{VOLUME}"), 406, r#"{"code":"NoSuchVersion"}"#);
    let script = Script::start(vec![refused, Step::new("GET /", 200, VERSIONS)]).await;
    let error = script.client().show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.offered_versions().len()), (ErrorKind::Configuration, 2));
    script.finish().await;
}

#[tokio::test]
async fn a_refused_version_is_told_even_when_the_list_cannot_be_had() {
    let refused = Step::new(format!("GET /v1/volumes/{VOLUME}"), 406, "");
    let script = Script::start(vec![refused, Step::new("GET /", 404, "")]).await;
    let error = script.client().show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.offered_versions().len()), (ErrorKind::NoSuchRoute, 0));
    script.finish().await;
}

#[tokio::test]
async fn the_version_check_tells_when_support_ends_and_asks_nothing_when_skipped() {
    let script = Script::start(vec![Step::new("GET /", 200, VERSIONS), Step::new("GET /", 200, VERSIONS)]).await;
    let checking = |version: &str| {
        script.client_with(|config| {
            (config.skip_version_check, config.api_version) = (false, version.to_owned());
        })
    };
    let now = SystemTime::from(date!(2026 - 12 - 01).midnight().assume_utc());
    let notice = checking("1.3").version_notice(&budget(), now).await.unwrap().unwrap();
    assert_eq!(notice.remaining_days, Some(30));
    assert_eq!(notice.listed.unwrap().not_before, Some(date!(2026 - 12 - 31)));
    assert_eq!(checking("1.5").version_notice(&budget(), now).await.unwrap(), None);
    assert_eq!(script.client().version_notice(&budget(), now).await.unwrap(), None);
    script.finish().await;
}

#[tokio::test]
async fn a_401_tells_how_far_the_clock_is_off() {
    let refused = Step::new(format!("GET /v1/volumes/{VOLUME}"), 401, "").header("date: Fri, 13 Nov 2020 18:33:46 GMT");
    let script = Script::start(vec![refused]).await;
    let error = script.client().show_volume(&budget(), &volume()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unauthenticated);
    assert_eq!(error.clock_skew().map(|skew| skew.as_secs() / 60), Some(30));
    script.finish().await;
}

#[tokio::test]
async fn no_secret_is_in_the_debug_or_the_error_of_anything() {
    let echo = format!(r#"{{"errors":[{{"detail":"{} {} TOKEN-hush"}}]}}"#, script::ACCESS_KEY, script::SECRET_KEY);
    let script = Script::start(vec![Step::new(format!("GET /v1/volumes/{VOLUME}"), 401, echo)]).await;
    let config = Config {
        auth_token: Some("TOKEN-hush".into()),
        endpoint_override: Some(script.url.clone()),
        ..script::config()
    };
    let client = Client::new(&config, script::transport()).unwrap();
    let error = client.show_volume(&budget(), &volume()).await.unwrap_err();
    let shown = format!("{config:?} {client:?} {error:?} {error}");
    for secret in [script::ACCESS_KEY, script::SECRET_KEY, "TOKEN-hush"] {
        assert!(!shown.contains(secret), "{shown}");
    }
    assert_eq!(error.message(), Some("*** *** ***"));
    let seen = script.finish().await;
    assert_eq!(header(&seen[0], "x-auth-token"), Some("TOKEN-hush"), "sent beside the signature");
    assert!(header(&seen[0], "scp-signature").is_some());
}

#[tokio::test]
async fn an_ended_budget_sends_nothing() {
    let script = Script::start(Vec::new()).await;
    let stop = CancellationToken::new();
    stop.cancel();
    let stopped = Budget::new(Duration::from_secs(10), stop);
    let error = script.client().show_volume(&stopped, &volume()).await.unwrap_err();
    assert_eq!((error.kind(), error.attempts()), (ErrorKind::Stopped, 0));
    script.finish().await;
}
