//! `cargo xtask package`: the module as it is published, with the native libraries, in a folder, as nupkg and as zip.
//!
//! The bytes follow from the commit: names sorted, the commit's time, no path of the machine in the library.

mod archive;
mod manifest;
mod notices;
mod nupkg;

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::{build, system, windows};
use archive::Entry;

const NAME: &str = "GroupWriteback";

/// A native library of the package.
pub struct Native {
    /// The runtime identifier, as in `runtimes/<rid>/native`.
    rid: &'static str,
    /// What Rust calls this target.
    target: &'static str,
    /// The file's name in the package.
    file: &'static str,
    /// The built library.
    path: PathBuf,
}

/// The platforms that a package can hold: runtime identifier, Rust's target, file name.
const PLATFORMS: &[(&str, &str, &str)] = &[
    (
        "linux-x64",
        "x86_64-unknown-linux-gnu",
        "libgroup_writeback.so",
    ),
    (
        "linux-arm64",
        "aarch64-unknown-linux-gnu",
        "libgroup_writeback.so",
    ),
    (
        "osx-arm64",
        "aarch64-apple-darwin",
        "libgroup_writeback.dylib",
    ),
    ("win-x64", "x86_64-pc-windows-gnu", "group_writeback.dll"),
];

impl Native {
    /// The library of a platform.
    pub fn of(rid: &str, path: PathBuf) -> Result<Native, String> {
        let (rid, target, file) = PLATFORMS.iter().find(|row| row.0 == rid).ok_or_else(|| {
            let known: Vec<&str> = PLATFORMS.iter().map(|row| row.0).collect();
            format!("no platform '{rid}'; platforms: {}", known.join(" "))
        })?;
        Ok(Native {
            rid,
            target,
            file,
            path,
        })
    }

    /// The library of this machine.
    pub fn host(path: PathBuf) -> Result<Native, String> {
        Native::of(host_rid()?, path)
    }
}

/// A package that was laid out.
pub struct Package {
    /// The module's folder, `GroupWriteback/<version>`.
    pub module: PathBuf,
    /// The NuGet package.
    pub nupkg: PathBuf,
    /// The module's folder as a zip.
    pub zip: PathBuf,
}

/// Builds what is asked for and lays it out in `dist`.
pub fn run(args: &[String]) -> Result<(), String> {
    let (mut rids, mut dll, mut out) = (Vec::new(), None, system::root().join("dist"));
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        let mut value = || rest.next().ok_or(format!("{arg} wants a value"));
        match arg.as_str() {
            "--target" => rids.push(value()?.clone()),
            "--dll" => dll = Some(PathBuf::from(value()?)),
            "--out" => out = PathBuf::from(value()?),
            other => return Err(format!("package has no option '{other}'")),
        }
    }
    if rids.is_empty() {
        rids.push(host_rid()?.to_owned());
        if dll.is_some() {
            rids.push("win-x64".to_owned());
        }
    }
    let mut natives = Vec::new();
    for rid in &rids {
        let path = match (rid.as_str(), &dll) {
            ("win-x64", Some(dll)) => dll.clone(),
            ("win-x64", None) => windows::library()?,
            (rid, _) if rid == host_rid()? => build::shipped()?,
            (rid, _) => return Err(format!("{rid} can't be built on this machine")),
        };
        natives.push(Native::of(rid, path)?);
    }
    let package = lay_out(&out, &natives)?;
    println!("{}", tell(&package)?);
    Ok(())
}

/// Lays a package with these libraries out under a folder, which holds nothing else of this version afterwards.
pub fn lay_out(out: &Path, natives: &[Native]) -> Result<Package, String> {
    let source = system::root().join("powershell").join(NAME);
    let read = |path: &Path| fs::read(path).map_err(|e| format!("{}: {e}", path.display()));
    let manifest = String::from_utf8(read(&source.join(format!("{NAME}.psd1")))?)
        .map_err(|e| format!("the manifest: {e}"))?;
    let version = manifest::value(&manifest, "ModuleVersion")?;

    let mut files: Vec<Entry> = Vec::new();
    for name in manifest::list(&manifest, "FileList")? {
        let bytes = read(&source.join(&name))?;
        files.push((name, bytes));
    }
    for native in natives {
        let name = format!("runtimes/{}/native/{}", native.rid, native.file);
        files.push((name, read(&native.path)?));
    }
    let licence = read(&system::root().join("LICENSE"))?;
    files.push(("LICENSE.txt".to_owned(), licence));
    let targets: Vec<&str> = natives.iter().map(|native| native.target).collect();
    let third = notices::collect(&targets)?.into_bytes();
    files.push(("THIRD-PARTY-NOTICES.txt".to_owned(), third));

    let names: Vec<String> = files.iter().map(|(name, _)| name.clone()).collect();
    let manifest = manifest::with_files(&manifest, &names)?;
    for (name, bytes) in &mut files {
        if *name == format!("{NAME}.psd1") {
            *bytes = manifest.clone().into_bytes();
        }
    }

    let package = Package {
        module: out.join(NAME).join(&version),
        nupkg: out.join(format!("{NAME}.{version}.nupkg")),
        // A local repository takes every file called NAME.* for a package.
        zip: out.join(format!("{NAME}-{version}.zip")),
    };
    write_folder(&package.module, &files)?;
    let time = archive::commit_time();
    let in_folder: Vec<Entry> = files
        .iter()
        .map(|(name, bytes)| (format!("{NAME}/{version}/{name}"), bytes.clone()))
        .collect();
    archive::write(&package.zip, &in_folder, time)?;
    let parts = nupkg::parts(&manifest, &files)?;
    files.extend(parts);
    archive::write(&package.nupkg, &files, time)?;
    let sums = format!("{}{}", sum(&package.nupkg)?, sum(&package.zip)?);
    write(&out.join("SHA256SUMS"), sums.as_bytes())?;
    Ok(package)
}

/// Writes the files into a folder that holds nothing else then.
fn write_folder(folder: &Path, files: &[Entry]) -> Result<(), String> {
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(|e| format!("{}: {e}", folder.display()))?;
    }
    for (name, bytes) in files {
        write(&folder.join(name), bytes)?;
    }
    Ok(())
}

fn write(path: &Path, bytes: &[u8]) -> Result<(), String> {
    let fault = |e: std::io::Error| format!("{}: {e}", path.display());
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    fs::write(path, bytes).map_err(fault)
}

/// A line as `sha256sum` writes and checks it.
fn sum(path: &Path) -> Result<String, String> {
    let bytes = fs::read(path).map_err(|e| format!("{}: {e}", path.display()))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("{}  {name}\n", hex(&bytes)))
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect()
}

/// What was made, with sizes.
fn tell(package: &Package) -> Result<String, String> {
    let mut text = String::new();
    for path in [&package.nupkg, &package.zip] {
        let size = fs::metadata(path).map_err(|e| e.to_string())?.len();
        text += &format!("{:>12} {}\n", size, path.display());
    }
    for name in manifest::list(
        &fs::read_to_string(package.module.join(format!("{NAME}.psd1")))
            .map_err(|e| e.to_string())?,
        "FileList",
    )? {
        let size = fs::metadata(package.module.join(&name))
            .map_err(|e| format!("{name}: {e}"))?
            .len();
        text += &format!("{size:>12}   {name}\n");
    }
    Ok(text)
}

fn host_rid() -> Result<&'static str, String> {
    match (std::env::consts::OS, std::env::consts::ARCH) {
        ("linux", "x86_64") => Ok("linux-x64"),
        ("linux", "aarch64") => Ok("linux-arm64"),
        ("macos", "aarch64") => Ok("osx-arm64"),
        ("windows", "x86_64") => Ok("win-x64"),
        (os, arch) => Err(format!("no package for {os} on {arch}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    fn laid_out() -> (tempfile::TempDir, Package) {
        let scratch = tempfile::tempdir().unwrap();
        let library = scratch.path().join("any");
        fs::write(&library, b"a library").unwrap();
        let natives = [
            Native::of("linux-x64", library.clone()).unwrap(),
            Native::of("win-x64", library).unwrap(),
        ];
        let package = lay_out(&scratch.path().join("dist"), &natives).unwrap();
        (scratch, package)
    }

    #[test]
    fn two_packages_of_the_same_content_are_the_same_bytes() {
        let (_one, a) = laid_out();
        let (_two, b) = laid_out();
        for (a, b) in [(&a.nupkg, &b.nupkg), (&a.zip, &b.zip)] {
            assert!(
                fs::read(a).unwrap() == fs::read(b).unwrap(),
                "{}",
                a.display()
            );
        }
    }

    #[test]
    fn the_file_list_is_what_is_there() {
        let (_scratch, package) = laid_out();
        let text = fs::read_to_string(package.module.join("GroupWriteback.psd1")).unwrap();
        let mut listed = manifest::list(&text, "FileList").unwrap();
        listed.sort();
        let zip = fs::File::open(&package.zip).unwrap();
        let zip = zip::ZipArchive::new(zip).unwrap();
        let prefix = "GroupWriteback/0.1.0/";
        let packed: Vec<String> = zip
            .file_names()
            .map(|name| name.unwrap().strip_prefix(prefix).unwrap().to_owned())
            .collect();
        assert_eq!(listed, packed);
        for wanted in [
            "runtimes/linux-x64/native/libgroup_writeback.so",
            "runtimes/win-x64/native/group_writeback.dll",
            "en-US/GroupWriteback-help.xml",
            "LICENSE.txt",
            "THIRD-PARTY-NOTICES.txt",
        ] {
            assert!(listed.iter().any(|name| name == wanted), "{wanted}");
        }
    }

    #[test]
    fn a_file_of_an_earlier_package_does_not_stay() {
        let (scratch, package) = laid_out();
        let stray = package.module.join("stray.ps1");
        fs::write(&stray, "x").unwrap();
        let library = scratch.path().join("any");
        let natives = [Native::of("linux-x64", library).unwrap()];
        lay_out(&scratch.path().join("dist"), &natives).unwrap();
        assert!(!stray.exists());
        assert!(!package.module.join("runtimes/win-x64").exists());
    }

    #[test]
    fn every_part_of_the_nupkg_has_a_content_type_and_every_relation_a_part() {
        let (_scratch, package) = laid_out();
        let mut zip = zip::ZipArchive::new(fs::File::open(&package.nupkg).unwrap()).unwrap();
        let names: Vec<String> = zip
            .file_names()
            .map(|name| name.unwrap().into_owned())
            .collect();
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name)
                .unwrap()
                .read_to_string(&mut text)
                .unwrap();
            text
        };
        let types = read("[Content_Types].xml");
        for name in names.iter().filter(|name| *name != "[Content_Types].xml") {
            let extension = name.rsplit('.').next().unwrap();
            assert!(
                types.contains(&format!("Extension=\"{extension}\"")),
                "{name}"
            );
        }
        let relations = read("_rels/.rels");
        for target in relations.split("Target=\"/").skip(1) {
            let target = target.split('"').next().unwrap();
            assert!(names.iter().any(|name| name == target), "{target}");
        }
        let nuspec = read("GroupWriteback.nuspec");
        for tag in [
            "PSModule",
            "PSEdition_Desktop",
            "PSEdition_Core",
            "PSFunction_Connect-GroupWriteback",
            "PSCommand_Wait-GroupWritebackSyncCycle",
        ] {
            assert!(nuspec.contains(tag), "{tag}");
        }
    }
}
