//! Secrets that a configuration may sign in with unattended: those of systemd, else those saved beside its store.
//!
//! A saved one is a file of its own, never a column: on Windows sealed by DPAPI for the account that saved it, elsewhere
//! readable by its owner only, and refused when it is not.

use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use super::private;
use crate::error::{Error, ErrorId, Result};

/// Secrets by their names in the ABI.
const NAMES: &[&str] = &["clientSecret", "certificatePassword", "directoryPassword"];

/// Longer than any secret of these.
const LONGEST: u64 = 64 * 1024;

/// The saved secrets of one configuration.
#[derive(Clone, Debug)]
pub struct Vault {
    folder: PathBuf,
    configuration: String,
    /// What systemd gave to this service (`LoadCredential=`, `LoadCredentialEncrypted=`).
    credentials: Option<PathBuf>,
}

impl Vault {
    /// Of a configuration whose store is in this folder.
    pub fn new(folder: &Path, configuration: &str) -> Vault {
        Vault {
            folder: folder.to_owned(),
            configuration: configuration.to_owned(),
            credentials: std::env::var_os("CREDENTIALS_DIRECTORY")
                .filter(|folder| cfg!(unix) && !folder.is_empty())
                .map(PathBuf::from),
        }
    }

    /// The names as secrets that can be saved; an error when one can't.
    pub fn known(names: &[String]) -> Result<Vec<&'static str>> {
        names.iter().map(|name| known(name)).collect()
    }

    /// A secret: systemd's `group-writeback.<configuration>.<name>` or `group-writeback.<name>`, else the saved one.
    pub fn read(&self, name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        let name = known(name)?;
        if let Some(folder) = &self.credentials {
            for file in [
                format!("group-writeback.{}.{name}", self.configuration),
                format!("group-writeback.{name}"),
            ] {
                let path = folder.join(file);
                // systemd keeps others out of its folder itself.
                if let Some(text) = load(&path).map_err(|e| unreadable(&path, &e))? {
                    return Ok(Some(without_line_end(text)).filter(|text| !text.is_empty()));
                }
            }
        }
        let path = self.path(name);
        let Some(stored) = load(&path).map_err(|e| unreadable(&path, &e))? else {
            return Ok(None);
        };
        private::check_file(&path)?;
        unprotect(&stored, &self.purpose(name))
            .map(Some)
            .map_err(|e| {
                unreadable(&path, &e).action(
                    "Only the account that saved it can read it: connect as that account, or save it again with Connect-GroupWriteback -SaveSecret.",
                )
            })
    }

    /// Saves a secret in place of the one that is there.
    pub fn save(&self, name: &str, secret: &[u8]) -> Result<()> {
        let name = known(name)?;
        let path = self.path(name);
        let failed = |e: &io::Error| {
            Error::new(
                ErrorId::StoreUnavailable,
                format!("The secret file {} can't be written.", path.display()),
            )
            .target(path.display())
            .caused_by(e)
        };
        private::make_directory(&self.folder).map_err(|e| failed(&e))?;
        private::check_directory(&self.folder)?;
        let stored = protect(secret, &self.purpose(name)).map_err(|e| failed(&e))?;
        let new = path.with_extension("secret-new");
        let write = || -> io::Result<()> {
            // One left behind may have another mode.
            remove(&new)?;
            let mut file = private::open_file(&new)?;
            file.write_all(&stored)?;
            file.sync_all()?;
            drop(file);
            std::fs::rename(&new, &path)
        };
        write().map_err(|e| failed(&e))
    }

    /// Removes every saved secret of the configuration.
    pub fn forget(&self) -> Result<()> {
        for name in NAMES {
            let path = self.path(name);
            remove(&path).map_err(|e| {
                Error::new(
                    ErrorId::StoreUnavailable,
                    format!("The secret file {} can't be removed.", path.display()),
                )
                .target(path.display())
                .caused_by(&e)
            })?;
        }
        Ok(())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder
            .join(format!("{}.{name}.secret", self.configuration))
    }

    /// What binds a sealed secret to its place: moved to another configuration it doesn't open.
    fn purpose(&self, name: &str) -> String {
        format!("group-writeback/{}/{name}", self.configuration)
    }
}

fn known(name: &str) -> Result<&'static str> {
    NAMES
        .iter()
        .find(|known| **known == name)
        .copied()
        .ok_or_else(|| {
            Error::new(
                ErrorId::InvalidArgument,
                format!("{name} can't be saved; what can is: {}.", NAMES.join(", ")),
            )
            .target("names")
        })
}

fn unreadable(path: &Path, cause: &io::Error) -> Error {
    Error::new(
        ErrorId::SecretUnavailable,
        format!("The secret file {} can't be read.", path.display()),
    )
    .target(path.display())
    .caused_by(cause)
}

fn load(path: &Path) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let file = match std::fs::File::open(path) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let length = file.metadata()?.len();
    if length > LONGEST {
        return Err(io::Error::other("it is too long to be a secret"));
    }
    let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize + 1));
    file.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(Some(bytes))
}

/// Files made by an editor end with a line end that is no part of the secret.
fn without_line_end(mut text: Zeroizing<Vec<u8>>) -> Zeroizing<Vec<u8>> {
    while matches!(text.last(), Some(b'\r' | b'\n')) {
        text.pop();
    }
    text
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => Err(e),
        _ => Ok(()),
    }
}

#[cfg(windows)]
fn protect(secret: &[u8], purpose: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    crate::ffi::dpapi::seal(secret, purpose).map(Zeroizing::new)
}

#[cfg(windows)]
fn unprotect(stored: &[u8], purpose: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    crate::ffi::dpapi::open(stored, purpose)
}

/// The file's mode protects it.
#[cfg(not(windows))]
fn protect(secret: &[u8], _purpose: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(secret.to_vec()))
}

#[cfg(not(windows))]
fn unprotect(stored: &[u8], _purpose: &str) -> io::Result<Zeroizing<Vec<u8>>> {
    Ok(Zeroizing::new(stored.to_vec()))
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn vault(folder: &Path, credentials: Option<&Path>) -> Vault {
        Vault {
            folder: folder.join("store"),
            configuration: "Default".to_owned(),
            credentials: credentials.map(Path::to_owned),
        }
    }

    fn text(found: Result<Option<Zeroizing<Vec<u8>>>>) -> Option<String> {
        found
            .unwrap()
            .map(|bytes| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[test]
    fn what_is_saved_is_there_until_it_is_forgotten() {
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(dir.path(), None);
        assert_eq!(text(vault.read("clientSecret")), None);
        vault.save("clientSecret", b"first").unwrap();
        vault.save("clientSecret", "sécret \n".as_bytes()).unwrap();
        assert_eq!(
            text(vault.read("clientSecret")).as_deref(),
            Some("sécret \n")
        );
        assert_eq!(text(vault.read("directoryPassword")), None);
        assert_eq!(std::fs::read_dir(&vault.folder).unwrap().count(), 1);
        vault.forget().unwrap();
        vault.forget().unwrap();
        assert_eq!(text(vault.read("clientSecret")), None);
        let error = vault.save("../x", b"y").unwrap_err();
        assert_eq!(error.id, ErrorId::InvalidArgument);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_can_read_is_refused() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(dir.path(), None);
        vault.save("clientSecret", b"s3cret").unwrap();
        let path = vault.path("clientSecret");
        let mode = || std::fs::metadata(&path).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode(), 0o600);
        for open in [0o640, 0o604, 0o620] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(open)).unwrap();
            let error = vault.read("clientSecret").unwrap_err();
            assert_eq!(error.id, ErrorId::StoreNotPrivate, "{open:o}");
            assert!(!format!("{error:?}").contains("s3cret"));
        }
        vault.save("clientSecret", b"new").unwrap();
        assert_eq!(mode(), 0o600);
    }

    #[cfg(unix)]
    #[test]
    fn credentials_of_systemd_come_first_the_configurations_own_before_all() {
        let dir = tempfile::tempdir().unwrap();
        let given = tempfile::tempdir().unwrap();
        let vault = vault(dir.path(), Some(given.path()));
        vault.save("clientSecret", b"saved").unwrap();
        let put = |name: &str, text: &str| std::fs::write(given.path().join(name), text).unwrap();
        assert_eq!(text(vault.read("clientSecret")).as_deref(), Some("saved"));
        put("group-writeback.clientSecret", "for all\r\n");
        assert_eq!(text(vault.read("clientSecret")).as_deref(), Some("for all"));
        put("group-writeback.Default.clientSecret", "its own\n");
        assert_eq!(text(vault.read("clientSecret")).as_deref(), Some("its own"));
        put("group-writeback.directoryPassword", "\n");
        assert_eq!(text(vault.read("directoryPassword")), None);
    }

    #[cfg(windows)]
    #[test]
    fn what_is_on_the_disk_is_sealed() {
        let dir = tempfile::tempdir().unwrap();
        let vault = vault(dir.path(), None);
        vault.save("clientSecret", b"s3cret").unwrap();
        let stored = std::fs::read(vault.path("clientSecret")).unwrap();
        assert!(!stored.windows(6).any(|part| part == b"s3cret"));
        std::fs::write(vault.path("directoryPassword"), stored).unwrap();
        assert_eq!(
            vault.read("directoryPassword").unwrap_err().id,
            ErrorId::SecretUnavailable
        );
    }
}
