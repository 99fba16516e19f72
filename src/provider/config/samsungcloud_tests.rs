//! Tests of what Samsung Cloud Platform's block, the environment and the two files amount to.

use std::{ffi::OsString, path::Path};

use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::*;

fn environment(home: Option<&Path>, variables: &[(&str, &str)]) -> Environment {
    let home = home.map(|home| (OsString::from("HOME"), home.into()));
    let variables = variables.iter().map(|(name, value)| (OsString::from(name), OsString::from(value)));
    Environment::new(variables.chain(home))
}

async fn resolve(json: serde_json::Value, environment: &Environment) -> Config {
    let block: SamsungCloudBlock = serde_json::from_value(json).unwrap();
    block.resolve(environment).await.map_err(|problems| panic!("{problems:?}")).unwrap().config
}

async fn problems(json: serde_json::Value, environment: &Environment) -> String {
    let block: SamsungCloudBlock = serde_json::from_value(json).unwrap();
    match block.resolve(environment).await {
        Ok(_) => panic!("no problem"),
        Err(problems) => problems.join("; "),
    }
}

/// A home with both files.
fn home(config: &str, credentials: &str) -> tempfile::TempDir {
    let home = tempfile::tempdir().unwrap();
    let folder = home.path().join(".scpconf");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config.json"), config).unwrap();
    std::fs::write(folder.join("credentials.json"), credentials).unwrap();
    home
}

fn secret(secret: &Option<SecretString>) -> Option<String> {
    secret.as_ref().map(|secret| secret.expose_secret().to_owned())
}

type Pick = fn(&Config) -> Option<String>;

#[tokio::test]
async fn the_block_wins_then_the_environment_then_the_file() {
    let texts: [(&str, &str, Pick); 7] = [
        ("auth_url", "SCP_TF_AUTH_URL", |config| config.auth_url.clone()),
        ("endpoint_override", "SCP_TF_ENDPOINT_OVERRIDE", |config| config.endpoint_override.clone()),
        ("account_id", "SCP_TF_ACCOUNT_ID", |config| config.account_id.clone()),
        ("default_region", "SCP_TF_DEFAULT_REGION", |config| config.default_region.clone()),
        ("access_key", "SCP_TF_ACCESS_KEY", |config| secret(&config.access_key)),
        ("secret_key", "SCP_TF_SECRET_KEY", |config| secret(&config.secret_key)),
        ("auth_token", "SCP_TF_AUTH_TOKEN", |config| secret(&config.auth_token)),
    ];
    for (name, variable, pick) in texts {
        let file = json!({ name.replace('_', "-"): "file" }).to_string();
        let home = home(&file, &file);
        let with_variable = environment(Some(home.path()), &[(variable, "variable")]);
        let with_file = environment(Some(home.path()), &[(variable, "")]);
        assert_eq!(pick(&resolve(json!({ name: "block" }), &with_variable).await).as_deref(), Some("block"), "{name}");
        for given in [json!({}), json!({ name: "" })] {
            assert_eq!(pick(&resolve(given.clone(), &with_variable).await).as_deref(), Some("variable"), "{name}");
            assert_eq!(pick(&resolve(given, &with_file).await).as_deref(), Some("file"), "{name}");
        }
        assert_eq!(pick(&resolve(json!({}), &environment(None, &[])).await), None, "{name}");
    }
}

#[tokio::test]
async fn numbers_and_booleans_follow_the_same_order_down_to_their_defaults() {
    let home = home(r#"{"max-remain-days": 30, "microversion-check-timeout": 5}"#, "{}");
    let figures = |config: Config| {
        (config.max_remain_days, config.microversion_check_timeout.as_secs(), config.skip_version_check)
    };
    let variables = [
        ("SCP_TF_MAX_REMAIN_DAYS", "20"),
        ("SCP_TF_MICROVERSION_CHECK_TIMEOUT", "4"),
        ("SCP_TF_SKIP_VERSION_CHECK", "true"),
    ];
    let all = environment(Some(home.path()), &variables);
    let block = json!({ "max_remain_days": 10, "microversion_check_timeout": 3, "skip_version_check": false });
    assert_eq!(figures(resolve(block, &all).await), (10, 3, false));
    assert_eq!(figures(resolve(json!({}), &all).await), (20, 4, true));
    assert_eq!(figures(resolve(json!({}), &environment(Some(home.path()), &[])).await), (30, 5, false));
    assert_eq!(figures(resolve(json!({}), &environment(None, &[])).await), (90, 15, false));
    for (variable, value) in [("SCP_TF_MAX_REMAIN_DAYS", "soon"), ("SCP_TF_SKIP_VERSION_CHECK", "perhaps")] {
        assert!(problems(json!({}), &environment(None, &[(variable, value)])).await.contains(variable));
    }
    assert!(problems(json!({ "max_remain_days": -1 }), &environment(None, &[])).await.contains("max_remain_days"));
}

#[tokio::test]
async fn the_version_is_the_given_one_else_the_default() {
    let nothing = environment(None, &[]);
    assert_eq!(resolve(json!({}), &nothing).await.api_version, "1.3");
    let given = resolve(json!({ "api_version": "1.7", "insecure": true }), &nothing).await;
    assert_eq!((given.api_version.as_str(), given.insecure), ("1.7", true));
    let endpoints = json!({ "endpoints": { "iam": "i", "virtualserver": "v" } });
    let given = resolve(endpoints, &nothing).await.endpoints;
    assert_eq!((given.iam.as_deref(), given.virtualserver.as_deref()), (Some("i"), Some("v")));
}

#[tokio::test]
async fn a_value_that_is_known_only_after_apply_is_not_taken_from_elsewhere() {
    let environment = environment(None, &[("SCP_TF_SECRET_KEY", "variable"), ("SCP_TF_MAX_REMAIN_DAYS", "20")]);
    for block in [
        SamsungCloudBlock { secret_key: Value::Unknown, ..Default::default() },
        SamsungCloudBlock { max_remain_days: Value::Unknown, ..Default::default() },
        SamsungCloudBlock { insecure: Value::Unknown, ..Default::default() },
        SamsungCloudBlock { endpoints: Value::Unknown, ..Default::default() },
    ] {
        let Ok(settings) = block.resolve(&environment).await else { panic!() };
        assert!(settings.unknown);
    }
}

#[tokio::test]
async fn a_file_that_is_there_and_cannot_be_used_is_reported_without_what_is_in_it() {
    for (config, credentials, place) in [
        ("{", "{}", "config.json, line 1"),
        ("{}", "hush", "credentials.json, line 1"),
        ("{}", r#"{"secret-key": ["hush"]}"#, "credentials.json"),
        ("[]", "{}", "config.json"),
    ] {
        let home = home(config, credentials);
        let problem = problems(json!({}), &environment(Some(home.path()), &[])).await;
        assert!(problem.contains(place) && !problem.contains("hush"), "{problem}");
    }
    let home = home("{}", "{}");
    std::fs::remove_file(home.path().join(".scpconf/config.json")).unwrap();
    assert_eq!(resolve(json!({}), &environment(Some(home.path()), &[])).await.auth_url, None);
    std::fs::create_dir(home.path().join(".scpconf/config.json")).unwrap();
    let problem = problems(json!({}), &environment(Some(home.path()), &[])).await;
    assert!(problem.contains("config.json cannot be read"), "{problem}");
}

#[tokio::test]
async fn no_secret_is_shown() {
    let secrets = json!({ "access_key": "hush", "secret_key": "hush", "auth_token": "hush" });
    let config = resolve(secrets, &environment(None, &[])).await;
    assert!(!format!("{config:?}").contains("hush"));
}
