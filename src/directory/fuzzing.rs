//! What must hold of a controller's answers and of what people write in LDAP's languages, whatever they are.

use super::dn::{self, Dn};
use super::entry::{Entry, ExtendedDn, display_value, references, split_range};
use super::filter::{self, Filter};
use super::members::Values;
use super::{acl, marks};
use crate::model::{Guid, MemberKey, Sid};
use crate::plan::fuzzing as plan;

/// A search result as it comes from the wire.
pub fn entry(data: &[u8]) {
    let Ok((_, tag)) = lber::parse::parse_tag(data) else {
        return;
    };
    let _ = references(tag.clone());
    let Some(entry) = Entry::from_ber(tag) else {
        return;
    };
    for name in ["member", "objectGUID", "objectSid", "groupType", "cn"] {
        let values = entry.values(name).len();
        assert!(entry.texts(name).count() <= values);
        assert_eq!(entry.value(name).is_some(), values > 0);
        let _ = entry.parsed::<i32>(name);
    }
    let _ = (entry.guid(), entry.sid(), marks::of(&entry));
    let mut values = Values::default();
    if values.slice(&entry, 0).is_ok() {
        // Whole, or the next slice begins further on: no endless loop, no shorter list.
        assert!(values.next().is_none_or(|next| next > 0));
        let came = entry.slice("member").map_or(0, |(values, _)| values.len());
        let mut keys: Vec<MemberKey> = values.finish();
        assert!(keys.len() <= came);
        keys.dedup();
        assert!(came == 0 || !keys.is_empty());
    }
}

/// One value of an attribute.
pub fn value(data: &[u8]) {
    let shown = display_value(data);
    assert_eq!(
        matches!(shown, std::borrow::Cow::Borrowed(_)),
        std::str::from_utf8(data).is_ok()
    );
    if let Some(guid) = Guid::from_ad_bytes(data) {
        assert_eq!(guid.to_ad_bytes().as_slice(), data);
        assert_eq!(guid.to_string().parse(), Ok(guid));
    }
    sid(data);
    let _ = super::replication::vector(data);
    if let Some(name) = ExtendedDn::parse(data) {
        assert!(!name.dn.starts_with('<'));
        let mut again = format!("<GUID={}>;", name.guid);
        if let Some(sid) = &name.sid {
            again += &format!("<SID={sid}>;");
        }
        again += name.dn;
        assert_eq!(ExtendedDn::parse(again.as_bytes()), Some(name));
    }
    if let Ok(text) = std::str::from_utf8(data) {
        let (name, range) = split_range(text);
        assert!(text.starts_with(name));
        if let Some(range) = range {
            let end = range.end.map_or("*".to_owned(), |end| end.to_string());
            let again = format!("{name};range={}-{end}", range.start);
            assert_eq!(split_range(&again), (name, Some(range)));
        }
        if let Some(id) = marks::parse(text) {
            assert_eq!(marks::parse(&marks::value(id)), Some(id));
        }
        if let Ok(guid) = text.parse::<Guid>() {
            assert_eq!(guid.last12().len(), 12);
        }
    }
}

/// A SID, binary or text.
pub fn sid(data: &[u8]) {
    if let Some(sid) = Sid::from_bytes(data) {
        assert_eq!(sid.as_bytes(), data);
        assert_eq!(sid.to_string().parse(), Ok(sid.clone()));
        if let Some(domain) = sid.domain() {
            assert!(sid.to_string().starts_with(&domain.to_string()));
            assert!(Sid::from_bytes(domain.as_bytes()).is_some());
        }
    }
    if let Ok(text) = std::str::from_utf8(data)
        && let Ok(sid) = text.parse::<Sid>()
    {
        assert_eq!(Sid::from_bytes(sid.as_bytes()), Some(sid.clone()));
        assert_eq!(sid.to_string().parse(), Ok(sid));
    }
}

/// A distinguished name; as a whole, and as the value of one.
pub fn name(text: &str) {
    if let Ok(name) = Dn::parse(text) {
        let shown = name.to_string();
        let Ok(again) = Dn::parse(&shown) else {
            unreachable!("{shown} is not parsed again");
        };
        assert_eq!(again, name);
        assert_eq!(again.to_string(), shown);
        assert!(name.is_under(&Dn::default()));
        if let Some(parent) = name.parent() {
            assert!(name.is_under(&parent) && !parent.is_under(&name));
        }
        assert!(!name.is_root() == plan::is_dn(&shown), "{shown}");
    }
    if !text.is_empty() {
        value_of_a_name(text);
    }
}

fn value_of_a_name(value: &str) {
    let Ok(parent) = Dn::parse("OU=Groups,DC=contoso,DC=test") else {
        unreachable!("a sound name");
    };
    let child = parent.child("CN", value);
    let shown = child.to_string();
    let Ok(again) = Dn::parse(&shown) else {
        unreachable!("{shown} is not parsed again");
    };
    assert_eq!(again.rdn_value(), Some(value));
    assert_eq!(again.parent(), Some(parent));
    assert_eq!(again, child);
    // The planner writes and reads names by a parser of its own: both must agree.
    assert_eq!(plan::child(value, "OU=Groups,DC=contoso,DC=test"), shown);
    assert_eq!(plan::first_value(&shown).as_deref(), Some(value));
    assert_eq!(
        plan::parent(&shown).as_deref(),
        Some("OU=Groups,DC=contoso,DC=test")
    );
    assert!(dn::same_text(value, value));
}

/// A filter that somebody wrote, and a value that goes into ours.
pub fn search_filter(text: &str) {
    if let Ok(filter) = Filter::parse(text) {
        assert_eq!(
            filter.as_str().trim_matches(['(', ')']),
            text.trim_matches(['(', ')'])
        );
        let both = filter::and([filter, filter::eq("objectClass", "group")]);
        assert!(ldap3::parse_filter(both.as_str()).is_ok(), "{both}");
    }
    let ours = [
        filter::eq("cn", text),
        filter::prefix("cn", text),
        filter::eq_bytes("cn", text.as_bytes()),
    ];
    for filter in ours {
        let Ok(tag) = ldap3::parse_filter(filter.as_str()) else {
            unreachable!("{filter} is no filter");
        };
        assert!(single(tag), "{filter}");
    }
    // A name that is none may make it no filter, never another one.
    let named = filter::eq(&format!("a{text}"), "x");
    if let Ok(tag) = ldap3::parse_filter(named.as_str()) {
        assert!(single(tag), "{named}");
    }
}

/// One test, whatever the value: nothing of it became syntax. (`and`, `or`, `not` are 0, 1, 2: RFC 4511, 4.5.1.)
fn single(tag: impl lber::structures::ASNTag) -> bool {
    tag.into_structure().id > 2
}

/// An answer to a bind, and the names of controllers as people write them.
pub fn bind(data: &[u8]) {
    super::kerberos::fuzzing::answer(data);
    if let Ok(text) = std::str::from_utf8(data)
        && let Some(servers) = crate::config::server::parse(text)
    {
        for server in servers {
            assert!(!server.host.is_empty() && server.port != Some(0));
            assert!(!server.host.contains(['/', '@', '[', ']', ' ']), "{text}");
        }
    }
}

/// A security descriptor.
pub fn descriptor(data: &[u8]) {
    let class = Guid([0x11; 16]);
    let Ok(account) = "S-1-5-21-1-2-3-1104".parse::<Sid>() else {
        unreachable!("a sound SID");
    };
    let denied = acl::deletion_denied(data);
    match acl::grant_writeback(data, class, &account) {
        Ok(None) => assert!(denied.is_some()),
        Ok(Some(after)) => {
            assert_eq!(acl::deletion_denied(&after), denied);
            assert_eq!(acl::grant_writeback(&after, class, &account), Ok(None));
        }
        Err(text) => assert!(!text.is_empty()),
    }
}
