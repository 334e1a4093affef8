//! Finding PowerShell (and Pester), fetching it where the network lets us, and opening a session.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};

use crate::{build, lab::Lab, system};

/// The official archives we know, with their checksums: never unpacked with another one.
const ARCHIVES: &[(&str, &str, &str)] = &[
    (
        "linux",
        "x86_64",
        "linux-x64 1fd7983fe56ca9e6233f126925edb24bf6b6b33e356b69996d925c4db94e2fef",
    ),
    (
        "linux",
        "aarch64",
        "linux-arm64 4b32d4cb86a43dfb83d5602d0294295bf22fafbf9e0785d1aaef81938cda92f8",
    ),
    (
        "macos",
        "aarch64",
        "osx-arm64 3aaadd7ca62f1e4dbe59145b6af24e926d61f8da8a4782bc535e500c184135f0",
    ),
];
const VERSION: &str = "7.5.4";

/// What to tell a user without PowerShell.
pub const ADVICE: &str = "PowerShell was not found. Install PowerShell 7 (https://aka.ms/powershell), or point the environment variable PWSH at it.";

/// Looks for PowerShell: PWSH, PATH, a copy beside the checkout, a copy we fetched, then the official archive.
pub fn find() -> Option<PathBuf> {
    if let Some(given) = std::env::var_os("PWSH").map(PathBuf::from) {
        return given.is_file().then_some(given);
    }
    let beside = system::root().join("../shared/pwsh/pwsh");
    system::on_path("pwsh")
        .or_else(|| {
            beside
                .is_file()
                .then(|| beside.canonicalize().unwrap_or(beside))
        })
        .or_else(|| match fetch() {
            Ok(path) => Some(path),
            Err(reason) => {
                eprintln!("PowerShell could not be fetched: {reason}");
                None
            }
        })
}

fn fetch() -> Result<PathBuf, String> {
    let folder = system::target_dir().join(format!("tools/powershell-{VERSION}"));
    let program = folder.join("pwsh");
    if program.is_file() {
        return Ok(program);
    }
    let (name, checksum) = ARCHIVES
        .iter()
        .find(|(os, arch, _)| *os == std::env::consts::OS && *arch == std::env::consts::ARCH)
        .and_then(|(_, _, row)| row.split_once(' '))
        .ok_or("no archive is known for this system")?;
    let url = format!(
        "https://github.com/PowerShell/PowerShell/releases/download/v{VERSION}/powershell-{VERSION}-{name}.tar.gz"
    );
    let archive = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    // One try, a short time to connect: a machine without network must not wait.
    system::run(
        Command::new("curl")
            .args(["-fsSL", "--connect-timeout", "5", "--max-time", "300", "-o"])
            .arg(archive.path())
            .arg(&url)
            .stderr(Stdio::null()),
    )?;
    let bytes = std::fs::read(archive.path()).map_err(|e| e.to_string())?;
    let found: String = Sha256::digest(&bytes)
        .iter()
        .map(|b| format!("{b:02x}"))
        .collect();
    if found != checksum {
        return Err(format!(
            "{url} has the checksum {found}, expected {checksum}; it was not unpacked"
        ));
    }
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    system::run(
        Command::new("tar")
            .arg("-xzf")
            .arg(archive.path())
            .arg("-C")
            .arg(&folder),
    )?;
    system::run(Command::new("chmod").arg("+x").arg(&program))?;
    Ok(program)
}

/// The command for a script, with the library, the lab and the module's folder in its environment.
pub fn command(pwsh: &Path, built: &build::Built) -> Command {
    let mut command = Command::new(pwsh);
    command
        .arg("-NoProfile")
        .current_dir(system::root())
        .env("GROUPWRITEBACK_LIBRARY", &built.library)
        .env("GROUPWRITEBACK_LAB", &built.lab)
        .env("POWERSHELL_TELEMETRY_OPTOUT", "1")
        .env("POWERSHELL_UPDATECHECK", "Off");
    command
}

/// A folder to add to PSModulePath for Pester 5, when none is installed.
pub fn pester_folder(pwsh: &Path) -> Result<Option<PathBuf>, String> {
    let installed = Command::new(pwsh)
        .args(["-NoProfile", "-Command", "if (Get-Module -ListAvailable Pester | Where-Object { $_.Version -ge '5.5' }) { 'yes' }"])
        .output()
        .map_err(|e| format!("cannot start {}: {e}", pwsh.display()))?;
    if installed.stdout.trim_ascii() == b"yes" {
        return Ok(None);
    }
    if let Some(folder) = pester_beside() {
        return Ok(Some(folder));
    }
    let folder = fetched_modules();
    std::fs::create_dir_all(&folder).map_err(|e| e.to_string())?;
    let save = format!(
        "$ErrorActionPreference = 'Stop'; Save-Module Pester -MinimumVersion 5.5 -MaximumVersion 5.99 -Path '{}'",
        folder.display()
    );
    system::run(Command::new(pwsh).args(["-NoProfile", "-Command", &save]))
        .map_err(|e| format!("Pester 5.5 or later is needed: Install-Module Pester ({e})"))?;
    Ok(Some(folder))
}

/// A folder with Pester that needs no PowerShell to be found: beside the checkout, or fetched earlier.
pub fn pester_beside() -> Option<PathBuf> {
    let beside = system::root().join("../shared/modules");
    [beside.canonicalize().unwrap_or(beside), fetched_modules()]
        .into_iter()
        .find(|folder| folder.join("Pester").is_dir())
}

fn fetched_modules() -> PathBuf {
    system::target_dir().join("tools/modules")
}

/// `cargo xtask pwsh`: a session connected to a lab, or a script run in one.
pub fn session(args: &[String]) -> Result<(), String> {
    let pwsh = find().ok_or(ADVICE)?;
    let built = build::build()?;
    let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
    let lab = Lab::start(&built.lab, &["--ou", "OU=Cloud Groups,DC=contoso,DC=test"])?;
    let ready = scratch.path().join("lab.json");
    std::fs::write(&ready, lab.ready.to_string()).map_err(|e| e.to_string())?;
    let start = system::root().join("powershell/demo/Connect-Lab.ps1");
    let mut command = command(&pwsh, &built);
    command.env("GROUPWRITEBACK_STORE", scratch.path().join("store"));
    if args.is_empty() {
        command.arg("-NoExit");
    }
    let quote = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let mut script = format!(
        ". {} -LabPath {}",
        quote(&start.to_string_lossy()),
        quote(&ready.to_string_lossy())
    );
    if let Some((file, rest)) = args.split_first() {
        script += &format!("; & {}", quote(file));
        for arg in rest {
            script += &format!(" {}", quote(arg));
        }
    }
    command.arg("-Command").arg(script);
    let status = command
        .status()
        .map_err(|e| format!("cannot start {}: {e}", pwsh.display()))?;
    drop(lab);
    if status.success() || args.is_empty() {
        Ok(())
    } else {
        Err(format!("the script ended with {status}"))
    }
}
