//! Tests of what a user may set and what is refused.

use super::*;

const SECRET: &str = "wJalrXUtnFEMIsecret";

fn keys() -> Config {
    Config {
        region: Some("cn-north-4".to_owned()),
        access_key: Some("AK".to_owned()),
        secret_key: Some(SECRET.into()),
        ..Config::default()
    }
}

fn text(text: &str) -> Option<String> {
    Some(text.to_owned())
}

/// The fields that are complained about.
fn problems(config: &Config) -> Vec<String> {
    let error = Settings::new(config).unwrap_err();
    assert!(!format!("{error} {error:?}").contains(SECRET), "{error}");
    error.problems.into_iter().map(|problem| problem.field).collect()
}

#[test]
fn a_region_and_a_key_are_enough() {
    let settings = Settings::new(&keys()).unwrap();
    assert!(
        matches!(settings.source, Source::AccessKey(key) if key.access_key == "AK" && key.security_token.is_none())
    );
    assert_eq!(settings.endpoints.region, "cn-north-4");
}

#[test]
fn a_credential_that_is_begun_must_be_whole() {
    let region = Config { region: text("cn-north-4"), ..Config::default() };
    assert_eq!(problems(&Config { access_key: text("AK"), ..region.clone() }), ["secret_key"]);
    assert_eq!(problems(&Config { secret_key: Some(SECRET.into()), ..region.clone() }), ["access_key"]);
    assert_eq!(problems(&Config { security_token: Some(SECRET.into()), ..region.clone() }), ["access_key"]);
    assert_eq!(problems(&Config { password: Some(SECRET.into()), ..region.clone() }), ["user_name"]);
    assert_eq!(problems(&Config { user_name: text("u"), ..region.clone() }), ["domain_name", "password"]);
    assert_eq!(problems(&Config { user_id: text("u"), ..region.clone() }), ["password"]);
    assert_eq!(problems(&Config { profile: text("p"), ..region }), ["profile"]);
}

#[test]
fn an_empty_text_is_not_set() {
    let config = Config {
        secret_key: Some("".into()),
        access_key: text(" "),
        token: Some("".into()),
        user_name: text(""),
        region: text("cn-north-4"),
        ..Config::default()
    };
    assert!(matches!(Settings::new(&config).unwrap().source, Source::Metadata(_)));
}

#[test]
fn every_problem_is_named_at_once() {
    let config = Config {
        access_key: text("AK"),
        cloud: text("my cloud/"),
        endpoints: EndpointConfig {
            ecs: text("http://ecs.example"),
            evs: text("ftp://x"),
            ..EndpointConfig::default()
        },
        assume_role: vec![AssumeRole { duration: Some(Duration::from_secs(1)), ..AssumeRole::default() }],
        ..Config::default()
    };
    let expected = [
        "assume_role[0].agency_name",
        "assume_role[0].domain_name",
        "assume_role[0].duration",
        "region",
        "cloud",
        "endpoints.ecs",
        "endpoints.evs",
        "secret_key",
    ];
    assert_eq!(problems(&config), expected);
    let text = Settings::new(&config).unwrap_err().to_string();
    assert!(text.contains("secret_key is missing, although access_key is set"), "{text}");
    assert!(text.contains("endpoints.ecs is http, which would send credentials readable"), "{text}");
}

#[test]
fn a_name_that_would_become_part_of_a_host_is_checked() {
    for region in ["evil.example/", "CN-NORTH-4", "a b", "a@b", "a:1"] {
        assert_eq!(problems(&Config { region: text(region), ..keys() }), ["region"], "{region}");
    }
    assert_eq!(problems(&Config { cloud: text("a@evil.example"), ..keys() }), ["cloud"]);
    assert_eq!(problems(&Config { project_id: text("../p"), ..keys() }), ["project_id"]);
}

#[test]
fn a_token_comes_before_a_key_and_a_key_before_a_password() {
    let mut config = Config {
        token: Some("t".into()),
        user_name: text("u"),
        domain_name: text("d"),
        password: Some("p".into()),
        shared_config: Some(r#"{"profiles":[]}"#.into()),
        ..keys()
    };
    assert!(matches!(Settings::new(&config).unwrap().source, Source::Token(_)));
    config.token = None;
    assert!(matches!(Settings::new(&config).unwrap().source, Source::AccessKey(_)));
    config.access_key = None;
    config.secret_key = None;
    assert!(matches!(Settings::new(&config).unwrap().source, Source::Password(Login { user: User::Name(..), .. })));
    config.user_id = text("id");
    assert!(matches!(Settings::new(&config).unwrap().source, Source::Password(Login { user: User::Id(_), .. })));
}

#[test]
fn a_profile_gives_what_the_configuration_does_not() {
    let file = format!(
        r#"{{"current":"b","profiles":[
            {{"name":"a","mode":"AKSK","accessKeyId":"AKA","secretAccessKey":"{SECRET}","securityToken":"","region":"cn-east-3",
              "projectId":"p","agencyName":"ag","agencyDomainName":"dom","unknown":1}},
            {{"name":"b","mode":"SSO","accessKeyId":"","secretAccessKey":"",
              "ssoAuth":{{"stsToken":{{"accessKeyId":"AKB","secretAccessKey":"{SECRET}","securityToken":"st"}}}}}},
            {{"name":"c","accessKeyId":"AKC"}}]}}"#
    );
    let config = |profile: Option<&str>, region: Option<&str>| Config {
        shared_config: Some(file.as_str().into()),
        profile: profile.map(str::to_owned),
        region: region.map(str::to_owned),
        ..Config::default()
    };
    let settings = Settings::new(&config(Some("a"), None)).unwrap();
    assert!(
        matches!(&settings.source, Source::AccessKey(key) if key.access_key == "AKA" && key.security_token.is_none())
    );
    assert_eq!(settings.endpoints.region, "cn-east-3");
    assert_eq!(settings.project_id.as_deref(), Some("p"));
    assert_eq!(settings.roles[0].agency_name, "ag");

    let settings = Settings::new(&config(None, Some("cn-north-4"))).unwrap();
    assert!(
        matches!(&settings.source, Source::AccessKey(key) if key.access_key == "AKB" && key.security_token.is_some())
    );
    assert_eq!(settings.endpoints.region, "cn-north-4");

    for profile in ["c", "d"] {
        assert_eq!(problems(&config(Some(profile), Some("cn-north-4"))), ["shared_config_file"]);
    }
    let broken = Config { shared_config: Some(SECRET.into()), region: text("cn-north-4"), ..Config::default() };
    assert_eq!(problems(&broken), ["shared_config_file"]);
}

#[test]
fn the_version_in_auth_url_is_not_doubled_and_endpoints_iam_wins() {
    for url in ["https://iam.example/v3", "https://iam.example/v3/", "iam.example", "https://iam.example/v3.0"] {
        let settings = Settings::new(&Config { auth_url: text(url), ..keys() }).unwrap();
        assert_eq!(settings.endpoints.overrides.iam.unwrap().as_str(), "https://iam.example/", "{url}");
    }
    let endpoints = EndpointConfig { iam: text("other.example"), ..EndpointConfig::default() };
    let settings = Settings::new(&Config { auth_url: text("https://iam.example/v3"), endpoints, ..keys() }).unwrap();
    assert_eq!(settings.endpoints.overrides.iam.unwrap().as_str(), "https://other.example/");
}

#[test]
fn plain_http_is_for_this_machine_unless_allowed() {
    let endpoints = |ecs: &str| EndpointConfig { ecs: text(ecs), ..EndpointConfig::default() };
    assert!(Settings::new(&Config { endpoints: endpoints("http://127.0.0.1:80"), ..keys() }).is_ok());
    assert_eq!(problems(&Config { endpoints: endpoints("http://ecs.example"), ..keys() }), ["endpoints.ecs"]);
    assert!(Settings::new(&Config { endpoints: endpoints("http://ecs.example"), insecure: true, ..keys() }).is_ok());
}
