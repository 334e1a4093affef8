//! The C ABI from the outside: header, exported symbols, and C programs compiled against both.
#![allow(missing_docs, clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[cfg(unix)]
mod support;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
#[cfg(unix)]
use std::process::Command;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn header() -> String {
    std::fs::read_to_string(root().join("include/group_writeback.h"))
        .expect("the committed header")
        .replace('\r', "")
}

/// Names of the functions that the header declares.
fn declared() -> BTreeSet<String> {
    let header = header();
    let mut names = BTreeSet::new();
    for line in header
        .lines()
        .filter(|line| !line.trim_start().starts_with(['*', '/', '#']))
    {
        if let Some((before, _)) = line.split_once('(')
            && let Some(name) = before.split([' ', '*']).next_back()
            && name.starts_with("gwb_")
        {
            assert!(names.insert(name.to_owned()), "{name} is declared twice");
        }
    }
    names
}

/// The shared library that cargo built with this test.
fn library() -> PathBuf {
    let exe = std::env::current_exe().unwrap();
    let name = format!(
        "{}group_writeback{}",
        std::env::consts::DLL_PREFIX,
        std::env::consts::DLL_SUFFIX
    );
    let path = exe.parent().unwrap().join(name);
    assert!(path.is_file(), "{} is missing", path.display());
    path
}

#[test]
fn the_committed_header_is_current() {
    let current = include_str!(concat!(env!("OUT_DIR"), "/group_writeback.h"));
    assert_eq!(
        header(),
        current,
        "include/group_writeback.h is stale: build once without GWB_HEADER=check and commit it"
    );
}

#[test]
fn exactly_the_declared_functions_are_exported() {
    let bytes = std::fs::read(library()).unwrap();
    let file = object::File::parse(&*bytes).expect("a shared library");
    let exported: BTreeSet<String> = object::Object::exports(&file)
        .unwrap()
        .iter()
        .map(|export| String::from_utf8_lossy(export.name()).into_owned())
        // Mach-O puts an underscore before every C name.
        .map(|name| name.strip_prefix('_').map_or(name.clone(), str::to_owned))
        .collect();
    assert_eq!(exported, declared());
    assert_eq!(exported.len(), 13);
}

#[test]
fn statuses_of_header_and_contract_agree() {
    let contract = std::fs::read_to_string(root().join("docs/abi.md")).unwrap();
    let mut seen = 0;
    for line in header().lines() {
        let Some(define) = line.strip_prefix("#define GWB_") else {
            continue;
        };
        let Some((name, value)) = define.split_once(' ') else {
            continue;
        };
        if name == "ABI_VERSION" {
            assert!(contract.contains(&format!("\"abi\":{value}}}")));
            continue;
        }
        assert!(
            contract.contains(&format!("| `GWB_{name}` | {value} |")),
            "GWB_{name} {value}"
        );
        seen += 1;
    }
    assert_eq!(seen, 7);
    for name in declared() {
        assert!(
            contract.contains(&format!("`{name}`")),
            "{name} is not in docs/abi.md"
        );
    }
}

/// How the C programs are compiled: as C and as C++, every warning an error.
#[cfg(unix)]
#[derive(Clone, Copy, Debug)]
enum Language {
    C,
    Cxx,
}

#[cfg(unix)]
fn compile(program: &str, language: Language, folder: &Path) -> PathBuf {
    let library = library();
    let folder_of_library = library.parent().unwrap().display();
    let link = [
        format!("-L{folder_of_library}"),
        "-lgroup_writeback".to_owned(),
        format!("-Wl,-rpath,{folder_of_library}"),
    ];
    compile_with(program, language, folder, &link)
}

#[cfg(unix)]
fn compile_with(program: &str, language: Language, folder: &Path, link: &[String]) -> PathBuf {
    let (variable, fallback, standard) = match language {
        Language::C => ("CC", "cc", "-std=c11"),
        Language::Cxx => ("CXX", "c++", "-std=c++17"),
    };
    let compiler = std::env::var(variable).unwrap_or_else(|_| fallback.to_owned());
    let out = folder.join(format!("{program}_{language:?}"));
    let mut command = Command::new(&compiler);
    command
        .args([standard, "-Wall", "-Wextra", "-Werror", "-pedantic", "-g"])
        .args([
            "-x",
            if matches!(language, Language::C) {
                "c"
            } else {
                "c++"
            },
        ])
        .arg("-I")
        .arg(root().join("include"))
        .arg(root().join("tests/c").join(program).with_extension("c"))
        .args(["-x", "none", "-o"])
        .arg(&out)
        .args(link)
        .args(["-lpthread", "-ldl"]);
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{compiler}: {error}"));
    assert!(
        output.status.success(),
        "{compiler} on {program}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    out
}

/// Runs a compiled program: it must pass, say so, and nothing else may be printed, by it or by the library.
#[cfg(unix)]
fn passes(program: &str, command: &mut Command) {
    // Cargo's search path comes before the program's own, and may hold the library of an earlier build.
    let output = command
        .env_remove("LD_LIBRARY_PATH")
        .env_remove("DYLD_FALLBACK_LIBRARY_PATH")
        .output()
        .unwrap();
    let (out, err) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{:?}: {out}{err}", output.status);
    assert_eq!(err, "");
    let passed = out
        .strip_prefix(&format!("{program}: "))
        .and_then(|rest| rest.strip_suffix(" checks passed\n"))
        .unwrap_or_else(|| panic!("unexpected output: {out}"));
    assert!(passed.parse::<u32>().unwrap() > 0);
}

#[cfg(unix)]
#[test]
fn the_contract_holds_in_c_and_cxx() {
    let folder = tempfile::tempdir().unwrap();
    for language in [Language::C, Language::Cxx] {
        let store = folder.path().join(format!("store_{language:?}"));
        std::fs::create_dir(&store).unwrap();
        let program = compile("abi_test", language, folder.path());
        passes("abi_test", Command::new(program).arg(store));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn the_library_is_never_unloaded() {
    let folder = tempfile::tempdir().unwrap();
    for language in [Language::C, Language::Cxx] {
        // Not linked with the library, or it would stay for that reason.
        let program = compile_with("unload_test", language, folder.path(), &[]);
        passes("unload_test", Command::new(program).arg(library()));
    }
}

#[cfg(unix)]
#[test]
fn the_whole_chain_needs_its_settings() {
    let folder = tempfile::tempdir().unwrap();
    for language in [Language::C, Language::Cxx] {
        let program = compile("cycle_test", language, folder.path());
        // Without its settings it must fail, not pass for want of anything to do.
        let output = Command::new(program).env_clear().output().unwrap();
        assert_eq!(output.status.code(), Some(2));
    }
}

#[cfg(unix)]
#[test]
fn the_whole_chain_in_c_and_cxx() {
    let folder = tempfile::tempdir().unwrap();
    for language in [Language::C, Language::Cxx] {
        let program = compile("cycle_test", language, folder.path());
        let lab = support::Lab::start(&["--seed", "3"]);
        let store = folder.path().join(format!("store_{language:?}"));
        std::fs::create_dir(&store).unwrap();
        let mut command = Command::new(program);
        for (variable, name) in [
            ("GWB_TEST_LOGIN", "login"),
            ("GWB_TEST_GRAPH", "graph"),
            ("GWB_TEST_TENANT_ID", "tenantId"),
            ("GWB_TEST_CLIENT_ID", "clientId"),
            ("GWB_TEST_CLIENT_SECRET", "clientSecret"),
            ("GWB_TEST_SERVER", "server"),
            ("GWB_TEST_CA_FILE", "caFile"),
            ("GWB_TEST_BIND_USER", "bindUser"),
            ("GWB_TEST_BIND_PASSWORD", "bindPassword"),
        ] {
            command.env(variable, lab.text(name));
        }
        command
            .env("GWB_TEST_STORE", store)
            .env("GWB_TEST_OU", format!("OU=Cloud Groups,{}", lab.base()));
        passes("cycle_test", &mut command);
    }
}
