//! Seed room: the tree a new domain starts with.

use super::object::{Bag, Flags, Id, Identity, NOBODY, Object, Value};
use super::schema::{Attribute, Class, ClassId, Schema, Syntax};
use super::sid::Sid;
use super::store::Store;
use super::{DirectoryOptions, ExchangeLevel};
use crate::ldap::front::CONTROLLERS;
use std::sync::Arc;

/// Makes objects for the initial tree.
struct Planter {
    store: Store,
    now: i64,
}

/// What to plant.
struct Seedling<'a> {
    parent: Id,
    rdn: &'a str,
    class: ClassId,
    identity: Identity,
    flags: Flags,
    texts: &'a [(&'a str, &'a str)],
}

const PLAIN: Flags = Flags {
    head: false,
    deleted: false,
    recycled: false,
    protected: false,
    system: false,
};
const SYSTEM: Flags = Flags {
    system: true,
    ..PLAIN
};
const HEAD: Flags = Flags {
    head: true,
    ..SYSTEM
};

/// The store of a new domain with its naming contexts.
pub fn plant(schema: Arc<Schema>, options: &DirectoryOptions) -> Result<Store, String> {
    let sid = Sid::parse(&options.domain_sid)
        .ok_or_else(|| format!("{} is not a SID", options.domain_sid))?;
    let store = Store::new(schema, &options.domain, sid, options.seed);
    let mut planter = Planter {
        store,
        now: Store::now(),
    };
    planter.domain()?;
    planter.configuration(options)?;
    planter.schema(options)?;
    planter.groups()?;
    Ok(planter.store)
}

impl Planter {
    fn put(&mut self, seedling: Seedling<'_>) -> Result<Id, String> {
        let mut bag = Bag::default();
        for (name, text) in seedling.texts {
            let attribute = self
                .store
                .schema
                .find(name)
                .ok_or_else(|| format!("no {name}"))?;
            let mut values = bag.get(attribute).to_vec();
            values.push(text.as_bytes().into());
            bag.set(attribute, values);
        }
        let (guid, usn) = (self.store.new_guid(), self.store.next_usn());
        Ok(self.store.insert(Object {
            parent: seedling.parent,
            rdn: seedling.rdn.into(),
            class: seedling.class,
            guid,
            identity: seedling.identity,
            usn_created: usn,
            usn_changed: usn,
            created: self.now,
            changed: self.now,
            flags: seedling.flags,
            bag,
        }))
    }

    fn node(&mut self, parent: Id, rdn: &str, class: ClassId, flags: Flags) -> Result<Id, String> {
        self.put(Seedling {
            parent,
            rdn,
            class,
            identity: Identity::None,
            flags,
            texts: &[],
        })
    }

    fn domain(&mut self) -> Result<(), String> {
        let c = self.store.schema.c;
        let first = self
            .store
            .base
            .first()
            .map_or_else(String::new, |part| part.value.clone());
        let sid = Identity::Other(Box::new(self.store.domain_sid.clone()));
        let domain = self.put(Seedling {
            parent: NOBODY,
            rdn: &first,
            class: c.domain,
            identity: sid,
            flags: HEAD,
            texts: &[("msDS-Behavior-Version", "7")],
        })?;
        self.store.marks.domain = domain;
        self.store.marks.users = self.node(domain, "Users", c.container, SYSTEM)?;
        self.store.marks.computers = self.node(domain, "Computers", c.container, SYSTEM)?;
        self.node(domain, "System", c.container, SYSTEM)?;
        let builtin = Sid::parse("S-1-5-32").ok_or("no builtin SID")?;
        self.put(Seedling {
            parent: domain,
            rdn: "Builtin",
            class: c.builtin,
            identity: Identity::Other(Box::new(builtin)),
            flags: SYSTEM,
            texts: &[],
        })?;
        self.store.marks.foreign =
            self.node(domain, "ForeignSecurityPrincipals", c.container, SYSTEM)?;
        self.node(domain, "LostAndFound", c.lost_and_found, SYSTEM)?;
        self.node(domain, "Domain Controllers", c.organizational_unit, SYSTEM)?;
        let flags = Flags {
            deleted: true,
            ..SYSTEM
        };
        let deleted = self.put(Seedling {
            parent: domain,
            rdn: "Deleted Objects",
            class: c.container,
            identity: Identity::None,
            flags,
            texts: &[("description", "Container for deleted objects")],
        })?;
        self.store.set_deleted(deleted, true, false);
        self.store.marks.deleted = deleted;
        Ok(())
    }

    fn configuration(&mut self, options: &DirectoryOptions) -> Result<(), String> {
        let c = self.store.schema.c;
        let domain = self.store.marks.domain;
        let head = self.node(domain, "Configuration", c.configuration, HEAD)?;
        self.store.marks.configuration = head;
        let config_dn = self.store.dn(head);
        let base_dn = self.store.base_dn.clone();
        let netbios = self.store.netbios();
        let partitions = self.node(head, "Partitions", c.partitions, SYSTEM)?;
        for (rdn, context, flags) in [
            (netbios.as_str(), base_dn.clone(), "3"),
            ("Enterprise Configuration", config_dn.clone(), "1"),
            ("Enterprise Schema", format!("CN=Schema,{config_dn}"), "1"),
        ] {
            let mut texts = vec![("dnsRoot", options.domain.as_str()), ("systemFlags", flags)];
            if flags == "3" {
                texts.push(("nETBIOSName", &netbios));
            }
            let cross = self.put(Seedling {
                parent: partitions,
                rdn,
                class: c.cross_ref,
                identity: Identity::None,
                flags: SYSTEM,
                texts: &texts,
            })?;
            // Kept as text: the schema's head doesn't exist yet.
            let name = self.store.schema.find("nCName").ok_or("no nCName")?;
            self.store
                .set(cross, name, vec![context.into_bytes().into()]);
        }
        let services = self.node(head, "Services", c.container, SYSTEM)?;
        let sites = self.node(head, "Sites", c.sites, SYSTEM)?;
        let site = self.node(sites, "Default-First-Site-Name", c.site, SYSTEM)?;
        let servers = self.node(site, "Servers", c.servers, SYSTEM)?;
        for controller in 0..CONTROLLERS {
            self.store.marks.dsas[controller] = self.controller(servers, controller, options)?;
        }
        if options.exchange == ExchangeLevel::Prepared {
            self.exchange(services)?;
        }
        Ok(())
    }

    /// A controller's server object and the settings below it, which carry the id of its database.
    fn controller(
        &mut self,
        servers: Id,
        index: usize,
        options: &DirectoryOptions,
    ) -> Result<Id, String> {
        let c = self.store.schema.c;
        let name = format!("DC{}", index + 1);
        let host = format!("{}.{}", name.to_lowercase(), options.domain);
        let server = self.put(Seedling {
            parent: servers,
            rdn: &name,
            class: c.server,
            identity: Identity::None,
            flags: SYSTEM,
            texts: &[("dNSHostName", &host)],
        })?;
        let dsa = self.put(Seedling {
            parent: server,
            rdn: "NTDS Settings",
            class: c.dsa,
            identity: Identity::None,
            flags: SYSTEM,
            texts: &[("options", "1"), ("msDS-Behavior-Version", "7")],
        })?;
        let invocation = self.store.new_guid();
        let attribute = self.store.schema.a.invocation_id;
        self.store
            .set(dsa, attribute, vec![invocation.as_slice().into()]);
        Ok(dsa)
    }

    fn exchange(&mut self, services: Id) -> Result<(), String> {
        let find = |store: &Store, name: &str| {
            store
                .schema
                .find_class(name)
                .ok_or_else(|| format!("no class {name}"))
        };
        let exchange = find(&self.store, "msExchConfigurationContainer")?;
        let container = find(&self.store, "msExchContainer")?;
        let organization = find(&self.store, "msExchOrganizationContainer")?;
        let server = find(&self.store, "msExchExchangeServer")?;
        let system = find(&self.store, "msExchSystemObjectsContainer")?;
        let label = self
            .store
            .base
            .first()
            .map_or("", |part| part.value.as_str());
        let mut name: String = label.chars().take(1).flat_map(char::to_uppercase).collect();
        name.extend(label.chars().skip(1));
        let root = self.node(services, "Microsoft Exchange", exchange, PLAIN)?;
        let organization = self.node(root, &name, organization, PLAIN)?;
        let groups = self.node(organization, "Administrative Groups", container, PLAIN)?;
        let group = self.node(
            groups,
            "Exchange Administrative Group (FYDIBOHF23SPDLT)",
            container,
            PLAIN,
        )?;
        let servers = self.node(group, "Servers", container, PLAIN)?;
        self.put(Seedling {
            parent: servers,
            rdn: "EX1",
            class: server,
            identity: Identity::None,
            flags: PLAIN,
            texts: &[("serialNumber", "Version 15.2 (Build 31748.8)")],
        })?;
        let domain = self.store.marks.domain;
        self.node(domain, "Microsoft Exchange System Objects", system, PLAIN)?;
        Ok(())
    }

    fn schema(&mut self, _options: &DirectoryOptions) -> Result<(), String> {
        let schema = Arc::clone(&self.store.schema);
        let head = self.put(Seedling {
            parent: self.store.marks.configuration,
            rdn: "Schema",
            class: schema.c.schema,
            identity: Identity::None,
            flags: HEAD,
            texts: &[("objectVersion", "88")],
        })?;
        self.store.marks.schema = head;
        for attribute in schema.attributes.iter().filter(|a| a.guid != [0; 16]) {
            let texts = attribute_texts(attribute);
            let texts: Vec<(&str, &str)> = texts
                .iter()
                .map(|(name, text)| (*name, text.as_str()))
                .collect();
            let id = self.put(Seedling {
                parent: head,
                rdn: &attribute.cn,
                class: schema.c.attribute,
                identity: Identity::None,
                flags: PLAIN,
                texts: &texts,
            })?;
            self.set_schema_guid(id, &attribute.guid)?;
        }
        for class in &schema.classes {
            let texts = class_texts(&schema, class);
            let texts: Vec<(&str, &str)> = texts
                .iter()
                .map(|(name, text)| (*name, text.as_str()))
                .collect();
            let id = self.put(Seedling {
                parent: head,
                rdn: &class.cn,
                class: schema.c.class,
                identity: Identity::None,
                flags: PLAIN,
                texts: &texts,
            })?;
            self.set_schema_guid(id, &class.guid)?;
            self.store.class_objects[class.id as usize] = id;
        }
        let category = schema
            .find("defaultObjectCategory")
            .ok_or("no defaultObjectCategory")?;
        for class in &schema.classes {
            let id = self.store.class_objects[class.id as usize];
            let target = self.store.category(class.id);
            self.store
                .set(id, category, vec![target.to_le_bytes().into()]);
        }
        let nc_name = schema.find("nCName").ok_or("no nCName")?;
        let cross: Vec<(Id, Vec<u8>)> = (self.store.of_class(schema.c.cross_ref).into_iter())
            .flatten()
            .filter_map(|id| {
                let text = self.store.object(*id).bag.text(nc_name)?;
                let parts = super::dn::parse(text)?;
                let target = self.store.by_dn(&parts).ok()?;
                Some((*id, target.to_le_bytes().to_vec()))
            })
            .collect();
        for (id, target) in cross {
            self.store.set(id, nc_name, vec![target.into()]);
        }
        Ok(())
    }

    fn set_schema_guid(&mut self, id: Id, guid: &[u8; 16]) -> Result<(), String> {
        let attribute = self
            .store
            .schema
            .find("schemaIDGUID")
            .ok_or("no schemaIDGUID")?;
        self.store
            .set(id, attribute, vec![Value::from(guid.as_slice())]);
        Ok(())
    }

    /// The groups every domain has; some of them protected.
    fn groups(&mut self) -> Result<(), String> {
        let group = self.store.schema.c.group;
        let users = self.store.marks.users;
        for (name, rid, kind, protected) in [
            ("Domain Admins", 512, "-2147483646", true),
            ("Domain Users", 513, "-2147483646", false),
            ("Domain Guests", 514, "-2147483646", false),
            ("Domain Computers", 515, "-2147483646", false),
            ("Domain Controllers", 516, "-2147483646", true),
            ("Schema Admins", 518, "-2147483640", true),
            ("Enterprise Admins", 519, "-2147483640", true),
            ("Group Policy Creator Owners", 520, "-2147483646", false),
        ] {
            let mut texts = vec![("sAMAccountName", name), ("groupType", kind)];
            if protected {
                texts.push(("adminCount", "1"));
            }
            self.put(Seedling {
                parent: users,
                rdn: name,
                class: group,
                identity: Identity::Domain(rid),
                flags: SYSTEM,
                texts: &texts,
            })?;
        }
        let builtin = self
            .store
            .child(self.store.marks.domain, "Builtin")
            .ok_or("no Builtin")?;
        for (name, rid) in [("Administrators", 544u32), ("Users", 545), ("Guests", 546)] {
            let sid = Sid::parse(&format!("S-1-5-32-{rid}")).ok_or("no builtin SID")?;
            let mut texts = vec![("sAMAccountName", name), ("groupType", "-2147483643")];
            if rid == 544 {
                texts.push(("adminCount", "1"));
            }
            self.put(Seedling {
                parent: builtin,
                rdn: name,
                class: group,
                identity: Identity::Other(Box::new(sid)),
                flags: SYSTEM,
                texts: &texts,
            })?;
        }
        let foreign = self.store.marks.foreign;
        for text in ["S-1-5-11", "S-1-5-4", "S-1-5-9"] {
            let sid = Sid::parse(text).ok_or("no well-known SID")?;
            self.put(Seedling {
                parent: foreign,
                rdn: text,
                class: self.store.schema.c.foreign,
                identity: Identity::Other(Box::new(sid)),
                flags: PLAIN,
                texts: &[],
            })?;
        }
        Ok(())
    }
}

fn flag(value: bool) -> String {
    if value { "TRUE" } else { "FALSE" }.to_owned()
}

fn attribute_texts(attribute: &Attribute) -> Vec<(&'static str, String)> {
    let mut texts = vec![
        ("lDAPDisplayName", attribute.name.clone()),
        ("adminDisplayName", attribute.cn.clone()),
        ("attributeID", attribute.oid.clone()),
        ("attributeSyntax", attribute.syntax_oid.clone()),
        ("oMSyntax", attribute.om_syntax.to_string()),
        ("isSingleValued", flag(attribute.single)),
        ("searchFlags", attribute.search_flags.to_string()),
        ("systemOnly", flag(attribute.system_only)),
        ("isMemberOfPartialAttributeSet", flag(attribute.in_catalog)),
        ("showInAdvancedViewOnly", flag(true)),
    ];
    if attribute.system_flags != 0 {
        texts.push(("systemFlags", attribute.system_flags.to_string()));
    }
    texts.extend(
        attribute
            .lower
            .map(|lower| ("rangeLower", lower.to_string())),
    );
    texts.extend(
        attribute
            .upper
            .map(|upper| ("rangeUpper", upper.to_string())),
    );
    texts.extend(attribute.link.map(|link| ("linkID", link.to_string())));
    debug_assert!(attribute.syntax != Syntax::Dn || attribute.om_syntax == 127);
    texts
}

fn class_texts(schema: &Schema, class: &Class) -> Vec<(&'static str, String)> {
    let mut texts = vec![
        ("lDAPDisplayName", class.name.clone()),
        ("adminDisplayName", class.cn.clone()),
        ("governsID", class.oid.clone()),
        ("objectClassCategory", class.category.to_string()),
        ("subClassOf", class.parent_name.clone()),
        ("rDNAttID", schema.attribute(class.rdn).name.clone()),
        ("systemOnly", flag(class.system_only)),
        ("showInAdvancedViewOnly", flag(true)),
    ];
    let lists = &class.lists;
    for (name, list) in [
        ("auxiliaryClass", &lists.auxiliary),
        ("systemAuxiliaryClass", &lists.system_auxiliary),
        ("possSuperiors", &lists.superiors),
        ("systemPossSuperiors", &lists.system_superiors),
        ("mustContain", &lists.must),
        ("systemMustContain", &lists.system_must),
        ("mayContain", &lists.may),
        ("systemMayContain", &lists.system_may),
    ] {
        texts.extend(list.iter().map(|value| (name, value.clone())));
    }
    texts
}
