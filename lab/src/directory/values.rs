//! Comparison room: checking values, their stored form, and the keys by which they compare.

use super::results::Failure;
use super::schema::{Attribute, Syntax};
use super::sid::{Sid, parse_guid};
use super::text::{fold, utf16_len};

/// Checks a value from a client and gives its stored form. References are resolved elsewhere.
pub fn accept(attribute: &Attribute, raw: &[u8]) -> Result<Box<[u8]>, Failure> {
    let wrong = || Failure::syntax(attribute);
    if raw.is_empty() {
        return Err(wrong());
    }
    let text = || std::str::from_utf8(raw).map_err(|_| wrong());
    let length = |units: usize| {
        let units = units as i64;
        if attribute.lower.is_some_and(|lower| units < lower)
            || attribute.upper.is_some_and(|upper| units > upper)
        {
            Err(Failure::range(attribute, raw.len()))
        } else {
            Ok(())
        }
    };
    match attribute.syntax {
        Syntax::Unicode => {
            let text = text()?;
            if text.contains('\0') {
                return Err(wrong());
            }
            length(utf16_len(text))?;
        }
        Syntax::CaseExact | Syntax::CaseIgnore => {
            if !raw.is_ascii() {
                return Err(wrong());
            }
            length(raw.len())?;
        }
        Syntax::Boolean => {
            if raw != b"TRUE" && raw != b"FALSE" {
                return Err(wrong());
            }
        }
        Syntax::Integer => {
            let number = text()?.trim().parse::<i64>().map_err(|_| wrong())?;
            let number = match i32::try_from(number) {
                Ok(number) => number,
                Err(_) => u32::try_from(number).map_err(|_| wrong())? as i32,
            };
            let number64 = i64::from(number);
            if attribute.lower.is_some_and(|lower| number64 < lower)
                || attribute
                    .upper
                    .is_some_and(|upper| upper >= 0 && number64 > upper)
            {
                return Err(Failure::range(attribute, raw.len()));
            }
            return Ok(number.to_string().into_bytes().into());
        }
        Syntax::LargeInteger => {
            let number = text()?.trim().parse::<i64>().map_err(|_| wrong())?;
            return Ok(number.to_string().into_bytes().into());
        }
        Syntax::Octets => length(raw.len())?,
        Syntax::Sid => return sid(raw).map(|sid| sid.as_bytes().into()).ok_or_else(wrong),
        Syntax::Time => {
            time(raw).ok_or_else(wrong)?;
        }
        Syntax::Dn | Syntax::DnText | Syntax::Oid => {
            text()?;
        }
        Syntax::Descriptor => {}
    }
    Ok(raw.into())
}

/// A SID in text or binary form.
pub fn sid(raw: &[u8]) -> Option<Sid> {
    if raw.first() == Some(&1) {
        return Sid::from_bytes(raw);
    }
    Sid::parse(std::str::from_utf8(raw).ok()?)
}

/// The key of a stored or asserted value; `None` when the assertion can't be of this syntax.
///
/// Keys of one syntax are equal when the values match, and order as the values do.
pub fn key(attribute: &Attribute, raw: &[u8]) -> Option<Vec<u8>> {
    let text = || std::str::from_utf8(raw).ok();
    Some(match attribute.syntax {
        Syntax::Unicode => fold(text()?).into_bytes(),
        Syntax::CaseIgnore | Syntax::Oid => text()?.to_ascii_lowercase().into_bytes(),
        Syntax::Dn | Syntax::DnText => fold(text()?).into_bytes(),
        Syntax::CaseExact | Syntax::Descriptor => raw.to_vec(),
        Syntax::Boolean => raw.to_ascii_uppercase(),
        Syntax::Integer | Syntax::LargeInteger => ordered(text()?.trim().parse().ok()?),
        Syntax::Time => ordered(time(raw)?),
        Syntax::Sid => sid(raw)?.as_bytes().to_vec(),
        Syntax::Octets if attribute.name == "objectGUID" && raw.len() != 16 => {
            parse_guid(text()?)?.to_vec()
        }
        Syntax::Octets => raw.to_vec(),
    })
}

/// Big-endian bytes that order like the number.
pub fn ordered(number: i64) -> Vec<u8> {
    ((number as u64) ^ (1 << 63)).to_be_bytes().to_vec()
}

/// Seconds since 1970 of `YYYYMMDDHHMMSS[.f]Z`.
pub fn time(raw: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(raw).ok()?.strip_suffix('Z')?;
    let (whole, _) = text.split_once('.').unwrap_or((text, ""));
    if whole.len() != 14 || !whole.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let part = |from: usize, to: usize| whole[from..to].parse::<i64>().ok();
    let (year, month, day) = (part(0, 4)?, part(4, 6)?, part(6, 8)?);
    let (hour, minute, second) = (part(8, 10)?, part(10, 12)?, part(12, 14)?);
    if !(1..=12).contains(&month) || !(1..=31).contains(&day) || hour > 23 || minute > 59 {
        return None;
    }
    let shifted = if month <= 2 { year - 1 } else { year };
    let era = shifted.div_euclid(400);
    let of_era = shifted.rem_euclid(400);
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    let days = era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}

/// Generalized time as the directory prints it.
pub fn time_text(seconds: i64) -> String {
    let days = seconds.div_euclid(86_400) + 719_468;
    let rest = seconds.rem_euclid(86_400);
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 {
        (month + 3, 0)
    } else {
        (month - 9, 1)
    };
    format!(
        "{:04}{month:02}{day:02}{:02}{:02}{:02}.0Z",
        year + era * 400 + carry,
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::schema::{Additions, Schema};
    use proptest::prelude::*;

    #[test]
    fn values_are_checked_by_syntax_and_range() {
        let schema = Schema::new(Additions {
            exchange: true,
            server_2016: true,
        })
        .expect("a schema");
        let accept = |name: &str, raw: &[u8]| {
            accept(schema.attribute(schema.find(name).expect(name)), raw)
                .map(|value| value.to_vec())
        };
        assert_eq!(
            accept("displayName", "é".repeat(256).as_bytes()).map(|v| v.len()),
            Ok(512)
        );
        assert_eq!(
            accept("displayName", &[b'x'; 257]).map_err(|f| f.code),
            Err(19)
        );
        assert_eq!(accept("displayName", b"").map_err(|f| f.code), Err(21));
        assert_eq!(accept("displayName", &[0xff]).map_err(|f| f.code), Err(21));
        assert_eq!(
            accept("groupType", b"2147483656"),
            Ok(b"-2147483640".to_vec())
        );
        assert_eq!(accept("groupType", b"abc").map_err(|f| f.code), Err(21));
        assert_eq!(
            accept("hideDLMembership", b"true").map_err(|f| f.code),
            Err(21)
        );
        assert_eq!(accept("hideDLMembership", b"TRUE"), Ok(b"TRUE".to_vec()));
    }

    #[test]
    fn times_are_printed_and_read() {
        assert_eq!(time(b"19700101000000.0Z"), Some(0));
        assert_eq!(time_text(951_782_400), "20000229000000.0Z");
        assert_eq!(
            time(b"20261124120526.0Z").map(time_text),
            Some("20261124120526.0Z".into())
        );
        assert_eq!(time(b"yesterday"), None);
    }

    proptest! {
        #[test]
        fn times_round_trip(seconds in -2_000_000_000i64..20_000_000_000) {
            prop_assert_eq!(time(time_text(seconds).as_bytes()), Some(seconds));
        }

        #[test]
        fn number_keys_order_like_numbers(a: i64, b: i64) {
            prop_assert_eq!(ordered(a).cmp(&ordered(b)), a.cmp(&b));
        }
    }
}
