//! The requests, in the order they are played: later rows meet what earlier ones left.

use super::Control::*;
use super::Kind::{Add, Delete, Replace};
use super::{Ask, Change, Control, Differs, Row, Search};
use ldap3::Scope::{self, Base, OneLevel, Subtree};

const fn row(about: &'static str, ask: Ask) -> Row {
    Row {
        about,
        ask,
        differs: None,
    }
}

type Attributes = &'static [(&'static str, &'static [&'static str])];

const fn add(about: &'static str, dn: &'static str, attributes: Attributes) -> Row {
    row(about, Ask::Add(dn, attributes))
}

const fn modify(about: &'static str, dn: &'static str, changes: &'static [Change]) -> Row {
    row(about, Ask::Modify(dn, &[], changes))
}

const fn permissive(about: &'static str, dn: &'static str, changes: &'static [Change]) -> Row {
    row(about, Ask::Modify(dn, &[Permissive], changes))
}

const fn delete(about: &'static str, dn: &'static str, controls: &'static [Control]) -> Row {
    row(about, Ask::Delete(dn, controls))
}

const fn rename(
    about: &'static str,
    dn: &'static str,
    rdn: &'static str,
    parent: Option<&'static str>,
) -> Row {
    row(about, Ask::Rename(dn, rdn, parent))
}

/// A search from a base by a filter, for attributes.
const fn search(
    about: &'static str,
    (base, scope, filter): (&'static str, Scope, &'static str),
    attributes: &'static [&'static str],
    controls: &'static [Control],
) -> Row {
    let search = Search {
        base,
        scope,
        filter,
        attributes,
        controls,
    };
    row(about, Ask::Search(search))
}

const fn differs(row: Row, embedded: &'static str, samba: &'static str, why: &'static str) -> Row {
    Row {
        about: row.about,
        ask: row.ask,
        differs: Some(Differs {
            samba,
            embedded,
            why,
        }),
    }
}

// Where it is written that Windows does as the embedded directory.
const SYNTAX: &str =
    "RFC 4511 A.1: a value that isn't of the attribute's syntax is invalidAttributeSyntax";
const RANGE: &str = "MS-ERREF 2.2, ERROR_DS_RANGE_CONSTRAINT 0x2082, which Windows tells with constraintViolation; cn has rangeUpper 64 (MS-ADA1)";
const SYSTEM: &str = "MS-ADTS 3.1.1.5.2.2: what is systemOnly can't be set; Samba takes the request and sets its own time";
const SCOPE: &str = "Microsoft, Active Directory group scope: who may be a member of which scope; MS-ERREF 2.2, 0x2144 to 0x2148";
const CASE: &str = "MS-ADTS 3.1.1.2.2.4: String(Unicode) compares without case";
const PERMISSIVE: &str = "MS-ADTS 3.1.1.3.4.1.8: permissive modify holds for any attribute; Samba doesn't apply it to linked ones";
const GUIDS: &str = "MS-ADTS 3.1.1.3.1.2.4: a name in the form <GUID=..> is a DN like any other; Samba's extended_dn_store.c leaves one it doesn't find unread";
const ABSENT: &str = "RFC 4511 4.6 and MS-ADTS 3.1.1.3.4.1.8: deleting an attribute that isn't there fails without permissive modify";
const TWICE: &str = "RFC 4511 4.1.7: an attribute is a set of values; Samba stores the link twice";
const NAMING: &str = "MS-ADTS 3.1.1.5.4.1.2 and 3.1.1.3.1.2: naming constraints hold for the new RDN as they do in an add";
const UNDEFINED: &str =
    "RFC 4511 4.5.1.7: a filter on an unknown attribute is Undefined, and so is its negation";
const UNDELETE: &str = "MS-ADTS 3.1.1.5.3.7: undelete of a tombstone; Samba doesn't offer it over LDAP with the Recycle Bin off";
const RENAME: &str = "MS-ADTS 3.1.1.3.1.2.4: <GUID=..> names an object wherever a DN does; Samba's ModifyDN takes no such name";

const GROUP: (&str, &[&str]) = ("objectClass", &["group"]);
const USER: (&str, &[&str]) = ("objectClass", &["user"]);
const UNIT: (&str, &[&str]) = ("objectClass", &["organizationalUnit"]);
const UNIVERSAL: (&str, &[&str]) = ("groupType", &["-2147483640"]);
const GLOBAL: (&str, &[&str]) = ("groupType", &["-2147483646"]);
const LOCAL: (&str, &[&str]) = ("groupType", &["-2147483644"]);

// A table: rows stay together.
#[rustfmt::skip]
pub const TABLE: &[Row] = &[
    // What the groups are made of. Whatever is called `bad` is gone after its row.
    add("a user", "CN=u1,{ou}", &[USER, ("sAMAccountName", &["diff-u1"])]),
    add("a second user", "CN=u2,{ou}", &[USER, ("sAMAccountName", &["diff-u2"])]),
    add("a third user", "CN=u3,{ou}", &[USER, ("sAMAccountName", &["diff-u3"])]),
    add("a computer", "CN=pc,{ou}", &[("objectClass", &["computer"]), ("sAMAccountName", &["diff-pc$"]), ("userAccountControl", &["4096"])]),
    add("a contact", "CN=contact,{ou}", &[("objectClass", &["contact"])]),
    add("a unit", "OU=sub,{ou}", &[UNIT]),
    // Adding groups.
    add("a group of the least", "CN=least,{ou}", &[GROUP]),
    add("the engine's group", "CN=g1,{ou}", &[GROUP, UNIVERSAL, ("sAMAccountName", &["diff-g1"]), ("displayName", &["Group 1"]),
        ("mail", &["g1@contoso.test"]), ("mailNickname", &["g1"]), ("proxyAddresses", &["SMTP:g1@contoso.test", "smtp:g1@x.test"]),
        ("description", &["A group"]), ("adminDescription", &["Group_7b1f4c6e-0000-4000-8000-000000000001"]), ("member", &["<SID={sid:u1}>", "<SID={sid:u2}>"])]),
    add("the name is taken", "CN=g1,{ou}", &[GROUP]),
    add("the name is taken in another case", "CN=G1,{ou}", &[GROUP]),
    add("the account name is taken by a group", "CN=bad,{ou}", &[GROUP, ("sAMAccountName", &["DIFF-G1"])]),
    add("the account name is taken by a user", "CN=bad,{ou}", &[GROUP, ("sAMAccountName", &["diff-u1"])]),
    add("no class", "CN=bad,{ou}", &[("groupType", &["2"])]),
    add("an unknown class", "CN=bad,{ou}", &[("objectClass", &["gruppe"])]),
    add("an abstract class", "CN=bad,{ou}", &[("objectClass", &["top"])]),
    add("an unknown attribute", "CN=bad,{ou}", &[GROUP, ("frobnicate", &["1"])]),
    add("an attribute of another class", "CN=bad,{ou}", &[GROUP, ("ou", &["x"])]),
    add("two values for one", "CN=bad,{ou}", &[GROUP, ("displayName", &["a", "b"])]),
    differs(add("too long a value", "CN=bad,{ou}", &[GROUP, ("displayName", &["{long:257}"])]), "19 00002082", "21 0000200B", RANGE),
    add("the longest value", "CN=long,{ou}", &[GROUP, ("displayName", &["{long:256}"])]),
    add("an empty value", "CN=bad,{ou}", &[GROUP, ("displayName", &[""])]),
    differs(add("not a number", "CN=bad,{ou}", &[GROUP, ("groupType", &["two"])]), "21 0000200B", "53 00002035", SYNTAX),
    add("no such type", "CN=bad,{ou}", &[GROUP, ("groupType", &["7"])]),
    add("not a truth value", "CN=bad,{ou}", &[GROUP, ("hideDLMembership", &["yes"])]),
    differs(add("too long a name", "CN=bad{long:62},{ou}", &[GROUP]), "19 00002082", "0", RANGE),
    add("a name as long as may be", "CN={long:64},{ou}", &[GROUP, ("sAMAccountName", &["diff-long"])]),
    differs(add("too long an account name", "CN=bad,{ou}", &[GROUP, ("sAMAccountName", &["{long:257}"])]), "19 00002082", "21 0000200B", RANGE),
    add("a wrong account name", "CN=bad,{ou}", &[GROUP, ("sAMAccountName", &["a/b"])]),
    add("no such parent", "CN=bad,OU=nowhere,{ou}", &[GROUP]),
    add("below a group", "CN=bad,CN=g1,{ou}", &[GROUP]),
    add("named by another attribute", "OU=bad,{ou}", &[GROUP]),
    add("a bad name", "CN=bad,{ou},", &[GROUP]),
    add("outside the domain", "CN=bad,DC=elsewhere,DC=test", &[GROUP]),
    add("a name of its own in the attributes", "CN=named,{ou}", &[GROUP, ("cn", &["named"]), ("sAMAccountName", &["diff-named"])]),
    add("another name in the attributes", "CN=bad,{ou}", &[GROUP, ("cn", &["other"])]),
    add("letters to escape", "CN=a\\, b\\+c \\\"d\\\" \\\\ \\<e\\>\\;,{ou}", &[GROUP, ("sAMAccountName", &["diff-esc"])]),
    add("a space and a number sign to escape", "CN=\\ #x\\ ,{ou}", &[GROUP, ("sAMAccountName", &["diff-esc2"])]),
    add("not only ASCII", "CN=Zürich 東京,{ou}", &[GROUP, ("sAMAccountName", &["diff-zh"])]),
    differs(add("a system attribute", "CN=bad,{ou}", &[GROUP, ("whenCreated", &["20200101000000.0Z"])]), "19 0000202F", "0", SYSTEM),
    add("a SID of its own", "CN=bad,{ou}", &[GROUP, ("objectSid", &["S-1-5-21-1-2-3-4000"])]),
    add("a back link", "CN=bad,{ou}", &[GROUP, ("memberOf", &["CN=g1,{ou}"])]),
    // Members when adding.
    add("members by every form", "CN=forms,{ou}", &[GROUP, UNIVERSAL, ("sAMAccountName", &["diff-forms"]), ("member", &["CN=u1,{ou}",
        "<SID={sid:u2}>", "<GUID={guid:u3}>", "CN=contact,{ou}", "CN=pc,{ou}", "CN=g1,{ou}"])]),
    add("a member twice, in two forms", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("sAMAccountName", &["diff-bad"]), ("member", &["CN=u1,{ou}",
        "<SID={sid:u1}>"])]),
    add("an absent member", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["CN=nobody,{ou}"])]),
    add("an absent member by SID", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["<SID={domain}-99999>"])]),
    add("an absent member by GUID", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["<GUID=7b1f4c6e-0000-4000-8000-0000000000ff>"])]),
    add("a member that is no name", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["nobody"])]),
    differs(add("a member of another domain by SID", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["<SID=S-1-5-21-1-2-3-1104>"])]), "53 00002035",
        "0", SCOPE),
    add("a member of another domain in a local group", "CN=local,{ou}", &[GROUP, LOCAL, ("sAMAccountName", &["diff-local"]),
        ("member", &["<SID=S-1-5-21-1-2-3-1104>"])]),
    add("a global group", "CN=global,{ou}", &[GROUP, GLOBAL, ("sAMAccountName", &["diff-global"])]),
    differs(add("a local member of a universal group", "CN=bad,{ou}", &[GROUP, UNIVERSAL, ("member", &["CN=local,{ou}"])]), "53 00002146", "0",
        SCOPE),
    differs(add("a universal member of a global group", "CN=bad,{ou}", &[GROUP, GLOBAL, ("member", &["CN=g1,{ou}"])]), "53 00002145", "0", SCOPE),
    differs(add("a local member of a global group", "CN=bad,{ou}", &[GROUP, GLOBAL, ("member", &["CN=local,{ou}"])]), "53 00002144", "0", SCOPE),
    // Changing attributes.
    modify("a value", "CN=g1,{ou}", &[(Replace, "description", &["changed"])]),
    modify("by GUID", "<GUID={guid:g1}>", &[(Replace, "description", &["changed again"])]),
    modify("by SID", "<SID={sid:g1}>", &[(Replace, "description", &["and again"])]),
    modify("by an unknown GUID", "<GUID=7b1f4c6e-0000-4000-8000-0000000000ff>", &[(Replace, "description", &["x"])]),
    modify("nobody", "CN=nobody,{ou}", &[(Replace, "description", &["x"])]),
    modify("below nobody", "CN=x,CN=nobody,{ou}", &[(Replace, "description", &["x"])]),
    modify("a bad name", "nobody", &[(Replace, "description", &["x"])]),
    modify("a value that is there", "CN=g1,{ou}", &[(Add, "proxyAddresses", &["SMTP:g1@contoso.test"])]),
    permissive("a value that is there, permissively", "CN=g1,{ou}", &[(Add, "proxyAddresses", &["SMTP:g1@contoso.test"])]),
    differs(modify("a value in another case", "CN=g1,{ou}", &[(Add, "proxyAddresses", &["smtp:g1@CONTOSO.test"])]), "20 00002083", "0", CASE),
    modify("putting the addresses back", "CN=g1,{ou}", &[(Replace, "proxyAddresses", &["SMTP:g1@contoso.test", "smtp:g1@x.test"])]),
    modify("a value that is not there to delete", "CN=g1,{ou}", &[(Delete, "proxyAddresses", &["smtp:nobody@x.test"])]),
    permissive("a value that is not there to delete, permissively", "CN=g1,{ou}", &[(Delete, "proxyAddresses", &["smtp:nobody@x.test"])]),
    modify("an attribute that is not there to delete", "CN=g1,{ou}", &[(Delete, "info", &[])]),
    permissive("an attribute that is not there to delete, permissively", "CN=g1,{ou}", &[(Delete, "info", &[])]),
    modify("an attribute that is not there to clear", "CN=g1,{ou}", &[(Replace, "info", &[])]),
    permissive("several at once", "CN=g1,{ou}", &[(Replace, "displayName", &["Group one"]), (Replace, "info", &["i"]),
        (Replace, "proxyAddresses", &["SMTP:one@contoso.test", "smtp:g1@x.test", "X500:/o=x/cn=\"a\""]), (Replace, "mail", &["one@contoso.test"])]),
    modify("one of several is wrong", "CN=g1,{ou}", &[(Replace, "displayName", &["not this"]), (Replace, "frobnicate", &["x"])]),
    modify("clearing", "CN=g1,{ou}", &[(Replace, "info", &[]), (Delete, "mail", &[])]),
    modify("a second value for one", "CN=g1,{ou}", &[(Add, "displayName", &["second"])]),
    permissive("a second value for one, permissively", "CN=g1,{ou}", &[(Add, "displayName", &["second"])]),
    modify("two values for one", "CN=g1,{ou}", &[(Replace, "displayName", &["a", "b"])]),
    differs(modify("too long", "CN=g1,{ou}", &[(Replace, "displayName", &["{long:257}"])]), "19 00002082", "21 0000200B", RANGE),
    differs(modify("too long a description", "CN=g1,{ou}", &[(Replace, "description", &["{long:1025}"])]), "19 00002082", "21 0000200B", RANGE),
    differs(modify("too long a nickname", "CN=g1,{ou}", &[(Replace, "mailNickname", &["{long:65}"])]), "19 00002082", "21 0000200B", RANGE),
    differs(modify("too long a mark", "CN=g1,{ou}", &[(Replace, "msDS-ExternalDirectoryObjectId", &["{long:257}"])]), "19 00002082", "21 0000200B",
        RANGE),
    modify("an empty value", "CN=g1,{ou}", &[(Replace, "displayName", &[""])]),
    modify("an attribute of another class", "CN=g1,{ou}", &[(Replace, "ou", &["x"])]),
    modify("not a truth value", "CN=g1,{ou}", &[(Replace, "hideDLMembership", &["yes"])]),
    modify("a truth value", "CN=g1,{ou}", &[(Replace, "hideDLMembership", &["TRUE"])]),
    modify("a system attribute", "CN=g1,{ou}", &[(Replace, "whenCreated", &["20200101000000.0Z"])]),
    modify("a constructed attribute", "CN=g1,{ou}", &[(Replace, "canonicalName", &["x"])]),
    modify("the SID", "CN=g1,{ou}", &[(Replace, "objectSid", &["S-1-5-21-1-2-3-4000"])]),
    modify("the GUID", "CN=g1,{ou}", &[(Delete, "objectGUID", &[])]),
    modify("the account type", "CN=g1,{ou}", &[(Replace, "sAMAccountType", &["268435456"])]),
    modify("the name by its attribute", "CN=g1,{ou}", &[(Replace, "cn", &["other"])]),
    modify("the name by name", "CN=g1,{ou}", &[(Replace, "name", &["other"])]),
    modify("the class", "CN=g1,{ou}", &[(Replace, "objectClass", &["user"])]),
    modify("a taken account name", "CN=g1,{ou}", &[(Replace, "sAMAccountName", &["diff-u1"])]),
    modify("no account name", "CN=g1,{ou}", &[(Delete, "sAMAccountName", &[])]),
    modify("a new account name", "CN=g1,{ou}", &[(Replace, "sAMAccountName", &["diff-g1-new"])]),
    modify("a back link", "CN=g1,{ou}", &[(Add, "memberOf", &["CN=global,{ou}"])]),
    modify("who manages it", "CN=g1,{ou}", &[(Replace, "managedBy", &["CN=u1,{ou}"])]),
    modify("nobody manages it", "CN=g1,{ou}", &[(Replace, "managedBy", &["CN=nobody,{ou}"])]),
    modify("two manage it", "CN=g1,{ou}", &[(Replace, "managedBy", &["CN=u1,{ou}", "CN=u2,{ou}"])]),
    row("an unknown critical control", Ask::Modify("CN=g1,{ou}", &[Unknown], &[(Replace, "description", &["x"])])),
    // Changing members.
    modify("a member by SID", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u3}>"])]),
    modify("a member that is there", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u3}>"])]),
    modify("a member that is there, by name", "CN=g1,{ou}", &[(Add, "member", &["CN=u3,{ou}"])]),
    differs(permissive("a member that is there, permissively", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u3}>"])]), "0", "68", PERMISSIVE),
    differs(permissive("a member that is there beside one that is not, permissively", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u3}>",
        "<SID={sid:pc}>"])]), "0", "68", PERMISSIVE),
    modify("putting the members back", "CN=g1,{ou}", &[(Replace, "member", &["CN=u1,{ou}", "CN=u2,{ou}", "CN=u3,{ou}"])]),
    modify("a member away by SID", "CN=g1,{ou}", &[(Delete, "member", &["<SID={sid:u3}>"])]),
    modify("no member to take away", "CN=g1,{ou}", &[(Delete, "member", &["<SID={sid:u3}>"])]),
    differs(permissive("no member to take away, permissively", "CN=g1,{ou}", &[(Delete, "member", &["<SID={sid:u3}>"])]), "0", "53", PERMISSIVE),
    differs(permissive("a member beside none to take away, permissively", "CN=g1,{ou}", &[(Delete, "member", &["<SID={sid:u3}>",
        "<SID={sid:u2}>"])]), "0", "53", PERMISSIVE),
    modify("putting the members back again", "CN=g1,{ou}", &[(Replace, "member", &["CN=u1,{ou}"])]),
    permissive("a member by GUID", "CN=g1,{ou}", &[(Add, "member", &["<GUID={guid:u2}>"])]),
    permissive("a member away by GUID", "CN=g1,{ou}", &[(Delete, "member", &["<GUID={guid:u2}>"])]),
    permissive("a member away by name", "CN=g1,{ou}", &[(Delete, "member", &["CN=u1,{ou}"])]),
    permissive("an absent member", "CN=g1,{ou}", &[(Add, "member", &["CN=nobody,{ou}"])]),
    permissive("an absent member beside a good one", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u1}>", "<SID={domain}-99999>"])]),
    permissive("an absent member by SID", "CN=g1,{ou}", &[(Add, "member", &["<SID={domain}-99999>"])]),
    permissive("an absent member by GUID", "CN=g1,{ou}", &[(Add, "member", &["<GUID=7b1f4c6e-0000-4000-8000-0000000000ff>"])]),
    differs(permissive("a member of another domain", "CN=g1,{ou}", &[(Add, "member", &["<SID=S-1-5-21-1-2-3-1104>"])]), "53 00002035", "0", SCOPE),
    modify("putting the members back after the other domain", "CN=g1,{ou}", &[(Replace, "member", &["CN=u2,{ou}"])]),
    permissive("a broken SID", "CN=g1,{ou}", &[(Add, "member", &["<SID=S-1-nonsense>"])]),
    permissive("a member that is no name", "CN=g1,{ou}", &[(Add, "member", &["nobody"])]),
    permissive("an absent member to take away, by name", "CN=g1,{ou}", &[(Delete, "member", &["CN=nobody,{ou}"])]),
    modify("an absent member to take away, by name, strictly", "CN=g1,{ou}", &[(Delete, "member", &["CN=nobody,{ou}"])]),
    permissive("an absent member to take away, by SID", "CN=g1,{ou}", &[(Delete, "member", &["<SID={domain}-99999>"])]),
    differs(permissive("an absent member to take away, by GUID", "CN=g1,{ou}", &[(Delete, "member",
        &["<GUID=7b1f4c6e-0000-4000-8000-0000000000ff>"])]), "32 00000525", "21 0000200B", GUIDS),
    differs(permissive("a local member of a universal group", "CN=g1,{ou}", &[(Add, "member", &["CN=local,{ou}"])]), "53 00002146", "0", SCOPE),
    differs(permissive("a universal member of a global group", "CN=global,{ou}", &[(Add, "member", &["CN=g1,{ou}"])]), "53 00002145", "0", SCOPE),
    differs(permissive("a local member of a global group", "CN=global,{ou}", &[(Add, "member", &["CN=local,{ou}"])]), "53 00002144", "0", SCOPE),
    modify("no members of the global group", "CN=global,{ou}", &[(Replace, "member", &[])]),
    modify("one member of the universal group", "CN=g1,{ou}", &[(Replace, "member", &["CN=pc,{ou}"])]),
    permissive("a universal member of a local group", "CN=local,{ou}", &[(Add, "member", &["CN=g1,{ou}"])]),
    permissive("itself as member", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:g1}>"])]),
    permissive("a unit as member", "CN=g1,{ou}", &[(Add, "member", &["OU=sub,{ou}"])]),
    permissive("add and take away in one", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u1}>"]), (Delete, "member", &["<SID={sid:pc}>"])]),
    modify("all members in another form", "CN=g1,{ou}", &[(Replace, "member", &["CN=u1,{ou}", "<SID={sid:u2}>"])]),
    modify("no members", "CN=g1,{ou}", &[(Replace, "member", &[])]),
    differs(modify("no members to delete", "CN=g1,{ou}", &[(Delete, "member", &[])]), "16 00002085", "0", ABSENT),
    permissive("a member again", "CN=g1,{ou}", &[(Add, "member", &["<SID={sid:u1}>", "<SID={sid:u2}>", "CN=global,{ou}"])]),
    differs(permissive("a member twice in two forms", "CN=long,{ou}", &[(Add, "member", &["<SID={sid:u1}>", "<GUID={guid:u1}>"])]), "0", "0", TWICE),
    differs(modify("a member twice in two forms, strictly", "CN=least,{ou}", &[(Add, "member", &["<SID={sid:u1}>", "CN=u1,{ou}"])]), "68 00000562",
        "0", TWICE),
    modify("putting the members back, once", "CN=long,{ou}", &[(Replace, "member", &[])]),
    modify("putting the members back, twice", "CN=least,{ou}", &[(Replace, "member", &[])]),
    // Types.
    modify("universal to global", "CN=global,{ou}", &[(Replace, "groupType", &["-2147483640"])]),
    modify("universal back to global", "CN=global,{ou}", &[(Replace, "groupType", &["-2147483646"])]),
    modify("global to local", "CN=global,{ou}", &[(Replace, "groupType", &["-2147483644"])]),
    modify("security to distribution", "CN=g1,{ou}", &[(Replace, "groupType", &["8"])]),
    modify("distribution to security", "CN=g1,{ou}", &[(Replace, "groupType", &["-2147483640"])]),
    modify("universal to local", "CN=forms,{ou}", &[(Replace, "groupType", &["-2147483644"])]),
    modify("no such type", "CN=g1,{ou}", &[(Replace, "groupType", &["7"])]),
    modify("no type", "CN=g1,{ou}", &[(Delete, "groupType", &[])]),
    // Names.
    rename("a new name", "CN=g1,{ou}", "CN=g1 renamed", None),
    rename("another case", "CN=g1 renamed,{ou}", "CN=G1 Renamed", None),
    rename("the same name", "CN=G1 Renamed,{ou}", "CN=G1 Renamed", None),
    rename("a taken name", "CN=G1 Renamed,{ou}", "CN=u1", None),
    rename("nobody", "CN=nobody,{ou}", "CN=somebody", None),
    differs(rename("by another attribute", "CN=G1 Renamed,{ou}", "OU=x", None), "64 00002099", "53 00002035", NAMING),
    differs(rename("to a bad name", "CN=G1 Renamed,{ou}", "nobody", None), "34 0000208F", "80 00002095", NAMING),
    rename("elsewhere", "CN=G1 Renamed,{ou}", "CN=g1", Some("OU=sub,{ou}")),
    rename("to a parent that is not there", "CN=g1,OU=sub,{ou}", "CN=g1", Some("OU=nowhere,{ou}")),
    rename("below a group", "CN=g1,OU=sub,{ou}", "CN=g1", Some("CN=forms,{ou}")),
    rename("below itself", "OU=sub,{ou}", "OU=sub", Some("OU=sub,{ou}")),
    rename("a name to escape", "CN=g1,OU=sub,{ou}", "CN=a\\, b #", None),
    rename("back", "CN=a\\, b #,OU=sub,{ou}", "CN=g1", Some("{ou}")),
    // Reading.
    search("by GUID", ("<GUID={guid:u1}>", Base, "(objectClass=*)"), &["cn"], &[]),
    search("by SID", ("<SID={sid:u1}>", Base, "(objectClass=*)"), &["cn"], &[]),
    search("by an unknown SID", ("<SID={domain}-99999>", Base, "(objectClass=*)"), &["cn"], &[]),
    search("nobody", ("CN=nobody,{ou}", Base, "(objectClass=*)"), &["cn"], &[]),
    search("a bad base", ("nobody", Base, "(objectClass=*)"), &["cn"], &[]),
    search("a filter that does not match", ("CN=u1,{ou}", Base, "(cn=u2)"), &["cn"], &[]),
    search("extended names", ("CN=forms,{ou}", Base, "(objectClass=*)"), &["member"], &[ExtendedDn]),
    search("extended names of a local group", ("CN=local,{ou}", Base, "(objectClass=*)"), &["member"], &[ExtendedDn]),
    search("members in a range", ("CN=forms,{ou}", Base, "(objectClass=*)"), &["member;range=0-*"], &[ExtendedDn]),
    search("members of nobody in a range", ("CN=named,{ou}", Base, "(objectClass=*)"), &["member;range=0-*", "cn"], &[]),
    search("a page", ("{ou}", Subtree, "(objectClass=group)"), &["sAMAccountName", "groupType"], &[Paged, DomainScope]),
    search("marks by prefix", ("{ou}", Subtree, "(&(objectClass=group)(|(adminDescription=Group_*)(msDS-ExternalDirectoryObjectId=Group_*)))"),
        &["adminDescription"], &[DomainScope]),
    search("one level", ("{ou}", OneLevel, "(objectClass=organizationalUnit)"), &["ou"], &[]),
    search("types of groups by bits", ("{ou}", Subtree, "(&(objectClass=group)(groupType:1.2.840.113556.1.4.803:=8))"), &["cn"], &[]),
    search("members", ("{ou}", Subtree, "(member=CN=u1,{ou})"), &["cn"], &[]),
    search("members by SID", ("{ou}", Subtree, "(member=<SID={sid:u1}>)"), &["cn"], &[]),
    search("in chain", ("{ou}", Subtree, "(member:1.2.840.113556.1.4.1941:=CN=u1,{ou})"), &["cn"], &[]),
    search("an unknown attribute in a filter", ("{ou}", Subtree, "(frobnicate=x)"), &["cn"], &[]),
    differs(search("not an unknown attribute", ("{ou}", OneLevel, "(!(frobnicate=x))"), &["cn"], &[]), "0", "0", UNDEFINED),
    search("a group by escapes", ("{ou}", Subtree, "(cn=a, b+c \"d\" \\5c <e>;)"), &["cn", "name", "distinguishedName"], &[]),
    search("an OU as DN without case", ("ou=differential,dc=CONTOSO,dc=test", Base, "(objectClass=*)"), &["ou"], &[]),
    search("no attributes", ("CN=u1,{ou}", Base, "(objectClass=*)"), &["1.1"], &[]),
    // Deleting.
    delete("nobody", "CN=nobody,{ou}", &[]),
    delete("by an unknown GUID", "<GUID=7b1f4c6e-0000-4000-8000-0000000000ff>", &[]),
    delete("a bad name", "nobody", &[]),
    delete("what has something below", "{ou}", &[]),
    delete("by GUID", "<GUID={guid:named}>", &[]),
    delete("again", "<GUID={guid:named}>", &[]),
    modify("a deleted group", "<GUID={guid:named}>", &[(Replace, "description", &["x"])]),
    add("a unit with something in it", "OU=tree,{ou}", &[UNIT]),
    add("the thing in it", "CN=leaf,OU=tree,{ou}", &[GROUP, ("sAMAccountName", &["diff-leaf"])]),
    delete("a tree without saying so", "OU=tree,{ou}", &[]),
    delete("a tree", "OU=tree,{ou}", &[Tree]),
    delete("a user who is a member", "CN=u2,{ou}", &[]),
    search("members after the deletion", ("{ou}", Subtree, "(objectClass=group)"), &["member"], &[]),
    permissive("a deleted member by SID", "CN=forms,{ou}", &[(Add, "member", &["<SID={sid:u2}>"])]),
    permissive("a deleted member by GUID", "CN=forms,{ou}", &[(Add, "member", &["<GUID={guid:u2}>"])]),
    permissive("a deleted member to take away", "CN=forms,{ou}", &[(Delete, "member", &["<SID={sid:u2}>"])]),
    search("the deleted user", ("<GUID={guid:u2}>", Base, "(objectClass=*)"), &["sAMAccountName", "isDeleted", "lastKnownParent"], &[ShowDeleted]),
    add("a group with both marks", "CN=marked,{ou}", &[GROUP, UNIVERSAL, ("sAMAccountName", &["diff-marked"]),
        ("adminDescription", &["Group_7b1f4c6e-0000-4000-8000-000000000002"]), ("msDS-ExternalDirectoryObjectId", &["Group_7b1f4c6e-0000-4000-8000-000000000002"]),
        ("member", &["CN=u1,{ou}"])]),
    delete("a group with both marks, deleted", "CN=marked,{ou}", &[]),
    search("deleted groups by mark", ("{base}", Subtree,
        "(&(isDeleted=TRUE)(|(adminDescription=Group_7b1f4c6e*)(msDS-ExternalDirectoryObjectId=Group_7b1f4c6e*)))"), &["cn", "sAMAccountName",
        "groupType", "member", "lastKnownParent", "msDS-ExternalDirectoryObjectId"], &[ShowDeleted, Paged]),
    differs(row("undeleting", Ask::Modify("<GUID={guid:u2}>", &[ShowDeleted], &[(Delete, "isDeleted", &[]),
        (Replace, "distinguishedName", &["CN=u2,{ou}"])])), "0", "1 00002020", UNDELETE),
    differs(rename("by GUID", "<GUID={guid:least}>", "CN=least by guid", None), "0", "32 00002030", RENAME),
    differs(rename("too long", "CN=long,{ou}", "CN={long:65}", None), "19 00002082", "0", RANGE),
];
