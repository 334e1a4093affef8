//! The little of DN syntax (RFC 4514) that comparing and showing names needs. DNs that go on the wire are built by the
//! directory.

/// Whether a text has the shape of a DN with at least one component: `type=value,...`, well escaped.
pub(crate) fn is_dn(text: &str) -> bool {
    let parts = split(text);
    !parts.is_empty() && parts.iter().all(|part| component(part).is_some())
}

/// Splits at commas that are not escaped.
fn split(dn: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut escaped) = (0, false);
    for (at, c) in dn.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                parts.push(&dn[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    if !dn.is_empty() {
        parts.push(&dn[start..]);
    }
    parts
}

/// Type and unescaped value of a component.
fn component(part: &str) -> Option<(&str, String)> {
    let (kind, value) = part.split_once('=')?;
    let kind = kind.trim();
    let mut chars = kind.chars();
    let shaped = chars.next().is_some_and(|c| c.is_ascii_alphanumeric())
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.');
    let value = unescape(value)?;
    (shaped && !value.is_empty()).then_some((kind, value))
}

/// Undoes `\,` and `\0A`; `None` when an escape is broken. Space around the value goes unless it is escaped.
fn unescape(value: &str) -> Option<String> {
    // Only the space character is insignificant there; a no-break space is part of the name.
    let value = value.trim_start_matches(' ');
    let mut bytes = Vec::with_capacity(value.len());
    let mut kept = 0;
    let mut rest = value.bytes();
    while let Some(b) = rest.next() {
        if b != b'\\' {
            bytes.push(b);
            if b != b' ' {
                kept = bytes.len();
            }
            continue;
        }
        let next = rest.next()?;
        match (next as char).to_digit(16) {
            Some(high) => {
                let low = (rest.next()? as char).to_digit(16)?;
                bytes.push(u8::try_from(high * 16 + low).ok()?);
            }
            None => bytes.push(next),
        }
        kept = bytes.len();
    }
    bytes.truncate(kept);
    String::from_utf8(bytes).ok()
}

/// The unescaped value of the first component.
pub(super) fn first_value(dn: &str) -> Option<String> {
    Some(component(split(dn).first()?)?.1)
}

/// Everything after the first component.
pub(super) fn parent(dn: &str) -> Option<&str> {
    let first = split(dn).first()?.len();
    dn.get(first + 1..).map(|rest| rest.trim_start_matches(' '))
}

/// Whether two DNs name the same place: case, space and the way of escaping don't count.
pub(super) fn same(a: &str, b: &str) -> bool {
    let normal = |dn: &str| -> Option<Vec<(String, String)>> {
        split(dn)
            .into_iter()
            .map(|part| {
                component(part).map(|(kind, value)| (kind.to_lowercase(), value.to_lowercase()))
            })
            .collect()
    };
    match (normal(a), normal(b)) {
        (Some(a), Some(b)) => a == b,
        _ => a.eq_ignore_ascii_case(b),
    }
}

/// `CN=<cn>,<parent>`, escaped.
pub(super) fn child(cn: &str, parent: &str) -> String {
    let mut out = String::from("CN=");
    let last = cn.chars().count().saturating_sub(1);
    for (i, c) in cn.chars().enumerate() {
        match c {
            '\0' => out.push_str("\\00"),
            '\n' => out.push_str("\\0A"),
            '\r' => out.push_str("\\0D"),
            ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' => out.extend(['\\', c]),
            '#' if i == 0 => out.push_str("\\#"),
            ' ' if i == 0 || i == last => out.push_str("\\ "),
            _ => out.push(c),
        }
    }
    out.push(',');
    out.push_str(parent);
    out
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn shapes() {
        for good in [
            "DC=test",
            "OU=Groups,DC=contoso,DC=test",
            "OU=a\\,b , DC=x",
            "CN=\\0A\\c3\\a9,DC=x",
        ] {
            assert!(is_dn(good), "{good}");
        }
        for bad in [
            "",
            "Groups",
            "OU=",
            "OU=a,",
            ",OU=a",
            "=a",
            "O U=a",
            "OU=a\\",
            "OU=a\\c3,DC=x",
            "OU=a,b",
        ] {
            assert!(!is_dn(bad), "{bad}");
        }
    }

    #[test]
    fn parts() {
        let dn = "CN=Smith\\, J\\2e,OU=a\\,b,DC=x";
        assert_eq!(first_value(dn).as_deref(), Some("Smith, J."));
        assert_eq!(parent(dn), Some("OU=a\\,b,DC=x"));
        assert_eq!(parent("DC=x"), None);
        assert!(same("OU=A, DC=X", "ou=a,dc=x"));
        assert!(same("OU=a\\2cb,DC=x", "OU=a\\,b,DC=x"));
        assert!(!same("OU=a,DC=x", "OU=b,DC=x"));
        assert!(!same("OU=a,DC=x", "OU=a"));
        assert_eq!(first_value("CN=\u{a0}a ,DC=x").as_deref(), Some("\u{a0}a"));
    }

    proptest! {
        #[test]
        fn a_child_is_taken_apart_again(cn in "\\PC{1,30}", space in any::<bool>()) {
            let cn = if space { format!(" {cn} ") } else { cn };
            let dn = child(&cn, "OU=a,DC=x");
            prop_assert_eq!(first_value(&dn), Some(cn));
            prop_assert_eq!(parent(&dn), Some("OU=a,DC=x"));
            prop_assert!(is_dn(&dn));
        }

        #[test]
        fn no_text_makes_it_panic(a in any::<String>(), b in "[=,\\\\a0\u{e9} ]{0,12}") {
            let _ = (is_dn(&a), parent(&b), first_value(&b), same(&a, &b), same(&b, &b));
        }
    }
}
