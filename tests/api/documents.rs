//! Huawei's own OpenAPI documents, and what an exchange has that they do not.
//!
//! The crates `huawei-cloud-api-definitions-*` carry a document for each operation; they are read as files. The documents are
//! Swagger 2.0, whose schemas are JSON Schema draft 4 but for two things that are mended here: parameters are schemas without
//! saying so, and nothing says that what is not documented must not be there.

use std::{
    collections::{BTreeSet, HashMap},
    path::PathBuf,
    process::Command,
    sync::{Arc, LazyLock, Mutex},
};

use cloudvolume::simulator::Entry;
use jsonschema::{Draft, Validator, error::ValidationErrorKind};
use serde_json::{Map, Value};

/// The folders of the crates that carry the documents.
static FOLDERS: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
    // For this machine's platform only: the packages of others need not be here, and nothing is downloaded.
    let version = cargo(&["version", "--verbose"]);
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).expect("a host");
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let only = ["--offline", "--format-version", "1", "--manifest-path", manifest, "--filter-platform", host];
    let metadata: Value = serde_json::from_str(&cargo(&[&["metadata"], &only[..]].concat())).expect("JSON");
    let packages = metadata["packages"].as_array().expect("packages").iter();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let ours = packages.filter(|package| text(&package["name"]).starts_with("huawei-cloud-api-definitions-"));
    ours.map(|package| PathBuf::from(text(&package["manifest_path"])).with_file_name("src")).collect()
});

/// What cargo prints.
fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).output().expect("cargo runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Of a null where something else is documented.
const IS_NULL: &str = "it is null";
/// Of what a document does not name.
const NOT_DOCUMENTED: &str = "is not documented";

/// Something that an exchange has and the document does not.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Deviation {
    /// The operation.
    pub(crate) operation: String,
    /// Where: `request` or `reply`, and a path into the body in which `*` is any item of a list.
    pub(crate) place: String,
    /// What the document says of it.
    pub(crate) what: String,
}

/// The document of one operation, with its schemas ready to be used.
pub(crate) struct Document {
    operation: String,
    template: String,
    method: String,
    parameters: Vec<Parameter>,
    replies: HashMap<String, Reply>,
}

/// A parameter: in the path, the query, the headers or the body.
struct Parameter {
    place: String,
    name: String,
    kind: String,
    required: bool,
    schema: Validator,
}

/// An answer of one status.
struct Reply {
    schema: Option<Validator>,
    /// Where the example has a null. Swagger 2.0 cannot say that something may be null; the printed example can.
    nulls: BTreeSet<String>,
    has_request_id: bool,
}

impl Document {
    /// The document of an operation of a service, if there is one. It is read once.
    pub(crate) fn of(service: &str, operation: &str) -> Option<Arc<Self>> {
        static READ: LazyLock<Mutex<HashMap<String, Option<Arc<Document>>>>> = LazyLock::new(Mutex::default);
        let mut read = READ.lock().expect("no reader has panicked");
        let document = read.entry(operation.to_owned()).or_insert_with(|| Self::read(service, operation).map(Arc::new));
        document.clone()
    }

    fn read(service: &str, operation: &str) -> Option<Self> {
        let is_of = |folder: &&PathBuf| folder.to_string_lossy().to_lowercase().contains(&format!("-{service}-"));
        let file = FOLDERS.iter().find(is_of)?.join(format!("{operation}.json"));
        let root: Value = serde_json::from_str(&std::fs::read_to_string(file).ok()?).expect("a document is JSON");
        let (template, methods) = root["paths"].as_object()?.iter().next()?;
        let (method, call) = methods.as_object()?.iter().next()?;
        let parameters =
            call["parameters"].as_array().into_iter().flatten().map(|known| match known["$ref"].as_str() {
                Some(pointer) => root.pointer(pointer.trim_start_matches('#')).expect("a reference leads somewhere"),
                None => known,
            });
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let definitions = closed(&root["definitions"]);
        let parameter = |known: &Value| Parameter {
            place: text(&known["in"]),
            name: text(&known["name"]),
            kind: text(&known["type"]),
            required: known["required"] == true,
            schema: validator(known.get("schema").unwrap_or(known), &definitions),
        };
        let reply = |known: &Value| Reply {
            schema: known.get("schema").map(|schema| validator(schema, &definitions)),
            nulls: nulls(&known["examples"]["application/json"], "reply "),
            has_request_id: known["headers"]["X-Request-Id"].is_object(),
        };
        let replies = call["responses"].as_object()?.iter();
        Some(Self {
            operation: operation.to_owned(),
            template: template.clone(),
            method: method.to_uppercase(),
            parameters: parameters.map(parameter).collect(),
            replies: replies.map(|(status, known)| (status.clone(), reply(known))).collect(),
        })
    }

    /// What the exchange has that the document does not.
    pub(crate) fn deviations(&self, entry: &Entry) -> BTreeSet<Deviation> {
        let mut found = Vec::new();
        if entry.method != self.method {
            found.push(("request".to_owned(), format!("{} instead of {}", entry.method, self.method)));
        }
        self.check_path(entry, &mut found);
        self.check_query(entry, &mut found);
        self.check_headers(entry, &mut found);
        self.check_body(entry, &mut found);
        self.check_reply(entry, &mut found);
        let deviation = |(place, what)| Deviation { operation: self.operation.clone(), place, what };
        found.into_iter().map(deviation).collect()
    }

    fn parameters(&self, place: &str) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(move |parameter| parameter.place == place)
    }

    fn check_path(&self, entry: &Entry, found: &mut Vec<(String, String)>) {
        let (template, path): (Vec<_>, Vec<_>) = (self.template.split('/').collect(), entry.path.split('/').collect());
        if template.len() != path.len() {
            return found.push(("request".to_owned(), format!("{} instead of {}", entry.path, self.template)));
        }
        for (known, sent) in template.iter().zip(path) {
            let Some(name) = known.strip_prefix('{').and_then(|known| known.strip_suffix('}')) else {
                if *known != sent {
                    found.push(("request".to_owned(), format!("{sent} instead of {known}")));
                }
                continue;
            };
            match self.parameters("path").find(|parameter| parameter.name == name) {
                Some(parameter) => {
                    check(&parameter.schema, &Value::from(sent), &format!("request {{{name}}}"), found);
                }
                // One document names its server in the path and not among its parameters.
                None => assert!(!sent.is_empty(), "{name} is empty"),
            }
        }
    }

    fn check_query(&self, entry: &Entry, found: &mut Vec<(String, String)>) {
        let pairs = url::form_urlencoded::parse(entry.query.as_bytes());
        for (name, sent) in pairs {
            let place = format!("request ?{name}");
            match self.parameters("query").find(|parameter| parameter.name == *name) {
                None => found.push((place, NOT_DOCUMENTED.to_owned())),
                Some(parameter) => {
                    let typed = match parameter.kind.as_str() {
                        "integer" | "boolean" | "number" => serde_json::from_str(&sent).ok(),
                        _ => None,
                    };
                    check(&parameter.schema, &typed.unwrap_or_else(|| Value::from(sent.as_ref())), &place, found);
                }
            }
        }
    }

    fn check_headers(&self, entry: &Entry, found: &mut Vec<(String, String)>) {
        let sent = |name: &str| entry.headers.iter().any(|(given, _)| given.eq_ignore_ascii_case(name));
        for Parameter { name, .. } in self.parameters("header").filter(|parameter| parameter.required) {
            // A signature says who calls as well as a token does.
            let signed = name == "X-Auth-Token" && sent("Authorization");
            if !(sent(name) || signed) {
                found.push((format!("request {name}"), "is required".to_owned()));
            }
        }
        if !entry.body.is_empty() && !sent("content-type") {
            found.push(("request content-type".to_owned(), "is required".to_owned()));
        }
    }

    fn check_body(&self, entry: &Entry, found: &mut Vec<(String, String)>) {
        match (self.parameters("body").next(), entry.body.is_empty()) {
            (None, true) => {}
            (None, false) => found.push(("request".to_owned(), "a body is not documented".to_owned())),
            (Some(parameter), true) => {
                if parameter.required {
                    found.push(("request".to_owned(), "a body is required".to_owned()));
                }
            }
            (Some(parameter), false) => check_json(&parameter.schema, &entry.body, "request", found),
        }
    }

    fn check_reply(&self, entry: &Entry, found: &mut Vec<(String, String)>) {
        let Some(status) = entry.status else {
            return found.push(("reply".to_owned(), "there is none".to_owned()));
        };
        let Some(documented) = self.replies.get(&status.to_string()) else {
            // What is refused is documented elsewhere, in tables of codes.
            if status < 400 {
                found.push(("reply".to_owned(), format!("{status} is not documented")));
            }
            return;
        };
        match &documented.schema {
            Some(schema) => {
                let mut wrong = Vec::new();
                check_json(schema, &entry.response_body, "reply", &mut wrong);
                wrong.retain(|(place, what)| what != IS_NULL || !documented.nulls.contains(place));
                found.append(&mut wrong);
            }
            None if status < 300 && !entry.response_body.is_empty() => {
                found.push(("reply".to_owned(), "a body is not documented".to_owned()));
            }
            None => {}
        }
        if documented.has_request_id && entry.request_id.is_none() {
            found.push(("reply X-Request-Id".to_owned(), "is documented".to_owned()));
        }
    }
}

fn check_json(schema: &Validator, text: &str, side: &str, found: &mut Vec<(String, String)>) {
    match serde_json::from_str(text) {
        Ok(sent) => check(schema, &sent, side, found),
        Err(_) => found.push((side.to_owned(), "is not JSON".to_owned())),
    }
}

/// The definitions, each allowing only what it names.
fn closed(definitions: &Value) -> Value {
    let mut definitions = definitions.clone();
    for definition in definitions.as_object_mut().into_iter().flat_map(Map::values_mut) {
        if definition["properties"].is_object() && definition.get("additionalProperties").is_none() {
            definition["additionalProperties"] = false.into();
        }
    }
    definitions
}

/// Where an example has a null, as places of deviations.
fn nulls(example: &Value, place: &str) -> BTreeSet<String> {
    match example {
        Value::Null => BTreeSet::from([place.to_owned()]),
        Value::Array(items) => items.iter().flat_map(|item| nulls(item, &format!("{place}/*"))).collect(),
        Value::Object(keys) => keys.iter().flat_map(|(key, value)| nulls(value, &format!("{place}/{key}"))).collect(),
        Value::Bool(_) | Value::Number(_) | Value::String(_) => BTreeSet::new(),
    }
}

fn validator(schema: &Value, definitions: &Value) -> Validator {
    let mut schema = schema.clone();
    // A parameter says `required` of itself, which a schema says of its properties.
    if schema["required"].is_boolean() {
        schema.as_object_mut().map(|schema| schema.remove("required"));
    }
    schema["definitions"] = definitions.clone();
    jsonschema::options().with_draft(Draft::Draft4).build(&schema).expect("a schema")
}

/// Validates and notes what is wrong, each key of its own.
fn check(schema: &Validator, sent: &Value, side: &str, found: &mut Vec<(String, String)>) {
    for error in schema.iter_errors(sent) {
        let at = error.instance_path().to_string();
        let at: Vec<_> = at.split('/').map(|step| if step.parse::<usize>().is_ok() { "*" } else { step }).collect();
        let at = at.join("/");
        match error.kind() {
            ValidationErrorKind::AdditionalProperties { unexpected } => {
                let place = |key: &String| (format!("{side} {at}/{key}"), NOT_DOCUMENTED.to_owned());
                found.extend(unexpected.iter().map(place));
            }
            ValidationErrorKind::Required { property } => {
                let key = property.as_str().unwrap_or_default();
                found.push((format!("{side} {at}/{key}"), "is required".to_owned()));
            }
            ValidationErrorKind::Type { .. } if error.instance().is_null() => {
                found.push((format!("{side} {at}"), IS_NULL.to_owned()));
            }
            _ => found.push((format!("{side} {at}"), error.masked_with("it").to_string())),
        }
    }
}
