//! What went wrong, as RFC 9457 problem details, with what to do next.

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use serde::Serialize;
use settings::SettingError;
use store::StoreError;

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Seconds after which a client should try again when the service is short of something.
const RETRY_AFTER_S: &str = "5";

/// One problem. Nothing in it is secret and it never repeats a whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    status: StatusCode,
    /// The last part of its type URI.
    slug: &'static str,
    title: &'static str,
    /// What happened this time.
    detail: Box<str>,
    /// What the client can do.
    next: &'static str,
    hint: Hint,
    /// For operators: why, in words that are not for clients.
    cause: Option<Box<str>>,
}

/// A header that belongs to the problem.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Hint {
    None,
    Allow(String),
    RetryAfter,
    Authenticate,
}

impl Hint {
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        match self {
            Self::None => None,
            Self::Allow(methods) => Some((ALLOW, HeaderValue::from_str(methods).ok()?)),
            Self::RetryAfter => Some((RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER_S))),
            Self::Authenticate => Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
        }
    }
}

#[derive(Serialize)]
struct Body<'a> {
    r#type: String,
    title: &'a str,
    status: u16,
    detail: &'a str,
    next: &'a str,
}

impl Problem {
    /// Why, for the operator's log; `None` when it is the client's own doing.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    #[must_use]
    pub fn into_response(self) -> Response<Vec<u8>> {
        let body = Body {
            r#type: format!("/docs#problem-{}", self.slug),
            title: self.title,
            status: self.status.as_u16(),
            detail: &self.detail,
            next: self.next,
        };
        // Five plain fields always make JSON; an empty body beats a trap all the same.
        let mut response = Response::new(serde_json::to_vec(&body).unwrap_or_default());
        *response.status_mut() = self.status;
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.hint.header() {
            response.headers_mut().insert(name, value);
        }
        if self.cause.is_some() {
            response.extensions_mut().insert(self);
        }
        response
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Redis(_) => catalogue::redis_away(&error.to_string()),
            _ => catalogue::internal(&error.to_string()),
        }
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        catalogue::bad_setting(&error.to_string())
    }
}

/// Every problem there is: one function for each type URI.
pub(crate) mod catalogue {
    use http::Method;

    use super::{Hint, Problem, StatusCode};
    use crate::BODY_BYTES_MAX;

    fn problem(
        status: StatusCode,
        slug: &'static str,
        title: &'static str,
        detail: impl Into<Box<str>>,
        next: &'static str,
    ) -> Problem {
        Problem { status, slug, title, detail: detail.into(), next, hint: Hint::None, cause: None }
    }

    pub(crate) fn not_json(reason: &str) -> Problem {
        problem(
            StatusCode::BAD_REQUEST,
            "not-json",
            "The body is not JSON",
            format!("The body could not be read as JSON: {reason}."),
            "Send a JSON object such as {\"group_id\": \"my-group\"}.",
        )
    }

    pub(crate) fn bad_request(reason: &str) -> Problem {
        problem(
            StatusCode::BAD_REQUEST,
            "bad-request",
            "The request cannot be read",
            format!("The request could not be read: {reason}."),
            "Check its method, URL and headers, and send it again.",
        )
    }

    pub(crate) fn bad_group_id(reason: &str) -> Problem {
        problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad-group-id",
            "The group_id cannot be used",
            reason,
            "Send a JSON object whose group_id is a string of 1 to 256 bytes without control \
             characters.",
        )
    }

    pub(crate) fn bad_query(reason: &str) -> Problem {
        problem(
            StatusCode::UNPROCESSABLE_ENTITY,
            "bad-query",
            "A query parameter cannot be used",
            reason,
            "Correct the parameter or leave it out.",
        )
    }

    pub(crate) fn body_too_large() -> Problem {
        problem(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            format!("A request's body may have at most {BODY_BYTES_MAX} bytes."),
            "Send only what the route asks for.",
        )
    }

    pub(crate) fn no_such_route(path: &str) -> Problem {
        let path: String = path.chars().take(100).collect();
        problem(
            StatusCode::NOT_FOUND,
            "no-such-route",
            "There is nothing here",
            format!("No route matches {path}."),
            "Check the path; the README lists every route.",
        )
    }

    pub(crate) fn no_such_task() -> Problem {
        problem(
            StatusCode::NOT_FOUND,
            "no-such-task",
            "There is no such task",
            "No task has this id, or it ended long ago and has expired.",
            "Check the task_id. Ended tasks are kept for the setting task_ttl.",
        )
    }

    pub(crate) fn no_such_letter() -> Problem {
        problem(
            StatusCode::NOT_FOUND,
            "no-such-dead-letter",
            "There is no such dead letter",
            "No dead letter has this id: it was retried with success or discarded, or never was.",
            "GET /dead-letters lists those there are.",
        )
    }

    pub(crate) fn method_not_allowed(method: &Method, allowed: &[Method]) -> Problem {
        let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        Problem {
            hint: Hint::Allow(allowed.clone()),
            ..problem(
                StatusCode::METHOD_NOT_ALLOWED,
                "method-not-allowed",
                "The route has no such method",
                format!("This route takes {allowed}, not {method}."),
                "Use a method that the Allow header names.",
            )
        }
    }

    pub(crate) fn task_ended(state: &str) -> Problem {
        problem(
            StatusCode::CONFLICT,
            "task-ended",
            "The task has ended",
            format!("The task has ended as {state}, which never changes."),
            "To take its effect back, submit the opposite operation.",
        )
    }

    pub(crate) fn task_is_retry() -> Problem {
        problem(
            StatusCode::CONFLICT,
            "task-is-a-retry",
            "The task cannot be cancelled",
            "The task retries a dead letter and is under way; there is nothing to take back.",
            "Wait for it to end.",
        )
    }

    pub(crate) fn letter_superseded(task_id: &str) -> Problem {
        problem(
            StatusCode::CONFLICT,
            "dead-letter-superseded",
            "The dead letter is superseded",
            format!(
                "Task {task_id} has put the group's nodes as it wanted them since; undoing the \
                 older task now would break that."
            ),
            "Read it if you like, then discard it with DELETE.",
        )
    }

    pub(crate) fn letter_retrying(task_id: &str) -> Problem {
        problem(
            StatusCode::CONFLICT,
            "dead-letter-retrying",
            "The dead letter is being retried",
            format!("Task {task_id} is retrying it."),
            "Wait for that task to end.",
        )
    }

    pub(crate) fn letter_not_retriable() -> Problem {
        problem(
            StatusCode::CONFLICT,
            "dead-letter-not-retriable",
            "The dead letter cannot be retried",
            "It stands for a task whose record cannot be read, so there is nothing to resume.",
            "Look at the group on every node, put it right, then discard the letter.",
        )
    }

    pub(crate) fn unauthorized() -> Problem {
        Problem {
            hint: Hint::Authenticate,
            ..problem(
                StatusCode::UNAUTHORIZED,
                "unauthorized",
                "A token is needed",
                "The request has no valid bearer token.",
                "Send Authorization: Bearer TOKEN with a token that the operator gave you.",
            )
        }
    }

    pub(crate) fn queue_full(waiting: u64) -> Problem {
        Problem {
            hint: Hint::RetryAfter,
            ..problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "queue-full",
                "The queue is full",
                format!("{waiting} tasks wait to be started. Nothing was accepted."),
                "Send the request again after Retry-After seconds.",
            )
        }
    }

    pub(crate) fn redis_away(cause: &str) -> Problem {
        Problem {
            hint: Hint::RetryAfter,
            cause: Some(cause.into()),
            ..problem(
                StatusCode::SERVICE_UNAVAILABLE,
                "redis-away",
                "The store cannot be reached",
                "Redis did not answer as it should, so it is not known whether the request was \
                 carried out.",
                "Send the request again after Retry-After seconds. Creating or deleting a group \
                 twice does no harm.",
            )
        }
    }

    pub(crate) fn bad_setting(cause: &str) -> Problem {
        Problem {
            cause: Some(cause.into()),
            ..problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "bad-setting",
                "The service is not set up",
                cause,
                "Tell the operator: the setting must be corrected and the service restarted.",
            )
        }
    }

    pub(crate) fn internal(cause: &str) -> Problem {
        Problem {
            cause: Some(cause.into()),
            ..problem(
                StatusCode::INTERNAL_SERVER_ERROR,
                "internal",
                "The service failed",
                "Something went wrong that is not the client's fault; the operator's log has it.",
                "Send the request again later, and tell the operator when it stays so.",
            )
        }
    }
}

impl Problem {
    /// The request is no HTTP request that could be read.
    #[must_use]
    pub fn bad_request(reason: &str) -> Self {
        catalogue::bad_request(reason)
    }

    /// The request's body has more than [`crate::BODY_BYTES_MAX`] bytes.
    #[must_use]
    pub fn body_too_large() -> Self {
        catalogue::body_too_large()
    }
}
