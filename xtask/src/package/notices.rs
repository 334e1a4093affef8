//! The notices that a binary owes to what is linked into it, from the packages' own licence files.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::licences;

/// MIT without its line of copyright: for packages that name this licence and bring no file of it.
const MIT: &str = include_str!("mit.txt");
/// What Debian's toolchain links into a Windows library.
const MINGW: &str = include_str!("mingw.txt");

const HEAD: &str = "\
The native libraries of this module contain the packages below. Each stands under the terms that follow its name; where
its authors let one choose, the choice was made here. SQLite, in libsqlite3-sys, is in the public domain.

";

/// The notices of everything in the libraries of these targets (Rust's names of them).
pub fn collect(targets: &[&str]) -> Result<String, String> {
    let mut names = BTreeMap::<String, BTreeSet<String>>::new();
    for target in targets {
        for package in linked(target)? {
            let name = format!("{} {}", text(&package, "name"), text(&package, "version"));
            for licence in licences(&package).map_err(|e| format!("{name}: {e}"))? {
                names.entry(licence).or_default().insert(name.clone());
            }
        }
    }
    // The standard library is no package that cargo would tell of.
    let rust = format!("Copyright (c) The Rust Project Contributors\n\n{MIT}");
    names
        .entry(rust.trim().to_owned())
        .or_default()
        .insert("Rust's standard library".to_owned());
    if targets.iter().any(|target| target.ends_with("windows-gnu")) {
        names
            .entry(MINGW.trim().to_owned())
            .or_default()
            .insert("mingw-w64 (Windows library)".to_owned());
    }
    let mut sections: Vec<(String, String)> = names
        .into_iter()
        .map(|(licence, names)| (names.into_iter().collect::<Vec<_>>().join("\n"), licence))
        .collect();
    sections.sort();
    let line = "-".repeat(100);
    let mut all = HEAD.to_owned();
    for (names, licence) in sections {
        all += &format!("{line}\n{names}\n\n{licence}\n\n");
    }
    Ok(all)
}

/// The packages whose code is in the library: what it depends on at run time, without code that runs in the compiler.
fn linked(target: &str) -> Result<Vec<Value>, String> {
    let metadata = licences::metadata(&["--filter-platform", target])?;
    let by_id = |list: &Value| -> BTreeMap<String, Value> {
        list.as_array()
            .into_iter()
            .flatten()
            .map(|one| (text(one, "id").to_owned(), one.clone()))
            .collect()
    };
    let packages = by_id(&metadata["packages"]);
    let nodes = by_id(&metadata["resolve"]["nodes"]);
    let ours = packages
        .iter()
        .find(|(_, package)| package["name"] == "group-writeback")
        .ok_or("cargo metadata lacks our own package")?
        .0;
    let (mut seen, mut next) = (BTreeSet::new(), vec![ours.clone()]);
    while let Some(id) = next.pop() {
        let in_compiler = packages
            .get(&id)
            .and_then(|package| package["targets"].as_array())
            .is_some_and(|all| all.iter().any(|one| one["kind"][0] == "proc-macro"));
        if in_compiler || !seen.insert(id.clone()) {
            continue;
        }
        let needed = nodes.get(&id).and_then(|node| node["deps"].as_array());
        for one in needed.into_iter().flatten() {
            let kinds = one["dep_kinds"].as_array();
            if kinds.is_some_and(|kinds| kinds.iter().any(|kind| kind["kind"].is_null())) {
                next.push(text(one, "pkg").to_owned());
            }
        }
    }
    seen.remove(ours);
    Ok(seen
        .iter()
        .filter_map(|id| packages.get(id).cloned())
        .collect())
}

/// The texts under which a package is used: MIT's alone where it is offered, else all that the package brings.
fn licences(package: &Value) -> Result<Vec<String>, String> {
    let manifest = text(package, "manifest_path");
    let folder = Path::new(manifest).parent().ok_or("has no folder")?;
    let mut files = licence_files(folder)?;
    let expression = text(package, "license").replace('/', " OR ");
    let offers_mit =
        !expression.contains(" AND ") && expression.split(" OR ").any(|one| one.trim() == "MIT");
    if files.is_empty() {
        if !offers_mit {
            return Err(format!("brings no text of its licence ({expression})"));
        }
        let authors: Vec<&str> = package["authors"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|author| author.as_str()?.split('<').next())
            .map(str::trim)
            .collect();
        return Ok(vec![format!(
            "Copyright (c) {}\n\n{}",
            authors.join(", "),
            MIT.trim()
        )]);
    }
    let is_mit = |file: &String| file.to_ascii_uppercase().contains("MIT");
    if offers_mit && files.keys().any(is_mit) {
        files.retain(|file, _| is_mit(file));
    }
    Ok(files.into_values().collect())
}

/// Licence files of a package and of what it carries of others, by name.
fn licence_files(folder: &Path) -> Result<BTreeMap<String, String>, String> {
    let mut folders = vec![folder.to_owned()];
    if let Ok(carried) = fs::read_dir(folder.join("third_party")) {
        folders.extend(carried.flatten().map(|entry| entry.path()));
    }
    let mut found = BTreeMap::new();
    for folder in folders.iter().filter(|folder| folder.is_dir()) {
        for entry in fs::read_dir(folder).map_err(|e| e.to_string())?.flatten() {
            let name = entry.file_name().to_string_lossy().to_ascii_uppercase();
            let words = [
                "LICENSE",
                "LICENCE",
                "COPYING",
                "COPYRIGHT",
                "NOTICE",
                "UNLICENSE",
            ];
            if !entry.path().is_file() || !words.iter().any(|word| name.starts_with(word)) {
                continue;
            }
            let text = fs::read_to_string(entry.path()).map_err(|e| format!("{name}: {e}"))?;
            let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
            found.insert(
                entry.path().display().to_string(),
                lines.join("\n").trim_matches('\n').to_owned(),
            );
        }
    }
    Ok(found)
}

fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value[name].as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::collect;

    #[test]
    fn everything_linked_is_there_and_what_only_builds_is_not() {
        let all = collect(&["x86_64-unknown-linux-gnu", "x86_64-pc-windows-gnu"]);
        let all = all.unwrap_or_else(|e| panic!("{e}"));
        for linked in [
            "\nring ",
            "\nlibsqlite3-sys ",
            "\nserde ",
            "\np12-keystore ",
            "\nwindows-sys ",
            "\nmingw-w64",
            "\nRust's",
        ] {
            assert!(all.contains(linked), "{linked}");
        }
        for absent in [
            "\ncbindgen ",
            "\nserde_derive ",
            "\nproptest ",
            "\nhyper-util-lab",
            "\ngroup-writeback",
        ] {
            assert!(!all.contains(absent), "{absent}");
        }
        assert!(all.contains("Permission is hereby granted"));
    }
}
