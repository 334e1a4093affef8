//! The functions: names, arguments, results. The table is what the parser checks calls against.

use super::super::source::Holds;
use super::super::text;
use super::{Node, Value};

/// What an expression gives, as far as it can be told before it is computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Number,
    Bool,
    List,
    /// Whatever an argument gives.
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Function {
    Append,
    Coalesce,
    Count,
    CStr,
    IgnoreFlowIfNullOrEmpty,
    Iif,
    InStr,
    IsNull,
    IsNullOrEmpty,
    IsPresent,
    Item,
    Join,
    Left,
    Mid,
    NormalizeDiacritics,
    Not,
    RemoveDuplicates,
    Replace,
    Right,
    Split,
    StripSpaces,
    Switch,
    ToLower,
    ToUpper,
    Trim,
    Word,
}

/// A parameter: its name, what it takes, whether it may be left out or empty.
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) takes: Kind,
    pub(super) optional: bool,
}

/// A function's signature.
pub(super) struct Signature {
    pub(super) name: &'static str,
    pub(super) function: Function,
    pub(super) parameters: &'static [Parameter],
    /// How many of the last parameters may be repeated as a group.
    pub(super) repeated: usize,
    pub(super) gives: Kind,
}

const fn p(name: &'static str, takes: Kind) -> Parameter {
    Parameter {
        name,
        takes,
        optional: false,
    }
}

const fn o(name: &'static str, takes: Kind) -> Parameter {
    Parameter {
        name,
        takes,
        optional: true,
    }
}

const fn s(
    name: &'static str,
    function: Function,
    parameters: &'static [Parameter],
    repeated: usize,
    gives: Kind,
) -> Signature {
    Signature {
        name,
        function,
        parameters,
        repeated,
        gives,
    }
}

use Function as F;
use Kind::{Any, Bool, List, Number, Text};

/// By name. `Right` is ours; everything else is in the public reference.
pub(super) const SIGNATURES: &[Signature] = &[
    s(
        "Append",
        F::Append,
        &[p("source", Text), p("suffix", Text)],
        0,
        Text,
    ),
    s("Coalesce", F::Coalesce, &[p("source", Any)], 1, Any),
    s("Count", F::Count, &[p("attribute", List)], 0, Number),
    s("CStr", F::CStr, &[p("value", Text)], 0, Text),
    s(
        "IgnoreFlowIfNullOrEmpty",
        F::IgnoreFlowIfNullOrEmpty,
        &[p("expression", Any)],
        0,
        Any,
    ),
    s(
        "IIF",
        F::Iif,
        &[
            p("condition", Bool),
            p("valueIfTrue", Any),
            p("valueIfFalse", Any),
        ],
        0,
        Any,
    ),
    s(
        "InStr",
        F::InStr,
        &[
            p("value1", Text),
            p("value2", Text),
            o("start", Number),
            o("compareType", Number),
        ],
        0,
        Number,
    ),
    s("IsNull", F::IsNull, &[p("expression", Any)], 0, Bool),
    s(
        "IsNullOrEmpty",
        F::IsNullOrEmpty,
        &[p("expression", Any)],
        0,
        Bool,
    ),
    s("IsPresent", F::IsPresent, &[p("expression", Any)], 0, Bool),
    s(
        "Item",
        F::Item,
        &[p("attribute", List), p("index", Number)],
        0,
        Text,
    ),
    s(
        "Join",
        F::Join,
        &[p("separator", Text), p("source", Any)],
        1,
        Text,
    ),
    s(
        "Left",
        F::Left,
        &[p("string", Text), p("numChars", Number)],
        0,
        Text,
    ),
    s(
        "Mid",
        F::Mid,
        &[p("source", Text), p("start", Number), p("length", Number)],
        0,
        Text,
    ),
    s(
        "NormalizeDiacritics",
        F::NormalizeDiacritics,
        &[p("source", Text)],
        0,
        Text,
    ),
    s("Not", F::Not, &[p("source", Bool)], 0, Bool),
    s(
        "RemoveDuplicates",
        F::RemoveDuplicates,
        &[p("attribute", List)],
        0,
        List,
    ),
    s(
        "Replace",
        F::Replace,
        &[
            p("source", Text),
            o("oldValue", Text),
            o("regexPattern", Text),
            o("regexGroupName", Text),
            o("replacementValue", Text),
            o("replacementAttributeName", Text),
            o("template", Text),
        ],
        0,
        Text,
    ),
    s(
        "Right",
        F::Right,
        &[p("string", Text), p("numChars", Number)],
        0,
        Text,
    ),
    s(
        "Split",
        F::Split,
        &[p("source", Text), p("delimiter", Text)],
        0,
        List,
    ),
    s("StripSpaces", F::StripSpaces, &[p("source", Text)], 0, Text),
    s(
        "Switch",
        F::Switch,
        &[
            p("source", Text),
            o("defaultValue", Any),
            p("key", Text),
            p("value", Any),
        ],
        2,
        Any,
    ),
    s(
        "ToLower",
        F::ToLower,
        &[p("source", Text), o("culture", Text)],
        0,
        Text,
    ),
    s(
        "ToUpper",
        F::ToUpper,
        &[p("source", Text), o("culture", Text)],
        0,
        Text,
    ),
    s("Trim", F::Trim, &[p("source", Text)], 0, Text),
    s(
        "Word",
        F::Word,
        &[
            p("string", Text),
            p("wordNumber", Number),
            p("delimiters", Text),
        ],
        0,
        Text,
    ),
];

/// Functions of the public reference that are left out, so that the error can say so. Dates and random values would
/// give another result in each run, hence a write in each run.
const LEFT_OUT: &[&str] = &[
    "AppRoleAssignmentsComplex",
    "BitAnd",
    "CBool",
    "CDate",
    "ConvertToBase64",
    "ConvertToUTF8Hex",
    "DateAdd",
    "DateDiff",
    "DateFromNum",
    "FormatDateTime",
    "Guid",
    "IsString",
    "Now",
    "NumFromDate",
    "PCase",
    "RandomString",
    "Redact",
    "SelectUniqueValue",
    "SingleAppRoleAssignment",
];

impl Signature {
    /// By name in any case; else what to say.
    pub(super) fn find(name: &str) -> Result<&'static Signature, String> {
        if let Some(found) = SIGNATURES
            .iter()
            .find(|s| s.name.eq_ignore_ascii_case(name))
        {
            return Ok(found);
        }
        if let Some(known) = LEFT_OUT.iter().find(|n| n.eq_ignore_ascii_case(name)) {
            return Err(format!(
                "the function {known} of Cloud Sync is not available here"
            ));
        }
        Err(
            match text::nearest(name, SIGNATURES.iter().map(|s| s.name)) {
                Some(near) => format!("unknown function {name}; did you mean {near}?"),
                None => format!("unknown function {name}"),
            },
        )
    }

    /// The parameter an argument is for; `None` when there are too many.
    pub(super) fn parameter(&self, index: usize) -> Option<&'static Parameter> {
        let fixed = self.parameters.len();
        match index.checked_sub(fixed) {
            None => self.parameters.get(index),
            Some(_) if self.repeated == 0 => None,
            Some(over) => self
                .parameters
                .get(fixed - self.repeated + over % self.repeated),
        }
    }

    /// `Left(string, numChars)`
    pub(super) fn usage(&self) -> String {
        let names: Vec<String> = self
            .parameters
            .iter()
            .map(|p| {
                if p.optional {
                    format!("[{}]", p.name)
                } else {
                    p.name.to_owned()
                }
            })
            .collect();
        let more = if self.repeated > 0 { ", ..." } else { "" };
        format!("{}({}{more})", self.name, names.join(", "))
    }
}

impl Function {
    fn signature(self) -> Option<&'static Signature> {
        SIGNATURES.iter().find(|s| s.function == self)
    }

    /// The name as written in the reference.
    pub(super) fn name(self) -> &'static str {
        self.signature().map_or("", |s| s.name)
    }
}

impl Node {
    /// What it gives, as far as it can be told now.
    pub(super) fn kind(&self) -> Kind {
        match self {
            Node::Literal(Value::Bool(_)) | Node::Compare(..) => Bool,
            Node::Literal(Value::Number(_)) => Number,
            Node::Literal(Value::Texts(_)) => List,
            Node::Literal(_) => Text,
            Node::Attribute(source) => match source.holds() {
                Holds::Text => Text,
                Holds::Texts => List,
                Holds::Bool => Bool,
            },
            Node::Call(function, arguments) => match function {
                // Whether these give a list is known as soon as any of their results does.
                F::Iif | F::Coalesce | F::Switch | F::IgnoreFlowIfNullOrEmpty => {
                    let list = arguments
                        .iter()
                        .flatten()
                        .any(|argument| argument.kind() == List);
                    if list { List } else { Any }
                }
                other => other.signature().map_or(Any, |s| s.gives),
            },
        }
    }
}
