//! CN and sAMAccountName: presets, and what makes any text a legal name.
//!
//! A CN is 1 to 64 UTF-16 units. Control characters and line separators become spaces: people read a line break as one,
//! and `LF CNF:` or `LF DEL:` in a name is how AD marks conflicts and deleted objects. Space at either end goes, because
//! AD would drop or refuse it. Escaping for a DN is the directory's work.

use std::fmt;

use super::expression::{EvalError, Expression, Value};
use super::text;
use crate::config::{NamingPreset, Version};
use crate::model::CloudGroup;

/// Units a CN may have (MS-ADTS, rangeUpper of `cn`).
pub const CN_LIMIT: usize = 64;
/// Units a group's sAMAccountName may have.
pub const SAM_LIMIT: usize = 256;
/// Units of the display name that Cloud Sync keeps: 51 and `_` and 12 make 64.
const DISPLAY_NAME_LIMIT: usize = 51;

/// Why there is no name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NameError {
    /// `displayName` is null.
    NoDisplayName,
    /// Nothing is left of it.
    Empty,
    /// Several values.
    Several(usize),
    /// The pattern can't be computed.
    Expression(EvalError),
}

impl fmt::Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::NoDisplayName => f.write_str("the group has no displayName"),
            NameError::Empty => f.write_str("nothing is left that could be a name"),
            NameError::Several(count) => write!(f, "{count} values where one name is needed"),
            NameError::Expression(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for NameError {}

/// How names are made: a preset, or the pattern of `Custom`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Naming {
    /// `Group_<objectId>`: 42 units, always fits.
    ObjectId,
    /// `<displayName>_<last 12 of objectId>`. Connect's own cut is not published; ours is Cloud Sync's, so that both
    /// presets give the same name.
    DisplayName,
    /// An expression.
    Custom(Expression),
}

/// The preset a version uses unless told otherwise.
pub fn default_preset(version: Version) -> NamingPreset {
    match version {
        Version::V1 | Version::V2 => NamingPreset::ConnectV1,
        Version::CloudSync => NamingPreset::CloudSync,
    }
}

impl Naming {
    /// The group's CN.
    pub fn cn(&self, group: &CloudGroup) -> Result<String, NameError> {
        match self {
            Naming::ObjectId => Ok(format!("Group_{}", group.id)),
            Naming::DisplayName => {
                let name = group
                    .display_name
                    .as_ref()
                    .ok_or(NameError::NoDisplayName)?;
                let name = printable(name);
                let name = text::left(name.trim(), DISPLAY_NAME_LIMIT);
                Ok(format!("{name}_{}", group.id.last12()))
            }
            Naming::Custom(pattern) => clean_cn(&evaluate(pattern, group)?.unwrap_or_default()),
        }
    }
}

/// The text of a pattern; `None` when it gives no value.
pub(crate) fn evaluate(
    pattern: &Expression,
    group: &CloudGroup,
) -> Result<Option<String>, NameError> {
    match pattern.eval(group).map_err(NameError::Expression)? {
        Value::Null | Value::NoFlow => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        Value::Bool(b) => Ok(Some(b.to_string())),
        Value::Number(n) => Ok(Some(n.to_string())),
        Value::Texts(mut texts) if texts.len() < 2 => Ok(texts.pop()),
        Value::Texts(texts) => Err(NameError::Several(texts.len())),
    }
}

fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if text::is_control(c) { ' ' } else { c })
        .collect()
}

/// Makes any text a legal CN, or says that nothing is left.
pub fn clean_cn(text: &str) -> Result<String, NameError> {
    let text = printable(text);
    let cut = text::left(text.trim(), CN_LIMIT).trim_end();
    if cut.is_empty() {
        return Err(NameError::Empty);
    }
    Ok(cut.to_owned())
}

/// Makes any text a legal sAMAccountName of a group: the characters AD refuses become `_`, space at the ends and final
/// periods go, the rest is cut at 256 units. Uniqueness in the domain is not judged here.
pub fn clean_sam_account_name(text: &str) -> Result<String, NameError> {
    let replaced: String = text
        .trim()
        .chars()
        .map(|c| {
            if text::is_control(c) || "\"/\\[]:;|=,+*?<>".contains(c) {
                '_'
            } else {
                c
            }
        })
        .collect();
    let cut =
        text::left(&replaced, SAM_LIMIT).trim_end_matches(|c: char| c == '.' || c.is_whitespace());
    if cut.is_empty() {
        return Err(NameError::Empty);
    }
    Ok(cut.to_owned())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::Guid;

    fn group(name: &str, id: [u8; 16]) -> CloudGroup {
        CloudGroup {
            display_name: Some(name.into()),
            ..CloudGroup::new(Guid(id))
        }
    }

    #[test]
    fn presets() {
        let id: Guid = "6f9619ff-8b86-d011-b42d-00c04fc964ff".parse().unwrap();
        let group = |name: &str| group(name, id.0);
        let long = "x".repeat(60);
        assert_eq!(
            Naming::ObjectId.cn(&group("Sales")),
            Ok("Group_6f9619ff-8b86-d011-b42d-00c04fc964ff".into())
        );
        for (name, expected) in [
            ("Sales", "Sales_00c04fc964ff".to_owned()),
            (" Sales  Team ", "Sales  Team_00c04fc964ff".to_owned()),
            ("", "_00c04fc964ff".to_owned()),
            ("A\nB\u{0}", "A B_00c04fc964ff".to_owned()),
            ("Ops\u{a}CNF:x", "Ops CNF:x_00c04fc964ff".to_owned()),
            (&long, format!("{}_00c04fc964ff", "x".repeat(51))),
            (
                &format!("{}😀", "x".repeat(50)),
                format!("{}_00c04fc964ff", "x".repeat(50)),
            ),
            (
                &format!("{}😀", "x".repeat(49)),
                format!("{}😀_00c04fc964ff", "x".repeat(49)),
            ),
        ] {
            assert_eq!(Naming::DisplayName.cn(&group(name)), Ok(expected));
        }
        let unread = CloudGroup::new(id);
        assert_eq!(
            Naming::DisplayName.cn(&unread),
            Err(NameError::NoDisplayName)
        );
    }

    #[test]
    fn custom_names_are_made_legal() {
        let custom = |text: &str| Naming::Custom(Expression::parse(text).unwrap());
        let group = group("  A\tB ", [1; 16]);
        assert_eq!(custom("[displayName]").cn(&group), Ok("A B".into()));
        assert_eq!(custom("[description]").cn(&group), Err(NameError::Empty));
        assert_eq!(custom(r#""  ""#).cn(&group), Err(NameError::Empty));
        let spaces = format!("\"{} b\"", "a".repeat(63));
        assert_eq!(custom(&spaces).cn(&group), Ok("a".repeat(63)));
        assert_eq!(
            custom(r#"IIF(TRUE,Split("a,b",","),"")"#).cn(&group),
            Err(NameError::Several(2))
        );
        assert!(matches!(
            custom(r#"Left("a",[mail])"#).cn(&group),
            Err(NameError::Expression(_))
        ));
    }

    #[test]
    fn sam_account_names() {
        for (text, expected) in [
            ("Sales", Ok("Sales".to_owned())),
            (
                "a/b\\c[d]e:f;g|h=i,j+k*l?m<n>o\"p",
                Ok("a_b_c_d_e_f_g_h_i_j_k_l_m_n_o_p".to_owned()),
            ),
            (" Sales Team. . ", Ok("Sales Team".to_owned())),
            ("a\u{1}b", Ok("a_b".to_owned())),
            (" . .", Err(NameError::Empty)),
            ("", Err(NameError::Empty)),
            (&"x".repeat(300), Ok("x".repeat(256))),
            (&format!("{}.y", "x".repeat(255)), Ok("x".repeat(255))),
        ] {
            assert_eq!(clean_sam_account_name(text), expected, "{text}");
        }
    }

    /// Names as tenants have them: many scripts, and what breaks naive code.
    fn names() -> impl Strategy<Value = String> {
        prop_oneof![
            any::<String>(),
            "[ \\t\\n.😀ａé\\u{0}]{0,80}",
            prop::collection::vec(
                prop::sample::select(vec!['😀', 'a', ' ', '\n', '字']),
                45..70
            )
            .prop_map(|c| c.into_iter().collect::<String>()),
        ]
    }

    fn legal(name: &str, limit: usize) -> bool {
        let units = name.encode_utf16().count();
        (1..=limit).contains(&units) && name.trim() == name && !name.chars().any(text::is_control)
    }

    proptest! {
        #[test]
        fn every_preset_gives_a_legal_name(name in names(), id in any::<[u8; 16]>()) {
            let group = group(&name, id);
            for naming in [Naming::ObjectId, Naming::DisplayName] {
                let cn = naming.cn(&group).unwrap();
                prop_assert!(legal(&cn, 64), "{cn:?}");
            }
            match Naming::Custom(Expression::parse("[displayName]").unwrap()).cn(&group) {
                Ok(cn) => prop_assert!(legal(&cn, 64), "{cn:?}"),
                Err(e) => prop_assert_eq!(e, NameError::Empty),
            }
        }

        #[test]
        fn distinct_ids_give_distinct_names(a in names(), b in names(), ids in any::<([u8; 16], [u8; 16])>()) {
            prop_assume!(ids.0[10..] != ids.1[10..]);
            for naming in [Naming::ObjectId, Naming::DisplayName] {
                prop_assert_ne!(naming.cn(&group(&a, ids.0)).unwrap(), naming.cn(&group(&b, ids.1)).unwrap());
            }
        }

        #[test]
        fn printable_names_are_those_of_cloud_sync(name in "\\PC{0,80}", id in any::<[u8; 16]>()) {
            let documented = Expression::parse(
                r#"Append(Append(Left(Trim([displayName]),51),"_"),Mid([objectId],25,12))"#,
            ).unwrap();
            prop_assume!(!name.chars().any(text::is_control));
            let group = group(&name, id);
            prop_assert_eq!(
                Value::Text(Naming::DisplayName.cn(&group).unwrap()),
                documented.eval(&group).unwrap()
            );
        }

        #[test]
        fn sam_account_names_are_legal(name in names()) {
            if let Ok(sam) = clean_sam_account_name(&name) {
                prop_assert!(legal(&sam, 256));
                prop_assert!(!sam.ends_with('.'));
                prop_assert!(!sam.contains(|c| "\"/\\[]:;|=,+*?<>".contains(c)));
            }
        }
    }
}
