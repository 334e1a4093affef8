//! AD as `ldapsearch` sees it: entries by objectGUID-free means, so that nothing of the engine is trusted.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use base64::Engine as _;

use super::Lab;

/// libldap compares "localhost" with this machine's own name, so the address is used.
fn url(lab: &Lab) -> String {
    lab.text("ldaps").replace("localhost", "127.0.0.1")
}

/// Attribute (lower case) -> values as bytes.
pub type Entry = BTreeMap<String, Vec<Vec<u8>>>;

/// Runs `ldapsearch` as the administrator; entries by DN.
pub fn search(
    lab: &Lab,
    base: &str,
    scope: &str,
    filter: &str,
    attributes: &[&str],
) -> BTreeMap<String, Entry> {
    search_with(lab, &[], base, scope, filter, attributes)
}

/// With options of `ldapsearch` besides.
fn search_with(
    lab: &Lab,
    options: &[&str],
    base: &str,
    scope: &str,
    filter: &str,
    attributes: &[&str],
) -> BTreeMap<String, Entry> {
    let output = Command::new("ldapsearch")
        .env("LDAPTLS_CACERT", lab.text("caFile"))
        .args([
            "-x",
            "-LLL",
            "-o",
            "ldif-wrap=no",
            "-E",
            "pr=500/noprompt",
            "-H",
            &url(lab),
        ])
        .args(options)
        .args([
            "-D",
            lab.text("adminUser"),
            "-w",
            lab.text("adminPassword"),
            "-b",
            base,
            "-s",
            scope,
            filter,
        ])
        .args(attributes)
        .output()
        .expect("ldapsearch is installed");
    assert!(
        output.status.success(),
        "ldapsearch {filter}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    parse(&String::from_utf8(output.stdout).expect("LDIF is ASCII"))
}

fn parse(ldif: &str) -> BTreeMap<String, Entry> {
    let mut entries = BTreeMap::new();
    let mut entry = Entry::new();
    for line in ldif.lines().chain([""]) {
        if line.is_empty() {
            if let Some(dn) = entry.remove("dn") {
                entries.insert(
                    String::from_utf8(dn[0].clone()).expect("UTF-8 DN"),
                    std::mem::take(&mut entry),
                );
            }
            entry.clear();
        } else if !line.starts_with('#') {
            let (name, value) = line.split_once(':').expect("attribute: value");
            let value = match value.strip_prefix(": ") {
                Some(encoded) => base64::engine::general_purpose::STANDARD
                    .decode(encoded)
                    .expect("base64"),
                None => value.strip_prefix(' ').unwrap_or(value).as_bytes().to_vec(),
            };
            entry.entry(name.to_lowercase()).or_default().push(value);
        }
    }
    entries
}

/// `S-1-...` of a binary SID.
pub fn sid_text(bytes: &[u8]) -> String {
    let authority = bytes[2..8].iter().fold(0u64, |a, b| a << 8 | u64::from(*b));
    let mut text = format!("S-1-{authority}");
    for part in bytes[8..].chunks(4) {
        text += &format!("-{}", u32::from_le_bytes(part.try_into().unwrap()));
    }
    text
}

/// SID by DN (lower case) of everything that has one, and SID by GUID/ConsistencyGuid bytes.
pub struct Sids {
    pub by_dn: BTreeMap<String, String>,
    /// Groups that no universal group may hold.
    pub domain_local: BTreeSet<String>,
    pub by_guid: BTreeMap<Vec<u8>, String>,
}

pub fn sids(lab: &Lab) -> Sids {
    let all = search(
        lab,
        lab.base(),
        "sub",
        "(objectSid=*)",
        &[
            "objectSid",
            "objectGUID",
            "mS-DS-ConsistencyGuid",
            "groupType",
        ],
    );
    let mut found = Sids {
        by_dn: BTreeMap::new(),
        domain_local: BTreeSet::new(),
        by_guid: BTreeMap::new(),
    };
    for (dn, entry) in &all {
        let sid = sid_text(&entry["objectsid"][0]);
        found
            .by_guid
            .insert(entry["objectguid"][0].clone(), sid.clone());
        if let Some(group_type) = entry.get("grouptype") {
            let number = std::str::from_utf8(&group_type[0]).unwrap();
            if number.parse::<i32>().unwrap() & 4 != 0 {
                found.domain_local.insert(sid.clone());
            }
        }
        found.by_dn.insert(dn.to_lowercase(), sid);
    }
    for (dn, entry) in &all {
        if let Some(guid) = entry.get("ms-ds-consistencyguid") {
            found
                .by_guid
                .insert(guid[0].clone(), found.by_dn[&dn.to_lowercase()].clone());
        }
    }
    found
}

/// A group as AD has it: attributes as sets of text, members as SIDs.
#[derive(Debug, PartialEq, Eq, Clone)]
pub struct AdGroup {
    pub dn: String,
    pub attributes: BTreeMap<String, BTreeSet<String>>,
    pub members: BTreeSet<String>,
}

/// Every group under `base` by DN, all members (ranged ones to their end).
pub fn groups(lab: &Lab, base: &str) -> BTreeMap<String, AdGroup> {
    let sids = sids(lab);
    search(lab, base, "sub", "(objectClass=group)", &["*"])
        .into_iter()
        .map(|(dn, entry)| {
            let mut members: Vec<Vec<u8>> = entry.get("member").cloned().unwrap_or_default();
            let mut range = entry
                .iter()
                .find(|(k, _)| k.starts_with("member;range="))
                .map(|(k, v)| (k.clone(), v.clone()));
            while let Some((name, values)) = range.take() {
                members.extend(values);
                let end = name.rsplit('-').next().expect("range end");
                if end != "*" {
                    let next =
                        format!("member;range={}-*", end.parse::<u64>().expect("number") + 1);
                    let more = search(lab, &dn, "base", "(objectClass=*)", &[&next]);
                    range = more
                        .into_values()
                        .next()
                        .and_then(|e| e.into_iter().find(|(k, _)| k.starts_with("member;range=")));
                    assert!(range.is_some(), "the range after {end} of {dn} is missing");
                }
            }
            let count = members.len();
            let members: BTreeSet<String> = members
                .iter()
                .map(|m| {
                    let member = String::from_utf8(m.clone())
                        .expect("UTF-8 DN")
                        .to_lowercase();
                    sids.by_dn.get(&member).cloned().unwrap_or(member)
                })
                .collect();
            assert_eq!(members.len(), count, "repeated members in {dn}");
            let attributes = entry
                .iter()
                .filter(|(k, _)| !k.starts_with("member"))
                .map(|(k, v)| {
                    (
                        k.clone(),
                        v.iter()
                            .map(|b| String::from_utf8_lossy(b).into_owned())
                            .collect(),
                    )
                })
                .collect();
            (
                dn.clone(),
                AdGroup {
                    dn,
                    attributes,
                    members,
                },
            )
        })
        .collect()
}

/// `objectSid` in a filter.
pub fn sid_filter(sid: &str) -> String {
    let mut parts = sid.split('-').skip(2).map(|p| p.parse::<u64>().unwrap());
    let authority = parts.next().unwrap().to_be_bytes();
    let rest: Vec<u64> = parts.collect();
    let mut bytes = vec![1, rest.len() as u8];
    bytes.extend(&authority[2..]);
    for part in rest {
        bytes.extend(u32::try_from(part).unwrap().to_le_bytes());
    }
    let escaped: String = bytes.iter().map(|b| format!("\\{b:02x}")).collect();
    format!("(objectSid={escaped})")
}

/// Brings a deleted object back, as an administrator would, under a new name with its old SID.
pub fn undelete(lab: &Lab, sid: &str, new_dn: &str) {
    let deleted = search_with(
        lab,
        &["-E", "!1.2.840.113556.1.4.417"],
        &format!("CN=Deleted Objects,{}", lab.base()),
        "sub",
        &sid_filter(sid),
        &["objectSid"],
    );
    let dn = deleted.keys().next().expect("a deleted object");
    let dn = base64::engine::general_purpose::STANDARD.encode(dn);
    modify_with(
        lab,
        &["-e", "!1.2.840.113556.1.4.417"],
        &format!(
            "dn:: {dn}\nchangetype: modify\ndelete: isDeleted\n-\nreplace: distinguishedName\ndistinguishedName: {new_dn}\n-\n"
        ),
    );
}

/// Applies LDIF as the administrator, as somebody else would.
pub fn modify(lab: &Lab, ldif: &str) {
    modify_with(lab, &[], ldif);
}

fn modify_with(lab: &Lab, options: &[&str], ldif: &str) {
    use std::io::Write as _;
    let mut child = Command::new("ldapmodify")
        .env("LDAPTLS_CACERT", lab.text("caFile"))
        .args([
            "-x",
            "-H",
            &url(lab),
            "-D",
            lab.text("adminUser"),
            "-w",
            lab.text("adminPassword"),
        ])
        .args(options)
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("ldapmodify is installed");
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(ldif.as_bytes())
        .expect("LDIF taken");
    let output = child.wait_with_output().expect("ldapmodify ends");
    assert!(
        output.status.success(),
        "ldapmodify: {}\n{ldif}",
        String::from_utf8_lossy(&output.stderr)
    );
}
