//! The header `Prefer` (RFC 7240): what a client would like, and what is heeded of it.

use http::HeaderMap;

use crate::headers::PREFER;

/// The seconds of the first preference `wait`. What is not understood is ignored, as the RFC wants.
pub(crate) fn wait_s(headers: &HeaderMap) -> Option<u64> {
    let lines = headers.get_all(PREFER).iter().filter_map(|line| line.to_str().ok());
    let value = lines.flat_map(|line| split_unquoted(line, b',')).find_map(|preference| {
        // Parameters of the preference itself follow a semicolon.
        let preference = split_unquoted(preference, b';').into_iter().next()?;
        let (name, value) = preference.split_once('=')?;
        name.trim().eq_ignore_ascii_case("wait").then(|| value.trim())
    })?;
    let quoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"'));
    let digits = quoted.unwrap_or(value);
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// Splits where `sign` stands outside of quotes.
fn split_unquoted(text: &str, sign: u8) -> Vec<&str> {
    let mut is_quoted = false;
    let mut is_escaped = false;
    let parts = text.split(|c: char| {
        let is_sign = !is_quoted && u8::try_from(c) == Ok(sign);
        if c == '"' && !is_escaped {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && c == '\\' && !is_escaped;
        is_sign
    });
    parts.collect()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn wait_is_read_as_the_rfc_writes_it() {
        for (lines, seconds) in [
            (&["wait=10"][..], Some(10)),
            (&["Wait = 10"], Some(10)),
            (&["WAIT=\"10\""], Some(10)),
            (&["respond-async, wait=10"], Some(10)),
            (&["respond-async; x=y", "wait=10; hard"], Some(10)),
            (&["wait=10, wait=20"], Some(10)),
            (&["wait=10", "wait=20"], Some(10)),
            (&["note=\"a, wait=5\", wait=7"], Some(7)),
            (&["note=\"a\\\", wait=5\", wait=7"], Some(7)),
            (&["handling=lenient; wait=5"], None),
            (&["waiting=5"], None),
            (&["wait"], None),
            (&["wait=-1"], None),
            (&["wait=+1"], None),
            (&["wait=1.5"], None),
            (&["wait="], None),
            (&[""], None),
            (&[], None),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(PREFER, HeaderValue::from_str(line).unwrap());
            }
            assert_eq!(wait_s(&headers), seconds, "{lines:?}");
        }
    }
}
