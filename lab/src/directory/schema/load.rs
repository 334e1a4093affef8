//! Schema room: reading the tables and resolving inheritance.

use std::collections::{BTreeSet, HashMap};

use super::{
    Additions, AttrId, Attribute, Class, ClassId, ClassLists, KnownAttributes, KnownClasses,
    Schema, Syntax,
};
use crate::directory::sid::parse_guid;

const ATTRIBUTES: &str = include_str!("attributes.csv");
const CLASSES: &str = include_str!("classes.csv");
const EXCHANGE: &str = include_str!("exchange.csv");
/// Their `governsID`s are placeholders below 2.25: nothing published was at hand, and nothing goes by them.
const EXCHANGE_CLASSES: &str = include_str!("exchange-classes.csv");
const SERVER_2016: &str = include_str!("server2016.csv");

/// Attributes with an index of the store although their `searchFlags` don't ask for one.
const ALSO_INDEXED: [&str; 3] = [
    "adminDescription",
    "proxyAddresses",
    "mS-DS-ConsistencyGuid",
];

/// Indexed attributes that the store answers without an attribute index, or isn't asked for.
const OTHERWISE_FOUND: [&str; 16] = [
    "objectGUID",
    "objectSid",
    "objectClass",
    "objectCategory",
    "cn",
    "ou",
    "dc",
    "isDeleted",
    "uSNChanged",
    "uSNCreated",
    "sAMAccountType",
    "groupType",
    "userAccountControl",
    "primaryGroupID",
    "showInAdvancedViewOnly",
    "nTSecurityDescriptor",
];

pub(super) fn schema(additions: Additions) -> Result<Schema, String> {
    let mut attribute_rows = vec![ATTRIBUTES];
    let mut class_rows = vec![CLASSES];
    if additions.server_2016 {
        attribute_rows.push(SERVER_2016);
    }
    if additions.exchange {
        attribute_rows.push(EXCHANGE);
        class_rows.push(EXCHANGE_CLASSES);
    }
    let mut attributes = Vec::new();
    for row in attribute_rows
        .iter()
        .flat_map(|table| table.lines().skip(1))
    {
        attributes.push(attribute(row, attributes.len() as AttrId)?);
    }
    attributes.push(parent_guid(attributes.len() as AttrId));
    let mut attribute_names = HashMap::new();
    for attribute in &attributes {
        attribute_names.insert(attribute.name.clone(), attribute.id);
        attribute_names.insert(attribute.name.to_ascii_lowercase(), attribute.id);
        attribute_names.insert(attribute.oid.clone(), attribute.id);
    }
    link_partners(&mut attributes);

    let find = |name: &str| attribute_names.get(name).copied();
    let mut classes = Vec::new();
    for row in class_rows.iter().flat_map(|table| table.lines().skip(1)) {
        classes.push(class(row, classes.len() as ClassId, &find)?);
    }
    if additions.exchange {
        extend(
            &mut classes,
            "mailRecipient",
            EXCHANGE,
            &["msExchSchemaVersionPt"],
        );
    }
    if additions.server_2016 {
        extend(&mut classes, "top", SERVER_2016, &[]);
    }
    let mut class_names = HashMap::new();
    for class in &classes {
        class_names.insert(class.name.to_ascii_lowercase(), class.id);
        class_names.insert(class.oid.clone(), class.id);
    }
    let find_class = |name: &str| class_names.get(&name.to_ascii_lowercase()).copied();
    let a = KnownAttributes::resolve(find)?;
    let c = KnownClasses::resolve(find_class)?;
    inherit(&mut classes, &find, &find_class)?;
    Ok(Schema {
        attributes,
        classes,
        a,
        c,
        attribute_names,
        class_names,
    })
}

fn attribute(row: &str, id: AttrId) -> Result<Attribute, String> {
    let cells: Vec<&str> = row.split(',').collect();
    let [
        name,
        cn,
        oid,
        syntax_oid,
        om,
        single,
        lower,
        upper,
        link,
        flags,
        guid,
        only,
        system,
        gc,
    ] = cells[..]
    else {
        return Err(format!("the attribute table has a wrong row: {row}"));
    };
    let number = |cell: &str| cell.parse::<i64>().ok();
    let link = number(link).map(|value| value as i32);
    let om_syntax = number(om).unwrap_or(0) as i32;
    let search_flags = number(flags).unwrap_or(0) as i32;
    let wanted = (search_flags & 1 != 0 || ALSO_INDEXED.contains(&name)) && link.is_none();
    Ok(Attribute {
        id,
        name: name.to_owned(),
        cn: cn.to_owned(),
        oid: oid.to_owned(),
        syntax_oid: syntax_oid.to_owned(),
        syntax: syntax(syntax_oid, om_syntax, link.is_some())
            .ok_or_else(|| format!("{name} has an unknown syntax"))?,
        om_syntax,
        single: single == "TRUE",
        lower: number(lower),
        upper: number(upper),
        link,
        search_flags,
        guid: parse_guid(guid).ok_or_else(|| format!("{name} has no schemaIDGUID"))?,
        system_only: only == "TRUE",
        system_flags: number(system).unwrap_or(0) as i32,
        in_catalog: gc == "TRUE",
        partner: None,
        indexed: wanted && !OTHERWISE_FOUND.contains(&name),
    })
}

/// The one operational attribute that has no schema object: every controller computes it.
fn parent_guid(id: AttrId) -> Attribute {
    Attribute {
        id,
        name: "parentGUID".to_owned(),
        cn: "Parent-GUID".to_owned(),
        oid: "1.2.840.113556.1.4.1224".to_owned(),
        syntax_oid: "2.5.5.10".to_owned(),
        syntax: Syntax::Octets,
        om_syntax: 4,
        single: true,
        lower: None,
        upper: None,
        link: None,
        search_flags: 0,
        guid: [0; 16],
        system_only: true,
        system_flags: 4,
        in_catalog: false,
        partner: None,
        indexed: false,
    }
}

fn syntax(oid: &str, om: i32, linked: bool) -> Option<Syntax> {
    Some(match (oid, om) {
        ("2.5.5.1", _) => Syntax::Dn,
        ("2.5.5.7" | "2.5.5.14", 127) if linked => Syntax::Dn,
        ("2.5.5.7" | "2.5.5.14", _) => Syntax::DnText,
        ("2.5.5.2", _) => Syntax::Oid,
        ("2.5.5.3", _) => Syntax::CaseExact,
        ("2.5.5.4" | "2.5.5.5" | "2.5.5.6", _) => Syntax::CaseIgnore,
        ("2.5.5.8", _) => Syntax::Boolean,
        ("2.5.5.9", _) => Syntax::Integer,
        ("2.5.5.10", 127) => Syntax::DnText,
        ("2.5.5.10", _) => Syntax::Octets,
        ("2.5.5.11", _) => Syntax::Time,
        ("2.5.5.12", _) => Syntax::Unicode,
        ("2.5.5.15", _) => Syntax::Descriptor,
        ("2.5.5.16", _) => Syntax::LargeInteger,
        ("2.5.5.17", _) => Syntax::Sid,
        _ => return None,
    })
}

fn link_partners(attributes: &mut [Attribute]) {
    let by_link: HashMap<i32, AttrId> = attributes
        .iter()
        .filter_map(|a| a.link.map(|link| (link, a.id)))
        .collect();
    for attribute in attributes {
        attribute.partner = attribute
            .link
            .and_then(|link| by_link.get(&(link ^ 1)).copied());
    }
}

fn class(row: &str, id: ClassId, find: &impl Fn(&str) -> Option<AttrId>) -> Result<Class, String> {
    let cells: Vec<&str> = row.split(',').collect();
    if cells.len() != 16 {
        return Err(format!("the class table has a wrong row: {row}"));
    }
    let list = |at: usize| {
        cells[at]
            .split_whitespace()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    let name = cells[0];
    Ok(Class {
        id,
        name: name.to_owned(),
        cn: cells[1].to_owned(),
        oid: cells[2].to_owned(),
        parent_name: cells[3].to_owned(),
        category: cells[4].parse().unwrap_or(0),
        rdn: find(cells[5]).ok_or_else(|| format!("{name} is named by an unknown attribute"))?,
        guid: parse_guid(cells[6]).ok_or_else(|| format!("{name} has no schemaIDGUID"))?,
        system_only: cells[7] == "TRUE",
        lists: ClassLists {
            auxiliary: list(8),
            system_auxiliary: list(9),
            superiors: list(10),
            system_superiors: list(11),
            must: list(12),
            system_must: list(13),
            may: list(14),
            system_may: list(15),
        },
        ..Class::default()
    })
}

/// Adds the attributes of a table to a class' `mayContain`.
fn extend(classes: &mut [Class], class: &str, table: &str, except: &[&str]) {
    let names = table
        .lines()
        .skip(1)
        .filter_map(|row| row.split(',').next());
    if let Some(class) = classes.iter_mut().find(|candidate| candidate.name == class) {
        class.lists.may.extend(
            names
                .filter(|name| !except.contains(name))
                .map(str::to_owned),
        );
    }
}

fn inherit(
    classes: &mut [Class],
    find: &impl Fn(&str) -> Option<AttrId>,
    find_class: &impl Fn(&str) -> Option<ClassId>,
) -> Result<(), String> {
    let lookup = |name: &str| find_class(name).ok_or_else(|| format!("no class {name}"));
    for index in 0..classes.len() {
        let mut chain = vec![index as ClassId];
        loop {
            let current = &classes[chain[chain.len() - 1] as usize];
            if current.parent_name == current.name {
                break;
            }
            chain.push(lookup(&current.parent_name)?);
            if chain.len() > 32 {
                return Err(format!("{} derives from itself", classes[index].name));
            }
        }
        chain.reverse();
        let (mut must, mut may, mut superiors) =
            (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let mut todo = chain.clone();
        let mut seen = BTreeSet::new();
        while let Some(id) = todo.pop() {
            if !seen.insert(id) {
                continue;
            }
            let lists = &classes[id as usize].lists;
            must.extend(
                lists
                    .must
                    .iter()
                    .chain(&lists.system_must)
                    .filter_map(|n| find(n)),
            );
            may.extend(
                lists
                    .may
                    .iter()
                    .chain(&lists.system_may)
                    .filter_map(|n| find(n)),
            );
            for name in lists.superiors.iter().chain(&lists.system_superiors) {
                superiors.extend(find_class(name));
            }
            for name in lists.auxiliary.iter().chain(&lists.system_auxiliary) {
                todo.push(lookup(name)?);
            }
            if !chain.contains(&id) {
                todo.extend(find_class(&classes[id as usize].parent_name));
            }
        }
        may.extend(&must);
        let class = &mut classes[index];
        class.chain = chain;
        class.must = must.into_iter().collect();
        class.may = may.into_iter().collect();
        class.superiors = superiors.into_iter().collect();
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_have_mail_attributes_only_where_exchange_prepared_the_schema() {
        let with = schema(Additions {
            exchange: true,
            server_2016: true,
        })
        .expect("a schema");
        let group = with.c.group;
        for name in [
            "member",
            "sAMAccountName",
            "mailNickname",
            "msDS-ExternalDirectoryObjectId",
        ] {
            let id = with.find(name).expect(name);
            assert!(with.allows(group, id), "{name}");
        }
        let upn = with.find("userPrincipalName").expect("userPrincipalName");
        assert!(!with.allows(group, upn));
        let without = schema(Additions {
            exchange: false,
            server_2016: false,
        })
        .expect("a schema");
        assert_eq!(without.find("mailNickname"), None);
        assert_eq!(without.find("msDS-ExternalDirectoryObjectId"), None);
    }

    #[test]
    fn classes_inherit_and_nest() {
        let schema = schema(Additions {
            exchange: true,
            server_2016: true,
        })
        .expect("a schema");
        let c = schema.c;
        assert!(schema.derives(c.computer, c.user));
        assert!(!schema.derives(c.user, c.computer));
        assert!(schema.may_be_below(c.group, c.organizational_unit));
        assert!(!schema.may_be_below(c.group, c.group));
        let names: Vec<_> = schema
            .class(c.user)
            .chain
            .iter()
            .map(|id| schema.class(*id).name.as_str())
            .collect();
        assert_eq!(names, ["top", "person", "organizationalPerson", "user"]);
        let member = schema.attribute(schema.a.member);
        assert_eq!(member.partner, Some(schema.a.member_of));
        assert!(member.forward_link() && !member.back_link());
    }
}
