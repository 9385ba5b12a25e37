//! Times as clients write and read them: RFC 3339.

use std::time::{Duration, UNIX_EPOCH};

/// The last millisecond of the year 9999, with which RFC 3339 ends.
const MS_MAX: u64 = 253_402_300_799_999;

/// Milliseconds since the epoch as RFC 3339, UTC, for example `2026-01-31T12:00:00.250Z`. A later
/// time than the format can name is shown as the last one it can.
#[must_use]
pub fn rfc3339(ms: u64) -> String {
    let time = UNIX_EPOCH + Duration::from_millis(ms.min(MS_MAX));
    humantime::format_rfc3339_millis(time).to_string()
}

/// A time of RFC 3339, whatever its offset, in milliseconds since the epoch; `None` when it is none, or
/// names no offset. What lies between two milliseconds is the later one, so that whoever compares whole
/// milliseconds with it (at or after, before) is right; what lies before the epoch is the epoch.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let mut text = Text(text.as_bytes());
    let year = text.number(4)?;
    text.one_of(b"-")?;
    let month = text.number(2).filter(|month| (1..=12).contains(month))?;
    text.one_of(b"-")?;
    let day = text.number(2).filter(|day| (1..=days_of(year, month)).contains(day))?;
    text.one_of(b"Tt ")?;
    let minutes = text.hours_and_minutes()?;
    text.one_of(b":")?;
    // 60 is a leap second, and the next minute to those who do not count them.
    let second = text.number(2).filter(|second| *second <= 60)?;
    let fraction_ms = if text.one_of(b".").is_some() { text.fraction_ms()? } else { 0 };
    let offset_minutes = match text.one_of(b"Zz+-")? {
        b'+' => text.hours_and_minutes()?,
        b'-' => -text.hours_and_minutes()?,
        _ => 0,
    };
    if !text.0.is_empty() {
        return None;
    }
    let minutes = days_since_epoch(year, month, day) * 1_440 + minutes - offset_minutes;
    let ms = (minutes * 60 + second) * 1_000 + fraction_ms;
    Some(u64::try_from(ms).unwrap_or(0))
}

/// What is left to read.
struct Text<'a>(&'a [u8]);

impl Text<'_> {
    fn one_of(&mut self, allowed: &[u8]) -> Option<u8> {
        let (first, rest) = self.0.split_first().filter(|(first, _)| allowed.contains(first))?;
        self.0 = rest;
        Some(*first)
    }

    fn digit(&mut self) -> Option<i64> {
        self.one_of(b"0123456789").map(|digit| i64::from(digit - b'0'))
    }

    fn number(&mut self, digits: usize) -> Option<i64> {
        (0..digits).try_fold(0, |number, _| Some(number * 10 + self.digit()?))
    }

    /// `hh:mm`, in minutes.
    fn hours_and_minutes(&mut self) -> Option<i64> {
        let hours = self.number(2).filter(|hours| *hours < 24)?;
        self.one_of(b":")?;
        let minutes = self.number(2).filter(|minutes| *minutes < 60)?;
        Some(hours * 60 + minutes)
    }

    /// One digit or more of a second, in milliseconds, rounded up.
    fn fraction_ms(&mut self) -> Option<i64> {
        let mut ms = self.digit()? * 100;
        let mut unit_ms = 10;
        let mut is_more = false;
        while let Some(digit) = self.digit() {
            ms += digit * unit_ms;
            is_more |= unit_ms == 0 && digit > 0;
            unit_ms /= 10;
        }
        Some(ms + i64::from(is_more))
    }
}

fn days_of(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from 1970-01-01 to a day of the Gregorian calendar.
fn days_since_epoch(year: i64, month: i64, day: i64) -> i64 {
    // A year that begins in March ends with the day that leap years have more.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    year * 365 + leap_days + (month * 153 + 2) / 5 + day - 1 - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_time_can_be_shown() {
        assert_eq!(rfc3339(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(rfc3339(1_769_860_800_250), "2026-01-31T12:00:00.250Z");
        assert_eq!(rfc3339(u64::MAX), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn what_is_shown_reads_back() {
        // Days around every end of a month and of a year, and steps that meet none of them.
        let times = (0..MS_MAX).step_by(86_399_999 * 7).chain([MS_MAX]);
        for ms in times {
            assert_eq!(parse_rfc3339(&rfc3339(ms)), Some(ms));
        }
    }

    #[test]
    fn offsets_are_honoured() {
        let noon = 1_769_860_800_000;
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31t12:00:00z",
            "2026-01-31 12:00:00+00:00",
            "2026-01-31T12:00:00-00:00",
            "2026-01-31T14:00:00+02:00",
            "2026-01-31T14:00:00.000+02:00",
            "2026-01-31T06:30:00-05:30",
            "2026-02-01T11:59:00.0+23:59",
            "2026-01-31T11:59:60Z",
        ] {
            assert_eq!(parse_rfc3339(text), Some(noon), "{text}");
        }
        for (fraction, ms) in [
            ("5", 500),
            ("25", 250),
            ("001", 1),
            ("0001", 1),
            ("9990", 999),
            ("9999999999999", 1_000),
        ] {
            let text = format!("2026-01-31T14:00:00.{fraction}+02:00");
            assert_eq!(parse_rfc3339(&text), Some(noon + ms), "{text}");
        }
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00+02:00"), Some(0));
        assert_eq!(parse_rfc3339("0000-01-01T00:00:00Z"), Some(0));
        assert_eq!(parse_rfc3339("2000-02-29T00:00:00Z"), Some(951_782_400_000));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "yesterday",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00,5Z",
            "2026-01-31T12:00:00+2",
            "2026-01-31T12:00:00+0200",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00+02:60",
            "2026-01-31T12:00:00 02:00",
            "2026-01-31T12:00:00ZZ",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-01-31T12:00:61Z",
            "2026-00-31T12:00:00Z",
            "2026-13-31T12:00:00Z",
            "2026-02-29T12:00:00Z",
            "1900-02-29T12:00:00Z",
            "2026-04-31T12:00:00Z",
            "2026-01-00T12:00:00Z",
            "26-01-31T12:00:00Z",
            "+2026-01-31T12:00:00Z",
            "2026-01-31T12:00:00\u{661}Z",
            "1769860800",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }
}
