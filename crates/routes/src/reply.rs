//! What a request is answered with.

use futures::stream::LocalBoxStream;
use http::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::problem::Problem;

const JSON: HeaderValue = HeaderValue::from_static("application/json");

/// A response, whose body may come bit by bit.
pub type Reply = Response<Body>;

/// The body of a response.
pub enum Body {
    Whole(Vec<u8>),
    /// Each item is to be sent as soon as it is there.
    Stream(LocalBoxStream<'static, Vec<u8>>),
}

/// `body` as JSON under `status`, with more headers.
pub(crate) fn json<T: Serialize>(
    status: StatusCode,
    body: &T,
    headers: &[(HeaderName, String)],
) -> Result<Reply, Problem> {
    let body = serde_json::to_vec(body).map_err(|error| Problem::internal(&error.to_string()))?;
    let mut response = Response::new(Body::Whole(body));
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_TYPE, JSON);
    for (name, value) in headers {
        let value =
            HeaderValue::from_str(value).map_err(|error| Problem::internal(&error.to_string()))?;
        response.headers_mut().insert(name, value);
    }
    Ok(response)
}

/// 200 with a body of another type than JSON.
pub(crate) fn typed(content_type: &'static str, body: Body) -> Reply {
    let mut response = Response::new(body);
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

pub(crate) fn no_content() -> Reply {
    let mut response = Response::new(Body::Whole(Vec::new()));
    *response.status_mut() = StatusCode::NO_CONTENT;
    response
}
