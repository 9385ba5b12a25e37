//! What went wrong, as RFC 9457 problem details, with what to do next.

use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Response};
use serde::Serialize;
use settings::SettingError;
use store::{RedisTrouble, StoreError};

use crate::limits::BODY_BYTES_MAX;
use crate::problem_kinds::{self, Kind, Retry};
use crate::reply::{Body, Reply};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Seconds after which a client should try again when the service is short of something.
const RETRY_AFTER_S: &str = "5";
/// Seconds after which a caller that submits too fast may submit again.
const TOO_FAST_RETRY_AFTER_S: &str = "1";

/// One problem. Nothing in it is secret and it never repeats a whole body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: &'static Kind,
    /// What happened this time.
    detail: Box<str>,
    /// The methods that the route has, when the one used is not among them.
    allow: Option<Box<str>>,
    /// Why, for operators and not for clients.
    cause: Option<Box<str>>,
}

/// The body of an answer that is a problem.
#[derive(Clone, Debug, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Problem"))]
pub(crate) struct ProblemAnswer {
    /// Names the kind of problem; the docs page explains it there.
    pub(crate) r#type: String,
    pub(crate) title: &'static str,
    pub(crate) status: u16,
    /// What happened this time.
    pub(crate) detail: String,
    /// What to do now.
    pub(crate) next: &'static str,
}

impl Problem {
    pub(crate) fn new(kind: &'static Kind, detail: impl Into<Box<str>>) -> Self {
        Self { kind, detail: detail.into(), allow: None, cause: None }
    }

    /// A problem of which there is no more to say than its kind does.
    pub(crate) fn plain(kind: &'static Kind) -> Self {
        Self::new(kind, kind.about)
    }

    /// The request is no HTTP request that could be read.
    #[must_use]
    pub fn bad_request(reason: &str) -> Self {
        Self::new(&problem_kinds::BAD_REQUEST, format!("The request could not be read: {reason}."))
    }

    /// The request's body has more than [`BODY_BYTES_MAX`] bytes.
    #[must_use]
    pub fn body_too_large() -> Self {
        let detail = format!("A request's body may have at most {BODY_BYTES_MAX} bytes.");
        Self::new(&problem_kinds::BODY_TOO_LARGE, detail)
    }

    pub(crate) fn method_not_allowed(method: &Method, allowed: &[Method]) -> Self {
        let allowed = allowed.iter().map(Method::as_str).collect::<Vec<_>>().join(", ");
        let detail = format!("This route takes {allowed}, not {method}.");
        let allow = Some(allowed.into());
        Self { allow, ..Self::new(&problem_kinds::METHOD_NOT_ALLOWED, detail) }
    }

    /// Something that is not the client's fault; `cause` is for the operator's log.
    pub(crate) fn internal(cause: &str) -> Self {
        Self { cause: Some(cause.into()), ..Self::plain(&problem_kinds::INTERNAL) }
    }

    /// Why, for the operator's log; `None` when it is the client's own doing.
    #[must_use]
    pub fn cause(&self) -> Option<&str> {
        self.cause.as_deref()
    }

    pub(crate) fn answer(&self) -> ProblemAnswer {
        ProblemAnswer {
            r#type: format!("/docs#problem-{}", self.kind.slug),
            title: self.kind.title,
            status: self.kind.status.as_u16(),
            detail: self.detail.to_string(),
            next: self.kind.next,
        }
    }

    #[must_use]
    pub fn into_reply(self) -> Reply {
        // Five plain fields always make JSON; an empty body beats a trap all the same.
        let body = serde_json::to_vec(&self.answer()).unwrap_or_default();
        let mut response = Response::new(Body::Whole(body));
        *response.status_mut() = self.kind.status;
        response.headers_mut().insert(CONTENT_TYPE, PROBLEM_JSON);
        if let Some((name, value)) = self.header() {
            response.headers_mut().insert(name, value);
        }
        if self.cause.is_some() {
            response.extensions_mut().insert(self);
        }
        response
    }

    /// The header that belongs to a problem of this kind.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        if let Some(allow) = &self.allow {
            return Some((ALLOW, HeaderValue::from_str(allow).ok()?));
        }
        if self.kind == &problem_kinds::UNAUTHORIZED {
            return Some((WWW_AUTHENTICATE, HeaderValue::from_static("Bearer")));
        }
        let seconds = if self.kind == &problem_kinds::TOO_FAST {
            TOO_FAST_RETRY_AFTER_S
        } else {
            RETRY_AFTER_S
        };
        let after = self.kind.retry == Retry::After;
        after.then(|| (RETRY_AFTER, HeaderValue::from_static(seconds)))
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Redis(ref redis) => {
                let kind = match redis.trouble() {
                    RedisTrouble::Away => &problem_kinds::REDIS_AWAY,
                    RedisTrouble::Denied => &problem_kinds::REDIS_DENIED,
                    RedisTrouble::WrongServer => &problem_kinds::REDIS_WRONG_SERVER,
                    RedisTrouble::Full => &problem_kinds::REDIS_FULL,
                };
                Self { cause: Some(error.to_string().into()), ..Self::plain(kind) }
            }
            _ => Self::internal(&error.to_string()),
        }
    }
}

impl From<SettingError> for Problem {
    fn from(error: SettingError) -> Self {
        let detail = error.to_string();
        let cause = Some(detail.clone().into());
        Self { cause, ..Self::new(&problem_kinds::BAD_SETTING, detail) }
    }
}
