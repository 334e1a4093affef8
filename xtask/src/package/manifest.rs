//! The module's manifest: reading what a package says of it, and making its list of files true.

/// A value in quotes: `Name = 'value'`.
pub fn value(text: &str, name: &str) -> Result<String, String> {
    row(text, name)?
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .map(|value| value.replace("''", "'"))
        .ok_or(format!("the manifest's {name} is no text in quotes"))
}

/// A list of texts, on one line or on several: `Name = @('a', 'b')`.
pub fn list(text: &str, name: &str) -> Result<Vec<String>, String> {
    let (start, end) = span(text, name)?;
    Ok(text[start..end]
        .split('\'')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect())
}

/// The manifest with these files, and no others, as its `FileList`.
pub fn with_files(text: &str, files: &[String]) -> Result<String, String> {
    let (start, end) = span(text, "FileList")?;
    let lines: String = files
        .iter()
        .map(|file| format!("        '{}'\n", file.replace('\'', "''")))
        .collect();
    Ok(format!("{}\n{lines}    {}", &text[..start], &text[end..]))
}

/// What stands behind `Name =` on its line.
fn row<'a>(text: &'a str, name: &str) -> Result<&'a str, String> {
    text.lines()
        .find_map(|line| {
            let rest = line.trim_start().strip_prefix(name)?.trim_start();
            rest.strip_prefix('=').map(str::trim)
        })
        .ok_or(format!("the manifest has no {name}"))
}

/// Where a list's items stand, between `@(` and `)`.
fn span(text: &str, name: &str) -> Result<(usize, usize), String> {
    let row = row(text, name)?;
    let fault = || format!("the manifest's {name} is no list");
    let start = row.as_ptr() as usize - text.as_ptr() as usize;
    if !row.starts_with("@(") {
        return Err(fault());
    }
    let start = start + 2;
    let length = text[start..].find(')').ok_or_else(fault)?;
    Ok((start, start + length))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "@{\n    ModuleVersion = '1.2.3'\n    # FileList = @('no')\n    Tags = @('a', 'b')\n    FileList  = @(\n        'x'\n    )\n    Other = @()\n}\n";

    #[test]
    fn values_and_lists_are_read() {
        assert_eq!(value(TEXT, "ModuleVersion"), Ok("1.2.3".into()));
        assert_eq!(list(TEXT, "Tags"), Ok(vec!["a".into(), "b".into()]));
        assert_eq!(list(TEXT, "Other"), Ok(Vec::new()));
        assert!(value(TEXT, "Tags").is_err());
        assert!(list(TEXT, "ModuleVersion").is_err());
        assert!(value(TEXT, "Nothing").is_err());
    }

    #[test]
    fn the_files_are_replaced_and_nothing_else() {
        let made = with_files(TEXT, &["p/q".into(), "r".into()]);
        let expected = TEXT.replace("        'x'\n", "        'p/q'\n        'r'\n");
        assert_eq!(made, Ok(expected));
    }
}
