//! Zip archives whose bytes follow from their content alone: names sorted, one time for all, nothing of the file system.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use crate::system;

/// A file of a package: its name with `/`, and what is in it.
pub type Entry = (String, Vec<u8>);

/// Writes the entries, by name.
pub fn write(path: &Path, entries: &[Entry], time: DateTime) -> Result<(), String> {
    let fault = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
    let mut sorted: Vec<&Entry> = entries.iter().collect();
    sorted.sort_by(|a, b| a.0.cmp(&b.0));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(9))
        .last_modified_time(time)
        .unix_permissions(0o644);
    let mut zip = ZipWriter::new(File::create(path).map_err(|e| fault(&e))?);
    for (name, bytes) in sorted {
        zip.start_file(name.as_str(), options)
            .map_err(|e| fault(&e))?;
        zip.write_all(bytes).map_err(|e| fault(&e))?;
    }
    zip.finish().map_err(|e| fault(&e))?;
    Ok(())
}

/// When the commit was made, in UTC; the oldest time that a zip knows where there is no commit.
pub fn commit_time() -> DateTime {
    from_git().unwrap_or_default()
}

fn from_git() -> Option<DateTime> {
    let output = Command::new("git")
        .args([
            "log",
            "-1",
            "--format=%cd",
            "--date=format-local:%Y %m %d %H %M %S",
        ])
        .env("TZ", "UTC")
        .current_dir(system::root())
        .output()
        .ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let words: Vec<&str> = text.split_whitespace().collect();
    let [year, month, day, hour, minute, second] = words.as_slice() else {
        return None;
    };
    DateTime::from_date_and_time(
        year.parse().ok()?,
        month.parse().ok()?,
        day.parse().ok()?,
        hour.parse().ok()?,
        minute.parse().ok()?,
        second.parse().ok()?,
    )
    .ok()
}
