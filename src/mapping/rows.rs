//! Attribute flow: which AD attribute gets which expression, and how a result becomes values.

use super::expression::{Expression, Value};
use super::scope::MailRows;
use super::text;
use super::{MappingErrorKind, SchemaView};
use crate::config::{Configuration, Fault, Version};
use crate::model::CloudGroup;

/// The mark in an attribute that every schema has.
pub const MARK: &str = "adminDescription";
/// The mark of Cloud Sync: indexed, in the global catalog, but only in schemas since Windows Server 2016.
pub const INDEXED_MARK: &str = "msDS-ExternalDirectoryObjectId";

/// One attribute's rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Row {
    pub(super) target: String,
    pub(super) expression: Expression,
    limit: Option<usize>,
    single: bool,
    /// Only for groups that have mail.
    mail: bool,
}

/// Rows every version has. `description` is cut where both Microsoft products cut it.
const DEFAULT: &[(&str, &str)] = &[
    ("displayName", "[displayName]"),
    ("description", "Left(Trim([description]),448)"),
];

/// Rows for groups with mail, when the Exchange attributes are there.
const MAIL: &[(&str, &str)] = &[
    ("mail", "[mail]"),
    ("mailNickname", "[mailNickname]"),
    ("proxyAddresses", "[proxyAddresses]"),
    ("msExchRequireAuthToSendTo", "\"TRUE\""),
    ("reportToOriginator", "\"TRUE\""),
];

/// Attributes that say where mail goes or how it is handled; besides these everything that starts with `msExch`.
const MAIL_ATTRIBUTES: &[&str] = &[
    "mail",
    "mailNickname",
    "proxyAddresses",
    "targetAddress",
    "legacyExchangeDN",
    "reportToOriginator",
    "reportToOwner",
    "oOFReplyToOriginator",
    "hideDLMembership",
    "authOrig",
    "unauthOrig",
    "dLMemSubmitPerms",
    "dLMemRejectPerms",
];

/// Attributes with the syntax Boolean (2.5.5.8) that groups may have.
const BOOLEANS: &[&str] = &[
    "msExchRequireAuthToSendTo",
    "msExchHideFromAddressLists",
    "reportToOriginator",
    "reportToOwner",
    "oOFReplyToOriginator",
    "hideDLMembership",
];

/// A shortened address is another address.
const NEVER_CUT: &[&str] = &[
    "mail",
    "mailNickname",
    "proxyAddresses",
    "targetAddress",
    "legacyExchangeDN",
];

/// What no mapping may write: the engine's own, the marks, what AD keeps, and what decides about access.
const FORBIDDEN: &[&str] = &[
    MARK,
    INDEXED_MARK,
    "adminCount",
    "cn",
    "distinguishedName",
    "dSCorePropagationData",
    "groupType",
    "instanceType",
    "isCriticalSystemObject",
    "isDeleted",
    "isMemberOfPartialAttributeSet",
    "member",
    "memberOf",
    "msExchGroupExternalMemberCount",
    "msDS-PrincipalName",
    "name",
    "nTSecurityDescriptor",
    "objectCategory",
    "objectClass",
    "objectGUID",
    "objectSid",
    "ou",
    "primaryGroupToken",
    "replPropertyMetaData",
    "sAMAccountName",
    "sAMAccountType",
    "sIDHistory",
    "systemFlags",
    "userAccountControl",
    "uSNChanged",
    "uSNCreated",
    "whenChanged",
    "whenCreated",
];

/// Published limits in UTF-16 units, for schemas that don't tell.
const LIMITS: &[(&str, usize)] = &[
    ("displayName", 256),
    ("description", 1024),
    ("mail", 256),
    ("mailNickname", 64),
    ("proxyAddresses", 1123),
    ("targetAddress", 1123),
    ("info", 1024),
];

fn is_one_of(names: &[&str], name: &str) -> bool {
    names.iter().any(|n| n.eq_ignore_ascii_case(name))
}

fn is_mail(target: &str) -> bool {
    is_one_of(MAIL_ATTRIBUTES, target)
        || target
            .get(..6)
            .is_some_and(|start| start.eq_ignore_ascii_case("msExch"))
}

fn published_limit(target: &str) -> Option<usize> {
    if let Some((_, limit)) = LIMITS.iter().find(|(n, _)| n.eq_ignore_ascii_case(target)) {
        return Some(*limit);
    }
    let prefix = "extensionAttribute";
    let (start, number) = (target.get(..prefix.len())?, target.get(prefix.len()..)?);
    if !start.eq_ignore_ascii_case(prefix) {
        return None;
    }
    match number.parse::<u8>().ok()? {
        1..=10 => Some(1024),
        11..=15 => Some(2048),
        _ => None,
    }
}

/// What is wrong with an attribute as a target; `None` = fine.
fn target_fault(target: &str) -> Option<String> {
    let mut bytes = target.bytes();
    let shaped = bytes.next().is_some_and(|b| b.is_ascii_alphabetic())
        && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'-');
    if !shaped {
        return Some("not the name of an AD attribute".to_owned());
    }
    is_one_of(FORBIDDEN, target)
        .then(|| format!("{target} is written by the engine or by AD itself and can't be mapped"))
}

/// The rows in effect, what the schema lacks, and every fault.
pub(super) fn compile(
    config: &Configuration,
    schema: &dyn SchemaView,
    faults: &mut Vec<Fault>,
) -> (Vec<Row>, Vec<String>) {
    let mut wanted: Vec<(String, String, bool)> = Vec::new();
    let mut omitted = Vec::new();
    for (target, expression) in DEFAULT {
        wanted.push(((*target).to_owned(), (*expression).to_owned(), false));
    }
    if config.version != Version::CloudSync {
        for (target, expression) in MAIL {
            if schema.exchange_attributes() {
                wanted.push(((*target).to_owned(), (*expression).to_owned(), false));
            } else {
                omitted.push((*target).to_owned());
            }
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (target, expression) in &config.attribute_mapping {
        let path = format!("attributeMapping.{target}");
        if let Some(fault) = target_fault(target) {
            faults.push(Fault::new(path, fault));
            continue;
        }
        if is_one_of(&seen, target) {
            faults.push(Fault::new(
                path,
                "the attribute is there twice (case doesn't count)",
            ));
            continue;
        }
        seen.push(target);
        omitted.retain(|name| !name.eq_ignore_ascii_case(target));
        let place = wanted
            .iter()
            .position(|(name, ..)| name.eq_ignore_ascii_case(target));
        if expression.trim().is_empty() {
            place.map(|at| wanted.remove(at));
        } else if let Some(row) = place.and_then(|at| wanted.get_mut(at)) {
            // The row keeps the usual spelling of its attribute.
            (row.1, row.2) = (expression.clone(), true);
        } else {
            wanted.push((target.clone(), expression.clone(), true));
        }
    }
    let mut rows = Vec::new();
    for (target, text, configured) in wanted {
        let path = format!("attributeMapping.{target}");
        let expression = match Expression::parse(&text) {
            Ok(expression) => expression,
            Err(error) => {
                faults.push(Fault::new(path, error.to_string()));
                continue;
            }
        };
        if !schema.has_attribute(&target) {
            omitted.push(target);
            continue;
        }
        let single = schema.is_single_valued(&target);
        if configured && single && expression.is_list() {
            faults.push(Fault::new(
                path,
                "the attribute takes one value and the expression gives several: use Item or Join",
            ));
            continue;
        }
        rows.push(Row {
            limit: schema
                .range_upper(&target)
                .or_else(|| published_limit(&target)),
            mail: is_mail(&target),
            target,
            expression,
            single,
        });
    }
    rows.sort_by(|a, b| a.target.cmp(&b.target));
    omitted.sort();
    (rows, omitted)
}

impl Row {
    /// The attribute's values for a group; `None` = left as it is. No values = cleared.
    pub(super) fn values(
        &self,
        group: &CloudGroup,
        mail: MailRows,
    ) -> Result<Option<Vec<String>>, MappingErrorKind> {
        if self.mail {
            match mail {
                MailRows::Written => {}
                MailRows::Cleared => return Ok(Some(Vec::new())),
                MailRows::Untouched => return Ok(None),
            }
        }
        if let Some(name) = self.expression.unread(group) {
            return Err(MappingErrorKind::NotRead(name));
        }
        let value = self
            .expression
            .eval(group)
            .map_err(|e| MappingErrorKind::Expression(e.to_string()))?;
        let texts = match value {
            Value::NoFlow => return Ok(None),
            Value::Null => Vec::new(),
            Value::Text(text) => vec![text],
            Value::Texts(texts) => texts,
            // Boolean syntax of LDAP (RFC 4517 3.3.3).
            Value::Bool(true) => vec!["TRUE".to_owned()],
            Value::Bool(false) => vec!["FALSE".to_owned()],
            Value::Number(number) => vec![number.to_string()],
        };
        let mut values = Vec::with_capacity(texts.len());
        for text in texts {
            if let Some(value) = self.one_value(&text)? {
                values.push(value);
            }
        }
        self.drop_repeated(&mut values);
        if self.single && values.len() > 1 {
            return Err(MappingErrorKind::SeveralValues(values.len()));
        }
        Ok(Some(values))
    }

    /// A value AD takes; `None` when nothing is left of it (AD has no empty values).
    fn one_value(&self, text: &str) -> Result<Option<String>, MappingErrorKind> {
        let mut value = text.replace('\0', "");
        if is_one_of(BOOLEANS, &self.target) && !value.is_empty() {
            value.make_ascii_uppercase();
            if value != "TRUE" && value != "FALSE" {
                return Err(MappingErrorKind::Syntax(format!(
                    "\"{text}\" is neither TRUE nor FALSE"
                )));
            }
        }
        // `Append("SMTP:",[mail])` of a group without mail is no address.
        let address = self.target.eq_ignore_ascii_case("proxyAddresses");
        if address
            && value
                .split_once(':')
                .is_some_and(|(_, a)| a.trim().is_empty())
        {
            return Ok(None);
        }
        if let Some(limit) = self.limit {
            let length = text::units(&value);
            if length > limit {
                if is_one_of(NEVER_CUT, &self.target) {
                    return Err(MappingErrorKind::TooLong { length, limit });
                }
                value.truncate(text::left(&value, limit).len());
            }
        }
        Ok((!value.is_empty()).then_some(value))
    }

    /// AD refuses values that are equal but for case. Of such the first stays, and of addresses the primary one.
    fn drop_repeated(&self, values: &mut Vec<String>) {
        if self.target.eq_ignore_ascii_case("proxyAddresses") {
            values.sort_by_key(|v| !v.starts_with("SMTP:"));
        }
        let mut seen = std::collections::HashSet::new();
        values.retain(|v| seen.insert(v.to_lowercase()));
    }
}
