//! The header `Retry-After`: how long a server asks to be left alone.

use httpdate::parse_http_date;
use node_adapter::NodeResponse;

/// What an answer of this status has to be read for: the header, and the date that a time in it is
/// measured from.
pub(crate) fn headers(status: u16) -> &'static [&'static str] {
    if is_busy(status) { &["retry-after", "date"] } else { &[] }
}

/// Whether the server says that it is too busy, so that the same call may well succeed later.
pub(crate) fn is_busy(status: u16) -> bool {
    matches!(status, 429 | 503)
}

/// How long a server that is too busy asks to be left alone, in milliseconds. A point of time counts
/// from the answer's own `Date`, for the two clocks may differ.
pub(crate) fn ms(response: &NodeResponse) -> Option<u64> {
    let text = response.header("retry-after").filter(|_| is_busy(response.status))?.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let until = parse_http_date(text).ok()?;
    let now = parse_http_date(response.header("date")?.trim()).ok()?;
    let wait = until.duration_since(now).unwrap_or_default();
    u64::try_from(wait.as_millis()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wish(status: u16, headers: &[(&str, &str)]) -> Option<u64> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        ms(&NodeResponse { status, headers, ..NodeResponse::default() })
    }

    #[test]
    fn seconds_and_times_are_read() {
        assert_eq!(wish(503, &[("retry-after", "7")]), Some(7_000));
        assert_eq!(wish(429, &[("retry-after", " 0 ")]), Some(0));
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(
            wish(503, &[("retry-after", "Sun, 06 Nov 1994 08:51:07 GMT"), date]),
            Some(90_000)
        );
        assert_eq!(wish(503, &[("retry-after", "Sun, 06 Nov 1994 08:40:00 GMT"), date]), Some(0));
    }

    #[test]
    fn what_is_no_wish_is_none() {
        assert_eq!(wish(503, &[]), None);
        assert_eq!(wish(500, &[("retry-after", "7")]), None);
        assert_eq!(wish(503, &[("retry-after", "soon")]), None);
        assert_eq!(wish(503, &[("retry-after", "-1")]), None);
        assert_eq!(wish(503, &[("retry-after", "Sun, 06 Nov 1994 08:51:07 GMT")]), None);
        assert_eq!(wish(503, &[("retry-after", &"9".repeat(30))]), None);
    }
}
