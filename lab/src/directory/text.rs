//! Comparison room: when Active Directory takes two directory strings for the same.
//!
//! Case, accents, kana type and width are ignored.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// The comparison key of a directory string.
pub fn fold(text: &str) -> String {
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let mut key = String::with_capacity(text.len());
    for decomposed in text.nfkd() {
        if is_combining_mark(decomposed) {
            continue;
        }
        for lower in decomposed.to_lowercase() {
            match lower {
                'ß' => key.push_str("ss"),
                'æ' => key.push_str("ae"),
                'œ' => key.push_str("oe"),
                'ø' => key.push('o'),
                'ł' => key.push('l'),
                '\u{30a1}'..='\u{30f6}' => {
                    key.push(char::from_u32(lower as u32 - 0x60).unwrap_or(lower));
                }
                mark if is_combining_mark(mark) => {}
                other => key.push(other),
            }
        }
    }
    key
}

/// Length in UTF-16 units, the unit of all length limits.
pub fn utf16_len(text: &str) -> usize {
    if text.is_ascii() {
        text.len()
    } else {
        text.encode_utf16().count()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_accents_width_and_kana_do_not_matter() {
        for (left, right) in [
            ("Müller", "MULLER"),
            ("Ａｂｃ", "abc"),
            ("ｶﾅ", "かな"),
            ("Straße", "STRASSE"),
            ("Łódź", "lodz"),
            ("İ", "i"),
        ] {
            assert_eq!(fold(left), fold(right), "{left} {right}");
        }
        assert_ne!(fold("а"), fold("a"), "Cyrillic and Latin letters differ");
    }

    #[test]
    fn lengths_count_utf16_units() {
        assert_eq!(utf16_len("a😀"), 3);
    }

    proptest! {
        #[test]
        fn folding_is_idempotent_and_ignores_case(text in "\\PC{0,20}") {
            prop_assert_eq!(fold(&fold(&text)), fold(&text));
            prop_assert_eq!(fold(&text.to_ascii_uppercase()), fold(&text));
        }
    }
}
