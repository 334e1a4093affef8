//! Licences of everything we link: only those that allow redistribution, read from the packages' own manifests.

use serde_json::Value;

use crate::system;

/// Licences under which a dependency may be linked.
const ALLOWED: &[&str] = &[
    "MIT",
    "MIT-0",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "ISC",
    "Zlib",
    "0BSD",
    "Unlicense",
    "CC0-1.0",
    "Unicode-3.0",
    "CDLA-Permissive-2.0",
    // File-level copyleft: unchanged files only, used at build time (cbindgen).
    "MPL-2.0",
];

/// What cargo knows of all packages, with these further arguments (`cargo metadata`).
pub fn metadata(more: &[&str]) -> Result<Value, String> {
    let output = system::cargo(["metadata", "--format-version", "1", "--locked"])
        .args(more)
        .output()
        .map_err(|e| format!("cannot start cargo: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "cargo metadata: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    serde_json::from_slice(&output.stdout).map_err(|e| e.to_string())
}

/// Fails with the packages whose licence is none of these.
pub fn check() -> Result<(), String> {
    let metadata = metadata(&[])?;
    let packages = metadata["packages"]
        .as_array()
        .ok_or("cargo metadata names no packages")?;
    let refused: Vec<String> = packages
        .iter()
        .filter(|p| !p["license"].as_str().is_some_and(is_allowed))
        .map(|p| format!("{} {} ({})", p["name"], p["version"], p["license"]))
        .collect();
    if refused.is_empty() {
        println!(
            "{} packages, every licence allows redistribution",
            packages.len()
        );
        return Ok(());
    }
    Err(format!("licences to look at: {}", refused.join(", ")))
}

/// Whether an SPDX expression can be met: one side of an OR, both sides of an AND.
fn is_allowed(expression: &str) -> bool {
    let expression = expression.replace('/', " OR ").replace(['(', ')'], " ");
    expression
        .split(" AND ")
        .all(|part| part.split(" OR ").any(|one| ALLOWED.contains(&one.trim())))
}

#[cfg(test)]
mod tests {
    use super::is_allowed;

    #[test]
    fn expressions_are_met_or_not() {
        for good in [
            "MIT",
            "MIT OR Apache-2.0",
            "MIT/Apache-2.0",
            "Apache-2.0 AND ISC",
            "GPL-3.0 OR MIT",
        ] {
            assert!(is_allowed(good), "{good}");
        }
        for bad in ["GPL-3.0", "MIT AND GPL-3.0", "", "LGPL-2.1"] {
            assert!(!is_allowed(bad), "{bad}");
        }
    }
}
