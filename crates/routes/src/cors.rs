//! Web pages of other origins: none may call unless the setting `cors_origins` names theirs. Their
//! scripts get no answer, and what would change something is refused even where a browser sends it
//! without asking first.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD, HOST,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request};

use crate::problem::{Problem, shown};
use crate::problem_kinds;
use crate::reply::Reply;
use crate::success::no_content;

const ANY: &str = "*";
const METHODS: HeaderValue = HeaderValue::from_static("GET, HEAD, POST, DELETE");
const REQUEST_HEADERS: HeaderValue =
    HeaderValue::from_static("authorization, content-type, idempotency-key, last-event-id, prefer");
/// All that answers have beside what browsers show anyway.
const ANSWER_HEADERS: HeaderValue = HeaderValue::from_static(
    "allow, idempotent-replayed, location, preference-applied, retry-after, www-authenticate, \
     x-process-time",
);

/// The answer to a browser that asks whether it may send a request; `None` for any other request.
pub(crate) fn preflight<B>(
    request: &Request<B>,
    origins: &[String],
) -> Option<Result<Reply, Problem>> {
    let headers = request.headers();
    let is_preflight = request.method() == Method::OPTIONS
        && headers.contains_key(ORIGIN)
        && headers.contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    if !is_preflight {
        return None;
    }
    if !is_allowed(headers, origins) {
        return Some(Err(foreign(headers)));
    }
    let mut reply = no_content();
    let headers = reply.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, REQUEST_HEADERS);
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(Ok(reply))
}

/// That a request which may change something comes from no web page but those that may call. What
/// is no browser sends no origin.
pub(crate) fn check<B>(request: &Request<B>, origins: &[String]) -> Result<(), Problem> {
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(request.method());
    if reads || is_allowed(request.headers(), origins) {
        return Ok(());
    }
    Err(foreign(request.headers()))
}

/// Lets the page that sent `request` read the answer, if its origin may.
pub(crate) fn allow<B>(request: &Request<B>, origins: &[String], headers: &mut HeaderMap) {
    if origins.is_empty() {
        return;
    }
    let any = origins.iter().any(|origin| origin == ANY);
    if !any {
        // Another origin would get another answer.
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
    let Some(origin) = request.headers().get(ORIGIN) else { return };
    if any || is_named(origin, origins) {
        let shown = if any { HeaderValue::from_static(ANY) } else { origin.clone() };
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, shown);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, ANSWER_HEADERS);
    }
}

/// Whether a request comes from no web page, from one of this service's own, or from one that may
/// call.
fn is_allowed(headers: &HeaderMap, origins: &[String]) -> bool {
    let Some(origin) = headers.get(ORIGIN) else { return true };
    origins.iter().any(|allowed| allowed == ANY)
        || is_named(origin, origins)
        || headers.get(HOST).is_some_and(|host| is_own(origin, host))
}

fn is_named(origin: &HeaderValue, origins: &[String]) -> bool {
    // Scheme and host are written in lower case by browsers, and in any case by people.
    origins.iter().any(|allowed| origin.as_bytes().eq_ignore_ascii_case(allowed.as_bytes()))
}

/// Whether an origin is the host that the request was sent to. The scheme says nothing here: TLS
/// often ends at a proxy.
fn is_own(origin: &HeaderValue, host: &HeaderValue) -> bool {
    let (Ok(origin), Ok(host)) = (origin.to_str(), host.to_str()) else { return false };
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let port = match scheme {
        "http" => ":80",
        "https" => ":443",
        _ => return false,
    };
    let plain = |authority: &str| {
        let authority = authority.to_ascii_lowercase();
        authority.strip_suffix(port).map(str::to_owned).unwrap_or(authority)
    };
    plain(authority) == plain(host)
}

fn foreign(headers: &HeaderMap) -> Problem {
    let origin = headers.get(ORIGIN).map(HeaderValue::as_bytes).unwrap_or_default();
    let origin = String::from_utf8_lossy(origin);
    let detail = format!("The web page of {} may not call this service.", shown(&origin));
    Problem::new(&problem_kinds::FOREIGN_ORIGIN, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_refused(origin: &str, host: &str, origins: &[&str]) -> bool {
        let origins: Vec<String> = origins.iter().map(|&origin| origin.to_owned()).collect();
        let request = Request::post("/groups/create").header(ORIGIN, origin).header(HOST, host);
        check(&request.body(()).unwrap(), &origins).is_err()
    }

    #[test]
    fn a_page_may_call_its_own_host_and_the_named_ones_theirs() {
        for (origin, host, origins, refused) in [
            ("https://evil.example", "muster:3000", &[][..], true),
            ("null", "muster:3000", &[], true),
            ("", "", &[], true),
            ("file://", "", &[], true),
            ("http://muster:3000", "muster:3000", &[], false),
            ("https://Muster", "muster:443", &[], false),
            ("http://muster", "muster:443", &[], true),
            ("http://muster:3001", "muster:3000", &[], true),
            ("http://muster:3000.evil.example", "muster:3000", &[], true),
            ("https://ops.example", "muster", &["https://ops.example"], false),
            ("https://OPS.example", "muster", &["https://ops.example"], false),
            ("http://ops.example", "muster", &["https://ops.example"], true),
            ("https://ops.example.evil", "muster", &["https://ops.example"], true),
            ("null", "muster", &["*"], false),
        ] {
            assert_eq!(is_refused(origin, host, origins), refused, "{origin} → {host}");
        }
    }
}
