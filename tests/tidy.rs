//! What rustc cannot check: imports point down, every file says what it is for, nothing unfinished and no machine's path is in the tree.

#![allow(clippy::expect_used, reason = "a test's way to fail")]

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Who may import whom: the first path segment under `src`, and the modules of the crate that it may name.
/// The crate documentation says why. `lib.rs` declares them all and is left out.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("backoff", &[]),
    ("bin", &["simulator"]),
    ("budget", &[]),
    ("config_error", &[]),
    ("huaweicloud", &["backoff", "budget", "config_error", "ids", "transport", "wait"]),
    ("ids", &[]),
    ("main", &["plugin", "provider"]),
    ("plugin", &[]),
    ("provider", &["backoff", "budget", "huaweicloud", "ids", "plugin", "samsungcloud", "sync", "transport", "wait"]),
    ("samsungcloud", &["backoff", "budget", "config_error", "ids", "transport", "wait"]),
    ("simulator", &[]),
    ("sync", &["backoff", "budget", "ids"]),
    ("transport", &["backoff", "budget", "ids"]),
    ("wait", &["backoff", "budget", "ids"]),
];

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for file in rust_files("src") {
        let folder = top_module(&file);
        if folder == "lib" {
            continue;
        }
        let Some((_, allowed)) = MAY_IMPORT.iter().find(|(name, _)| *name == folder) else {
            wrong.push(format!("{}: `{folder}` is not in the table of this test", file.display()));
            continue;
        };
        for (line, module) in imports(&read(&file), depth(&file)) {
            let known = MAY_IMPORT.iter().any(|(name, _)| *name == module);
            if known && module != folder && !allowed.contains(&module.as_str()) {
                wrong.push(format!("{}:{line}: `{folder}` must not know `{module}`", file.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "imports that point up:\n{}", wrong.join("\n"));
}

#[test]
fn every_file_begins_with_what_it_is_for() {
    let silent: Vec<_> = rust_files("src")
        .into_iter()
        .chain(rust_files("tests"))
        .filter(|file| !read(file).starts_with("//! "))
        .map(|file| file.display().to_string())
        .collect();
    assert!(silent.is_empty(), "files without a `//!` line at their start:\n{}", silent.join("\n"));
}

#[test]
fn nothing_is_left_unfinished() {
    // Written in halves, so that this file does not find itself.
    let marks = [concat!("todo", "!("), concat!("unimplemented", "!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    refuse(&marks.map(str::to_owned), rust_files("src").into_iter().chain(rust_files("tests")));
}

#[test]
fn no_path_of_one_machine_is_in_the_tree() {
    let marks = ["root", "home", "Users", "work"].map(|top| format!("/{top}/"));
    let tree = ["src", "tests", "docs", "examples", "scripts", ".ci"].into_iter().flat_map(files);
    let top = ["Cargo.toml", "GNUmakefile", "README.md", "CHANGELOG.md"].map(|name| root().join(name));
    refuse(&marks, tree.chain(top));
}

/// Fails with every line of `files` that has one of `marks`.
fn refuse(marks: &[String], files: impl Iterator<Item = PathBuf>) {
    let mut found = Vec::new();
    for file in files {
        for (number, line) in read(&file).lines().enumerate() {
            if marks.iter().any(|mark| line.contains(mark)) {
                found.push(format!("{}:{}: {}", file.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "these do not belong here:\n{}", found.join("\n"));
}

/// The crate's modules that `source` names through `crate::`, `cloudvolume::` or a chain of `super::` that reaches the
/// crate's root, each with its line. Comments may name anything.
fn imports(source: &str, depth: usize) -> Vec<(usize, String)> {
    let root = format!("{}::", vec!["super"; depth].join("::"));
    let mut found = Vec::new();
    let mut offset = 0;
    for (number, line) in source.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for prefix in ["crate::", "cloudvolume::", root.as_str()] {
            for (at, _) in code.match_indices(prefix) {
                // A longer word or path that only ends like the prefix.
                if code[..at].ends_with(|before: char| before.is_alphanumeric() || before == '_' || before == ':') {
                    continue;
                }
                let rest = &source[offset + at + prefix.len()..];
                found.extend(first_segments(rest).into_iter().map(|name| (number + 1, name)));
            }
        }
        offset += line.len() + 1;
    }
    found
}

/// `a::b` is `a`; `{a::{b, c}, d}` is `a` and `d`.
fn first_segments(path: &str) -> Vec<String> {
    let identifier = |text: &str| text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect::<String>();
    let Some(group) = path.strip_prefix('{') else { return vec![identifier(path)] };
    let mut depth = 0;
    let mut names = Vec::new();
    let mut start = 0;
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth > 0 => depth -= 1,
            ',' | '}' if depth == 0 => {
                names.push(identifier(group[start..at].trim()));
                start = at + 1;
                if c == '}' {
                    break;
                }
            }
            _ => {}
        }
    }
    names.retain(|name| !name.is_empty());
    names
}

#[test]
fn grouped_and_relative_imports_are_seen() {
    let source = "use crate::{\n    budget::{Budget, Ended},\n    ids,\n};\nuse super::super::wait;\n// crate::sync\n";
    let seen: Vec<_> = imports(source, 2).into_iter().map(|(_, name)| name).collect();
    assert_eq!(seen, ["budget", "ids", "wait"]);
}

/// `src/wait/mod.rs` and `src/wait/waiter.rs` belong to `wait`, `src/backoff.rs` to `backoff`.
fn top_module(file: &Path) -> String {
    let inside = file.strip_prefix(root().join("src")).expect("a file under src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy().into_owned();
    first.trim_end_matches(".rs").to_owned()
}

/// How many modules deep a file is: `src/a/mod.rs` and `src/a.rs` are 1, `src/a/b.rs` is 2.
fn depth(file: &Path) -> usize {
    let inside = file.strip_prefix(root().join("src")).expect("a file under src");
    inside.components().count() - usize::from(inside.ends_with("mod.rs"))
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|file| file.extension().is_some_and(|extension| extension == "rs")).collect()
}

/// Every file below `folder` that Terraform has not put there, sorted.
fn files(folder: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).into_iter().flatten() {
            let path = entry.expect("a readable entry").path();
            if !path.is_dir() {
                found.push(path);
            } else if !path.ends_with(".terraform") {
                folders.push(path);
            }
        }
    }
    found.sort();
    found
}

fn read(file: &Path) -> String {
    String::from_utf8_lossy(&fs::read(file).expect("a readable file")).into_owned()
}
