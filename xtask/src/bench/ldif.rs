//! The same final state by OpenLDAP's tools: what AD holds is read, put into LDIF, and fed to another controller.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::lab::Parts;

/// Values of one modify.
const BATCH: usize = 1000;
/// What the directory sets by itself, or the object's name says.
const NOT_WRITTEN: [&str; 18] = [
    "dn",
    "cn",
    "name",
    "distinguishedname",
    "instancetype",
    "whencreated",
    "whenchanged",
    "usncreated",
    "usnchanged",
    "objectguid",
    "objectsid",
    "samaccountname",
    "samaccounttype",
    "objectcategory",
    "dscorepropagationdata",
    "member",
    "memberof",
    "replpropertymetadata",
];

/// Attribute (lower case) -> its lines of LDIF, as they came.
type Lines = BTreeMap<String, BTreeSet<String>>;

/// The groups below a container: their own attributes, and their members by DN.
#[derive(PartialEq, Eq)]
pub struct State {
    groups: BTreeMap<String, Lines>,
    members: BTreeMap<String, BTreeSet<String>>,
}

impl State {
    /// Reads it. Members come from the other side (`memberOf`), which no limit of values cuts.
    pub fn read(parts: &Parts, container: &str) -> Result<State, String> {
        let mut groups = BTreeMap::new();
        for mut entry in search(parts, container, "(objectClass=group)", &["*"])? {
            let Some(dn) = entry.remove("dn").and_then(first) else {
                continue;
            };
            let name = text_of(&dn)?;
            entry.retain(|attribute, _| {
                !NOT_WRITTEN.contains(&attribute.split(';').next().unwrap_or_default())
            });
            groups.insert(name, entry);
        }
        let mut members: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        for mut entry in search(parts, parts.text("baseDn")?, "(memberOf=*)", &["memberOf"])? {
            let Some(dn) = entry.remove("dn").and_then(first) else {
                continue;
            };
            let member = text_of(&dn)?;
            for group in entry.remove("memberof").unwrap_or_default() {
                let group = text_of(&group)?;
                if groups.contains_key(&group) {
                    members.entry(group).or_default().insert(member.clone());
                }
            }
        }
        Ok(State { groups, members })
    }

    /// How many groups and memberships.
    pub fn size(&self) -> (usize, usize) {
        (
            self.groups.len(),
            self.members.values().map(BTreeSet::len).sum(),
        )
    }

    /// Two files: the groups for `ldapadd`, their members for `ldapmodify`.
    pub fn write(&self, folder: &Path) -> Result<(PathBuf, PathBuf), String> {
        let (mut adds, mut modifies) = (String::new(), String::new());
        for (dn, lines) in &self.groups {
            adds += &format!("dn:: {}\n", STANDARD.encode(dn));
            for (attribute, values) in lines {
                // Classes above the group's own are the directory's to add.
                let values = values
                    .iter()
                    .filter(|v| attribute != "objectclass" || v.as_str() == " group");
                adds.extend(values.map(|value| format!("{attribute}:{value}\n")));
            }
            adds.push('\n');
        }
        for (dn, members) in &self.members {
            let members: Vec<&String> = members.iter().collect();
            for some in members.chunks(BATCH) {
                modifies += &format!(
                    "dn:: {}\nchangetype: modify\nadd: member\n",
                    STANDARD.encode(dn)
                );
                modifies.extend(
                    some.iter()
                        .map(|member| format!("member:: {}\n", STANDARD.encode(member))),
                );
                modifies += "-\n\n";
            }
        }
        let files = (folder.join("groups.ldif"), folder.join("members.ldif"));
        std::fs::write(&files.0, adds)
            .and_then(|()| std::fs::write(&files.1, modifies))
            .map_err(|e| e.to_string())?;
        Ok(files)
    }
}

/// Seconds that the tools take to feed the files, as the account that the product uses.
pub fn feed(parts: &Parts, files: &(PathBuf, PathBuf)) -> Result<f64, String> {
    let before = Instant::now();
    for (program, file) in [("ldapadd", &files.0), ("ldapmodify", &files.1)] {
        let mut command = tool(parts, program, "bindUser", "bindPassword")?;
        let output = command
            .arg("-f")
            .arg(file)
            .stdout(Stdio::null())
            .output()
            .map_err(|e| format!("{program}: {e}"))?;
        if !output.status.success() {
            return Err(format!(
                "{program}: {}",
                String::from_utf8_lossy(&output.stderr)
            ));
        }
    }
    Ok(before.elapsed().as_secs_f64())
}

/// Creates the container, as Enable does.
pub fn create_container(parts: &Parts, dn: &str) -> Result<(), String> {
    let file = tempfile::NamedTempFile::new().map_err(|e| e.to_string())?;
    std::fs::write(
        file.path(),
        format!("dn: {dn}\nobjectClass: organizationalUnit\n"),
    )
    .map_err(|e| e.to_string())?;
    let mut command = tool(parts, "ldapadd", "bindUser", "bindPassword")?;
    let output = command
        .arg("-f")
        .arg(file.path())
        .output()
        .map_err(|e| e.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{dn}: {}", String::from_utf8_lossy(&output.stderr)))
    }
}

/// One of OpenLDAP's tools, bound over TLS straight to the directory.
fn tool(parts: &Parts, program: &str, user: &str, password: &str) -> Result<Command, String> {
    let url = parts.either("directLdaps", "ldaps")?;
    let mut command = Command::new(program);
    command
        .env("LDAPTLS_CACERT", parts.either("directCaFile", "caFile")?)
        // A controller's own certificate has another name than the loopback address it listens on here.
        .env("LDAPTLS_REQCERT", "allow")
        // libldap compares "localhost" with this machine's own name.
        .args([
            "-x",
            "-H",
            &url.replace("localhost", "127.0.0.1"),
            "-D",
            parts.text(user)?,
            "-w",
            parts.text(password)?,
        ]);
    Ok(command)
}

fn search(
    parts: &Parts,
    base: &str,
    filter: &str,
    attributes: &[&str],
) -> Result<Vec<Lines>, String> {
    let mut command = tool(parts, "ldapsearch", "adminUser", "adminPassword")?;
    command
        .args([
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-E",
            "pr=500/noprompt",
            "-b",
            base,
            filter,
        ])
        .args(attributes);
    let output = command.output().map_err(|e| format!("ldapsearch: {e}"))?;
    if !output.status.success() {
        return Err(format!(
            "ldapsearch {filter}: {}",
            String::from_utf8_lossy(&output.stderr)
        ));
    }
    let text = String::from_utf8(output.stdout).map_err(|e| e.to_string())?;
    let mut entries = vec![Lines::new()];
    for line in text.lines() {
        match line.split_once(':') {
            None => entries.push(Lines::new()),
            Some((name, value)) => {
                if let Some(entry) = entries.last_mut().filter(|_| !line.starts_with('#')) {
                    entry
                        .entry(name.to_lowercase())
                        .or_default()
                        .insert(value.to_owned());
                }
            }
        }
    }
    entries.retain(|entry| entry.contains_key("dn"));
    Ok(entries)
}

fn first(values: BTreeSet<String>) -> Option<String> {
    values.into_iter().next()
}

/// The text behind `dn:` or `dn::`.
fn text_of(value: &str) -> Result<String, String> {
    match value.strip_prefix(':') {
        None => Ok(value.trim_start().to_owned()),
        Some(encoded) => {
            let bytes = STANDARD.decode(encoded.trim()).map_err(|e| e.to_string())?;
            String::from_utf8(bytes).map_err(|e| e.to_string())
        }
    }
}
