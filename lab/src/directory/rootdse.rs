//! Request room: the entry without a name that says what this server is.

use super::controls::SUPPORTED;
use super::store::Store;
use super::values::time_text;
use crate::ldap::message::RawAttribute;

/// Limits that are enforced, by their policy names.
const POLICIES: [&str; 4] = [
    "MaxPageSize",
    "MaxValRange",
    "MaxReceiveBuffer",
    "MaxQueryDuration",
];

/// What an Active Directory of Windows Server 2012 R2 and later says it can do; the last one only an RODC.
const CAPABILITIES: [&str; 5] = [
    "1.2.840.113556.1.4.800",
    "1.2.840.113556.1.4.1670",
    "1.2.840.113556.1.4.1935",
    "1.2.840.113556.1.4.2080",
    "1.2.840.113556.1.4.1920",
];

/// The attributes of the rootDSE that `wanted` names (everything for none or `*`).
pub fn attributes(
    store: &Store,
    controller: usize,
    wanted: &[String],
    types_only: bool,
) -> Vec<RawAttribute> {
    let dn = |id| store.dn(id);
    let domain: Vec<&str> = store.base.iter().map(|part| part.value.as_str()).collect();
    let domain = domain.join(".");
    let marks = &store.marks;
    let (number, dsa) = (controller + 1, marks.dsas[controller]);
    let one = |text: String| vec![text];
    let many = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let schema = dn(marks.schema);
    let all: Vec<(&str, Vec<String>)> = vec![
        ("domainFunctionality", one("7".into())),
        ("forestFunctionality", one("7".into())),
        ("domainControllerFunctionality", one("7".into())),
        ("rootDomainNamingContext", one(store.base_dn.clone())),
        ("defaultNamingContext", one(store.base_dn.clone())),
        ("configurationNamingContext", one(dn(marks.configuration))),
        ("schemaNamingContext", one(schema.clone())),
        ("subschemaSubentry", one(format!("CN=Aggregate,{schema}"))),
        (
            "namingContexts",
            vec![store.base_dn.clone(), dn(marks.configuration), schema],
        ),
        ("dnsHostName", one(format!("dc{number}.{domain}"))),
        (
            "ldapServiceName",
            one(format!("{domain}:dc{number}$@{}", domain.to_uppercase())),
        ),
        ("serverName", one(dn(store.object(dsa).parent))),
        ("dsServiceName", one(dn(dsa))),
        ("currentTime", one(time_text(Store::now()))),
        ("highestCommittedUSN", one(store.usn.to_string())),
        ("isSynchronized", one("TRUE".into())),
        ("isGlobalCatalogReady", one("TRUE".into())),
        ("supportedLDAPVersion", one("3".into())),
        ("supportedLDAPPolicies", many(&POLICIES)),
        ("supportedControl", many(&SUPPORTED)),
        (
            "supportedCapabilities",
            many(&CAPABILITIES[..CAPABILITIES.len() - usize::from(!store.read_only)]),
        ),
        (
            "supportedExtension",
            many(&["1.3.6.1.4.1.1466.20037", "1.3.6.1.4.1.4203.1.11.3"]),
        ),
    ];
    let everything = wanted.is_empty() || wanted.iter().any(|name| name == "*");
    all.into_iter()
        .filter(|(name, _)| {
            everything || wanted.iter().any(|other| other.eq_ignore_ascii_case(name))
        })
        .map(|(name, values)| RawAttribute {
            name: name.to_owned(),
            values: match types_only {
                true => Vec::new(),
                false => values.into_iter().map(String::into_bytes).collect(),
            },
        })
        .collect()
}
