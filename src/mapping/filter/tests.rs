use proptest::prelude::*;

use super::*;
use crate::model::WritebackFlag;

fn group() -> CloudGroup {
    CloudGroup {
        display_name: Some("Sales O'Brien".into()),
        mail: Some("sales@contoso.com".into()),
        group_types: vec!["Unified".into(), "DynamicMembership".into()],
        proxy_addresses: vec!["SMTP:sales@contoso.com".into()],
        security_enabled: true,
        writeback: Some(WritebackFlag {
            is_enabled: Some(true),
            on_premises_group_type: None,
        }),
        ..CloudGroup::new("6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap())
    }
}

#[test]
fn conditions() {
    let cases = [
        ("displayName eq 'Sales O''Brien'", true),
        ("displayName eq 'sales o''brien'", false),
        ("tolower(displayName) eq 'sales o''brien'", true),
        ("toupper(mail) eq 'SALES@CONTOSO.COM'", true),
        ("'sales@contoso.com' eq mail", true),
        ("displayName ne 'x'", true),
        ("description ne 'x'", true),
        ("description eq null", true),
        ("null eq description", true),
        ("description ne null", false),
        ("mail eq null", false),
        ("mail gt 'sales'", true),
        ("mail ge 'sales@contoso.com'", true),
        ("mail lt 'sales'", false),
        ("mail le 'sales@contoso.com'", true),
        ("description gt ''", false),
        ("description le 'z'", false),
        ("securityEnabled eq true", true),
        ("securityEnabled", true),
        ("mailEnabled", false),
        ("not mailEnabled", true),
        ("not mailEnabled eq true", true),
        ("mailEnabled ne true", true),
        ("allowExternalSenders eq null", true),
        ("allowExternalSenders ne true", true),
        ("writebackConfiguration/isEnabled eq true", true),
        ("writebackConfiguration/onPremisesGroupType eq null", true),
        ("startswith(displayName,'Sales')", true),
        ("startswith(displayName, 'sales')", false),
        ("startswith(description,'')", false),
        ("endswith(mail,'@contoso.com')", true),
        ("contains(displayName,'O''B')", true),
        ("contains(tolower(displayName),'o''b')", true),
        ("groupTypes/any(c:c eq 'Unified')", true),
        ("groupTypes/any(c: c eq 'unified')", false),
        ("not groupTypes/any(c:c eq 'DynamicMembership')", false),
        ("groupTypes/any(t: t eq 'x' or startswith(t,'Dyn'))", true),
        ("proxyAddresses/any(p:startswith(p,'SMTP:'))", true),
        ("proxyAddresses/any()", true),
        ("mail in ('a','sales@contoso.com')", true),
        ("mail in ('a')", false),
        ("description in ('a',null)", true),
        ("description in ('a')", false),
        ("id in ('6F9619FF-8B86-D011-B42D-00C04FC964FF')", true),
        ("id eq '{6f9619ff-8b86-d011-b42d-00c04fc964ff}'", true),
        ("objectId ne '6f9619ff-8b86-d011-b42d-00c04fc964ff'", false),
        ("mailEnabled or securityEnabled", true),
        ("mailEnabled and securityEnabled", false),
        ("securityEnabled or securityEnabled and mailEnabled", true),
        (
            "(securityEnabled or securityEnabled) and mailEnabled",
            false,
        ),
        (
            "not (mailEnabled or mail eq null) and securityEnabled",
            true,
        ),
        ("not not securityEnabled", true),
        ("SECURITYENABLED EQ TRUE AND NOT MAILENABLED", true),
        ("  ( securityEnabled )  ", true),
    ];
    for (text, expected) in cases {
        let filter = CloudFilter::parse(text).unwrap_or_else(|e| panic!("{text}: {e}"));
        assert_eq!(filter.matches(&group()), expected, "{text}");
    }
}

#[test]
fn errors_point_at_the_place() {
    let cases = [
        ("", 1, "the filter is empty"),
        ("displayName", 12, "expected eq, ne, gt, ge, lt, le or in"),
        (
            "displayName -eq 'x'",
            13,
            "operators are written without a hyphen: eq, not -eq",
        ),
        ("displayName = 'x'", 13, "equality is written eq"),
        (
            "displayName eq \"x\"",
            16,
            "texts are written in single quotes",
        ),
        ("displayName eq 'x", 16, "the text has no closing quote"),
        (
            "displayName eq \u{2018}x\u{2019}",
            16,
            "typographic quotes: write ' instead",
        ),
        (
            "dispalyName eq 'x'",
            1,
            "unknown attribute dispalyName; did you mean displayName?",
        ),
        (
            "createdDateTime gt '2020'",
            1,
            "unknown attribute createdDateTime",
        ),
        (
            "securityEnabled eq 'true'",
            20,
            "expected true, false or null",
        ),
        (
            "displayName eq true",
            16,
            "expected a text in single quotes",
        ),
        ("securityEnabled gt true", 1, "gt compares texts"),
        ("displayName gt null", 16, "gt compares texts"),
        (
            "groupTypes eq 'Unified'",
            1,
            "groupTypes has several values: write groupTypes/any(x:x eq '...')",
        ),
        (
            "displayName/any(x:x eq 'a')",
            1,
            "displayName has one value: compare it without any",
        ),
        (
            "groupTypes/all(x:x eq 'a')",
            12,
            "all is not available: use not .../any(...)",
        ),
        (
            "groupTypes/any(x:groupTypes/any(y:y eq 'a'))",
            18,
            "any inside any",
        ),
        ("groupTypes/any(x eq 'a')", 18, "expected :"),
        (
            "groupTypes/any(:x eq 'a')",
            16,
            "expected a variable, e.g. any(x:x eq '...')",
        ),
        ("(securityEnabled", 17, "expected )"),
        (
            "securityEnabled mailEnabled",
            17,
            "expected and, or, or the end of the filter",
        ),
        ("securityEnabled and", 20, "the filter ends too early"),
        (
            "id eq 'x'",
            7,
            "expected an object id, e.g. '6f9619ff-8b86-d011-b42d-00c04fc964ff'",
        ),
        (
            "id in ('x')",
            8,
            "expected an object id, e.g. '6f9619ff-8b86-d011-b42d-00c04fc964ff'",
        ),
        ("mail in ()", 10, "unexpected )"),
        ("mail in ('a' 'b')", 14, "expected , or )"),
        ("mailEnabled in (true)", 1, "in compares texts"),
        ("startswith(mailEnabled,'a')", 12, "expected a text"),
        ("startswith(mail)", 16, "expected ,"),
        (
            "displayName eq '😀' nd",
            21,
            "expected and, or, or the end of the filter",
        ),
        ("& eq 'a'", 1, "unexpected &"),
    ];
    for (text, place, message) in cases {
        let error = CloudFilter::parse(text).expect_err(text);
        assert_eq!(
            error.to_string(),
            format!("at character {place}: {message}"),
            "{text}"
        );
    }
}

#[test]
fn order_is_by_code_unit() {
    // U+FF5E is after every surrogate, though UTF-8 sorts it before U+1F600.
    assert_eq!(by_code_unit("\u{1f600}", "\u{ff5e}"), Ordering::Less);
    assert_eq!(by_code_unit("a", "b"), Ordering::Less);
}

#[test]
fn attributes_used_and_unread() {
    let filter = CloudFilter::parse("allowExternalSenders eq true or mail eq 'a' or id eq '6f9619ff-8b86-d011-b42d-00c04fc964ff'").unwrap();
    assert_eq!(
        filter.attributes(),
        ["allowExternalSenders", "mail", "objectId"]
    );
    assert_eq!(filter.unread(&group()), Some("allowExternalSenders"));
    let not_m365 = CloudGroup {
        group_types: Vec::new(),
        ..group()
    };
    assert_eq!(filter.unread(&not_m365), None);
}

#[test]
fn nesting_is_bounded_and_chains_are_not() {
    let nested = |n: usize| format!("{}mailEnabled{}", "(".repeat(n), ")".repeat(n));
    assert!(CloudFilter::parse(&nested(60)).is_ok());
    assert!(CloudFilter::parse(&nested(5000)).is_err());
    assert!(CloudFilter::parse(&format!("{}mailEnabled", "not ".repeat(5000))).is_err());
    assert!(CloudFilter::parse(&format!("{} eq 'a'", "tolower(".repeat(5000))).is_err());
    assert!(CloudFilter::parse(&vec!["mailEnabled"; 5000].join(" and ")).is_ok());
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "(",
        ")",
        ",",
        "'",
        "'a😀'",
        "mail",
        "groupTypes",
        "/any(",
        "x",
        ":",
        " eq ",
        " in ",
        " and ",
        " or ",
        "not ",
        "null",
        "true",
        "startswith(",
        "tolower(",
        "id",
        "-",
        "\"",
    ]);
    prop::collection::vec(piece, 0..25).prop_map(|p| p.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = CloudFilter::parse(&text);
    }

    #[test]
    fn no_pieces_make_the_parser_panic(text in pieces()) {
        match CloudFilter::parse(&text) {
            Ok(filter) => {
                let negated = CloudFilter::parse(&format!("not ({text})")).unwrap();
                prop_assert_ne!(filter.matches(&group()), negated.matches(&group()));
            }
            Err(error) => prop_assert!(error.position <= text.encode_utf16().count()),
        }
    }
}
