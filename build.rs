//! Writes the C header from `src/ffi/`, into the build's own folder for the tests and into `include/`; on Windows also the
//! library's version resource.

use std::error::Error;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let root = env::var("CARGO_MANIFEST_DIR")?;
    let root = Path::new(&root);
    let config = root.join("cbindgen.toml");
    // Single files in the header's order: parsing the crate would need cargo's metadata and the network's luck.
    let sources =
        ["status.rs", "buffer.rs", "exports.rs"].map(|name| root.join("src/ffi").join(name));
    let committed = root.join("include/group_writeback.h");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-env-changed=GWB_HEADER");
    for path in sources.iter().chain([&config, &committed]) {
        println!("cargo:rerun-if-changed={}", path.display());
    }

    let mut builder = cbindgen::Builder::new().with_config(cbindgen::Config::from_file(&config)?);
    for source in &sources {
        builder = builder.with_src(source);
    }
    let mut header = Vec::new();
    builder.generate()?.write(&mut header);

    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "linux" || os == "android") {
        // The engine's threads outlive a session: unloading the library would take their code away.
        println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");
    }

    let out = env::var("OUT_DIR")?;
    if env::var("CARGO_CFG_TARGET_OS").is_ok_and(|os| os == "windows") {
        version_resource(Path::new(&out))?;
    }
    fs::write(Path::new(&out).join("group_writeback.h"), &header)?;

    let current = fs::read(&committed).unwrap_or_default();
    // A checkout with CRLF line ends is current as well.
    if current.iter().filter(|byte| **byte != b'\r').eq(&header) {
        return Ok(());
    }
    // `check` is for builds that judge the checkout: the test that compares both then fails.
    let check = env::var("GWB_HEADER").is_ok_and(|value| value == "check");
    if check || fs::write(&committed, &header).is_err() {
        println!("cargo:warning=include/group_writeback.h is not current");
    }
    Ok(())
}

/// What Windows shows of the file: whose it is, and which version.
fn version_resource(out: &Path) -> Result<(), Box<dyn Error>> {
    let version = env::var("CARGO_PKG_VERSION")?;
    let part = |name: &str| env::var(format!("CARGO_PKG_VERSION_{name}"));
    let numbers = format!("{},{},{},0", part("MAJOR")?, part("MINOR")?, part("PATCH")?);
    let text = fs::read_to_string("src/ffi/version.rc")?
        .replace("@NUMBERS@", &numbers)
        .replace("@VERSION@", &version)
        .replace("@DESCRIPTION@", &env::var("CARGO_PKG_DESCRIPTION")?);
    println!("cargo:rerun-if-changed=src/ffi/version.rc");
    let (script, object) = (out.join("version.rc"), out.join("version.o"));
    fs::write(&script, text)?;
    let msvc = env::var("CARGO_CFG_TARGET_ENV").is_ok_and(|env| env == "msvc");
    // Microsoft's linker takes the compiled script as it is, MinGW's wants an object.
    let mut compiler = if msvc {
        let mut rc = Command::new("rc.exe");
        rc.arg("/nologo").arg("/fo").arg(&object).arg(&script);
        rc
    } else {
        let windres = if cfg!(windows) {
            "windres"
        } else {
            "x86_64-w64-mingw32-windres"
        };
        let mut windres = Command::new(windres);
        windres.args(["--codepage=65001", "--output-format=coff", "-i"]);
        windres.arg(&script).arg("-o").arg(&object);
        windres
    };
    let done = compiler.status();
    if done.as_ref().is_ok_and(|status| status.success()) {
        println!("cargo:rustc-cdylib-link-arg={}", object.display());
    } else {
        println!(
            "cargo:warning=no version resource: {} failed ({done:?})",
            compiler.get_program().display()
        );
    }
    Ok(())
}
