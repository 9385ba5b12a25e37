//! What went wrong, as RFC 9457 problem details, with what to do next.

use std::borrow::Cow;

use drain::Level;
use http::header::{ALLOW, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Method, Response};
use serde::Serialize;
use settings::SettingError;
use store::{RedisTrouble, StoreError};

use crate::limits::BODY_BYTES_MAX;
use crate::log_line::LogLine;
use crate::problem_kinds::{self, Kind, Retry};
use crate::reply::{Body, Reply};

const PROBLEM_JSON: HeaderValue = HeaderValue::from_static("application/problem+json");

/// Seconds after which a client should try again when the service is short of something.
const RETRY_AFTER_S: &str = "5";
/// Seconds after which a caller that submits too fast may submit again.
const TOO_FAST_RETRY_AFTER_S: &str = "1";

/// How much of what a client sent is repeated to it, in bytes.
const SHOWN_BYTES_MAX: usize = 100;

/// A part of a request as a problem may repeat it: cut short.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    match text.get(..text.floor_char_boundary(SHOWN_BYTES_MAX)) {
        Some(start) if start.len() < text.len() => format!("{start}…").into(),
        _ => text.into(),
    }
}

/// One problem. Nothing in it is secret, and of what a client sent it repeats little: see [`shown`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    kind: &'static Kind,
    /// What happened this time.
    detail: Box<str>,
    /// A header that belongs to this one.
    header: Option<(HeaderName, Box<str>)>,
    /// Why, for the operator's log and not for clients; `None` when it is the client's own doing.
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
        Self { kind, detail: detail.into(), header: None, cause: None }
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
        let with_head = allowed.iter().flat_map(|method| match *method {
            Method::GET => vec!["GET", "HEAD"],
            _ => vec![method.as_str()],
        });
        let allowed = with_head.collect::<Vec<_>>().join(", ");
        let detail = format!("This route takes {allowed}, not {}.", shown(method.as_str()));
        Self::new(&problem_kinds::METHOD_NOT_ALLOWED, detail).with_header(ALLOW, allowed)
    }

    pub(crate) fn with_header(self, name: HeaderName, value: impl Into<Box<str>>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }

    /// Something that is not the client's fault; `cause` is for the operator's log.
    pub(crate) fn internal(cause: &str) -> Self {
        Self { cause: Some(cause.into()), ..Self::plain(&problem_kinds::INTERNAL) }
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
        if let Some(cause) = self.cause {
            response.extensions_mut().insert(LogLine {
                level: Level::Error,
                event: "request failed",
                fields: vec![("reason", cause.into())],
            });
        }
        response
    }

    /// The header that belongs to a problem of this kind.
    fn header(&self) -> Option<(HeaderName, HeaderValue)> {
        if let Some((name, value)) = &self.header {
            return Some((name.clone(), HeaderValue::from_str(value).ok()?));
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
        let cause = Some(error.for_log().into());
        Self { cause, ..Self::new(&problem_kinds::BAD_SETTING, error.to_string()) }
    }
}
