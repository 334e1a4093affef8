//! What is asked once after signing in: rootDSE, schema, Exchange, the domains of the forest.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::dn::{self, Dn};
use super::entry::{Entry, ExtendedDn};
use super::filter;
use super::link::Link;
use super::search::{self, Spec, oid};
use super::types::{AttributeFacts, ExchangeFacts, ForestFacts, RootDse, SchemaFacts, Scope};
use crate::error::{Error, ErrorId, Result};
use crate::model::{Guid, Sid};

/// RID of the group `Domain Users`: a group that every domain has.
const DOMAIN_USERS: &str = "513";
/// `LDAP_CAP_ACTIVE_DIRECTORY_PARTIAL_SECRETS_OID` (MS-ADTS 3.1.1.3.4.3): only an RODC has it.
const READ_ONLY_CONTROLLER: &str = "1.2.840.113556.1.4.1920";
/// `TRUST_ATTRIBUTE_WITHIN_FOREST` (MS-ADTS 6.1.6.7.9).
const WITHIN_FOREST: i64 = 0x20;
/// `FLAG_CR_NTDS_DOMAIN` in `systemFlags` of a crossRef (MS-ADTS 2.2.10).
const CROSS_REF_DOMAIN: u32 = 2;
/// Recipient attributes of groups that writeback maps; all present = prepared for Exchange.
const EXCHANGE_ATTRIBUTES: [&str; 3] = [
    "mailNickname",
    "msExchRequireAuthToSendTo",
    "reportToOriginator",
];

/// Reads rootDSE and stops when the controller lacks what the engine is built on.
pub(super) async fn root(link: &Arc<Link>) -> Result<RootDse> {
    let spec = Spec::object(
        "",
        &[
            "defaultNamingContext",
            "configurationNamingContext",
            "schemaNamingContext",
            "rootDomainNamingContext",
            "dnsHostName",
            "highestCommittedUSN",
            "domainControllerFunctionality",
            "supportedControl",
            "supportedCapabilities",
            "dsServiceName",
        ],
    );
    let entry = search::object(link, &spec)
        .await?
        .ok_or_else(|| not_ad(link, "it gives no rootDSE"))?;
    if entry
        .texts("supportedCapabilities")
        .any(|oid| oid == READ_ONLY_CONTROLLER)
    {
        return Err(Error::new(
            ErrorId::DirectoryReadOnly,
            format!(
                "{} is a read-only domain controller (RODC): groups can't be written there.",
                link.server()
            ),
        )
        .target(link.server()));
    }
    let text = |name: &str| entry.text(name).unwrap_or_default().to_owned();
    let mut root = RootDse {
        default_naming_context: text("defaultNamingContext"),
        configuration_naming_context: text("configurationNamingContext"),
        schema_naming_context: text("schemaNamingContext"),
        root_domain_naming_context: text("rootDomainNamingContext"),
        dns_host_name: text("dnsHostName"),
        highest_committed_usn: entry.parsed("highestCommittedUSN").unwrap_or_default(),
        functional_level: entry
            .parsed("domainControllerFunctionality")
            .unwrap_or_default(),
        supported_controls: entry
            .texts("supportedControl")
            .map(str::to_owned)
            .collect::<BTreeSet<_>>(),
        invocation_id: None,
        recycle_bin: false,
        ds_service_name: entry.text("dsServiceName").map(str::to_owned),
    };
    if root.default_naming_context.is_empty() || root.schema_naming_context.is_empty() {
        return Err(not_ad(link, "its rootDSE names no domain or schema"));
    }
    let needed = [
        (oid::PAGED, "paged results"),
        (oid::PERMISSIVE_MODIFY, "permissive modify"),
        (oid::EXTENDED_DN, "extended DN"),
    ];
    let missing: Vec<&str> = needed
        .iter()
        .filter(|(oid, _)| !root.supports(oid))
        .map(|(_, name)| *name)
        .collect();
    if !missing.is_empty() {
        return Err(not_ad(
            link,
            &format!("it lacks the controls {}", missing.join(", ")),
        ));
    }
    if let Some(service) = &root.ds_service_name {
        let spec = Spec::object(service, &["invocationId"]);
        root.invocation_id = search::object(link, &spec)
            .await
            .ok()
            .flatten()
            .and_then(|e| Guid::from_ad_bytes(e.value("invocationId")?));
    }
    let partitions = format!("CN=Partitions,{}", root.configuration_naming_context);
    let features = Spec::object(&partitions, &["msDS-EnabledFeature"]);
    root.recycle_bin = search::object(link, &features)
        .await?
        .is_some_and(|e| e.texts("msDS-EnabledFeature").any(is_recycle_bin));
    Ok(root)
}

fn is_recycle_bin(feature: &str) -> bool {
    feature
        .to_ascii_lowercase()
        .starts_with("cn=recycle bin feature,")
}

fn not_ad(link: &Link, why: &str) -> Error {
    Error::new(
        ErrorId::DirectoryOperationFailed,
        format!(
            "{} is not an Active Directory domain controller that can be used: {why}.",
            link.server()
        ),
    )
    .target(link.server())
    .action("Name a domain controller with -Server.")
}

/// Reads which domains make up the forest.
pub(super) async fn forest(link: &Arc<Link>, root: &RootDse) -> Result<ForestFacts> {
    let own = search::object(
        link,
        &Spec::object(&root.default_naming_context, &["objectSid"]),
    )
    .await?
    .and_then(|e| e.sid());
    let mut sids: Vec<Sid> = own.iter().cloned().collect();
    let mut add = |sid: Option<Sid>| {
        if let Some(sid) = sid.filter(|sid| !sids.contains(sid)) {
            sids.push(sid);
        }
    };
    // Each domain of the forest has a crossRef; its reference carries the domain's SID.
    let mut crosses = Spec::new(
        &format!("CN=Partitions,{}", root.configuration_naming_context),
        Scope::OneLevel,
        filter::and([
            filter::eq("objectClass", "crossRef"),
            filter::all_bits("systemFlags", CROSS_REF_DOMAIN),
        ]),
        &["nCName"],
    );
    crosses.extended = true;
    for entry in search::all(link, &crosses).await?.unwrap_or_default() {
        add(entry
            .value("nCName")
            .and_then(ExtendedDn::parse)
            .and_then(|n| n.sid));
    }
    let trusts = Spec::new(
        &format!("CN=System,{}", root.default_naming_context),
        Scope::OneLevel,
        filter::eq("objectClass", "trustedDomain"),
        &["securityIdentifier", "trustAttributes"],
    );
    for entry in search::all(link, &trusts).await?.unwrap_or_default() {
        let attributes: i64 = entry.parsed("trustAttributes").unwrap_or_default();
        if attributes & WITHIN_FOREST != 0 {
            add(entry.value("securityIdentifier").and_then(Sid::from_bytes));
        }
    }
    Ok(ForestFacts {
        domain_sid: own,
        domain_sids: sids,
    })
}

/// Reads what the schema allows on groups.
pub(super) async fn schema(
    link: &Arc<Link>,
    root: &RootDse,
    forest: &ForestFacts,
) -> Result<SchemaFacts> {
    let allowed = allowed_on_groups(link, root, forest).await?;
    let spec = Spec::new(
        &root.schema_naming_context,
        Scope::OneLevel,
        filter::eq("objectClass", "attributeSchema"),
        &[
            "lDAPDisplayName",
            "isSingleValued",
            "rangeUpper",
            "isDefunct",
        ],
    );
    let mut attributes = HashMap::new();
    for entry in search::all(link, &spec).await?.unwrap_or_default() {
        let Some(name) = entry.text("lDAPDisplayName").map(str::to_ascii_lowercase) else {
            continue;
        };
        if allowed.contains(&name) && !entry.is_true("isDefunct") {
            attributes.insert(
                name,
                AttributeFacts {
                    single_valued: entry.is_true("isSingleValued"),
                    range_upper: entry.parsed("rangeUpper"),
                },
            );
        }
    }
    if attributes.is_empty() {
        return Err(Error::new(
            ErrorId::SourceReadIncomplete,
            format!("The schema can't be read on {}.", link.server()),
        )
        .target(&root.schema_naming_context)
        .action("Let the account read the schema; every authenticated account may by default."));
    }
    let mut facts = SchemaFacts {
        attributes,
        ..SchemaFacts::default()
    };
    facts.external_directory_object_id = facts.has("msDS-ExternalDirectoryObjectId");
    facts.exchange = exchange(link, root, &facts).await?;
    Ok(facts)
}

/// Lower-case names of the attributes that a group may have.
async fn allowed_on_groups(
    link: &Arc<Link>,
    root: &RootDse,
    forest: &ForestFacts,
) -> Result<HashSet<String>> {
    let lower = |entry: Entry| -> HashSet<String> {
        entry
            .texts("allowedAttributes")
            .map(str::to_ascii_lowercase)
            .collect()
    };
    if let Some(domain) = &forest.domain_sid {
        let users = format!("{domain}-{DOMAIN_USERS}").parse::<Sid>();
        if let Ok(sid) = users {
            let spec = Spec::object(&dn::by_sid(&sid), &["allowedAttributes"]);
            if let Ok(Some(entry)) = search::object(link, &spec).await {
                let names = lower(entry);
                if !names.is_empty() {
                    return Ok(names);
                }
            }
        }
    }
    let mut spec = Spec::new(
        &root.default_naming_context,
        Scope::Subtree,
        filter::eq("objectClass", "group"),
        &["allowedAttributes"],
    );
    spec.domain_scope = root.supports(oid::DOMAIN_SCOPE);
    let found = search::some(link, &spec, 1).await?.unwrap_or_default();
    match found.into_iter().next().map(lower) {
        Some(names) if !names.is_empty() => Ok(names),
        _ => from_classes(link, root).await,
    }
}

/// The same from the class definitions, for an account that sees no group at all.
async fn from_classes(link: &Arc<Link>, root: &RootDse) -> Result<HashSet<String>> {
    const ALLOW: [&str; 4] = [
        "mustContain",
        "mayContain",
        "systemMustContain",
        "systemMayContain",
    ];
    const INHERIT: [&str; 3] = ["subClassOf", "auxiliaryClass", "systemAuxiliaryClass"];
    let attributes: Vec<&str> = ["lDAPDisplayName"]
        .into_iter()
        .chain(ALLOW)
        .chain(INHERIT)
        .collect();
    let spec = Spec::new(
        &root.schema_naming_context,
        Scope::OneLevel,
        filter::eq("objectClass", "classSchema"),
        &attributes,
    );
    let classes: HashMap<String, Entry> = search::all(link, &spec)
        .await?
        .unwrap_or_default()
        .into_iter()
        .filter_map(|e| Some((e.text("lDAPDisplayName")?.to_ascii_lowercase(), e)))
        .collect();
    let mut names = HashSet::new();
    let mut seen = HashSet::new();
    let mut open = vec!["group".to_owned()];
    while let Some(class) = open.pop() {
        let Some(entry) = classes.get(&class) else {
            continue;
        };
        if !seen.insert(class) {
            continue;
        }
        for kind in ALLOW {
            names.extend(entry.texts(kind).map(str::to_ascii_lowercase));
        }
        for kind in INHERIT {
            open.extend(entry.texts(kind).map(str::to_ascii_lowercase));
        }
    }
    Ok(names)
}

async fn exchange(link: &Arc<Link>, root: &RootDse, schema: &SchemaFacts) -> Result<ExchangeFacts> {
    let version = Dn::parse(&root.schema_naming_context)?.child("CN", "ms-Exch-Schema-Version-Pt");
    let version = search::object(link, &Spec::object(&version.to_string(), &["rangeUpper"]))
        .await?
        .and_then(|e| e.parsed("rangeUpper"));
    let services = format!(
        "CN=Microsoft Exchange,CN=Services,{}",
        root.configuration_naming_context
    );
    let below = |class: &str, scope: Scope| {
        let found = Spec::new(&services, scope, filter::eq("objectClass", class), &["cn"]);
        async move { search::some(link, &found, 1).await }
    };
    let organization = below("msExchOrganizationContainer", Scope::OneLevel)
        .await?
        .unwrap_or_default()
        .first()
        .and_then(|e| e.text("cn").map(str::to_owned));
    let servers = organization.is_some()
        && !below("msExchExchangeServer", Scope::Subtree)
            .await?
            .unwrap_or_default()
            .is_empty();
    let objects = Dn::parse(&root.default_naming_context)?
        .child("CN", "Microsoft Exchange System Objects")
        .to_string();
    let domain_prepared = search::object(link, &Spec::object(&objects, &["cn"]))
        .await?
        .is_some();
    Ok(ExchangeFacts {
        attributes: EXCHANGE_ATTRIBUTES.iter().all(|a| schema.has(a)),
        schema_version: version,
        organization,
        servers,
        domain_prepared,
    })
}
