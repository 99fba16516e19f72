//! Tests of what Huawei Cloud's block, the environment and the files amount to.

use std::{ffi::OsString, path::Path};

use secrecy::ExposeSecret as _;
use serde_json::json;

use super::*;

const PEM: &str = "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----";

fn block(json: serde_json::Value) -> HuaweiCloudBlock {
    serde_json::from_value(json).unwrap()
}

fn environment(variables: &[(&str, &str)]) -> Environment {
    Environment::new(variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value))))
}

async fn resolve(json: serde_json::Value, variables: &[(&str, &str)]) -> Settings {
    block(json).resolve(&environment(variables)).await.map_err(|problems| panic!("{problems:?}")).unwrap()
}

async fn problems(json: serde_json::Value, variables: &[(&str, &str)]) -> String {
    match block(json).resolve(&environment(variables)).await {
        Ok(_) => panic!("no problem"),
        Err(problems) => problems.join("; "),
    }
}

fn secret(secret: &Option<SecretString>) -> Option<String> {
    secret.as_ref().map(|secret| secret.expose_secret().to_owned())
}

type Pick = fn(&Config) -> Option<String>;

/// Every text that has variables, with where it ends up.
fn texts() -> Vec<(&'static str, &'static [&'static str], Pick)> {
    vec![
        ("region", &["HW_REGION_NAME", "OS_REGION_NAME"], |config| config.region.clone()),
        ("access_key", &["HW_ACCESS_KEY", "OS_ACCESS_KEY"], |config| config.access_key.clone()),
        ("secret_key", &["HW_SECRET_KEY", "OS_SECRET_KEY"], |config| secret(&config.secret_key)),
        ("security_token", &["HW_SECURITY_TOKEN"], |config| secret(&config.security_token)),
        ("token", &["HW_AUTH_TOKEN", "OS_AUTH_TOKEN"], |config| secret(&config.token)),
        ("user_name", &["HW_USER_NAME", "OS_USERNAME"], |config| config.user_name.clone()),
        ("user_id", &["HW_USER_ID", "OS_USER_ID"], |config| config.user_id.clone()),
        ("password", &["HW_USER_PASSWORD", "OS_PASSWORD"], |config| secret(&config.password)),
        (
            "domain_name",
            &["HW_DOMAIN_NAME", "OS_DOMAIN_NAME", "OS_USER_DOMAIN_NAME", "OS_PROJECT_DOMAIN_NAME"],
            |config| config.domain_name.clone(),
        ),
        ("domain_id", &["HW_DOMAIN_ID", "OS_DOMAIN_ID", "OS_USER_DOMAIN_ID", "OS_PROJECT_DOMAIN_ID"], |config| {
            config.domain_id.clone()
        }),
        ("project_id", &["HW_PROJECT_ID", "OS_PROJECT_ID", "OS_TENANT_ID"], |config| config.project_id.clone()),
        ("project_name", &["HW_PROJECT_NAME", "OS_PROJECT_NAME", "OS_TENANT_NAME"], |config| {
            config.project_name.clone()
        }),
        ("delegated_project", &["OS_DELEGATED_PROJECT"], |config| config.project_name.clone()),
        ("agency_name", &["HW_ASSUME_ROLE_AGENCY_NAME", "OS_AGENCY_NAME"], |config| {
            config.assume_role.first().map(|role| role.agency_name.clone())
        }),
        ("auth_url", &["HW_AUTH_URL", "OS_AUTH_URL"], |config| config.auth_url.clone()),
        ("cloud", &["HW_CLOUD"], |config| config.cloud.clone()),
        ("profile", &["HW_PROFILE"], |config| config.profile.clone()),
    ]
}

#[tokio::test]
async fn the_block_wins_then_the_first_variable_that_is_set_and_empty_text_is_nothing() {
    for (name, variables, pick) in texts() {
        let all: Vec<_> = variables.iter().map(|variable| (*variable, *variable)).collect();
        assert_eq!(pick(&resolve(json!({ name: "mine" }), &all).await.config).as_deref(), Some("mine"), "{name}");
        for given in [json!({}), json!({ name: "" }), json!({ name: null })] {
            let found = pick(&resolve(given, &all).await.config);
            assert_eq!(found.as_deref(), variables.first().copied(), "{name}");
        }
        for set in &all {
            let mut environment: Vec<_> = variables.iter().map(|variable| (*variable, "")).collect();
            environment.push(*set);
            assert_eq!(pick(&resolve(json!({}), &environment).await.config).as_deref(), Some(set.0), "{name}");
        }
        assert_eq!(pick(&resolve(json!({}), &[]).await.config), None, "{name}");
    }
}

#[tokio::test]
async fn a_value_that_is_known_only_after_apply_is_not_taken_from_elsewhere_and_is_no_problem() {
    for (name, variables, pick) in texts() {
        let all: Vec<_> = variables.iter().map(|variable| (*variable, *variable)).collect();
        let mut given = HuaweiCloudBlock::default();
        match name {
            "region" => given.region = Value::Unknown,
            "secret_key" => given.secret_key = Value::Unknown,
            "token" => given.token = Value::Unknown,
            "auth_url" => given.auth_url = Value::Unknown,
            _ => continue,
        }
        let Ok(settings) = given.resolve(&environment(&all)).await else { panic!("{name}") };
        assert!(settings.unknown && pick(&settings.config).is_none(), "{name}");
    }
    // What is unknown may be the other half.
    let given = HuaweiCloudBlock { cert: Value::Value(PEM.into()), key: Value::Unknown, ..Default::default() };
    assert!(given.resolve(&environment(&[])).await.is_ok_and(|settings| settings.unknown));
    let given = HuaweiCloudBlock { endpoints: Value::Unknown, ..Default::default() };
    assert!(given.resolve(&environment(&[])).await.is_ok_and(|settings| settings.unknown));
    assert!(!resolve(json!({}), &[]).await.unknown);
}

#[tokio::test]
async fn a_boolean_and_a_number_are_read_from_the_environment() {
    for (text, insecure) in [("true", true), ("1", true), ("TRUE", true), ("false", false), ("0", false), ("", false)] {
        let settings = resolve(json!({}), &[("HW_INSECURE", text)]).await;
        assert_eq!((settings.config.insecure, settings.tls.insecure), (insecure, insecure), "{text}");
    }
    assert!(resolve(json!({}), &[("OS_INSECURE", "true")]).await.config.insecure);
    assert!(!resolve(json!({ "insecure": false }), &[("HW_INSECURE", "true")]).await.config.insecure);
    assert!(problems(json!({}), &[("HW_INSECURE", "yes")]).await.contains("HW_INSECURE or OS_INSECURE"));
    assert_eq!(resolve(json!({}), &[("HW_MAX_RETRIES", "7")]).await.max_retries, Some(7));
    assert!(problems(json!({}), &[("HW_MAX_RETRIES", "many")]).await.contains("HW_MAX_RETRIES"));
}

#[tokio::test]
async fn endpoints_and_other_names_of_the_project_are_taken_over() {
    let endpoints = json!({ "ecs": "e", "evs": "v", "modelarts": "m", "iam": "i", "sts": "s", "metadata": "d" });
    let config = resolve(json!({ "endpoints": endpoints, "regional": false }), &[]).await.config;
    let given = [config.endpoints.ecs, config.endpoints.evs, config.endpoints.modelarts, config.endpoints.iam];
    assert_eq!(given.map(Option::unwrap), ["e", "v", "m", "i"]);
    assert_eq!((config.endpoints.sts.as_deref(), config.metadata_endpoint.as_deref()), (Some("s"), Some("d")));
    assert_eq!(config.regional, Some(false));
    let tenant = resolve(json!({ "tenant_id": "t", "tenant_name": "n" }), &[("HW_PROJECT_ID", "p")]).await.config;
    assert_eq!((tenant.project_id.as_deref(), tenant.project_name.as_deref()), (Some("t"), Some("n")));
}

#[tokio::test]
async fn roles_come_from_the_list_else_from_the_environment() {
    let roles = json!([{ "agency_name": "one", "domain_id": "d1", "duration": "1h" }, { "agency_name": "two" }]);
    let variables = [("HW_ASSUME_ROLE_AGENCY_NAME", "env"), ("HW_ASSUME_ROLE_DOMAIN_NAME", "dn")];
    let config = resolve(json!({ "assume_role": roles }), &variables).await.config;
    let names: Vec<_> = config.assume_role.iter().map(|role| role.agency_name.as_str()).collect();
    assert_eq!(names, ["one", "two"]);
    assert_eq!(config.assume_role.first().unwrap().duration, Some(Duration::from_secs(3600)));
    let config = resolve(json!({}), &[&variables[..], &[("HW_ASSUME_ROLE_DURATION", "900")]].concat()).await.config;
    let role = config.assume_role.first().unwrap();
    assert_eq!((role.agency_name.as_str(), role.domain_name.as_deref()), ("env", Some("dn")));
    assert_eq!(role.duration, Some(Duration::from_secs(900)));
    let wrong = json!({ "assume_role": [{ "agency_name": "one", "duration": "soon" }] });
    assert!(problems(wrong, &[]).await.contains("assume_role.duration"));
}

#[tokio::test]
async fn the_account_that_a_role_names_is_not_exchanged_for_one_of_the_environment() {
    let variables = [
        ("HW_ASSUME_ROLE_DOMAIN_NAME", "env-name"),
        ("OS_AGENCY_DOMAIN_NAME", "env-name"),
        ("HW_ASSUME_ROLE_DOMAIN_ID", "env-id"),
    ];
    let env = (Some("env-name"), Some("env-id"));
    for (given, expected) in [
        (json!({ "assume_role": [{ "agency_name": "a", "domain_name": "mine" }] }), (Some("mine"), None)),
        (json!({ "assume_role": [{ "agency_name": "a", "domain_id": "mine" }] }), (None, Some("mine"))),
        (json!({ "assume_role": [{ "agency_name": "a" }] }), env),
        (json!({ "assume_role": [{ "agency_name": "a", "domain_name": "" }] }), env),
        (json!({ "agency_name": "a", "agency_domain_name": "mine" }), (Some("mine"), None)),
        (json!({ "agency_name": "a" }), env),
    ] {
        let config = resolve(given.clone(), &variables).await.config;
        let role = config.assume_role.first().unwrap();
        assert_eq!((role.domain_name.as_deref(), role.domain_id.as_deref()), expected, "{given}");
    }
}

#[tokio::test]
async fn a_role_that_is_known_only_after_apply_is_no_problem() {
    // { "assume_role": [{ "agency_name": "a" }, unknown] }, as Terraform writes it.
    let sent = [b"\x81\xabassume_role\x92\x81\xabagency_name\xa1a", &[0xd4, 0, 0][..]].concat();
    let given: HuaweiCloudBlock = rmp_serde::from_slice(&sent).unwrap();
    let variables = environment(&[("HW_ASSUME_ROLE_AGENCY_NAME", "env")]);
    assert!(given.resolve(&variables).await.is_ok_and(|settings| settings.unknown));
}

fn write(folder: &Path, name: &str, text: &str) -> String {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(&path, text).unwrap();
    path.display().to_string()
}

#[tokio::test]
async fn the_profile_file_is_the_named_one_else_the_one_at_home_if_it_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().display().to_string();
    let at_home = [("HOME", home.as_str())];
    assert!(resolve(json!({}), &at_home).await.config.shared_config.is_none());
    write(folder.path(), ".hcloud/config.json", "at home");
    let named = write(folder.path(), "other.json", "named");
    assert_eq!(secret(&resolve(json!({}), &at_home).await.config.shared_config).as_deref(), Some("at home"));
    let variable = [at_home[0], ("HW_SHARED_CONFIG_FILE", &named)];
    assert_eq!(secret(&resolve(json!({}), &variable).await.config.shared_config).as_deref(), Some("named"));
    let tilde = json!({ "shared_config_file": "~/other.json" });
    assert_eq!(secret(&resolve(tilde, &at_home).await.config.shared_config).as_deref(), Some("named"));
    let missing = problems(json!({ "shared_config_file": "~/missing.json" }), &at_home).await;
    assert!(missing.contains("shared_config_file") && missing.contains("missing.json cannot be read"), "{missing}");
    // A folder is there and cannot be read as a file.
    std::fs::remove_file(folder.path().join(".hcloud/config.json")).unwrap();
    std::fs::create_dir(folder.path().join(".hcloud/config.json")).unwrap();
    assert!(problems(json!({}), &at_home).await.contains("config.json cannot be read"));
}

#[tokio::test]
async fn certificates_are_given_as_they_are_or_as_files() {
    let folder = tempfile::tempdir().unwrap();
    let path = write(folder.path(), "ca.pem", PEM);
    for given in [PEM, path.as_str()] {
        let settings = resolve(json!({ "cacert_file": given }), &[]).await;
        assert_eq!(settings.tls.ca_pem.as_deref(), Some(PEM.as_bytes()));
        let settings = resolve(json!({}), &[("OS_CACERT", given), ("OS_CERT", given), ("OS_KEY", given)]).await;
        let identity = settings.tls.client_identity_pem.unwrap();
        assert_eq!(identity.expose_secret(), format!("{PEM}\n{PEM}").as_bytes());
    }
    assert!(problems(json!({ "cert": PEM }), &[]).await.contains("key is missing, although cert is set"));
    assert!(problems(json!({ "key": PEM }), &[]).await.contains("cert is missing, although key is set"));
    assert!(
        problems(json!({ "cacert_file": "/nowhere/ca.pem" }), &[]).await.contains("/nowhere/ca.pem cannot be read")
    );
}

#[tokio::test]
async fn a_key_that_is_neither_a_file_nor_pem_is_not_shown() {
    for hush in ["aHVzaC1odXNo".to_owned(), "aHVzaC1odXNo".repeat(500)] {
        let mut texts = vec![problems(json!({ "cert": PEM }), &[("OS_KEY", &hush)]).await];
        for name in ["cert", "key"] {
            let mut given = json!({ "cert": PEM, "key": PEM });
            given[name] = hush.as_str().into();
            texts.push(problems(given, &[]).await);
            let text = texts.last().unwrap();
            assert!(text.starts_with(&format!("{name} is neither ")) && !text.contains("missing"), "{text}");
        }
        assert!(!texts.iter().any(|text| text.contains("aHVzaC1odXNo")), "{texts:?}");
    }
}

#[tokio::test]
async fn no_secret_is_shown() {
    let secrets = json!({
        "access_key": "AK", "secret_key": "hush", "security_token": "hush", "token": "hush", "password": "hush",
        "cert": "-----BEGIN hush", "key": "-----BEGIN hush"
    });
    let settings = resolve(secrets, &[]).await;
    let shown = format!("{:?} {:?}", settings.config, settings.tls);
    assert!(!shown.contains("hush"), "{shown}");
    let environment = environment(&[("HW_SECRET_KEY", "hush")]);
    assert!(!format!("{environment:?}").contains("hush"));
    let problem = problems(json!({ "key": "-----BEGIN hush" }), &[("HW_SECRET_KEY", "hush")]).await;
    assert!(!problem.contains("hush"), "{problem}");
}
