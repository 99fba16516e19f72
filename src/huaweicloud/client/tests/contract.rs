//! Every request against Huawei's own OpenAPI documents, which also give the answers: path, method, query and body have to
//! be as documented, and the vendor's examples have to be understood.

use std::{path::PathBuf, process::Command, sync::LazyLock};

use async_trait::async_trait;
use bytes::Bytes;
use serde_json::Value;

use super::*;
use crate::transport::{Service, ServiceError};

/// The folders of the crates that carry the documents.
static DOCUMENTS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    // For this machine's platform only: the packages of others need not be here, and nothing is downloaded.
    let version = cargo(&["version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let only = ["--offline", "--format-version", "1", "--manifest-path", manifest, "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&cargo(&[&["metadata"], &only[..]].concat())).unwrap();
    let packages = metadata["packages"].as_array().unwrap().iter();
    let ours =
        packages.filter(|package| package["name"].as_str().unwrap().starts_with("huawei-cloud-api-definitions-"));
    ours.map(|package| PathBuf::from(package["manifest_path"].as_str().unwrap()).with_file_name("src")).collect()
});

/// What cargo prints.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// The document of an operation.
fn document(operation: &str, service: &str) -> Value {
    let folder =
        DOCUMENTS.iter().find(|folder| folder.to_str().unwrap().to_lowercase().contains(&format!("-{service}-")));
    let file = folder.unwrap().join(format!("{operation}.json"));
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

/// Answers each request with the example in its document, once the request is as documented.
struct Vendor;

#[async_trait]
impl Service for Vendor {
    async fn call(&self, request: Request) -> Result<http::Response<Bytes>, ServiceError> {
        let service = request.url.host_str().unwrap().split('.').next().unwrap().to_owned();
        let document = document(request.operation, &service);
        let (template, methods) = document["paths"].as_object().unwrap().iter().next().unwrap();
        let method = request.method.as_str().to_lowercase();
        let call = &methods[&method];
        assert!(call.is_object(), "{} has no {method}", request.operation);
        assert!(fits(template, request.url.path()), "{template} is not {}", request.url.path());
        check_query(&request, call);
        check_body(&request, call, &document);
        let (status, reply) = call["responses"].as_object().unwrap().iter().next().unwrap();
        let example = reply["examples"]["application/json"].clone();
        let body = match (example, reply.get("schema")) {
            (Value::Null, None) => String::new(),
            // The newest calls have no example yet; all of them start a job.
            (Value::Null, Some(_)) => r#"{"job_id":"j"}"#.to_owned(),
            // One example is not JSON: it has a comma before its last brace.
            (Value::String(text), _) => text.replace(",\n}", "}"),
            (example, _) => example.to_string(),
        };
        let answer = http::Response::builder().status(status.as_str()).header("X-Subject-Token", "t");
        Ok(answer.body(Bytes::from(body)).unwrap())
    }
}

fn fits(template: &str, path: &str) -> bool {
    let (template, path): (Vec<_>, Vec<_>) = (template.split('/').collect(), path.split('/').collect());
    template.len() == path.len()
        && template.iter().zip(path).all(|(known, sent)| known.starts_with('{') || *known == sent)
}

fn check_query(request: &Request, call: &Value) {
    for (name, value) in request.url.query_pairs() {
        let parameters = call["parameters"].as_array().unwrap();
        let known = parameters.iter().find(|known| known["in"] == "query" && known["name"] == *name);
        let known = known.unwrap_or_else(|| panic!("{} has no parameter {name}", request.operation));
        if known["type"] == "integer" {
            let number: f64 = value.parse().unwrap();
            assert!(number <= known["maximum"].as_f64().unwrap(), "{name}={value}");
        }
        if let Some(values) = known["enum"].as_array() {
            assert!(values.iter().any(|known| *known == *value), "{name}={value}");
        }
    }
}

fn check_body(request: &Request, call: &Value, document: &Value) {
    let body = call["parameters"].as_array().unwrap().iter().find(|known| known["in"] == "body");
    let Some(body) = body else {
        assert!(request.body.is_empty(), "{} has no body", request.operation);
        return;
    };
    let mut schema = body["schema"].clone();
    schema["definitions"] = document["definitions"].clone();
    // The documents say what a body may hold but not that it may hold nothing else; we want to send nothing else.
    for definition in
        schema["definitions"].as_object_mut().unwrap().values_mut().filter(|it| it["properties"].is_object())
    {
        definition["additionalProperties"] = false.into();
    }
    let sent: Value = serde_json::from_slice(&request.body).unwrap();
    let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft4).build(&schema).unwrap();
    let wrong: Vec<_> = validator.iter_errors(&sent).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{}: {wrong:?}", request.operation);
}

fn vendors(config: Config) -> Client {
    let transport = Transport::with_service(TransportConfig::default(), Vendor).unwrap();
    Client::new(Config { region: Some("cn-north-4".to_owned()), ..config }, transport).unwrap()
}

#[tokio::test]
async fn every_call_is_as_huaweis_documents_have_it() {
    let client = vendors(Config {
        access_key: Some("AKEXAMPLE".to_owned()),
        secret_key: Some(SECRET_KEY.into()),
        project_id: Some("p".to_owned()),
        ..Config::default()
    });
    let (budget, server, volume, job) = (budget(), server(), volume(), JobId::new("j"));
    let servers = [server.clone()];
    client.attach_server_volume(&budget, &server, &volume, Some("/dev/vdb")).await.unwrap();
    client.detach_server_volume(&budget, &server, &volume, true).await.unwrap();
    let devices = [(server.clone(), Some("/dev/vdb".to_owned())), (server.clone(), None)];
    client.batch_attach_sharable_volumes(&budget, &volume, &devices).await.unwrap();
    client.batch_detach_volumes(&budget, &volume, &servers).await.unwrap();
    client.batch_stop_servers(&budget, &servers).await.unwrap();
    client.batch_start_servers(&budget, &servers).await.unwrap();
    client.update_server_block_device(&budget, &server, &volume, true).await.unwrap();
    let shown = client.show_job(&budget, &job).await.unwrap();
    assert_eq!((shown.status.as_str(), shown.sub_jobs.len()), ("SUCCESS", 1));
    assert!(!client.list_server_block_devices(&budget, &server).await.unwrap().volume_attachments.is_empty());
    assert!(client.show_server_block_device(&budget, &server, &volume).await.unwrap().device.is_some());
    assert!(client.show_server(&budget, &server).await.unwrap().availability_zone.is_some());
    assert!(client.show_volume(&budget, &volume).await.unwrap().multiattach.is_some());
    client.list_volumes_of_server(&budget, &server).await.unwrap();
    client.list_volumes_by_id(&budget, std::slice::from_ref(&volume)).await.unwrap();
    client.show_dev_server(&budget, &server).await.unwrap();
    client.list_dev_servers(&budget).await.unwrap();
    client.attach_dev_server_volume(&budget, &server, &volume).await.unwrap();
    client.detach_dev_server_volume(&budget, &server, &volume).await.unwrap();
    client.show_dev_server_operation(&budget, &server, &job).await.unwrap();
}

#[tokio::test]
async fn projects_tokens_and_agencies_are_as_huaweis_documents_have_them() {
    let role = AssumeRole {
        agency_name: "agency".to_owned(),
        domain_name: Some("account".to_owned()),
        duration: Some(Duration::from_secs(3600)),
        ..AssumeRole::default()
    };
    let client = vendors(Config {
        user_name: Some("user".to_owned()),
        domain_name: Some("account".to_owned()),
        password: Some("pass-word".into()),
        assume_role: vec![role],
        ..Config::default()
    });
    // The example of the last of these calls lists other projects than the one that is looked for.
    let error = client.project_id(&budget()).await.unwrap_err();
    assert!(error.to_string().contains("no project is called \"cn-north-4\""), "{error}");
}
