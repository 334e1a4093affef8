//! Plays requests to a directory and tells what came of them in words that fit any directory.

use super::{Ask, Control, Kind, Search};
use crate::places::{BASE, connect, in_short};
use ldap3::controls::RawControl;
use ldap3::{Ldap, Mod, Scope, SearchEntry};
use std::collections::{BTreeMap, HashSet};
use std::fmt;

/// Where everything happens.
const OU: &str = "OU=Differential,DC=contoso,DC=test";

/// What an entry is compared by.
const SHOWN: &[&str] = &[
    "objectClass",
    "cn",
    "name",
    "ou",
    "sAMAccountName",
    "sAMAccountType",
    "groupType",
    "displayName",
    "description",
    "mail",
    "mailNickname",
    "proxyAddresses",
    "adminDescription",
    "info",
    "member",
    "memberOf",
    "managedBy",
    "isDeleted",
    "lastKnownParent",
    "hideDLMembership",
    "extensionAttribute1",
    "msDS-ExternalDirectoryObjectId",
    "userAccountControl",
    "primaryGroupID",
    "instanceType",
];

/// What came of a request.
#[derive(Debug, PartialEq, Eq)]
pub struct Told {
    /// Result code, and the Win32 code of the message if it has one.
    pub answer: String,
    /// The entry as it is then, or the entries that were found.
    pub entry: String,
}

impl Told {
    /// Whether Samba tells the same. Where it gives no Win32 code, or the one it makes of any failure with
    /// this result code (`map_ldb_error` in its `ldb_wrap`), it says no more than the result code.
    pub fn same(&self, samba: &Told) -> bool {
        let (code, _) = split(&self.answer);
        let (samba_code, win32) = split(&samba.answer);
        let says_nothing = win32.is_none_or(|win32| GENERAL.contains(&(samba_code, win32)));
        let alike = self.answer == samba.answer || (code == samba_code && says_nothing);
        alike && self.entry == samba.entry
    }
}

/// Win32 codes that Samba makes of result codes.
const GENERAL: &[(&str, &str)] = &[
    ("1", "00002020"),
    ("16", "0000200A"),
    ("19", "0000202F"),
    ("20", "0000200D"),
    ("21", "0000200B"),
    ("32", "00002030"),
    ("34", "00002032"),
    ("53", "00002035"),
    ("64", "00002037"),
    ("65", "00002014"),
    ("67", "00002016"),
    ("68", "00002071"),
    ("80", "00002095"),
];

fn split(answer: &str) -> (&str, Option<&str>) {
    match answer.split_once(' ') {
        Some((code, win32)) => (code, Some(win32)),
        None => (answer, None),
    }
}

impl fmt::Display for Told {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{} {}", self.answer, self.entry)
    }
}

/// One directory, and the identities of what was made there by relative name.
pub struct Player {
    client: Ldap,
    domain_sid: String,
    known: BTreeMap<String, (String, Option<String>)>,
}

fn control(control: Control) -> RawControl {
    let (oid, value) = match control {
        Control::Permissive => ("1.2.840.113556.1.4.1413", None),
        Control::Tree => ("1.2.840.113556.1.4.805", None),
        Control::ShowDeleted => ("1.2.840.113556.1.4.417", None),
        Control::ExtendedDn => ("1.2.840.113556.1.4.529", Some(vec![0x30, 3, 2, 1, 1])),
        Control::DomainScope => ("1.2.840.113556.1.4.1339", None),
        Control::Paged => (
            "1.2.840.113556.1.4.319",
            Some(b"\x30\x06\x02\x02\x03\xe8\x04\x00".to_vec()),
        ),
        Control::Unknown => ("1.2.3.4.5", None),
    };
    RawControl {
        ctype: oid.to_owned(),
        crit: true,
        val: value,
    }
}

impl Player {
    pub async fn new(url: &str, user: &str, password: &str) -> Self {
        let mut client = connect(url, false).await.unwrap();
        let bound = client.simple_bind(user, password).await.unwrap();
        assert_eq!(in_short(&bound), "0", "{url}");
        client.with_controls(control(Control::Tree));
        let _ = client.delete(OU).await.unwrap();
        let class = vec![("objectClass", HashSet::from(["organizationalUnit"]))];
        let made = client.add(OU, class).await.unwrap();
        assert_eq!(in_short(&made), "0", "{url}");
        let mut player = Self {
            client,
            domain_sid: String::new(),
            known: BTreeMap::new(),
        };
        let domain = player.read(BASE, &[], &["objectSid"]).await.unwrap();
        player.domain_sid = sid(&domain.bin_attrs["objectSid"][0]);
        player
    }

    /// Puts in `{ou}`, `{base}`, `{domain}` (its SID), `{sid:name}`, `{guid:name}` of what was made, and
    /// `{long:n}`, a text of so many letters.
    fn fill(&self, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some(start) = rest.find('{') {
            let end = start + rest[start..].find('}').unwrap();
            filled.push_str(&rest[..start]);
            let (kind, name) = rest[start + 1..end]
                .split_once(':')
                .unwrap_or((&rest[start + 1..end], ""));
            let known = || match self.known.get(name) {
                Some(known) => known,
                None => panic!("{name} in {text}"),
            };
            match kind {
                "ou" => filled.push_str(OU),
                "base" => filled.push_str(BASE),
                "domain" => filled.push_str(&self.domain_sid),
                "sid" => filled.push_str(known().1.as_ref().unwrap()),
                "guid" => filled.push_str(&known().0),
                "long" => filled.push_str(&"x".repeat(name.parse().unwrap())),
                other => panic!("{other} in {text}"),
            }
            rest = &rest[end + 1..];
        }
        filled + rest
    }

    /// Takes out what only this directory knows.
    fn plain(&self, text: &str) -> String {
        let mut plain = text.to_owned();
        for (name, (guid, sid)) in &self.known {
            plain = plain.replace(guid.as_str(), &format!("{{guid:{name}}}"));
            if let Some(sid) = sid {
                // Of a longer SID this would be the start.
                plain = plain.replace(&format!("{sid}>"), &format!("{{sid:{name}}}>"));
            }
        }
        // Two ways to write one name (RFC 4514, 2.4).
        let plain = plain.replace("\\3B", "\\;").replace("\\#", "#");
        let plain = plain.replace(&self.domain_sid, "{domain}");
        let plain = others(&plain);
        match plain.starts_with('$') {
            true => "{generated}".to_owned(),
            false => plain,
        }
    }

    pub async fn play(&mut self, ask: &Ask) -> Told {
        let (answer, shown) = match ask {
            Ask::Search(search) => return self.search(search).await,
            Ask::Add(dn, attributes) => {
                let dn = self.fill(dn);
                let attributes = attributes
                    .iter()
                    .map(|(name, values)| (name.to_string(), self.values(values)))
                    .collect();
                (self.client.add(&dn, attributes).await, dn)
            }
            Ask::Modify(dn, controls, changes) => {
                let dn = self.fill(dn);
                let changes = changes
                    .iter()
                    .map(|(kind, name, values)| {
                        let (name, values) = (name.to_string(), self.values(values));
                        match kind {
                            Kind::Add => Mod::Add(name, values),
                            Kind::Delete => Mod::Delete(name, values),
                            Kind::Replace => Mod::Replace(name, values),
                        }
                    })
                    .collect();
                self.with(controls);
                (self.client.modify(&dn, changes).await, dn)
            }
            Ask::Delete(dn, controls) => {
                let dn = self.fill(dn);
                self.with(controls);
                (self.client.delete(&dn).await, dn)
            }
            Ask::Rename(dn, rdn, parent) => {
                let (dn, rdn) = (self.fill(dn), self.fill(rdn));
                let parent = parent.map(|parent| self.fill(parent));
                let answer = self
                    .client
                    .modifydn(&dn, &rdn, true, parent.as_deref())
                    .await;
                let renamed = answer.as_ref().is_ok_and(|answer| answer.rc == 0);
                let shown = match (renamed && dn.contains('='), parent) {
                    _ if dn.starts_with('<') => dn,
                    (true, Some(parent)) => format!("{rdn},{parent}"),
                    (true, None) => format!("{rdn},{}", dn.split_once(',').unwrap().1),
                    (false, _) => dn,
                };
                (answer, shown)
            }
        };
        let answer = in_short(&answer.unwrap());
        let entry = self.show(&shown).await;
        if shown.contains("=bad") {
            // Whoever made it shall not differ from who refused it in what follows.
            let _ = self.client.delete(&shown).await;
        }
        Told { answer, entry }
    }

    fn with(&mut self, controls: &[Control]) {
        if !controls.is_empty() {
            let controls: Vec<RawControl> = controls.iter().copied().map(control).collect();
            self.client.with_controls(controls);
        }
    }

    fn values(&self, values: &[&str]) -> HashSet<String> {
        values.iter().map(|value| self.fill(value)).collect()
    }

    async fn read(
        &mut self,
        dn: &str,
        controls: &[Control],
        attributes: &[&str],
    ) -> Option<SearchEntry> {
        self.with(controls);
        let found = self
            .client
            .search(dn, Scope::Base, "(objectClass=*)", attributes.to_vec())
            .await
            .unwrap();
        found.0.into_iter().next().map(SearchEntry::construct)
    }

    /// The entry as it is; its identity is remembered under its name.
    async fn show(&mut self, dn: &str) -> String {
        let identity = self
            .read(dn, &[], &["objectGUID", "objectSid", "name"])
            .await;
        if let Some(entry) = identity {
            let guid = guid(&entry.bin_attrs["objectGUID"][0]);
            let sid = entry.bin_attrs.get("objectSid").map(|sids| sid(&sids[0]));
            self.known
                .insert(entry.attrs["name"][0].clone(), (guid, sid));
        }
        match self.read(dn, &[Control::ShowDeleted], SHOWN).await {
            Some(entry) => self.told(entry),
            None => "absent".to_owned(),
        }
    }

    fn told(&self, entry: SearchEntry) -> String {
        let mut attributes = BTreeMap::new();
        for (name, values) in entry.attrs {
            let mut values: Vec<String> = values.iter().map(|value| self.plain(value)).collect();
            values.sort_unstable();
            attributes.insert(name, values);
        }
        for (name, values) in entry.bin_attrs {
            let values = values.iter().map(|value| match value.len() {
                16 => self.plain(&guid(value)),
                _ => self.plain(&format!("{}>", sid(value))),
            });
            attributes.insert(name, values.collect());
        }
        format!("{} {attributes:?}", self.plain(&entry.dn))
    }

    async fn search(&mut self, search: &Search) -> Told {
        let (base, filter) = (self.fill(search.base), self.fill(search.filter));
        self.with(search.controls);
        let found = self
            .client
            .search(&base, search.scope, &filter, search.attributes.to_vec())
            .await
            .unwrap();
        let answer = in_short(&found.1);
        let entries = found.0.into_iter().filter(|entry| !entry.is_ref());
        let mut entries: Vec<String> = entries
            .map(|entry| self.told(SearchEntry::construct(entry)))
            .collect();
        entries.sort_unstable();
        Told {
            answer,
            entry: entries.join("; "),
        }
    }
}

/// GUIDs of objects that nobody here made.
fn others(text: &str) -> String {
    let mut parts = text.split("<GUID=");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let own = part.starts_with('{');
        let rest = if own { part } else { &part[36..] };
        plain.push_str(if own { "<GUID=" } else { "<GUID={other}" });
        plain.push_str(rest);
    }
    plain
}

fn sid(bytes: &[u8]) -> String {
    let parts: Vec<String> = bytes[8..]
        .chunks(4)
        .map(|part| u32::from_le_bytes(part.try_into().unwrap()).to_string())
        .collect();
    format!("S-1-{}-{}", bytes[7], parts.join("-"))
}

fn guid(bytes: &[u8]) -> String {
    let order = [3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15];
    let digits: String = order
        .iter()
        .map(|index| format!("{:02x}", bytes[*index]))
        .collect();
    [
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..],
    ]
    .join("-")
}
