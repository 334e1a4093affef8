//! Tests of the directory as a whole: a small domain and a way to talk to it without a network.

mod deleting;
mod groups;
mod rights;
mod scale;
mod searching;
mod wire;
mod writing;

use super::*;
use crate::directory::results::Failure;
use crate::directory::session::Found;
use crate::ldap::ber::{self, INTEGER, OCTETS, SEQUENCE};
use crate::ldap::message::{
    ChangeKind, Control, Filter, Operation, RawAttribute, Scope, SearchRequest,
};

pub const SID: &str = "S-1-5-21-1004336348-1177238915-682003330";
pub const BASE: &str = "DC=contoso,DC=test";
pub const OU: &str = "OU=Groups,DC=contoso,DC=test";
pub const PERMISSIVE: &str = "1.2.840.113556.1.4.1413";

/// A domain with accounts, an OU and users with RIDs from 2000.
pub struct Lab {
    pub directory: Directory,
    pub who: String,
}

/// A found entry.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub dn: String,
    pub attributes: Vec<RawAttribute>,
}

impl Entry {
    pub fn texts(&self, name: &str) -> Vec<String> {
        let attribute = self.attributes.iter().find(|a| a.name == name);
        let text = |value: &Vec<u8>| String::from_utf8_lossy(value).into_owned();
        attribute.map_or_else(Vec::new, |a| a.values.iter().map(text).collect())
    }

    pub fn text(&self, name: &str) -> String {
        self.texts(name).join("|")
    }
}

/// The answer to a search.
pub struct Answered {
    pub entries: Vec<Entry>,
    pub code: u32,
    pub cookie: Vec<u8>,
    pub references: usize,
}

pub fn options(domain: &str) -> DirectoryOptions {
    let account = |name: &str, rights| Account {
        name: name.to_owned(),
        password: format!("{name}-password"),
        rights,
    };
    DirectoryOptions {
        domain: domain.to_owned(),
        exchange: ExchangeLevel::Prepared,
        schema_2016: true,
        ous: vec![OU.to_owned()],
        domain_sid: SID.to_owned(),
        accounts: vec![
            account("administrator", Rights::Admin),
            account("svc-writeback", Rights::Writeback),
            account("svc-readonly", Rights::ReadOnly),
        ],
        seed: 42,
    }
}

pub fn guid(number: u32) -> [u8; 16] {
    let mut guid = [0x5a; 16];
    guid[..4].copy_from_slice(&number.to_le_bytes());
    guid
}

pub fn user(number: u32) -> NewUser {
    NewUser {
        cn: format!("User {number}"),
        sam: format!("user{number}"),
        upn: format!("user{number}@contoso.test"),
        rid: 2000 + number,
        object_guid: guid(number),
        display_name: format!("User {number}"),
        mail: Some(format!("user{number}@contoso.test")),
        consistency_guid: Some(guid(0x1000_0000 + number)),
    }
}

pub fn user_dn(number: u32) -> String {
    format!("CN=User {number},CN=Users,{BASE}")
}

pub fn user_sid(number: u32) -> String {
    format!("<SID={SID}-{}>", 2000 + number)
}

impl Lab {
    pub fn new(users: u32) -> Self {
        let directory = Directory::new(options("contoso.test")).expect("a directory");
        for number in 0..users {
            directory.add_user(user(number)).expect("a user");
        }
        Self {
            directory,
            who: "svc-writeback".to_owned(),
        }
    }

    pub fn by(&self, who: &str) -> Self {
        Self {
            directory: self.directory.clone(),
            who: who.to_owned(),
        }
    }

    fn run(&self, operation: Operation, controls: &[&str]) -> Result<u32, Failure> {
        let control = |oid: &&str| Control {
            oid: (*oid).to_owned(),
            critical: true,
            value: None,
        };
        let controls: Vec<Control> = controls.iter().map(control).collect();
        self.directory
            .perform(0, Some(&self.who), &operation, &controls)
            .map(|answer| answer.code)
    }

    pub fn add(&self, dn: &str, attributes: &[(&str, &[&str])]) -> Result<u32, Failure> {
        let attributes = attributes
            .iter()
            .map(|(name, values)| raw(name, values))
            .collect();
        self.run(
            Operation::Add {
                dn: dn.to_owned(),
                attributes,
            },
            &[],
        )
    }

    pub fn add_group(&self, cn: &str, group_type: i64, members: &[&str]) -> Result<u32, Failure> {
        let group_type = group_type.to_string();
        let values = [group_type.as_str()];
        let mut attributes: Vec<(&str, &[&str])> =
            vec![("objectClass", &["group"]), ("groupType", &values)];
        if !members.is_empty() {
            attributes.push(("member", members));
        }
        self.add(&format!("CN={cn},{OU}"), &attributes)
    }

    pub fn modify(
        &self,
        dn: &str,
        changes: &[(ChangeKind, &str, &[&str])],
        controls: &[&str],
    ) -> Result<u32, Failure> {
        let changes = changes
            .iter()
            .map(|(kind, name, values)| (*kind, raw(name, values)))
            .collect();
        self.run(
            Operation::Modify {
                dn: dn.to_owned(),
                changes,
            },
            controls,
        )
    }

    pub fn rename(&self, dn: &str, rdn: &str, parent: Option<&str>) -> Result<u32, Failure> {
        let operation = Operation::ModifyDn {
            dn: dn.to_owned(),
            new_rdn: rdn.to_owned(),
            delete_old: true,
            new_superior: parent.map(str::to_owned),
        };
        self.run(operation, &[])
    }

    pub fn delete(&self, dn: &str, controls: &[&str]) -> Result<u32, Failure> {
        self.run(Operation::Delete(dn.to_owned()), controls)
    }

    pub fn ask(&self, request: SearchRequest, controls: &[Control]) -> Result<Answered, Failure> {
        let found = self
            .directory
            .search(0, Some(&self.who), &request, controls)?;
        let Found::Entries(mut search, who) = found else {
            panic!("not an entry search")
        };
        let mut answered = Answered {
            entries: vec![],
            code: 0,
            cookie: vec![],
            references: search.references.len(),
        };
        loop {
            let step = search.step(&self.directory.read(), &who, 1);
            answered
                .entries
                .extend(step.entries.iter().map(|entry| read_entry(&entry.message)));
            if let Some(done) = step.done {
                answered.code = done.failure.map_or(0, |failure| failure.code);
                if let Some(control) = done.controls.first() {
                    let value = control.value.clone().unwrap_or_default();
                    answered.cookie = search::paged(&value).expect("a page control").1;
                }
                return Ok(answered);
            }
        }
    }

    pub fn find(&self, base: &str, scope: Scope, filter: &str, names: &[&str]) -> Vec<Entry> {
        self.ask(request(base, scope, filter, names), &[])
            .expect("a search")
            .entries
    }

    pub fn get(&self, dn: &str, names: &[&str]) -> Entry {
        let mut found = self.find(dn, Scope::Base, "(objectClass=*)", names);
        assert_eq!(found.len(), 1, "{dn}");
        found.remove(0)
    }

    pub fn names(&self, filter: &str) -> Vec<String> {
        let found = self.find(BASE, Scope::Subtree, filter, &["name"]);
        let mut names: Vec<String> = found.iter().map(|entry| entry.text("name")).collect();
        names.sort();
        names
    }
}

pub fn raw(name: &str, values: &[&str]) -> RawAttribute {
    let values = values
        .iter()
        .map(|value| value.as_bytes().to_vec())
        .collect();
    RawAttribute {
        name: name.to_owned(),
        values,
    }
}

pub fn request(base: &str, scope: Scope, filter: &str, names: &[&str]) -> SearchRequest {
    SearchRequest {
        base: base.to_owned(),
        scope,
        size_limit: 0,
        time_limit: 0,
        types_only: false,
        filter: filter_of(filter),
        attributes: names.iter().map(|name| (*name).to_owned()).collect(),
    }
}

/// A control whose value is a sequence of one integer.
pub fn numbered(oid: &str, number: i64) -> Control {
    let mut value = Vec::new();
    ber::put_nested(&mut value, SEQUENCE, |out| {
        ber::put_integer(out, INTEGER, number)
    });
    Control {
        oid: oid.to_owned(),
        critical: true,
        value: Some(value),
    }
}

/// The paged results control.
pub fn page(size: i64, cookie: &[u8]) -> Control {
    let mut value = Vec::new();
    ber::put_nested(&mut value, SEQUENCE, |out| {
        ber::put_integer(out, INTEGER, size);
        ber::put(out, OCTETS, cookie);
    });
    Control {
        oid: "1.2.840.113556.1.4.319".to_owned(),
        critical: true,
        value: Some(value),
    }
}

fn read_entry(bytes: &[u8]) -> Entry {
    let mut message = ber::Reader::new(bytes).nested(SEQUENCE).expect("a message");
    message.integer(INTEGER).expect("an id");
    let mut body = message.nested(0x64).expect("an entry");
    let dn = body.text(OCTETS).expect("a name");
    let mut list = body.nested(SEQUENCE).expect("attributes");
    let mut attributes = Vec::new();
    while !list.is_empty() {
        let mut item = list.nested(SEQUENCE).expect("an attribute");
        let name = item.text(OCTETS).expect("a type");
        let mut set = item.nested(ber::SET).expect("values");
        let mut values = Vec::new();
        while !set.is_empty() {
            values.push(set.expect(OCTETS).expect("a value").to_vec());
        }
        attributes.push(RawAttribute { name, values });
    }
    Entry { dn, attributes }
}

/// Reads a filter in its text form (RFC 4515).
pub fn filter_of(text: &str) -> Filter {
    let (filter, rest) = read_filter(text);
    assert_eq!(rest, "", "{text}");
    filter
}

fn read_filter(text: &str) -> (Filter, &str) {
    let inner = text.strip_prefix('(').expect("an opening parenthesis");
    match inner.as_bytes()[0] {
        kind @ (b'&' | b'|' | b'!') => {
            let mut rest = &inner[1..];
            let mut parts = Vec::new();
            while rest.starts_with('(') {
                let (part, next) = read_filter(rest);
                parts.push(part);
                rest = next;
            }
            let rest = rest.strip_prefix(')').expect("a closing parenthesis");
            let filter = match kind {
                b'&' => Filter::And(parts),
                b'|' => Filter::Or(parts),
                _ => Filter::Not(Box::new(parts.remove(0))),
            };
            (filter, rest)
        }
        _ => {
            let end = inner.find(')').expect("a closing parenthesis");
            (read_item(&inner[..end]), &inner[end + 1..])
        }
    }
}

fn read_item(item: &str) -> Filter {
    let (name, value) = item.split_once('=').expect("an equals sign");
    let bytes = |text: &str| {
        let mut out = Vec::new();
        let mut rest = text;
        while let Some(at) = rest.find('\\') {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            out.extend(sid::unhex(&rest[at + 1..at + 3]).expect("an escape"));
            rest = &rest[at + 3..];
        }
        out.extend_from_slice(rest.as_bytes());
        out
    };
    if let Some(name) = name.strip_suffix(':') {
        let (name, rule) = name.split_once(':').expect("a rule");
        return Filter::Extensible(Some(rule.to_owned()), Some(name.to_owned()), bytes(value));
    }
    if let Some(name) = name.strip_suffix('>') {
        return Filter::GreaterOrEqual(name.to_owned(), bytes(value));
    }
    if let Some(name) = name.strip_suffix('<') {
        return Filter::LessOrEqual(name.to_owned(), bytes(value));
    }
    if value == "*" {
        return Filter::Present(name.to_owned());
    }
    if !value.contains('*') {
        return Filter::Equal(name.to_owned(), bytes(value));
    }
    let mut parts: Vec<Vec<u8>> = value.split('*').map(bytes).collect();
    let some = |part: Vec<u8>| (!part.is_empty()).then_some(part);
    let (last, first) = (some(parts.pop().unwrap_or_default()), some(parts.remove(0)));
    Filter::Substrings(name.to_owned(), first, parts, last)
}
