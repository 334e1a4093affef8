//! Writes the C header from `src/ffi/`, into the build's own folder for the tests and into `include/`.

use std::error::Error;
use std::path::Path;
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
