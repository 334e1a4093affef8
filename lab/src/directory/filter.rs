//! Search room: filters turned into tests on objects, with names, keys and references resolved once.

use std::collections::{BTreeSet, HashMap, HashSet};

use super::dn::parse_reference;
use super::object::Id;
use super::schema::{AttrId, ClassId, Syntax};
use super::store::Store;
use super::values;
use crate::ldap::message::Filter;

const BIT_AND: &str = "1.2.840.113556.1.4.803";
const BIT_OR: &str = "1.2.840.113556.1.4.804";
const IN_CHAIN: &str = "1.2.840.113556.1.4.1941";

/// A filter ready to be tested. Tests are three-valued: `None` is "undefined".
#[derive(Debug, Clone, PartialEq)]
pub enum Test {
    /// The same for every object.
    Constant(Option<bool>),
    /// All must hold.
    And(Vec<Test>),
    /// One must hold.
    Or(Vec<Test>),
    /// Must not hold.
    Not(Box<Test>),
    /// The attribute has a value.
    Present(AttrId),
    /// The object is of the class.
    Class(ClassId),
    /// The object is one of these.
    Objects(BTreeSet<Id>),
    /// The attribute names one of these objects.
    References(AttrId, HashSet<Id>),
    /// A value of the attribute passes the check.
    Value(AttrId, Check),
}

/// A check of one value's key.
#[derive(Debug, Clone, PartialEq)]
pub enum Check {
    /// Is one of these keys.
    OneOf(HashSet<Vec<u8>>),
    /// Orders at or after.
    AtLeast(Vec<u8>),
    /// Orders at or before.
    AtMost(Vec<u8>),
    /// Starts with, contains in this order, ends with.
    Substrings(Vec<u8>, Vec<Vec<u8>>, Vec<u8>),
    /// Has all these bits.
    AllBits(i64),
    /// Has one of these bits.
    AnyBit(i64),
}

const UNDEFINED: Test = Test::Constant(None);

/// Prepares a filter for this store.
pub fn compile(store: &Store, filter: &Filter) -> Test {
    match filter {
        Filter::And(parts) => Test::And(parts.iter().map(|part| compile(store, part)).collect()),
        Filter::Or(parts) => any(parts.iter().map(|part| compile(store, part))),
        Filter::Not(part) => Test::Not(Box::new(compile(store, part))),
        Filter::Present(name) => match store.schema.find(name) {
            Some(attribute) if attribute == store.schema.a.object_class => {
                Test::Constant(Some(true))
            }
            Some(attribute) => Test::Present(attribute),
            None => UNDEFINED,
        },
        Filter::Equal(name, value) | Filter::Approx(name, value) => equal(store, name, value),
        Filter::GreaterOrEqual(name, value) => ordering(store, name, value, Check::AtLeast),
        Filter::LessOrEqual(name, value) => ordering(store, name, value, Check::AtMost),
        Filter::Substrings(name, first, middle, last) => {
            substrings(store, name, first.as_deref(), middle, last.as_deref())
        }
        Filter::Extensible(rule, name, value) => {
            extensible(store, rule.as_deref(), name.as_deref(), value)
        }
    }
}

/// A disjunction; equality tests on one attribute become one look-up, however many there are.
fn any(parts: impl Iterator<Item = Test>) -> Test {
    let mut rest = Vec::new();
    let mut keys: HashMap<AttrId, HashSet<Vec<u8>>> = HashMap::new();
    let mut references: HashMap<AttrId, HashSet<Id>> = HashMap::new();
    let mut objects = BTreeSet::new();
    for part in parts {
        match part {
            Test::Value(attribute, Check::OneOf(more)) => {
                keys.entry(attribute).or_default().extend(more);
            }
            Test::References(attribute, more) => {
                references.entry(attribute).or_default().extend(more);
            }
            Test::Objects(more) => objects.extend(more),
            other => rest.push(other),
        }
    }
    rest.extend(
        keys.into_iter()
            .map(|(id, keys)| Test::Value(id, Check::OneOf(keys))),
    );
    rest.extend(
        references
            .into_iter()
            .map(|(id, ids)| Test::References(id, ids)),
    );
    if !objects.is_empty() {
        rest.push(Test::Objects(objects));
    }
    match rest.len() {
        1 => rest.pop().unwrap_or(UNDEFINED),
        _ => Test::Or(rest),
    }
}

fn usable(store: &Store, name: &str) -> Option<AttrId> {
    let id = store.schema.find(name)?;
    let attribute = store.schema.attribute(id);
    (!attribute.constructed() || attribute.syntax == Syntax::Dn).then_some(id)
}

fn equal(store: &Store, name: &str, value: &[u8]) -> Test {
    if name.eq_ignore_ascii_case("anr") {
        return ambiguous(store, value);
    }
    let Some(id) = usable(store, name) else {
        return UNDEFINED;
    };
    let (schema, a) = (&store.schema, &store.schema.a);
    let text = std::str::from_utf8(value);
    if id == a.object_class {
        return match text.ok().and_then(|name| schema.find_class(name)) {
            Some(class) => Test::Class(class),
            None => Test::Constant(Some(false)),
        };
    }
    let attribute = schema.attribute(id);
    if attribute.syntax == Syntax::Dn {
        let class = text.ok().filter(|_| id == a.object_category);
        if let Some(class) = class.and_then(|name| schema.find_class(name)) {
            return Test::References(id, HashSet::from([store.category(class)]));
        }
        let Some(reference) = text.ok().and_then(parse_reference) else {
            return UNDEFINED;
        };
        return match store.resolve(&reference) {
            Ok(target) if id == a.distinguished_name => Test::Objects(BTreeSet::from([target])),
            Ok(target) => Test::References(id, HashSet::from([target])),
            Err(_) => Test::Constant(Some(false)),
        };
    }
    let Some(key) = values::key(attribute, value) else {
        return UNDEFINED;
    };
    let found = if id == a.object_guid {
        key.as_slice()
            .try_into()
            .ok()
            .and_then(|guid| store.by_guid(guid))
    } else if id == a.object_sid {
        values::sid(&key).and_then(|sid| store.by_sid(&sid))
    } else {
        return Test::Value(id, Check::OneOf(HashSet::from([key])));
    };
    Test::Objects(found.into_iter().collect())
}

fn ordering(store: &Store, name: &str, value: &[u8], check: fn(Vec<u8>) -> Check) -> Test {
    let Some(id) = usable(store, name) else {
        return UNDEFINED;
    };
    let attribute = store.schema.attribute(id);
    match values::key(attribute, value) {
        Some(key) if attribute.syntax != Syntax::Dn => Test::Value(id, check(key)),
        _ => UNDEFINED,
    }
}

fn substrings(
    store: &Store,
    name: &str,
    first: Option<&[u8]>,
    middle: &[Vec<u8>],
    last: Option<&[u8]>,
) -> Test {
    let Some(id) = usable(store, name) else {
        return UNDEFINED;
    };
    let attribute = store.schema.attribute(id);
    let texts = matches!(
        attribute.syntax,
        Syntax::Unicode | Syntax::CaseExact | Syntax::CaseIgnore | Syntax::Octets | Syntax::Oid
    );
    if !texts || id == store.schema.a.object_guid {
        return UNDEFINED;
    }
    let key = |part: &[u8]| values::key(attribute, part);
    let (first, last) = (
        key(first.unwrap_or_default()),
        key(last.unwrap_or_default()),
    );
    let middle: Option<Vec<_>> = middle.iter().map(|part| key(part)).collect();
    match (first, middle, last) {
        (Some(first), Some(middle), Some(last)) => {
            Test::Value(id, Check::Substrings(first, middle, last))
        }
        _ => UNDEFINED,
    }
}

fn extensible(store: &Store, rule: Option<&str>, name: Option<&str>, value: &[u8]) -> Test {
    let Some(id) = name.and_then(|name| usable(store, name)) else {
        return UNDEFINED;
    };
    let attribute = store.schema.attribute(id);
    let text = std::str::from_utf8(value).ok();
    match rule {
        None => equal(store, &attribute.name, value),
        Some(BIT_AND | BIT_OR)
            if matches!(attribute.syntax, Syntax::Integer | Syntax::LargeInteger) =>
        {
            let Some(bits) = text.and_then(|text| text.trim().parse::<i64>().ok()) else {
                return UNDEFINED;
            };
            let all = rule == Some(BIT_AND);
            Test::Value(
                id,
                if all {
                    Check::AllBits(bits)
                } else {
                    Check::AnyBit(bits)
                },
            )
        }
        Some(IN_CHAIN) if attribute.link.is_some() => {
            let Some(reference) = text.and_then(parse_reference) else {
                return UNDEFINED;
            };
            let Ok(target) = store.resolve(&reference) else {
                return Test::Constant(Some(false));
            };
            let forward = if attribute.forward_link() {
                Some(id)
            } else {
                attribute.partner
            };
            match forward {
                // Objects whose chain of links holds the target: walk the links backwards from it.
                Some(forward) => {
                    Test::Objects(store.closure(target, forward, attribute.back_link()))
                }
                None => UNDEFINED,
            }
        }
        Some(_) => UNDEFINED,
    }
}

/// Ambiguous name resolution: a prefix of any name attribute, or first and last name.
fn ambiguous(store: &Store, value: &[u8]) -> Test {
    let Ok(text) = std::str::from_utf8(value) else {
        return UNDEFINED;
    };
    let schema = &store.schema;
    let exact = text.strip_prefix('=');
    let names = schema
        .attributes
        .iter()
        .filter(|attribute| attribute.search_flags & 4 != 0);
    let mut parts: Vec<Test> = names
        .map(|attribute| match exact {
            Some(exact) => equal(store, &attribute.name, exact.as_bytes()),
            None => substrings(store, &attribute.name, Some(value), &[], None),
        })
        .collect();
    if let Some((left, right)) = text.split_once(' ') {
        for (given, family) in [(left, right), (right, left)] {
            parts.push(Test::And(vec![
                substrings(store, "givenName", Some(given.trim().as_bytes()), &[], None),
                substrings(store, "sn", Some(family.trim().as_bytes()), &[], None),
            ]));
        }
    }
    any(parts.into_iter())
}

impl Check {
    /// Whether a value passes.
    fn passes(&self, store: &Store, attribute: AttrId, value: &[u8]) -> bool {
        let number = || {
            std::str::from_utf8(value)
                .ok()
                .and_then(|text| text.parse::<i64>().ok())
        };
        match self {
            Check::AllBits(bits) => return number().is_some_and(|number| number & bits == *bits),
            Check::AnyBit(bits) => return number().is_some_and(|number| number & bits != 0),
            _ => {}
        }
        let Some(key) = values::key(store.schema.attribute(attribute), value) else {
            return false;
        };
        match self {
            Check::OneOf(keys) => keys.contains(&key),
            Check::AtLeast(bound) => key >= *bound,
            Check::AtMost(bound) => key <= *bound,
            Check::Substrings(first, middle, last) => contains_in_order(&key, first, middle, last),
            Check::AllBits(_) | Check::AnyBit(_) => false,
        }
    }
}

fn contains_in_order(key: &[u8], first: &[u8], middle: &[Vec<u8>], last: &[u8]) -> bool {
    let Some(mut rest) = key.strip_prefix(first) else {
        return false;
    };
    for part in middle {
        if part.is_empty() {
            continue;
        }
        let Some(at) = rest
            .windows(part.len())
            .position(|window| window == part.as_slice())
        else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

/// Whether an object passes; `None` is "undefined".
pub fn matches(store: &Store, id: Id, test: &Test) -> Option<bool> {
    match test {
        Test::Constant(answer) => *answer,
        Test::And(parts) => {
            let mut answer = Some(true);
            for part in parts {
                match matches(store, id, part) {
                    Some(false) => return Some(false),
                    None => answer = None,
                    Some(true) => {}
                }
            }
            answer
        }
        Test::Or(parts) => {
            let mut answer = Some(false);
            for part in parts {
                match matches(store, id, part) {
                    Some(true) => return Some(true),
                    None => answer = None,
                    Some(false) => {}
                }
            }
            answer
        }
        Test::Not(part) => matches(store, id, part).map(|answer| !answer),
        Test::Present(attribute) => {
            Some(if store.schema.attribute(*attribute).syntax == Syntax::Dn {
                store.each_reference(id, *attribute, |_| true)
            } else {
                store.each_value(id, *attribute, |_| true)
            })
        }
        Test::Class(class) => Some(store.schema.derives(store.object(id).class, *class)),
        Test::Objects(objects) => Some(objects.contains(&id)),
        Test::References(attribute, targets) => {
            let about = store.schema.attribute(*attribute);
            if about.forward_link() && targets.len() == 1 {
                return Some(
                    targets
                        .iter()
                        .any(|t| store.links.contains(id, *attribute, *t)),
                );
            }
            Some(store.each_reference(id, *attribute, |target| targets.contains(&target)))
        }
        Test::Value(attribute, check) => Some(store.each_value(id, *attribute, |value| {
            check.passes(store, *attribute, value)
        })),
    }
}
