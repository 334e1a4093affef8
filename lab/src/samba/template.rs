//! Provisioned directories, kept to copy from: one a domain, and one with each population.
//!
//! A template's name is the hash of everything that went into it. It is made elsewhere, copied beside its place and
//! renamed when it is complete, under a lock; so it is whole or not there, and made once however many labs want it.

use super::{Setup, provision, tools};
use crate::ids::hex;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};
use tokio::runtime::Handle;

/// Those that nobody has used for so long are removed.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);
/// As many as these are kept, those used last; each takes 35 MB and more.
const MOST: usize = 24;

/// Where templates go when nobody says: into cargo's target folder if the program is in one, else among the system's
/// temporary files.
pub(crate) fn default_folder() -> PathBuf {
    const NAME: &str = "group-writeback-samba";
    let program = std::env::current_exe().unwrap_or_default();
    let target = program
        .ancestors()
        .find(|folder| folder.join("CACHEDIR.TAG").is_file());
    target.map_or_else(
        || std::env::temp_dir().join(NAME),
        |folder| folder.join(NAME),
    )
}

/// Copies the directory of this set-up with this population to `folder`.
pub(super) fn copy(
    setup: &Setup,
    population: &str,
    folder: &Path,
    runtime: &Handle,
) -> Result<(), String> {
    let store = Store::open(&setup.templates)?;
    let version = tools::run(tools::program("samba", Path::new("/dev/null")).arg("--version"))?;
    let domain = key(&[&version, &provision::recipe(setup)]);
    let filled = key(&[&domain, population]);
    store.take(&filled, folder, |place| {
        store.take(&domain, place, |place| {
            provision::domain(setup, place, runtime)
        })?;
        if !population.is_empty() {
            provision::fill(setup, place, population)?;
        }
        Ok(())
    })
}

fn key(parts: &[&str]) -> String {
    let mut hash = Sha256::new();
    for part in parts {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    hex(&hash.finalize())[..24].to_lowercase()
}

struct Store {
    folder: PathBuf,
}

impl Store {
    fn open(folder: &Path) -> Result<Self, String> {
        fs::create_dir_all(folder).map_err(|error| trouble(folder, &error))?;
        let store = Self {
            folder: folder.to_owned(),
        };
        store.tidy();
        Ok(store)
    }

    /// Copies the template `name` to `to`, after `make` has made it if it isn't there.
    fn take(
        &self,
        name: &str,
        to: &Path,
        make: impl FnOnce(&Path) -> Result<(), String>,
    ) -> Result<(), String> {
        let place = self.folder.join(name);
        let lock = self.folder.join(format!("{name}.lock"));
        let lock = File::create(&lock).map_err(|error| trouble(&lock, &error))?;
        lock.lock().map_err(|error| error.to_string())?;
        if !place.is_dir() {
            let draft = self.folder.join(format!("{name}.draft"));
            // What a lab that died left.
            let _ = fs::remove_dir_all(&draft);
            let workspace = super::workspace(&std::env::temp_dir())?;
            make(workspace.path())?;
            copy_tree(workspace.path(), &draft)?;
            fs::rename(&draft, &place).map_err(|error| trouble(&place, &error))?;
        }
        // The lock file's time tells when it was last used.
        let _ = lock.set_modified(SystemTime::now());
        copy_tree(&place, to)
    }

    /// Removes what has not been used for long, and what is too many. Locks stay: somebody may wait for one.
    fn tidy(&self) {
        let Ok(entries) = fs::read_dir(&self.folder) else {
            return;
        };
        let now = SystemTime::now();
        let mut known: Vec<(Duration, PathBuf)> = entries
            .flatten()
            .map(|entry| entry.path().with_extension("lock"))
            .filter(|lock| lock.with_extension("").is_dir())
            .filter_map(|lock| {
                let used = fs::metadata(&lock).and_then(|data| data.modified()).ok()?;
                Some((now.duration_since(used).ok()?, lock))
            })
            .collect();
        known.sort();
        known.dedup();
        for (place, (age, lock)) in known.into_iter().enumerate() {
            let file = File::open(&lock);
            if (place >= MOST || age > KEEP) && file.is_ok_and(|file| file.try_lock().is_ok()) {
                let _ = fs::remove_dir_all(lock.with_extension(""));
            }
        }
    }
}

fn copy_tree(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| trouble(to, &error))?;
    let kept = fs::metadata(from).and_then(|data| fs::set_permissions(to, data.permissions()));
    kept.map_err(|error| trouble(to, &error))?;
    for entry in fs::read_dir(from).map_err(|error| trouble(from, &error))? {
        let entry = entry.map_err(|error| trouble(from, &error))?;
        let (source, goal) = (entry.path(), to.join(entry.file_name()));
        let kind = entry
            .file_type()
            .map_err(|error| trouble(&source, &error))?;
        if kind.is_dir() {
            copy_tree(&source, &goal)?;
        } else if kind.is_file() {
            fs::copy(&source, &goal).map_err(|error| trouble(&goal, &error))?;
        }
    }
    Ok(())
}

fn trouble(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
