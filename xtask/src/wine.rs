//! The part `windows`: the packaged module and its DLL in a Windows build of the PowerShell engine, under Wine.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::counts::{self, Counts};
use crate::labs::Labs;
use crate::package::{self, Native};
use crate::{build, pwsh, system, windows};

/// What to tell a user without the engine.
const ADVICE: &str = "a Windows build of the PowerShell engine was not found. Point the environment variable PWSH_WIN at its folder or archive.";

/// Wine with a PowerShell in it.
pub struct Wine {
    program: PathBuf,
    prefix: PathBuf,
    modules: PathBuf,
}

impl Wine {
    /// Looks for all that it takes, and installs what may be installed; else says what is missing. A library that is
    /// `built` already needs no toolchain.
    pub fn ready(built: bool) -> Result<Wine, String> {
        let modules = pwsh::pester_beside()
            .ok_or("Pester 5 was not found beside the checkout or in the target folder")?;
        let folder = system::target_dir().join("wine");
        let given = std::env::var_os("PWSH_WIN").map(PathBuf::from);
        let source = given
            .unwrap_or_else(|| system::root().join("../shared/pwsh-win.tar.xz"))
            .canonicalize()
            .map_err(|_| ADVICE)?;
        system::ensure(&["wine", "wineserver", "xz"])?;
        if !built {
            windows::ready()?;
        }
        let engine = if source.is_dir() {
            source
        } else {
            unpacked(&source, &folder)?
        };
        let program = engine.join("pwsh-wine");
        if !program.is_file() {
            return Err(format!("{} is not there: {ADVICE}", program.display()));
        }
        Ok(Wine {
            program,
            prefix: folder.join("prefix"),
            modules,
        })
    }

    /// Runs the test files that ran on Linux once more, with this library, and shows both counts.
    pub fn test(&self, dll: PathBuf, linux: Option<&Counts>) -> Result<(), String> {
        let built = build::build()?;
        let natives = [
            Native::host(built.library)?,
            Native::of(windows::TARGET, dll)?,
        ];
        let package = package::lay_out(&system::target_dir().join("wine/dist"), &natives)?;
        let labs = Labs::start(&built.lab)?;
        let scratch = tempfile::tempdir().map_err(|e| e.to_string())?;
        let result = scratch.path().join("result.json");
        let tests = system::root().join("tests/powershell");

        let _end = Server(&self.prefix);
        let mut command = Command::new(&self.program);
        command
            .args(["-NoProfile", "-File"])
            .arg(drive(&tests.join("Run.ps1")))
            .arg("-Path")
            .arg(drive(&tests))
            .arg("-Result")
            .arg(drive(&result))
            .current_dir(system::root())
            .stdin(Stdio::null())
            .env("WINEPREFIX", &self.prefix)
            .env("PSModulePath", drive(&self.modules))
            .env("GROUPWRITEBACK_MODULE", drive(&package.module))
            .env("GROUPWRITEBACK_LAB", labs.address())
            .env("GROUPWRITEBACK_STORE", drive(&scratch.path().join("store")))
            .env("GROUPWRITEBACK_TEST_DIRECTORY", "embedded")
            .env_remove("GROUPWRITEBACK_LIBRARY");
        let outcome = system::run(&mut command);
        if let Ok(windows) = Counts::read(&result) {
            println!("\n{}", counts::side_by_side(linux, &windows));
        }
        outcome
    }
}

/// The server of our Wine, and with it all that runs in that Wine: ended whatever happens.
struct Server<'a>(&'a Path);

impl Drop for Server<'_> {
    fn drop(&mut self) {
        for option in ["-k", "-w"] {
            let _ = Command::new("wineserver")
                .arg(option)
                .env("WINEPREFIX", self.0)
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status();
        }
    }
}

/// The archive's folder, unpacked once: another archive has another size or time.
fn unpacked(archive: &Path, folder: &Path) -> Result<PathBuf, String> {
    let fault = |e: &dyn std::fmt::Display| format!("{}: {e}", archive.display());
    let about = fs::metadata(archive).map_err(|e| fault(&e))?;
    let time = about.modified().map_err(|e| fault(&e))?;
    let mark = format!("{} {time:?}", about.len());
    let (engine, marked) = (folder.join("pwsh-win"), folder.join("pwsh-win.mark"));
    if fs::read_to_string(&marked).is_ok_and(|found| found == mark) {
        return Ok(engine);
    }
    let _ = fs::remove_dir_all(&engine);
    fs::create_dir_all(folder).map_err(|e| fault(&e))?;
    system::run(
        Command::new("tar")
            .arg("-xJf")
            .arg(archive)
            .arg("-C")
            .arg(folder),
    )?;
    fs::write(&marked, mark).map_err(|e| fault(&e))?;
    Ok(engine)
}

/// A path as programs under Wine see it: its drive Z is this system's root.
fn drive(path: &Path) -> String {
    format!("Z:{}", path.display()).replace('/', "\\")
}
