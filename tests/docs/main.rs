//! Keeps `docs/` what the provider's schemas and `examples/` say: fails where they differ, writes them with `UPDATE_DOCS=1`.

#![allow(clippy::expect_used, clippy::panic, reason = "a test's way to fail")]

mod page;
mod schema;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
    time::SystemTime,
};

use cloudvolume::{
    plugin::Provider,
    provider::{CloudvolumeProvider, config::Environment},
};

#[test]
fn the_pages_are_what_the_schemas_say() {
    let docs = root().join("docs");
    let pages = pages();
    if update() {
        fs::create_dir_all(docs.join("resources")).expect("a folder");
        for (name, text) in &pages {
            fs::write(docs.join(name), text).expect("a written page");
        }
    }
    for (name, text) in &pages {
        let there = fs::read_to_string(docs.join(name)).unwrap_or_default();
        assert!(there == *text, "docs/{name} differs from the schema and the examples: run `make generate`");
    }
    let orphans: Vec<_> = names(&docs.join("resources"))
        .into_iter()
        .filter(|name| !pages.contains_key(&format!("resources/{name}")))
        .collect();
    assert!(orphans.is_empty(), "pages of resources that do not exist: {orphans:?}");
}

#[test]
fn every_attribute_is_described() {
    for (name, text) in pages() {
        for line in text.lines().filter(|line| line.starts_with("- `")) {
            assert!(!line.ends_with(") ") && !line.ends_with(") empty"), "docs/{name}: {line}");
        }
    }
}

/// Every generated page by its name under `docs/`.
fn pages() -> BTreeMap<String, String> {
    let provider = CloudvolumeProvider::new(Environment::default(), || SystemTime::UNIX_EPOCH);
    let examples = root().join("examples");
    let mut resources = provider.resources();
    resources.sort_by_key(|resource| resource.type_name());
    let mut pages = BTreeMap::new();
    let mut described = Vec::new();
    for resource in &resources {
        let (name, schema) = (resource.type_name(), resource.schema());
        pages.insert(format!("resources/{}.md", page::short(name)), page::resource_page(name, schema, &examples));
        described.push((name, schema.block.description.content.as_str()));
    }
    let index = page::provider_page(&provider.schema(), &examples, &described, &guides(&root().join("docs/guides")));
    pages.insert("index.md".to_owned(), index);
    pages
}

/// The guides written by hand, as (file, title).
fn guides(folder: &Path) -> Vec<(String, String)> {
    let title = |name: &String| {
        let text = fs::read_to_string(folder.join(name)).expect("a guide");
        let line = text.lines().find_map(|line| line.strip_prefix("page_title:"));
        line.unwrap_or_else(|| panic!("docs/guides/{name} has no page_title")).trim().trim_matches('"').to_owned()
    };
    names(folder).into_iter().map(|name| (name.clone(), title(&name))).collect()
}

/// The files of a folder by name; none where there is no folder.
fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

#[allow(clippy::disallowed_methods, reason = "the one switch of this test")]
fn update() -> bool {
    std::env::var_os("UPDATE_DOCS").is_some()
}
