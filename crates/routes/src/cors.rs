//! Web pages of other origins: none may call unless the setting `cors_origins` names theirs.

use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_METHOD,
    HeaderMap, HeaderValue, ORIGIN, VARY,
};
use http::{Method, Request};

use crate::reply::Reply;
use crate::success::no_content;

/// The answer to a browser that asks whether it may send a request; `None` for any other request.
pub(crate) fn preflight<B>(request: &Request<B>, origins: &[String]) -> Option<Reply> {
    let is_preflight = request.method() == Method::OPTIONS
        && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD);
    allowed(request, origins).filter(|_| is_preflight)?;
    let mut reply = no_content();
    let headers = reply.headers_mut();
    allow(request, origins, headers);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    headers.insert(
        ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static(
            "authorization, content-type, idempotency-key, last-event-id, prefer",
        ),
    );
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    Some(reply)
}

/// Lets the page that sent `request` read the answer, if its origin may.
pub(crate) fn allow<B>(request: &Request<B>, origins: &[String], headers: &mut HeaderMap) {
    if let Some(origin) = allowed(request, origins) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(
            ACCESS_CONTROL_EXPOSE_HEADERS,
            HeaderValue::from_static("location, retry-after, x-process-time"),
        );
        headers.append(VARY, HeaderValue::from_static("origin"));
    }
}

fn allowed<'a, B>(request: &'a Request<B>, origins: &[String]) -> Option<&'a HeaderValue> {
    let origin = request.headers().get(ORIGIN)?;
    origins
        .iter()
        .any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes())
        .then_some(origin)
}
