//! What a run of the PowerShell tests counted (`Run.ps1 -Result`), and two runs side by side.

use std::path::Path;

use serde_json::Value;

/// Counts of one run.
pub struct Counts(Value);

impl Counts {
    /// Reads what `Run.ps1` wrote.
    pub fn read(path: &Path) -> Result<Counts, String> {
        let fault = |e: &dyn std::fmt::Display| format!("{}: {e}", path.display());
        let text = std::fs::read_to_string(path).map_err(|e| fault(&e))?;
        // Windows PowerShell writes a mark.
        serde_json::from_str(text.trim_start_matches('\u{feff}'))
            .map(Counts)
            .map_err(|e| fault(&e))
    }

    fn files(&self) -> Vec<(&str, u64, u64)> {
        let number = |row: &Value, name: &str| row[name].as_u64().unwrap_or_default();
        self.0["files"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|row| {
                (
                    row["name"].as_str().unwrap_or_default(),
                    number(row, "passed"),
                    number(row, "skipped"),
                )
            })
            .collect()
    }

    fn cell(&self, file: &str) -> String {
        match self.files().iter().find(|row| row.0 == file) {
            None => "-".to_owned(),
            Some((_, passed, 0)) => passed.to_string(),
            Some((_, passed, skipped)) => format!("{passed} (+{skipped} not run)"),
        }
    }

    fn total(&self) -> (u64, u64) {
        let files = self.files();
        (
            files.iter().map(|row| row.1).sum(),
            files.iter().map(|row| row.2).sum(),
        )
    }
}

/// Passed tests of both, file by file, and the tests that the second could not run.
pub fn side_by_side(linux: Option<&Counts>, windows: &Counts) -> String {
    let mut text = format!(
        "{:<24} {:>18} {:>18}\n",
        "passed", "Linux", "Windows engine"
    );
    let mut names: Vec<&str> = windows.files().iter().map(|row| row.0).collect();
    names.extend(linux.iter().flat_map(|l| l.files()).map(|row| row.0));
    names.sort_unstable();
    names.dedup();
    let dash = || "-".to_owned();
    for name in names {
        let left = linux.map_or_else(dash, |linux| linux.cell(name));
        text += &format!("{name:<24} {left:>18} {:>18}\n", windows.cell(name));
    }
    let sum = |counts: &Counts| counts.total().0.to_string();
    text += &format!(
        "{:<24} {:>18} {:>18}\n",
        "all",
        linux.map_or_else(dash, sum),
        sum(windows)
    );
    for (system, counts) in [("Linux", linux), ("the Windows engine", Some(windows))] {
        let skipped = counts.and_then(|counts| counts.0["skipped"].as_array());
        for row in skipped.into_iter().flatten() {
            text += &format!(
                "not run on {system}: {}: {}\n",
                row["name"].as_str().unwrap_or_default(),
                row["because"].as_str().unwrap_or_default()
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn both_runs_stand_side_by_side() {
        let linux = Counts(
            json!({"files":[{"name":"A","passed":3,"skipped":0},{"name":"B","passed":1,"skipped":1}],
            "skipped":[{"name":"b","because":"of Linux"}]}),
        );
        let windows = Counts(json!({"files":[{"name":"A","passed":2,"skipped":1}],
            "skipped":[{"name":"a","because":"of Wine"}]}));
        let text = side_by_side(Some(&linux), &windows);
        let words: Vec<Vec<&str>> = text
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect();
        assert_eq!(words[1], ["A", "3", "2", "(+1", "not", "run)"]);
        assert_eq!(words[2], ["B", "1", "(+1", "not", "run)", "-"]);
        assert_eq!(words[3], ["all", "4", "2"]);
        assert!(text.contains("not run on Linux: b: of Linux\n"));
        assert!(text.contains("not run on the Windows engine: a: of Wine\n"));
    }
}
