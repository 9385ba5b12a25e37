//! What a request's headers may be, for every route: which may come once only, how the body may be
//! encoded, and what the headers that routes read may hold.

use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST,
    HeaderMap, HeaderName, ORIGIN,
};

use crate::problem::{Problem, shown};
use crate::problem_kinds;

pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
pub(crate) const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
pub(crate) const PREFER: HeaderName = HeaderName::from_static("prefer");

/// A header that routes read, for the document.
#[cfg(feature = "openapi")]
pub(crate) struct HeaderParam {
    pub(crate) name: HeaderName,
    /// What it must look like; `None` = what is not understood is ignored.
    pub(crate) pattern: Option<&'static str>,
    pub(crate) about: &'static str,
    pub(crate) example: &'static str,
}

/// Headers whose second line would say something else than the first.
const ONCE: [HeaderName; 7] =
    [AUTHORIZATION, CONTENT_LENGTH, CONTENT_TYPE, HOST, IDEMPOTENCY_KEY, LAST_EVENT_ID, ORIGIN];

/// Types that a JSON body may be sent as: its own, and those that clients send when they are told
/// nothing (`curl -d`, for one).
const JSON_TYPES: [&str; 5] = [
    "application/json",
    "text/json",
    "text/plain",
    "application/octet-stream",
    "application/x-www-form-urlencoded",
];

/// That no header comes twice which may come once.
pub(crate) fn check_once(headers: &HeaderMap) -> Result<(), Problem> {
    let twice = ONCE.into_iter().find(|name| headers.get_all(name).iter().nth(1).is_some());
    let Some(name) = twice else { return Ok(()) };
    let kind =
        if name == IDEMPOTENCY_KEY { &problem_kinds::BAD_KEY } else { &problem_kinds::BAD_HEADER };
    Err(Problem::new(kind, format!("The header {name} is there more than once.")))
}

/// That a body is JSON in UTF-8 as it stands, as far as the headers say.
pub(crate) fn check_body(headers: &HeaderMap) -> Result<(), Problem> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    if let Some(encoding) = encodings.find(|encoding| !is_identity(encoding.as_bytes())) {
        let encoding = String::from_utf8_lossy(encoding.as_bytes());
        let detail = format!("The Content-Encoding {} is not read here.", shown(&encoding));
        let problem = Problem::new(&problem_kinds::UNSUPPORTED_MEDIA, detail);
        return Err(problem.with_header(ACCEPT_ENCODING, "identity"));
    }
    let Some(given) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let given = String::from_utf8_lossy(given.as_bytes());
    if is_json(&given) {
        return Ok(());
    }
    let detail = format!("The Content-Type {} is not JSON in UTF-8.", shown(&given));
    Err(Problem::new(&problem_kinds::UNSUPPORTED_MEDIA, detail))
}

fn is_identity(encodings: &[u8]) -> bool {
    let mut encodings = encodings.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    encodings.all(|encoding| encoding.is_empty() || encoding.eq_ignore_ascii_case(b"identity"))
}

fn is_json(content_type: &str) -> bool {
    let mut parts = content_type.split(';').map(str::trim);
    let essence = parts.next().unwrap_or_default().to_ascii_lowercase();
    let is_json = JSON_TYPES.contains(&essence.as_str())
        || (essence.starts_with("application/") && essence.ends_with("+json"));
    is_json
        && parts.all(|parameter| match parameter.split_once('=') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("charset") => {
                let charset = value.trim().trim_matches('"');
                ["utf-8", "utf8", "us-ascii"].iter().any(|own| charset.eq_ignore_ascii_case(own))
            }
            _ => true,
        })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn refused(name: HeaderName, values: &[&str]) -> bool {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(&name, HeaderValue::from_str(value).unwrap());
        }
        check_once(&headers).and_then(|()| check_body(&headers)).is_err()
    }

    #[test]
    fn a_body_is_json_in_utf_8_and_not_packed() {
        for (value, is_refused) in [
            ("application/json", false),
            ("Application/JSON; Charset=\"UTF-8\"", false),
            ("application/merge-patch+json", false),
            ("application/x-www-form-urlencoded", false),
            ("text/plain;charset=us-ascii", false),
            ("application/json; charset=utf-16", true),
            ("text/plain; charset=iso-8859-1", true),
            ("application/xml", true),
            ("multipart/form-data; boundary=x", true),
            ("", true),
        ] {
            assert_eq!(refused(CONTENT_TYPE, &[value]), is_refused, "{value}");
        }
        for (values, is_refused) in [
            (&["identity"][..], false),
            (&["Identity, identity"], false),
            (&["gzip"], true),
            (&["identity, br"], true),
            (&["identity", "gzip"], true),
        ] {
            assert_eq!(refused(CONTENT_ENCODING, values), is_refused, "{values:?}");
        }
    }

    #[test]
    fn what_may_come_once_is_refused_when_it_comes_twice() {
        for name in ONCE {
            assert!(refused(name.clone(), &["application/json", "application/json"]), "{name}");
        }
        assert!(!refused(PREFER, &["wait=1", "respond-async"]));
    }
}
