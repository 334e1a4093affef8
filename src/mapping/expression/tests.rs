use super::*;
use crate::model::WritebackFlag;

pub(super) fn group() -> CloudGroup {
    CloudGroup {
        display_name: Some("  Sales Team 😀 ".into()),
        description: None,
        mail: Some("john.doe@contoso.com".into()),
        mail_nickname: Some("john_doe72".into()),
        proxy_addresses: vec!["SMTP:a@contoso.com".into(), "smtp:b@contoso.com".into()],
        group_types: vec!["Unified".into()],
        security_enabled: false,
        mail_enabled: true,
        writeback: Some(WritebackFlag {
            is_enabled: Some(true),
            on_premises_group_type: Some("universalSecurityGroup".into()),
        }),
        ..CloudGroup::new("6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap())
    }
}

fn run(text: &str) -> Value {
    Expression::parse(text)
        .unwrap_or_else(|e| panic!("{text}: {e}"))
        .eval(&group())
        .unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn t(text: &str) -> Value {
    Value::Text(text.into())
}

fn ts(texts: &[&str]) -> Value {
    Value::Texts(texts.iter().map(|t| (*t).into()).collect())
}

use Value::{Bool, NoFlow, Null, Number};

#[test]
fn values() {
    let cases = [
        // The documented examples, with attributes a group has.
        (r#"Append([mail], ".test")"#, t("john.doe@contoso.com.test")),
        (
            r#"Append("Group_",[objectId])"#,
            t("Group_6f9619ff-8b86-d011-b42d-00c04fc964ff"),
        ),
        (
            r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
            t("Sales Team 😀_00c04fc964ff"),
        ),
        (r#"Append("SMTP:",[mail])"#, t("SMTP:john.doe@contoso.com")),
        (r#"Left(Trim([description]),448)"#, t("")),
        (
            r#"Join("_",[mailNickname],"Contoso_Group")"#,
            t("john_doe72_Contoso_Group"),
        ),
        (r#"Join(", ", "", "Doe", "John")"#, t("Doe, John")),
        (
            r#"Append(Mid("John", 1, 3), Mid("Doe", 1, 5))"#,
            t("JohDoe"),
        ),
        (r#"Left("John Doe", 3)"#, t("Joh")),
        (r#"InStr("The quick brown fox","quick")"#, Number(5)),
        (r#"InStr("repEated","e",3,vbBinaryCompare)"#, Number(7)),
        (r#"Word("The quick brown fox",3," ")"#, t("brown")),
        (
            r#"Word("This,string!has&many separators",3,",!&#")"#,
            t("has"),
        ),
        (
            r#"Replace([mail], "@contoso.com", , ,"", ,)"#,
            t("john.doe"),
        ),
        (
            r#"Replace("Product Developer","Product Developer", , , "Software Engineer", , )"#,
            t("Software Engineer"),
        ),
        (
            r#"Replace("jsmith","<username>", , , , , "<username>@contoso.com")"#,
            t("jsmith@contoso.com"),
        ),
        (
            r#"Split("PermissionSetOne, PermissionSetTwo", ",")"#,
            ts(&["PermissionSetOne", "PermissionSetTwo"]),
        ),
        (
            r#"Switch("QLD", "Australia/Sydney", "NSW", "Australia/Sydney","QLD", "Australia/Brisbane", "SA", "Australia/Adelaide")"#,
            t("Australia/Brisbane"),
        ),
        (
            r#"Switch(ToLower("TRUE"), "0", "true", "1", "false", "0")"#,
            t("1"),
        ),
        (
            r#"Switch([description], "Default Value", "true", "1", "", "0")"#,
            t("0"),
        ),
        (r#"Item([proxyAddresses], 1)"#, t("SMTP:a@contoso.com")),
        (
            r#"Coalesce([description],[mail])"#,
            t("john.doe@contoso.com"),
        ),
        (r#"NormalizeDiacritics("Zoë")"#, t("Zoe")),
        (
            r#"ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", "John", "Smith"))), "contoso.com"))"#,
            t("john.smith@contoso.com"),
        ),
        (
            r#"IIF([mail]="USA",[mail],[mailNickname])"#,
            t("john_doe72"),
        ),
        (r#"IIF([description]="","Other",[description])"#, t("Other")),
        (
            r#"IIF(IsNullOrEmpty([description]),"Other",[description])"#,
            t("Other"),
        ),
        (
            r#"IIF(IsPresent([mail]),[mail],"Other")"#,
            t("john.doe@contoso.com"),
        ),
        (
            r#"IIF([mailEnabled]="True",IIF([securityEnabled]="True","a","b"),"c")"#,
            t("b"),
        ),
        (r#"IgnoreFlowIfNullOrEmpty([description])"#, NoFlow),
        (
            r#"IgnoreFlowIfNullOrEmpty(Switch("x", "", "3443", "Dr.", "3444", "Prof."))"#,
            NoFlow,
        ),
        (
            r#"IgnoreFlowIfNullOrEmpty([mail])"#,
            t("john.doe@contoso.com"),
        ),
        (r#"Not([allowExternalSenders])"#, Bool(true)),
        (
            r#""Company name: \"Contoso\"""#,
            t("Company name: \"Contoso\""),
        ),
        // Constants and attributes.
        (r#""TRUE""#, t("TRUE")),
        (r#""""#, t("")),
        (r#""a""b""#, t("a\"b")),
        (r#""""""#, t("\"")),
        (r#""DOMAIN\\x""#, t("DOMAIN\\x")),
        ("TRUE", Bool(true)),
        ("false", Bool(false)),
        ("42", Number(42)),
        ("-7", Number(-7)),
        ("  [mail]  ", t("john.doe@contoso.com")),
        ("[ Mail ]", t("john.doe@contoso.com")),
        ("[description]", Null),
        (
            "[proxyAddresses]",
            ts(&["SMTP:a@contoso.com", "smtp:b@contoso.com"]),
        ),
        ("[groupTypes]", ts(&["Unified"])),
        ("[mailEnabled]", Bool(true)),
        ("[allowExternalSenders]", Null),
        ("[writebackConfiguration.isEnabled]", Bool(true)),
        (
            "[writebackConfiguration/onPremisesGroupType]",
            t("universalSecurityGroup"),
        ),
        ("[id]", t("6f9619ff-8b86-d011-b42d-00c04fc964ff")),
        ("[dirSyncEnabled]", Bool(false)),
        // Cuts and positions count UTF-16 units and never split a pair.
        (r#"Left("ab😀", 3)"#, t("ab")),
        (r#"Left("ab😀", 4)"#, t("ab😀")),
        (r#"Left("abc", 0)"#, t("")),
        (r#"Left("abc", -1)"#, t("abc")),
        (r#"Left("abc", Append("2",""))"#, t("ab")),
        (r#"Left([description], 2)"#, t("")),
        (r#"Right("ab😀", 1)"#, t("")),
        (r#"Right("ab😀", 3)"#, t("b😀")),
        (r#"Right("abc", 9)"#, t("abc")),
        (r#"Mid("abcdef", 2, 3)"#, t("bcd")),
        (r#"Mid("abcdef", 5, 99)"#, t("ef")),
        (r#"Mid("abcdef", 7, 1)"#, t("")),
        (r#"Mid("abcdef", 0, 2)"#, t("ab")),
        (r#"Mid("abcdef", 2, -1)"#, t("")),
        (r#"Mid("😀bc", 2, 2)"#, t("b")),
        (r#"Mid([objectId],25,12)"#, t("00c04fc964ff")),
        (r#"Mid([description],1,2)"#, Null),
        (r#"InStr("😀b","b")"#, Number(3)),
        (r#"InStr("abc","x")"#, Number(0)),
        (r#"InStr("ABC","b",1,vbTextCompare)"#, Number(2)),
        (r#"InStr("ABC","b")"#, Number(0)),
        // The rest, and the corners.
        (r#"Trim("  a b  ")"#, t("a b")),
        (r#"Trim([description])"#, Null),
        (r#"Append([description],"x")"#, t("x")),
        (r#"Append([mailEnabled],"x")"#, t("Truex")),
        (r#"Join("",1000,[mailNickname])"#, t("1000john_doe72")),
        (
            r#"Join(";",[proxyAddresses])"#,
            t("SMTP:a@contoso.com;smtp:b@contoso.com"),
        ),
        (r#"Join(";",[description],"a",[description],"b")"#, t("a;b")),
        (r#"Item([proxyAddresses], 3)"#, Null),
        (r#"Item(Split([mail],"@"),2)"#, t("contoso.com")),
        (r#"Item([mail],1)"#, t("john.doe@contoso.com")),
        (r#"Count([proxyAddresses])"#, Number(2)),
        (r#"Count([description])"#, Number(0)),
        (r#"RemoveDuplicates(Split("a,b,a",","))"#, ts(&["a", "b"])),
        (r#"Split("a,,b",",")"#, ts(&["a", "b"])),
        (r#"Split("ab","")"#, ts(&["ab"])),
        (r#"Split([description],",")"#, ts(&[])),
        (r#"Word("a  b",2," ")"#, t("b")),
        (r#"Word("a b",0," ")"#, t("")),
        (r#"Word("a b",5," ")"#, t("")),
        (r#"Replace("a.b.c",".","-")"#, t("a-b-c")),
        (r#"Replace("abc","","-")"#, t("abc")),
        (r#"Replace("aAa","a","x")"#, t("xAx")),
        (r#"Replace([description],"a","x")"#, Null),
        (r#"ToUpper("straße")"#, t("STRAßE")),
        (r#"ToLower("ÄÖ","de-DE")"#, t("äö")),
        (
            r#"NormalizeDiacritics("Ærøskøbing Łódź")"#,
            t("AEroeskoebing Lodz"),
        ),
        (r#"StripSpaces(" a b ")"#, t("ab")),
        (r#"CStr([mailEnabled])"#, t("True")),
        (r#"Not("True")"#, Bool(false)),
        (r#"Not([securityEnabled])"#, Bool(true)),
        (r#"IsNull([description])"#, Bool(true)),
        (r#"IsNull("")"#, Bool(false)),
        (r#"IsPresent("")"#, Bool(false)),
        (r#"IsPresent([proxyAddresses])"#, Bool(true)),
        (
            r#"Coalesce([description],[allowExternalSenders],"d")"#,
            t("d"),
        ),
        (r#"Coalesce([description])"#, Null),
        (r#"Switch([mail], , "x", "y")"#, Null),
        (r#"Switch("a","d","A","x")"#, t("d")),
        (r#"IIF([description],"a","b")"#, t("b")),
        (
            r#"IIF([mailEnabled],[proxyAddresses],"none")"#,
            ts(&["SMTP:a@contoso.com", "smtp:b@contoso.com"]),
        ),
        (r#"IIF(Count([proxyAddresses])>=2,"many","few")"#, t("many")),
        (r#"10 > 9"#, Bool(true)),
        (r#""10" > "9""#, Bool(false)),
        (r#""a" <> "A""#, Bool(true)),
        (r#""a" <= "b""#, Bool(true)),
        (r#"[mailEnabled] = TRUE"#, Bool(true)),
        (r#"append("a","b")"#, t("ab")),
        ("Left ( \"abc\" ,\n 2 )", t("ab")),
    ];
    assert!(cases.len() > 100);
    for (text, expected) in cases {
        assert_eq!(run(text), expected, "{text}");
    }
}

#[test]
fn errors_point_at_the_place() {
    let cases = [
        ("", 1, "the expression is empty"),
        (r#"Left("abc" 2)"#, 12, "expected , or )"),
        (r#"Append("abc",)"#, 14, "Append needs a value for suffix"),
        (r#"Append("abc""#, 13, "expected , or )"),
        (r#"Append("abc", )"#, 15, "Append needs a value for suffix"),
        (r#"Append("abc)"#, 8, "the text has no closing quote"),
        (
            r#"Apend("a","b")"#,
            1,
            "unknown function Apend; did you mean Append?",
        ),
        (
            r#"Append("a",Frobnicate("b"))"#,
            12,
            "unknown function Frobnicate",
        ),
        (
            "Now()",
            1,
            "the function Now of Cloud Sync is not available here",
        ),
        (
            "[dispalyName]",
            2,
            "unknown attribute [dispalyName]; did you mean [displayName]?",
        ),
        ("[manager]", 2, "unknown attribute [manager]"),
        ("[displayName", 1, "expected ] after the attribute's name"),
        (
            r#"Append("😀",x)"#,
            13,
            "unknown word x: texts are written in double quotes, attributes in brackets",
        ),
        ("Left", 5, "expected ( after Left"),
        (
            r#"Left("a")"#,
            1,
            "not enough arguments: Left(string, numChars)",
        ),
        (
            r#"Left("a",1,2)"#,
            12,
            "too many arguments: Left(string, numChars)",
        ),
        (r#"Left("a","b")"#, 10, "numChars of Left takes a number"),
        (
            r#"Left([proxyAddresses],3)"#,
            6,
            "string of Left takes one value, and this may be several: use Item or Join",
        ),
        (
            r#"Append(Split("a",","),"b")"#,
            8,
            "source of Append takes one value, and this may be several: use Item or Join",
        ),
        (
            r#"Left(IIF(TRUE,[groupTypes],"b"),3)"#,
            6,
            "string of Left takes one value, and this may be several: use Item or Join",
        ),
        (
            r#"[groupTypes] = "Unified""#,
            1,
            "several values can't be compared: use Item or Join",
        ),
        (
            r#"Switch([mail],"d","k")"#,
            1,
            "not enough arguments: Switch(source, [defaultValue], key, value, ...)",
        ),
        (
            r#"Switch([mail],"d","k","v","k2")"#,
            1,
            "not enough arguments: Switch(source, [defaultValue], key, value, ...)",
        ),
        (
            r#"Item([proxyAddresses],0)"#,
            23,
            "the first item has index 1",
        ),
        (
            r#"Replace("a", , "[a-z]", , "", , )"#,
            16,
            "regular expressions are not available: give oldValue with replacementValue or template",
        ),
        (
            r#"ToLower("I","tr-TR")"#,
            13,
            "the case rules of tr-TR are not available",
        ),
        (r#""a" "b""#, 5, "expected the end of the expression"),
        (
            r#""a\d""#,
            3,
            "a backslash in a text is written \\\\, a quote \\\"",
        ),
        ("'a'", 1, "texts are written in double quotes"),
        (
            "\u{201c}a\u{201d}",
            1,
            "typographic quotes: write \" instead",
        ),
        ("99999999999999999999", 1, "not a whole number"),
        (r#"Append("a",&)"#, 12, "unexpected &"),
        (r#""a" = "#, 7, "the expression ends too early"),
    ];
    for (text, place, message) in cases {
        let error = Expression::parse(text).expect_err(text);
        assert_eq!(
            error.to_string(),
            format!("at character {place}: {message}"),
            "{text}"
        );
    }
    for bad in [
        r#"Replace("a","b")"#,
        r#"Replace("a")"#,
        r#"Replace("a","b",,,"c",,"d")"#,
    ] {
        let error = Expression::parse(bad).expect_err(bad);
        assert!(error.message.starts_with("Replace needs"), "{bad}: {error}");
    }
}

#[test]
fn results_that_cannot_be_computed() {
    let cases = [
        (
            r#"Left("abc",[mail])"#,
            r#"Left: "john.doe@contoso.com" is not a whole number"#,
        ),
        (
            r#"IIF([mail],"a","b")"#,
            r#"IIF: "john.doe@contoso.com" is neither true nor false"#,
        ),
        (
            r#"Append("x",Item([proxyAddresses],Count([description])))"#,
            "Item: the first item has index 1",
        ),
        (r#"InStr("a","b",0)"#, "InStr: the first position is 1"),
    ];
    for (text, message) in cases {
        let error = Expression::parse(text)
            .unwrap()
            .eval(&group())
            .expect_err(text);
        assert_eq!(error.to_string(), message);
    }
}

#[test]
fn attributes_used() {
    let parsed =
        Expression::parse(r#"Append([Mail],IIF([allowExternalSenders],[id],[objectId]))"#).unwrap();
    assert_eq!(
        parsed.attributes(),
        ["allowExternalSenders", "mail", "objectId"]
    );
    assert_eq!(parsed.unread(&group()), Some("allowExternalSenders"));
    let mut read = group();
    read.allow_external_senders = Some(false);
    assert_eq!(parsed.unread(&read), None);
}

#[test]
fn nesting_and_length_are_bounded() {
    let nested = |n: usize| format!("{}[mail]{}", "Trim(".repeat(n), ")".repeat(n));
    assert!(Expression::parse(&nested(32)).is_ok());
    assert!(Expression::parse(&nested(33)).is_err());
    assert!(Expression::parse(&"Trim(".repeat(3000)).is_err());
    assert!(Expression::parse(&format!("\"{}\"", "a".repeat(17_000))).is_err());
}
