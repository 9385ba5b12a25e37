//! Times as clients write them: RFC 3339, with any offset from UTC.

const MS_A_SECOND: i64 = 1_000;
const MS_A_MINUTE: i64 = 60 * MS_A_SECOND;
const MS_A_HOUR: i64 = 60 * MS_A_MINUTE;
const MS_A_DAY: i64 = 24 * MS_A_HOUR;

/// The milliseconds since the epoch that an RFC 3339 time names, 0 for one before it. `None` when
/// the text is not such a time; one without an offset could be any.
#[must_use]
pub fn parse_rfc3339(text: &str) -> Option<u64> {
    let mut rest = text.as_bytes();
    let (year, month, day) =
        (number(&mut rest, 4)?, after(&mut rest, b"-")?, after(&mut rest, b"-")?);
    sign(&mut rest, b"Tt ")?;
    let hour = number(&mut rest, 2)?;
    let (minute, second) = (after(&mut rest, b":")?, after(&mut rest, b":")?);
    let ms = fraction_ms(&mut rest)?;
    let offset_ms = offset_ms(&mut rest)?;
    // A leap second counts as the one before it.
    let is_time = hour <= 23 && minute <= 59 && second <= 60;
    let days = days_since_epoch(year, month, day)?;
    if !is_time || !rest.is_empty() {
        return None;
    }
    let of_day =
        hour * MS_A_HOUR + minute * MS_A_MINUTE + second.min(59) * MS_A_SECOND + ms - offset_ms;
    Some(u64::try_from(days * MS_A_DAY + of_day).unwrap_or_default())
}

/// The number that is written with so many digits.
fn number(rest: &mut &[u8], digits: usize) -> Option<i64> {
    let (own, others) = rest.split_at_checked(digits)?;
    *rest = others;
    own.iter().try_fold(0_i64, |number, digit| {
        digit.is_ascii_digit().then(|| number * 10 + i64::from(digit - b'0'))
    })
}

/// The one of `signs` that comes next.
fn sign(rest: &mut &[u8], signs: &[u8]) -> Option<u8> {
    let (first, others) = rest.split_first()?;
    *rest = others;
    signs.contains(first).then_some(*first)
}

/// Two digits after a sign.
fn after(rest: &mut &[u8], signs: &[u8]) -> Option<i64> {
    sign(rest, signs)?;
    number(rest, 2)
}

/// The milliseconds in a fraction of a second; 0 when there is none.
fn fraction_ms(rest: &mut &[u8]) -> Option<i64> {
    let Some(fraction) = rest.strip_prefix(b".") else { return Some(0) };
    let digits = fraction.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, others) = fraction.split_at_checked(digits)?;
    *rest = others;
    let known = digits.iter().copied().chain(std::iter::repeat(b'0')).take(3);
    let ms = known.fold(0, |ms, digit| ms * 10 + i64::from(digit - b'0'));
    (!digits.is_empty()).then_some(ms)
}

/// How far a time is ahead of UTC.
fn offset_ms(rest: &mut &[u8]) -> Option<i64> {
    let direction = match sign(rest, b"Zz+-")? {
        b'+' => 1,
        b'-' => -1,
        _ => return Some(0),
    };
    let (hour, minute) = (number(rest, 2)?, after(rest, b":")?);
    let is_offset = hour <= 23 && minute <= 59;
    is_offset.then_some(direction * (hour * MS_A_HOUR + minute * MS_A_MINUTE))
}

/// Days from the epoch to a date of the Gregorian calendar; `None` when there is no such date.
fn days_since_epoch(year: i64, month: i64, day: i64) -> Option<i64> {
    let is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let days_of_month = match month {
        2 => 28 + i64::from(is_leap),
        4 | 6 | 9 | 11 => 30,
        1 | 3 | 5 | 7 | 8 | 10 | 12 => 31,
        _ => return None,
    };
    if !(1..=days_of_month).contains(&day) {
        return None;
    }
    // Counted from a first of March, so that a leap day comes last in its year.
    let (year, month) = if month > 2 { (year, month - 3) } else { (year - 1, month + 9) };
    let leap_days = year.div_euclid(4) - year.div_euclid(100) + year.div_euclid(400);
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    // From the first of March of the year 0 to the epoch.
    Some(year * 365 + leap_days + day_of_year - 719_468)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use crate::rfc3339;

    #[test]
    fn the_offset_counts() {
        let noon = Some(1_769_860_800_000);
        for text in [
            "2026-01-31T12:00:00Z",
            "2026-01-31t12:00:00.000z",
            "2026-01-31 12:00:00-00:00",
            "2026-01-31T14:00:00+02:00",
            "2026-01-31T06:30:00-05:30",
            "2026-02-01T11:59:00.0004+23:59",
        ] {
            assert_eq!(parse_rfc3339(text), noon, "{text}");
        }
        assert_eq!(parse_rfc3339("2026-01-31T12:00:00.5+02:00"), Some(1_769_853_600_500));
        assert_eq!(parse_rfc3339("2016-12-31T23:59:60Z"), parse_rfc3339("2016-12-31T23:59:59Z"));
        assert_eq!(parse_rfc3339("1969-07-20T20:17:40Z"), Some(0));
        assert_eq!(parse_rfc3339("1970-01-01T01:00:00+01:00"), Some(0));
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in [
            "",
            "2026-01-31",
            "2026-01-31T12:00:00",
            "2026-01-31T12:00:00 02:00",
            "2026-01-31T12:00Z",
            "2026-01-31T12:00:00.Z",
            "2026-01-31T12:00:00+0200",
            "2026-01-31T12:00:00+24:00",
            "2026-01-31T12:00:00Z ",
            "2026-02-29T12:00:00Z",
            "2026-00-01T12:00:00Z",
            "2026-04-31T12:00:00Z",
            "2026-01-00T12:00:00Z",
            "2026-01-31T24:00:00Z",
            "2026-01-31T12:60:00Z",
            "2026-01-31T12:00:61Z",
            "+026-01-31T12:00:00Z",
            "2026-1-31T12:00:00Z",
            "２026-01-31T12:00:00Z",
        ] {
            assert_eq!(parse_rfc3339(text), None, "{text}");
        }
    }

    #[test]
    fn a_day_reads_back_as_it_is_written() {
        let day_ms = 86_400_000;
        for day in (0..2_932_897).step_by(11) {
            assert_eq!(parse_rfc3339(&rfc3339(day * day_ms + 1)), Some(day * day_ms + 1));
        }
        let last = UNIX_EPOCH + Duration::from_millis(253_402_300_799_999);
        let text = humantime::format_rfc3339_millis(last).to_string();
        assert_eq!(parse_rfc3339(&text), Some(253_402_300_799_999));
    }
}
