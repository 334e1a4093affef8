//! Folders and files that nobody but their owner (on Windows also administrators and the system) can use.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

use crate::error::{Error, ErrorId, Result};

/// Makes a folder, its parents too, that others can't look into. One that is there stays as it is.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    #[cfg(windows)]
    {
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent)?;
        }
        match crate::ffi::access::make_directory(path) {
            // Another process was quicker.
            Err(e) if e.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(()),
            result => result,
        }
    }
    #[cfg(not(windows))]
    {
        let mut builder = std::fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(path)
    }
}

/// Refuses a folder that anybody may write to: what lies in a store decides what is written to AD.
pub(super) fn check_directory(path: &Path) -> Result<()> {
    let Some(fault) = fault(path).map_err(|e| {
        Error::new(
            ErrorId::StoreUnavailable,
            format!(
                "Who may write to the folder {} can't be read.",
                path.display()
            ),
        )
        .target(path.display())
        .caused_by(&e)
    })?
    else {
        return Ok(());
    };
    Err(Error::new(
        ErrorId::StoreNotPrivate,
        format!(
            "The folder {} is no place for a store: {fault}.",
            path.display()
        ),
    )
    .target(path.display()))
}

/// Refuses a file of secrets that others can use. On Windows it is sealed, and the folder's access list rules.
pub(super) fn check_file(path: &Path) -> Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = std::fs::metadata(path).map(|about| about.permissions().mode() & 0o777);
        if !mode.as_ref().is_ok_and(|mode| mode & 0o077 == 0) {
            let mode = mode.map_or_else(|e| e.to_string(), |mode| format!("mode {mode:o}"));
            return Err(Error::new(
                ErrorId::StoreNotPrivate,
                format!("The secret file {} is open to others ({mode}).", path.display()),
            )
            .target(path.display())
            .action("Change the secret, for others may have read it; save the new one with Connect-GroupWriteback -SaveSecret."));
        }
    }
    #[cfg(not(unix))]
    let _ = path;
    Ok(())
}

#[cfg(windows)]
fn fault(path: &Path) -> io::Result<Option<String>> {
    crate::ffi::access::fault(path)
}

#[cfg(unix)]
fn fault(path: &Path) -> io::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path)?.permissions().mode();
    Ok((mode & 0o002 != 0).then(|| format!("anybody may write to it (mode {:o})", mode & 0o7777)))
}

#[cfg(not(any(unix, windows)))]
fn fault(_path: &Path) -> io::Result<Option<String>> {
    Ok(None)
}

/// Opens or makes a file that only its owner can read. On Windows the folder's access list rules.
pub(super) fn open_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
