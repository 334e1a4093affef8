//! Text to condition. Recursive descent with a bound on nesting; chains of `and` and `or` don't nest.

use std::collections::HashSet;

use super::super::source::{Holds, Source};
use super::{Comparison, Condition, FilterError, Operand, Test, Value};
use crate::model::Guid;

/// Parentheses, `not` and `any` inside each other at most.
const MAX_DEPTH: usize = 64;
/// Length of a filter at most, in bytes: room for some thousands of ids.
const MAX_LENGTH: usize = 256 * 1024;

type Parsed<T> = Result<T, FilterError>;

pub(super) fn parse(text: &str) -> Parsed<(Condition, Vec<Source>)> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        variable: None,
        sources: Vec::new(),
    };
    if text.len() > MAX_LENGTH {
        return parser.fail(0, format!("a filter is at most {MAX_LENGTH} bytes long"));
    }
    parser.space();
    if parser.peek().is_none() {
        return parser.fail(0, "the filter is empty");
    }
    let root = parser.one_of()?;
    if parser.peek().is_some() {
        return parser.fail(parser.at, "expected and, or, or the end of the filter");
    }
    let mut sources = parser.sources;
    sources.sort_unstable();
    sources.dedup();
    Ok((root, sources))
}

/// What an operand holds: a text, a truth value, or null.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Text,
    Bool,
    Null,
}

impl Operand {
    fn kind(&self) -> Kind {
        match self {
            Operand::Property(source) if source.holds() == Holds::Bool => Kind::Bool,
            Operand::Literal(Value::Bool(_)) => Kind::Bool,
            Operand::Literal(Value::Null) => Kind::Null,
            _ => Kind::Text,
        }
    }
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset.
    at: usize,
    depth: usize,
    /// The variable of the enclosing `any`.
    variable: Option<&'a str>,
    sources: Vec<Source>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Parsed<T> {
        Err(FilterError::at(self.text, at, message))
    }

    fn take(&mut self, prefix: char) -> bool {
        let found = self.peek() == Some(prefix);
        if found {
            self.at += prefix.len_utf8();
            self.space();
        }
        found
    }

    fn expect(&mut self, c: char) -> Parsed<()> {
        if self.take(c) {
            return Ok(());
        }
        self.fail(self.at, format!("expected {c}"))
    }

    /// The word that is next, without taking it.
    fn word(&self) -> &'a str {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(rest.len());
        &rest[..end]
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = self.word().eq_ignore_ascii_case(word);
        if found {
            self.at += word.len();
            self.space();
        }
        found
    }

    fn enter(&mut self) -> Parsed<()> {
        if self.depth == MAX_DEPTH {
            return self.fail(self.at, format!("more than {MAX_DEPTH} levels of nesting"));
        }
        self.depth += 1;
        Ok(())
    }

    fn one_of(&mut self) -> Parsed<Condition> {
        let first = self.all()?;
        let mut parts = vec![first];
        while self.take_word("or") {
            parts.push(self.all()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Condition::OneOf(parts),
        })
    }

    fn all(&mut self) -> Parsed<Condition> {
        let mut parts = vec![self.unary()?];
        while self.take_word("and") {
            parts.push(self.unary()?);
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Condition::All(parts),
        })
    }

    fn unary(&mut self) -> Parsed<Condition> {
        self.enter()?;
        let condition = if self.take_word("not") {
            Condition::Not(Box::new(self.unary()?))
        } else if self.take('(') {
            let inner = self.one_of()?;
            self.expect(')')?;
            inner
        } else {
            self.predicate()?
        };
        self.depth -= 1;
        Ok(condition)
    }

    fn predicate(&mut self) -> Parsed<Condition> {
        let tests = [
            ("startswith", Test::StartsWith),
            ("endswith", Test::EndsWith),
            ("contains", Test::Contains),
        ];
        for (name, test) in tests {
            if self.take_word(name) {
                self.expect('(')?;
                let text = self.text_operand()?;
                self.expect(',')?;
                let part = self.text_operand()?;
                self.expect(')')?;
                return Ok(Condition::Test(test, text, part));
            }
        }
        let start = self.at;
        if let Some(any) = self.any()? {
            return Ok(any);
        }
        let left = self.operand()?;
        if self.take_word("in") {
            return self.list(left, start);
        }
        let operators = [
            ("eq", Comparison::Equal),
            ("ne", Comparison::NotEqual),
            ("gt", Comparison::Greater),
            ("ge", Comparison::GreaterOrEqual),
            ("lt", Comparison::Less),
            ("le", Comparison::LessOrEqual),
        ];
        let Some((name, comparison)) = operators.into_iter().find(|(w, _)| self.take_word(w))
        else {
            if left.kind() == Kind::Bool {
                return Ok(Condition::True(left));
            }
            let message = match self.peek() {
                Some('-') => "operators are written without a hyphen: eq, not -eq",
                Some('=') => "equality is written eq",
                _ => "expected eq, ne, gt, ge, lt, le or in",
            };
            return self.fail(self.at, message);
        };
        let middle = self.at;
        let right = self.operand()?;
        self.comparison(name, comparison, (left, start), (right, middle))
    }

    fn comparison(
        &self,
        name: &str,
        comparison: Comparison,
        (left, left_at): (Operand, usize),
        (right, right_at): (Operand, usize),
    ) -> Parsed<Condition> {
        let equality = matches!(comparison, Comparison::Equal | Comparison::NotEqual);
        for (kind, at) in [(left.kind(), left_at), (right.kind(), right_at)] {
            if !equality && kind != Kind::Text {
                return self.fail(at, format!("{name} compares texts"));
            }
        }
        match (left.kind(), right.kind()) {
            (Kind::Bool, Kind::Text) => self.fail(right_at, "expected true, false or null"),
            (Kind::Text, Kind::Bool) => self.fail(right_at, "expected a text in single quotes"),
            _ => {
                let to_left = self.id_literal(&right, left, left_at)?;
                let to_right = self.id_literal(&to_left, right, right_at)?;
                Ok(Condition::Compare(comparison, to_left, to_right))
            }
        }
    }

    /// A text compared with the object id: checked, and brought to the form ids have.
    fn id_literal(&self, other: &Operand, operand: Operand, at: usize) -> Parsed<Operand> {
        match (other, operand) {
            (Operand::Property(Source::ObjectId), Operand::Literal(Value::Text(text))) => {
                Ok(Operand::Literal(Value::Text(self.id(&text, at)?)))
            }
            (_, operand) => Ok(operand),
        }
    }

    fn id(&self, text: &str, at: usize) -> Parsed<String> {
        match text.parse::<Guid>() {
            Ok(id) => Ok(id.to_string()),
            Err(_) => self.fail(
                at,
                "expected an object id, e.g. '6f9619ff-8b86-d011-b42d-00c04fc964ff'",
            ),
        }
    }

    /// After `in`.
    fn list(&mut self, left: Operand, start: usize) -> Parsed<Condition> {
        if left.kind() != Kind::Text {
            return self.fail(start, "in compares texts");
        }
        let by_id = left == Operand::Property(Source::ObjectId);
        let (mut texts, mut null) = (HashSet::new(), false);
        self.expect('(')?;
        loop {
            let at = self.at;
            match self.operand()? {
                Operand::Literal(Value::Text(text)) if by_id => {
                    texts.insert(self.id(&text, at)?);
                }
                Operand::Literal(Value::Text(text)) => {
                    texts.insert(text);
                }
                Operand::Literal(Value::Null) => null = true,
                _ => return self.fail(at, "expected a text in single quotes"),
            }
            if self.take(',') {
                continue;
            }
            if self.take(')') {
                return Ok(Condition::In(left, texts, null));
            }
            return self.fail(self.at, "expected , or )");
        }
    }

    /// `property/any(x:condition)`, if that is next.
    fn any(&mut self) -> Parsed<Option<Condition>> {
        let start = self.at;
        let name = self.word();
        let rest = &self.rest()[name.len()..];
        let Some(function) = rest.strip_prefix('/').map(|r| {
            let end = r
                .find(|c: char| !c.is_ascii_alphanumeric())
                .unwrap_or(r.len());
            &r[..end]
        }) else {
            return Ok(None);
        };
        if function.eq_ignore_ascii_case("all") {
            return self.fail(
                start + name.len() + 1,
                "all is not available: use not .../any(...)",
            );
        }
        if !function.eq_ignore_ascii_case("any") {
            return Ok(None);
        }
        let source = self.property(name, start)?;
        if source.holds() != Holds::Texts {
            return self.fail(
                start,
                format!("{name} has one value: compare it without any"),
            );
        }
        if self.variable.is_some() {
            return self.fail(start, "any inside any");
        }
        self.at += name.len() + "/any".len();
        self.space();
        self.expect('(')?;
        if self.take(')') {
            return Ok(Some(Condition::Any(source, None)));
        }
        let variable = self.word();
        if variable.is_empty() {
            return self.fail(self.at, "expected a variable, e.g. any(x:x eq '...')");
        }
        self.at += variable.len();
        self.space();
        self.expect(':')?;
        self.variable = Some(variable);
        let inner = self.one_of()?;
        self.variable = None;
        self.expect(')')?;
        Ok(Some(Condition::Any(source, Some(Box::new(inner)))))
    }

    fn property(&mut self, name: &str, at: usize) -> Parsed<Source> {
        let Some(source) = Source::find(name) else {
            let hint = Source::nearest(name)
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            return self.fail(at, format!("unknown attribute {name}{hint}"));
        };
        self.sources.push(source);
        Ok(source)
    }

    fn text_operand(&mut self) -> Parsed<Operand> {
        let at = self.at;
        let operand = self.operand()?;
        if operand.kind() != Kind::Text {
            return self.fail(at, "expected a text");
        }
        Ok(operand)
    }

    fn operand(&mut self) -> Parsed<Operand> {
        let start = self.at;
        match self.peek() {
            Some('\'') => {
                let text = self.string()?;
                self.space();
                return Ok(Operand::Literal(Value::Text(text)));
            }
            Some('"') => return self.fail(start, "texts are written in single quotes"),
            Some('\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}') => {
                return self.fail(start, "typographic quotes: write ' instead");
            }
            Some(c) if c.is_ascii_alphabetic() => {}
            Some(c) => return self.fail(start, format!("unexpected {c}")),
            None => return self.fail(start, "the filter ends too early"),
        }
        for (name, upper) in [("tolower", false), ("toupper", true)] {
            if self.take_word(name) {
                self.expect('(')?;
                self.enter()?;
                let inner = Box::new(self.text_operand()?);
                self.depth -= 1;
                self.expect(')')?;
                return Ok(if upper {
                    Operand::Upper(inner)
                } else {
                    Operand::Lower(inner)
                });
            }
        }
        for (name, value) in [
            ("null", Value::Null),
            ("true", Value::Bool(true)),
            ("false", Value::Bool(false)),
        ] {
            if self.take_word(name) {
                return Ok(Operand::Literal(value));
            }
        }
        let rest = self.rest();
        let end = rest
            .find(|c: char| !c.is_ascii_alphanumeric() && !"_./".contains(c))
            .unwrap_or(rest.len());
        let name = &rest[..end];
        let operand = if self.variable == Some(name) {
            Operand::Element
        } else {
            Operand::Property(self.property(name, start)?)
        };
        if let Operand::Property(source) = &operand
            && source.holds() == Holds::Texts
        {
            let name = source.name();
            return self.fail(
                start,
                format!("{name} has several values: write {name}/any(x:x eq '...')"),
            );
        }
        self.at += end;
        self.space();
        Ok(operand)
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let Some(length) = self.rest().find('\'') else {
                return self.fail(start, "the text has no closing quote");
            };
            out.push_str(&self.rest()[..length]);
            self.at += length + 1;
            if self.peek() != Some('\'') {
                return Ok(out);
            }
            out.push('\'');
            self.at += 1;
        }
    }
}
