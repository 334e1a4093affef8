//! Text to tree. Recursive descent with a bound on nesting, so that no text can exhaust the stack.

use super::super::source::Source;
use super::functions::{Function, Kind, Parameter, Signature};
use super::{Comparison, ExpressionError, Node, Value};

/// Calls inside calls at most.
const MAX_DEPTH: usize = 32;
/// Length of an expression at most, in bytes.
const MAX_LENGTH: usize = 16 * 1024;

type Parsed<T> = Result<T, ExpressionError>;

pub(super) fn parse(text: &str) -> Parsed<(Node, Vec<Source>)> {
    let mut parser = Parser {
        text,
        at: 0,
        depth: 0,
        sources: Vec::new(),
    };
    if text.len() > MAX_LENGTH {
        return parser.fail(
            0,
            format!("an expression is at most {MAX_LENGTH} bytes long"),
        );
    }
    parser.space();
    if parser.peek().is_none() {
        return parser.fail(0, "the expression is empty");
    }
    let root = parser.expression()?;
    if parser.peek().is_some() {
        return parser.fail(parser.at, "expected the end of the expression");
    }
    let mut sources = parser.sources;
    sources.sort_unstable();
    sources.dedup();
    Ok((root, sources))
}

struct Parser<'a> {
    text: &'a str,
    /// Byte offset.
    at: usize,
    depth: usize,
    sources: Vec<Source>,
}

/// An argument with the place where it starts.
struct Argument {
    at: usize,
    node: Option<Node>,
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += c.len_utf8();
        Some(c)
    }

    fn space(&mut self) {
        self.at = self.text.len() - self.rest().trim_start().len();
    }

    fn fail<T>(&self, at: usize, message: impl Into<String>) -> Parsed<T> {
        Err(ExpressionError::at(self.text, at, message))
    }

    /// Takes the prefix if it is next, and the space after it.
    fn take(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
            self.space();
        }
        found
    }

    /// An operand, or two with a comparison between.
    fn expression(&mut self) -> Parsed<Node> {
        let start = self.at;
        let left = self.operand()?;
        let operators = [
            ("<>", Comparison::NotEqual),
            ("<=", Comparison::LessOrEqual),
            (">=", Comparison::GreaterOrEqual),
            ("=", Comparison::Equal),
            ("<", Comparison::Less),
            (">", Comparison::Greater),
        ];
        let Some((_, operator)) = operators.into_iter().find(|(o, _)| self.take(o)) else {
            return Ok(left);
        };
        let middle = self.at;
        let right = self.operand()?;
        for (node, at) in [(&left, start), (&right, middle)] {
            if node.kind() == Kind::List {
                return self.fail(at, "several values can't be compared: use Item or Join");
            }
        }
        Ok(Node::Compare(operator, Box::new(left), Box::new(right)))
    }

    fn operand(&mut self) -> Parsed<Node> {
        let start = self.at;
        let node = match self.peek() {
            Some('"') => Node::Literal(Value::Text(self.string()?)),
            Some('[') => Node::Attribute(self.attribute()?),
            Some(c) if c.is_ascii_digit() || c == '-' => {
                Node::Literal(Value::Number(self.number()?))
            }
            Some(c) if c.is_ascii_alphabetic() => return self.word(),
            Some('\u{201c}' | '\u{201d}' | '\u{201e}') => {
                return self.fail(start, "typographic quotes: write \" instead");
            }
            Some('\'') => return self.fail(start, "texts are written in double quotes"),
            Some(c) => return self.fail(start, format!("unexpected {c}")),
            None => return self.fail(start, "the expression ends too early"),
        };
        self.space();
        Ok(node)
    }

    fn string(&mut self) -> Parsed<String> {
        let start = self.at;
        self.bump();
        let mut out = String::new();
        loop {
            let at = self.at;
            match self.bump() {
                Some('"') if self.peek() == Some('"') => {
                    self.bump();
                    out.push('"');
                }
                Some('"') => return Ok(out),
                Some('\\') => match self.bump() {
                    Some(c @ ('"' | '\\')) => out.push(c),
                    _ => {
                        return self
                            .fail(at, "a backslash in a text is written \\\\, a quote \\\"");
                    }
                },
                Some(c) => out.push(c),
                None => return self.fail(start, "the text has no closing quote"),
            }
        }
    }

    fn attribute(&mut self) -> Parsed<Source> {
        let start = self.at;
        let Some(length) = self.rest().find(']') else {
            return self.fail(start, "expected ] after the attribute's name");
        };
        let name = self.rest()[1..length].trim();
        let Some(source) = Source::find(name) else {
            let hint = Source::nearest(name)
                .map(|near| format!("; did you mean [{near}]?"))
                .unwrap_or_default();
            return self.fail(start + 1, format!("unknown attribute [{name}]{hint}"));
        };
        self.at += length + 1;
        self.sources.push(source);
        Ok(source)
    }

    fn number(&mut self) -> Parsed<i64> {
        let start = self.at;
        self.bump();
        while self.peek().is_some_and(|c| c.is_ascii_digit()) {
            self.bump();
        }
        self.text[start..self.at]
            .parse()
            .or_else(|_| self.fail(start, "not a whole number"))
    }

    /// A function call or one of the constants.
    fn word(&mut self) -> Parsed<Node> {
        let start = self.at;
        let end = self
            .rest()
            .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .unwrap_or(self.rest().len());
        let name = &self.rest()[..end];
        self.at += end;
        self.space();
        if self.peek() == Some('(') {
            return self.call(name, start);
        }
        let constant = match name.to_ascii_lowercase().as_str() {
            "true" => Value::Bool(true),
            "false" => Value::Bool(false),
            // The VBA constants that InStr takes.
            "vbbinarycompare" => Value::Number(0),
            "vbtextcompare" => Value::Number(1),
            _ if Signature::find(name).is_ok() => {
                return self.fail(self.at, format!("expected ( after {name}"));
            }
            _ => {
                let message = format!(
                    "unknown word {name}: texts are written in double quotes, attributes in brackets"
                );
                return self.fail(start, message);
            }
        };
        Ok(Node::Literal(constant))
    }

    fn call(&mut self, name: &str, start: usize) -> Parsed<Node> {
        let signature = match Signature::find(name) {
            Ok(found) => found,
            Err(message) => return self.fail(start, message),
        };
        if self.depth == MAX_DEPTH {
            return self.fail(
                start,
                format!("more than {MAX_DEPTH} calls inside each other"),
            );
        }
        self.depth += 1;
        let arguments = self.arguments()?;
        self.depth -= 1;
        self.space();
        self.check(signature, &arguments, start)?;
        let mut nodes: Vec<Option<Node>> = arguments.into_iter().map(|a| a.node).collect();
        if signature.function == Function::Replace && nodes.len() == 3 {
            // Replace(source, old, new) becomes the documented form.
            let new = nodes.pop().flatten();
            nodes.extend([None, None, new, None, None]);
        }
        Ok(Node::Call(signature.function, nodes))
    }

    /// From `(` to `)`.
    fn arguments(&mut self) -> Parsed<Vec<Argument>> {
        self.bump();
        self.space();
        let mut arguments = Vec::new();
        if self.take(")") {
            return Ok(arguments);
        }
        loop {
            let at = self.at;
            let node = match self.peek() {
                Some(',' | ')') => None,
                _ => Some(self.expression()?),
            };
            arguments.push(Argument { at, node });
            if self.take(",") {
                continue;
            }
            if self.take(")") {
                return Ok(arguments);
            }
            return self.fail(self.at, "expected , or )");
        }
    }

    fn check(&self, signature: &Signature, arguments: &[Argument], start: usize) -> Parsed<()> {
        let fixed = signature.parameters.len();
        let least = fixed
            - signature
                .parameters
                .iter()
                .rev()
                .take_while(|p| p.optional)
                .count();
        let whole_groups = signature.repeated == 0
            || arguments.len() < fixed
            || (arguments.len() - fixed).is_multiple_of(signature.repeated);
        if arguments.len() < least || !whole_groups {
            return self.fail(
                start,
                format!("not enough arguments: {}", signature.usage()),
            );
        }
        for (index, argument) in arguments.iter().enumerate() {
            let Some(parameter) = signature.parameter(index) else {
                return self.fail(
                    argument.at,
                    format!("too many arguments: {}", signature.usage()),
                );
            };
            self.check_argument(signature, parameter, argument)?;
        }
        match signature.function {
            Function::Replace => self.check_replace(arguments, start),
            Function::Item => self.check_index(arguments),
            Function::ToLower | Function::ToUpper => self.check_culture(arguments),
            _ => Ok(()),
        }
    }

    fn check_argument(&self, s: &Signature, p: &Parameter, argument: &Argument) -> Parsed<()> {
        let Some(node) = &argument.node else {
            if p.optional {
                return Ok(());
            }
            return self.fail(
                argument.at,
                format!("{} needs a value for {}", s.name, p.name),
            );
        };
        let complaint = match (p.takes, node.kind()) {
            (Kind::Text | Kind::Number | Kind::Bool, Kind::List) => {
                "takes one value, and this may be several: use Item or Join"
            }
            (Kind::Number, Kind::Bool) => "takes a number",
            (Kind::Number, Kind::Text) if matches!(node, Node::Literal(_)) => "takes a number",
            (Kind::List, Kind::Number | Kind::Bool) => "takes an attribute with several values",
            _ => return Ok(()),
        };
        self.fail(argument.at, format!("{} of {} {complaint}", p.name, s.name))
    }

    /// The documented forms without a regular expression: old and replacement value, or old value and template.
    fn check_replace(&self, arguments: &[Argument], start: usize) -> Parsed<()> {
        let given = |i: usize| arguments.get(i).is_some_and(|a| a.node.is_some());
        if arguments.len() == 3 {
            if given(1) && given(2) {
                return Ok(());
            }
        } else {
            if let Some(regex) = [2, 3, 5].into_iter().find(|i| given(*i)) {
                let message = "regular expressions are not available: give oldValue with \
                               replacementValue or template";
                return self.fail(arguments[regex].at, message);
            }
            if given(1) && given(4) != given(6) {
                return Ok(());
            }
        }
        let message = "Replace needs (source, oldValue, replacementValue), \
                       (source, oldValue, , , replacementValue, , ) or (source, oldValue, , , , , template)";
        self.fail(start, message)
    }

    fn check_index(&self, arguments: &[Argument]) -> Parsed<()> {
        match arguments.get(1) {
            Some(Argument {
                at,
                node: Some(Node::Literal(Value::Number(n))),
            }) if *n < 1 => self.fail(*at, "the first item has index 1"),
            _ => Ok(()),
        }
    }

    /// Only cultures whose case rules are the invariant ones.
    fn check_culture(&self, arguments: &[Argument]) -> Parsed<()> {
        let Some(Argument {
            at,
            node: Some(node),
        }) = arguments.get(1)
        else {
            return Ok(());
        };
        let Node::Literal(Value::Text(culture)) = node else {
            return self.fail(*at, "the culture is a text such as \"en-US\"");
        };
        let language = culture.split('-').next().unwrap_or_default();
        if ["tr", "az", "lt"]
            .iter()
            .any(|l| l.eq_ignore_ascii_case(language))
        {
            return self.fail(
                *at,
                format!("the case rules of {culture} are not available"),
            );
        }
        Ok(())
    }
}
