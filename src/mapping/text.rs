//! Lengths and positions as AD and .NET count them: in UTF-16 units, never inside a surrogate pair.

/// Length in UTF-16 units.
pub(crate) fn units(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// At most the first `count` units; cut before a pair that doesn't fit.
pub(crate) fn left(text: &str, count: usize) -> &str {
    mid(text, 0, count)
}

/// At most the last `count` units.
pub(crate) fn right(text: &str, count: usize) -> &str {
    mid(text, units(text).saturating_sub(count), count)
}

/// `count` units from `start` (0-based); half a pair at either end is left out.
pub(crate) fn mid(text: &str, start: usize, count: usize) -> &str {
    let end = start.saturating_add(count);
    let mut from = text.len();
    let mut at = 0;
    for (byte, c) in text.char_indices() {
        if at >= start {
            from = from.min(byte);
        }
        at += c.len_utf16();
        if at > end {
            return &text[from.min(byte)..byte];
        }
    }
    &text[from..]
}

/// What can't be in a name: control characters and the two line separators.
pub(crate) fn is_control(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Case mapping of one character as .NET's invariant culture does it: only where the result is one character.
pub(crate) fn simple_case(c: char, upper: bool) -> char {
    fn single(mut mapped: impl Iterator<Item = char>, c: char) -> char {
        match (mapped.next(), mapped.next()) {
            (Some(one), None) => one,
            _ => c,
        }
    }
    if upper {
        single(c.to_uppercase(), c)
    } else {
        single(c.to_lowercase(), c)
    }
}

/// The nearest of `known` to a mistyped word, if one is near enough to be meant.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word: Vec<char> = word.to_lowercase().chars().take(64).collect();
    let limit = (word.len() / 3).max(2);
    known
        .into_iter()
        .map(|k| (distance(&word, &k.to_lowercase()), k))
        .filter(|(d, _)| *d <= limit)
        .min_by_key(|(d, _)| *d)
        .map(|(_, k)| k)
}

/// Levenshtein's edit distance.
fn distance(a: &[char], b: &str) -> usize {
    let mut row: Vec<usize> = (0..=a.len()).collect();
    for (i, y) in b.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, x) in a.iter().enumerate() {
            let changed = diagonal + usize::from(*x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[a.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cuts_before_a_pair() {
        assert_eq!(left("ab😀c", 2), "ab");
        assert_eq!(left("ab😀c", 3), "ab");
        assert_eq!(left("ab😀c", 4), "ab😀");
        assert_eq!(left("", 4), "");
        assert_eq!(mid("😀bc", 1, 2), "b");
        assert_eq!(mid("😀bc", 2, 9), "bc");
        assert_eq!(mid("😀😀", 1, 2), "");
        assert_eq!(mid("abc", 7, 2), "");
        assert_eq!(mid("abc", 1, usize::MAX), "bc");
        assert_eq!(right("a😀", 1), "");
        assert_eq!(right("a😀", 2), "😀");
        assert_eq!(right("abc", 9), "abc");
        assert_eq!(units("a😀"), 3);
    }

    #[test]
    fn nearest_word() {
        let known = ["displayName", "description", "mail"];
        assert_eq!(nearest("dispalyName", known), Some("displayName"));
        assert_eq!(nearest("DISPLAYNAME", known), Some("displayName"));
        assert_eq!(nearest("manager", known), None);
        assert_eq!(nearest("male", known), Some("mail"));
    }
}
