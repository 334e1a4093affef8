//! What makes a folder a NuGet package, as PowerShellGet and PSResourceGet publish a module: a nuspec with the tags that they
//! search by, and the parts that the packaging convention (OPC) wants.

use super::archive::Entry;
use super::manifest;

/// What the galleries take.
const TAGS_LIMIT: usize = 4000;

/// The further parts of a package of these files.
pub fn parts(manifest: &str, files: &[Entry]) -> Result<Vec<Entry>, String> {
    let name = "GroupWriteback";
    let core = "package/services/metadata/core-properties/properties.psmdcp";
    let mut parts = vec![
        (format!("{name}.nuspec"), nuspec(name, manifest)?),
        (
            "_rels/.rels".to_owned(),
            relations(&format!("{name}.nuspec"), core),
        ),
        (core.to_owned(), properties(name, manifest)?),
    ];
    let names: Vec<&str> = files
        .iter()
        .chain(&parts)
        .map(|(name, _)| name.as_str())
        .collect();
    parts.push(("[Content_Types].xml".to_owned(), content_types(&names)));
    Ok(parts)
}

/// Tags: what kind it is, every exported function, and the manifest's own.
fn tags(manifest: &str) -> Result<String, String> {
    let functions = manifest::list(manifest, "FunctionsToExport")?;
    let mut tags = vec!["PSModule".to_owned(), "PSIncludes_Function".to_owned()];
    for kind in ["PSFunction", "PSCommand"] {
        tags.extend(functions.iter().map(|name| format!("{kind}_{name}")));
    }
    tags.extend(manifest::list(manifest, "Tags")?);
    let text = tags.join(" ");
    if text.len() > TAGS_LIMIT {
        return Err(format!(
            "the package's tags have {} characters; galleries take {TAGS_LIMIT}",
            text.len()
        ));
    }
    Ok(text)
}

fn nuspec(name: &str, manifest: &str) -> Result<Vec<u8>, String> {
    let value = |key| manifest::value(manifest, key).map(|text| escape(&text));
    Ok(format!(
        "\
<?xml version=\"1.0\" encoding=\"utf-8\"?>
<package xmlns=\"http://schemas.microsoft.com/packaging/2011/08/nuspec.xsd\">
  <metadata>
    <id>{name}</id>
    <version>{}</version>
    <authors>{}</authors>
    <owners>{}</owners>
    <requireLicenseAcceptance>false</requireLicenseAcceptance>
    <description>{}</description>
    <copyright>{}</copyright>
    <tags>{}</tags>
  </metadata>
</package>
",
        value("ModuleVersion")?,
        value("Author")?,
        value("CompanyName")?,
        value("Description")?,
        value("Copyright")?,
        escape(&tags(manifest)?),
    )
    .into_bytes())
}

fn relations(nuspec: &str, core: &str) -> Vec<u8> {
    format!(
        "\
<?xml version=\"1.0\" encoding=\"utf-8\"?>
<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">
  <Relationship Type=\"http://schemas.microsoft.com/packaging/2010/07/manifest\" Target=\"/{nuspec}\" Id=\"R1\" />
  <Relationship Type=\"http://schemas.openxmlformats.org/package/2006/relationships/metadata/core-properties\" Target=\"/{core}\" Id=\"R2\" />
</Relationships>
"
    )
    .into_bytes()
}

fn properties(name: &str, manifest: &str) -> Result<Vec<u8>, String> {
    let value = |key| manifest::value(manifest, key).map(|text| escape(&text));
    Ok(format!(
        "\
<?xml version=\"1.0\" encoding=\"utf-8\"?>
<coreProperties xmlns:dc=\"http://purl.org/dc/elements/1.1/\" xmlns=\"http://schemas.openxmlformats.org/package/2006/metadata/core-properties\">
  <dc:creator>{}</dc:creator>
  <dc:description>{}</dc:description>
  <dc:identifier>{name}</dc:identifier>
  <version>{}</version>
</coreProperties>
",
        value("Author")?,
        value("Description")?,
        value("ModuleVersion")?,
    )
    .into_bytes())
}

/// Every part needs a content type: by its extension, or by its name where it has none.
fn content_types(names: &[&str]) -> Vec<u8> {
    let mut rows = std::collections::BTreeSet::new();
    for name in names {
        let file = name.rsplit('/').next().unwrap_or(name);
        rows.insert(match file.rsplit_once('.') {
            Some((_, "rels")) => default(
                "rels",
                "application/vnd.openxmlformats-package.relationships+xml",
            ),
            Some((_, "psmdcp")) => default(
                "psmdcp",
                "application/vnd.openxmlformats-package.core-properties+xml",
            ),
            Some((_, extension)) => {
                default(&extension.to_ascii_lowercase(), "application/octet-stream")
            }
            None => format!(
                "  <Override PartName=\"/{name}\" ContentType=\"application/octet-stream\" />\n"
            ),
        });
    }
    format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<Types xmlns=\"http://schemas.openxmlformats.org/package/2006/content-types\">\n{}</Types>\n",
        rows.into_iter().collect::<String>()
    )
    .into_bytes()
}

fn default(extension: &str, kind: &str) -> String {
    format!("  <Default Extension=\"{extension}\" ContentType=\"{kind}\" />\n")
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
}
