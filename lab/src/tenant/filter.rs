//! `$filter`: the part of OData that Graph's directory lists take.

use serde_json::Value;

/// A parsed filter.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Equals(String, Value),
    Differs(String, Value),
    StartsWith(String, String),
    /// `property/any(c:c eq 'text')`
    Any(String, String),
    In(String, Vec<Value>),
}

impl Filter {
    /// Reads a filter.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut parser = Parser {
            tokens: tokens(text)?,
            position: 0,
        };
        let filter = parser.or()?;
        match parser.peek() {
            None => Ok(filter),
            Some(token) => Err(format!("unexpected {token:?} in the filter")),
        }
    }

    /// Whether an object matches; `property` answers its properties by name.
    pub(crate) fn matches(&self, property: &dyn Fn(&str) -> Option<Value>) -> bool {
        let value = |name: &str| property(name).unwrap_or(Value::Null);
        match self {
            Self::And(left, right) => left.matches(property) && right.matches(property),
            Self::Or(left, right) => left.matches(property) || right.matches(property),
            Self::Not(inner) => !inner.matches(property),
            Self::Equals(name, wanted) => same(&value(name), wanted),
            Self::Differs(name, wanted) => !same(&value(name), wanted),
            Self::StartsWith(name, start) => value(name)
                .as_str()
                .is_some_and(|text| text.to_lowercase().starts_with(&start.to_lowercase())),
            Self::Any(name, wanted) => value(name).as_array().is_some_and(|items| {
                items.iter().any(|item| {
                    item.as_str()
                        .is_some_and(|text| text.eq_ignore_ascii_case(wanted))
                })
            }),
            Self::In(name, choices) => choices.iter().any(|choice| same(&value(name), choice)),
        }
    }

    /// The properties the filter asks about.
    pub(crate) fn properties(&self) -> Vec<&str> {
        match self {
            Self::And(left, right) | Self::Or(left, right) => {
                [left.properties(), right.properties()].concat()
            }
            Self::Not(inner) => inner.properties(),
            Self::Equals(name, _)
            | Self::Differs(name, _)
            | Self::StartsWith(name, _)
            | Self::Any(name, _)
            | Self::In(name, _) => vec![name],
        }
    }

    /// Whether Graph wants `ConsistencyLevel: eventual` and `$count=true` for it.
    pub(crate) fn is_advanced(&self) -> bool {
        match self {
            Self::Not(_) | Self::Differs(..) => true,
            Self::And(left, right) | Self::Or(left, right) => {
                left.is_advanced() || right.is_advanced()
            }
            _ => false,
        }
    }

    /// The ids of a filter that is nothing but `id eq '..' or id eq '..'`, as delta takes it.
    pub(crate) fn ids(&self) -> Option<Vec<&str>> {
        match self {
            Self::Or(left, right) => Some([left.ids()?, right.ids()?].concat()),
            Self::Equals(name, Value::String(id)) if name == "id" => Some(vec![id]),
            _ => None,
        }
    }
}

fn same(value: &Value, wanted: &Value) -> bool {
    match (value, wanted) {
        // Text compares without case, as the directory does.
        (Value::String(left), Value::String(right)) => left.to_lowercase() == right.to_lowercase(),
        // A property that is not set counts as false in Graph's list filters.
        (Value::Null, Value::Bool(false)) => true,
        _ => value == wanted,
    }
}

#[derive(Clone, Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Sign(char),
}

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    let mut out = Vec::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        match character {
            ' ' | '\t' => {}
            '(' | ')' | ',' | ':' => out.push(Token::Sign(character)),
            '\'' => {
                let mut quoted = String::new();
                loop {
                    match rest.next() {
                        Some('\'') if rest.next_if_eq(&'\'').is_some() => quoted.push('\''),
                        Some('\'') => break,
                        Some(other) => quoted.push(other),
                        None => return Err("a quote is not closed in the filter".into()),
                    }
                }
                out.push(Token::Text(quoted));
            }
            _ => {
                let mut word = String::from(character);
                while let Some(next) = rest.next_if(|next| !" \t(),:'".contains(*next)) {
                    word.push(next);
                }
                out.push(Token::Word(word));
            }
        }
    }
    Ok(out)
}

struct Parser {
    tokens: Vec<Token>,
    position: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.position)
    }

    fn next(&mut self) -> Result<Token, String> {
        let token = self.tokens.get(self.position).cloned();
        self.position += 1;
        token.ok_or_else(|| "the filter ends too early".to_owned())
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let found = matches!(self.peek(), Some(Token::Word(word)) if word == wanted);
        self.position += usize::from(found);
        found
    }

    fn expect(&mut self, wanted: Token) -> Result<(), String> {
        let token = self.next()?;
        if token == wanted {
            return Ok(());
        }
        Err(format!("the filter has {token:?} where {wanted:?} belongs"))
    }

    fn word(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Word(word) => Ok(word),
            other => Err(format!("the filter has {other:?} where a name belongs")),
        }
    }

    fn literal(&mut self) -> Result<Value, String> {
        match self.next()? {
            Token::Text(text) => Ok(Value::String(text)),
            Token::Word(word) => match word.as_str() {
                "true" => Ok(Value::Bool(true)),
                "false" => Ok(Value::Bool(false)),
                "null" => Ok(Value::Null),
                _ => Err(format!("'{word}' is not a value the lab can compare with")),
            },
            other => Err(format!("the filter has {other:?} where a value belongs")),
        }
    }

    fn text(&mut self) -> Result<String, String> {
        match self.next()? {
            Token::Text(text) => Ok(text),
            other => Err(format!("the filter has {other:?} where a text belongs")),
        }
    }

    fn or(&mut self) -> Result<Filter, String> {
        let mut left = self.and()?;
        while self.take_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.and()?));
        }
        Ok(left)
    }

    fn and(&mut self) -> Result<Filter, String> {
        let mut left = self.unary()?;
        while self.take_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.unary()?));
        }
        Ok(left)
    }

    fn unary(&mut self) -> Result<Filter, String> {
        if self.take_word("not") {
            return Ok(Filter::Not(Box::new(self.unary()?)));
        }
        if self.peek() == Some(&Token::Sign('(')) {
            self.position += 1;
            let inner = self.or()?;
            self.expect(Token::Sign(')'))?;
            return Ok(inner);
        }
        self.comparison()
    }

    fn comparison(&mut self) -> Result<Filter, String> {
        let name = self.word()?;
        if name.eq_ignore_ascii_case("startswith") {
            self.expect(Token::Sign('('))?;
            let property = self.word()?;
            self.expect(Token::Sign(','))?;
            let start = self.text()?;
            self.expect(Token::Sign(')'))?;
            return Ok(Filter::StartsWith(property, start));
        }
        if let Some(property) = name.strip_suffix("/any") {
            self.expect(Token::Sign('('))?;
            let variable = self.word()?;
            self.expect(Token::Sign(':'))?;
            self.expect(Token::Word(variable))?;
            self.expect(Token::Word("eq".into()))?;
            let wanted = self.text()?;
            self.expect(Token::Sign(')'))?;
            return Ok(Filter::Any(property.into(), wanted));
        }
        match self.word()?.as_str() {
            "eq" => Ok(Filter::Equals(name, self.literal()?)),
            "ne" => Ok(Filter::Differs(name, self.literal()?)),
            "in" => {
                self.expect(Token::Sign('('))?;
                let mut choices = vec![self.literal()?];
                while self.peek() == Some(&Token::Sign(',')) {
                    self.position += 1;
                    choices.push(self.literal()?);
                }
                self.expect(Token::Sign(')'))?;
                Ok(Filter::In(name, choices))
            }
            operator => Err(format!("operator '{operator}' is not supported")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn hits(filter: &str, object: &Value) -> bool {
        Filter::parse(filter)
            .unwrap()
            .matches(&|name| object.get(name).cloned())
    }

    #[test]
    fn filters_select_what_graph_would() {
        let object = json!({
            "id": "7", "groupTypes": ["Unified"], "mailEnabled": true, "displayName": "O'Neill",
            "onPremisesSyncEnabled": null
        });
        for yes in [
            "groupTypes/any(c:c eq 'Unified')",
            "mailEnabled eq true and securityEnabled eq false",
            "displayName eq 'o''neill'",
            "startsWith(displayName,'O''N')",
            "id in ('6','7')",
            "not (id eq '8') and (id eq '8' or id ne '9')",
            "onPremisesSyncEnabled eq null",
        ] {
            assert!(hits(yes, &object), "{yes}");
        }
        for no in [
            "groupTypes/any(x:x eq 'DynamicMembership')",
            "id eq '6'",
            "mailEnabled eq false",
        ] {
            assert!(!hits(no, &object), "{no}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for bad in [
            "",
            "id",
            "id eq",
            "id eq '7",
            "id gt '7'",
            "id eq '7' and",
            "(id eq '7'",
            "id eq 7",
        ] {
            assert!(Filter::parse(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn delta_filters_are_ids_only() {
        let filter = Filter::parse("id eq 'a' or id eq 'b' or id eq 'c'").unwrap();
        assert_eq!(filter.ids(), Some(vec!["a", "b", "c"]));
        for other in [
            "id eq 'a' and id eq 'b'",
            "displayName eq 'a'",
            "id in ('a','b')",
        ] {
            assert_eq!(Filter::parse(other).unwrap().ids(), None);
        }
    }
}
