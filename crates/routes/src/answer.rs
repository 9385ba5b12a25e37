//! Responses that are no problems.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::problem::{Problem, catalogue};

pub(crate) const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// `body` as JSON under `status`, with more headers.
pub(crate) fn json<T: Serialize>(
    status: StatusCode,
    body: &T,
    headers: &[(HeaderName, String)],
) -> Result<Response<Vec<u8>>, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| catalogue::internal(&error.to_string()))?;
    let mut response = Response::new(body);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    for (name, value) in headers {
        let value = HeaderValue::from_str(value)
            .map_err(|error| catalogue::internal(&error.to_string()))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

pub(crate) fn no_content() -> Response<Vec<u8>> {
    let mut response = Response::new(Vec::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
