//! Replies to requests that succeed; the others' are in `problem.rs`.

use http::header::{CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use serde::Serialize;

use crate::problem::Problem;
use crate::reply::{Body, Reply};

const JSON: HeaderValue = HeaderValue::from_static("application/json");
const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// The answer to an accepted task.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct TaskAccepted {
    task_id: String,
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

/// 202 with where to read the task and when. `replayed` says that an earlier request with the same
/// idempotency key was accepted as this task.
pub(crate) fn accepted(task_id: String, replayed: bool) -> Result<Reply, Problem> {
    let mut headers =
        vec![(LOCATION, format!("/groups/task/{task_id}")), (RETRY_AFTER, "1".to_owned())];
    if replayed {
        headers.push((REPLAYED, "true".to_owned()));
    }
    json(StatusCode::ACCEPTED, &TaskAccepted { task_id }, &headers)
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
