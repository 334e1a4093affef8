//! The tenant's clock: real time plus what a test moved it by, and how Graph writes dates.

use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds in a day.
pub(crate) const DAY: i64 = 86_400;

/// A clock that tests can move.
#[derive(Debug, Default)]
pub(crate) struct Clock {
    offset: AtomicI64,
}

impl Clock {
    /// Unix seconds by the tenant's clock.
    pub(crate) fn now(&self) -> i64 {
        real_now().saturating_add(self.offset.load(Ordering::Relaxed))
    }

    /// Moves the clock and answers its new time.
    pub(crate) fn advance(&self, seconds: i64) -> i64 {
        self.offset.fetch_add(seconds, Ordering::Relaxed);
        self.now()
    }
}

/// Unix seconds by the machine's clock.
pub(crate) fn real_now() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |age| age.as_secs() as i64)
}

/// Year, month, day of a Unix time (proleptic Gregorian calendar).
pub(crate) fn date(unix: i64) -> (i64, u8, u8) {
    // Days are counted from 1 March of year 0, which puts the leap day at the end of the year.
    let days = unix.div_euclid(DAY) + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let shifted = (5 * of_year + 2) / 153;
    let day = (of_year - (153 * shifted + 2) / 5 + 1) as u8;
    let month = if shifted < 10 {
        shifted + 3
    } else {
        shifted - 9
    } as u8;
    (year + era * 400 + i64::from(month <= 2), month, day)
}

/// `Tue, 15 Nov 1994 08:12:31 GMT`, the form of the `Date` header.
pub(crate) fn http_date(unix: i64) -> String {
    const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (year, month, day) = date(unix);
    let (hour, minute, second) = time(unix);
    let weekday = DAYS[unix.div_euclid(DAY).rem_euclid(7) as usize];
    let month = MONTHS[usize::from(month) - 1];
    format!("{weekday}, {day:02} {month} {year} {hour:02}:{minute:02}:{second:02} GMT")
}

/// `2026-01-31T08:12:31Z`, the form of dates in JSON.
pub(crate) fn iso(unix: i64) -> String {
    let (year, month, day) = date(unix);
    let (hour, minute, second) = time(unix);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

fn time(unix: i64) -> (i64, i64, i64) {
    let of_day = unix.rem_euclid(DAY);
    (of_day / 3600, of_day / 60 % 60, of_day % 60)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_match_known_days() {
        assert_eq!(http_date(784_887_151), "Tue, 15 Nov 1994 08:12:31 GMT");
        assert_eq!(iso(0), "1970-01-01T00:00:00Z");
        assert_eq!(iso(951_782_400), "2000-02-29T00:00:00Z");
        assert_eq!(iso(1_772_323_199), "2026-02-28T23:59:59Z");
        assert_eq!(iso(4_107_542_400), "2100-03-01T00:00:00Z");
    }

    #[test]
    fn advancing_moves_only_this_clock() {
        let clock = Clock::default();
        let before = clock.now();
        assert!(clock.advance(8 * DAY) >= before + 8 * DAY);
        assert!(real_now() < before + DAY);
    }
}
