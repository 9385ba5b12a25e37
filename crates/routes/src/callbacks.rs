//! Callbacks that were not delivered yet: `GET /callbacks`, `POST /callbacks/{task_id}/retry` and
//! `DELETE /callbacks/{task_id}`.

use clock::rfc3339;
use http::{Method, StatusCode};
use http_url::HttpUrl;
use serde::Serialize;
use settings::{HostPattern, Role};
use store::{CallbackChange, CallbackSummary, CallbackView, Redis};

use crate::page::{self, CURSOR, LIMIT};
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind};
use crate::reply::{Reply, json, no_content};
use crate::route::{Action, Route};
use crate::submit::bad_field;
use crate::task::task_id_of;
use crate::{Api, Call, Nodes};

/// The most bytes of a callback's URL.
const URL_BYTES_MAX: usize = 2_048;

pub(crate) static LIST: Route = Route {
    method: Method::GET,
    path: "/callbacks",
    role: Some(Role::Read),
    action: Action::ListCallbacks,
};
pub(crate) static RETRY: Route = Route {
    method: Method::POST,
    path: "/callbacks/{task_id}/retry",
    role: Some(Role::Operate),
    action: Action::RetryCallback,
};
pub(crate) static DISCARD: Route = Route {
    method: Method::DELETE,
    path: "/callbacks/{task_id}",
    role: Some(Role::Operate),
    action: Action::DiscardCallback,
};

static GIVEN_UP: Param = Param {
    name: "given_up",
    kind: ParamKind::Flag,
    about: "Those that were tried too often, rather than those that are yet to be delivered.",
};

/// A page of callbacks.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct CallbacksAnswer {
    /// The next due first; of those given up, the oldest first.
    callbacks: Vec<ListedCallback>,
    /// How many there are in all.
    total: u64,
    /// Where the next page begins; `null` at the end.
    next_cursor: Option<String>,
}

/// A callback in a list.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct ListedCallback {
    task_id: String,
    group_id: String,
    /// How the task ended.
    state: String,
    #[serde(flatten)]
    callback: CallbackAnswer,
}

/// How far a callback has come.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Callback"))]
pub(crate) struct CallbackAnswer {
    url: String,
    /// `not_due` until the task ends, then `waiting`, and at last `delivered` or `given_up`.
    standing: &'static str,
    /// How often it was tried.
    attempts: u64,
    last_error: Option<String>,
    /// When it is tried next.
    due_at: Option<String>,
}

impl From<CallbackView> for CallbackAnswer {
    fn from(view: CallbackView) -> Self {
        Self {
            url: view.url,
            standing: view.status.name(),
            attempts: view.attempts,
            last_error: view.last_error,
            due_at: view.due_at_ms.map(rfc3339),
        }
    }
}

impl From<CallbackSummary> for ListedCallback {
    fn from(summary: CallbackSummary) -> Self {
        Self {
            task_id: summary.callback.task_id.clone(),
            group_id: summary.group_id,
            state: summary.state,
            callback: summary.callback.into(),
        }
    }
}

/// That a task's end may be told to `url`, which is read as it will be when it is called.
pub(crate) fn check_url(url: &str, hosts: Option<&HostPattern>) -> Result<(), Problem> {
    let hosts = hosts.ok_or_else(|| {
        bad_field("callback_url: this service makes no callbacks; its callback_secret is not set.")
    })?;
    let refused = |reason: &str| {
        bad_field(&format!(
            "callback_url must be an http or https URL of at most {URL_BYTES_MAX} bytes: {reason}."
        ))
    };
    if url.len() > URL_BYTES_MAX {
        return Err(refused(&format!("it has {}", url.len())));
    }
    let url = HttpUrl::parse(url).map_err(|error| refused(&error.to_string()))?;
    if hosts.allows(&url) {
        return Ok(());
    }
    Err(bad_field("callback_url: the setting callback_hosts does not allow this host."))
}

impl<R: Redis + 'static, C: clock::Clock + 'static, N: Nodes> Api<R, C, N> {
    pub(crate) async fn list_callbacks(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        let query = call.query(&[&GIVEN_UP, &LIMIT, &CURSOR])?;
        let cursor = page::cursor(&query)?;
        let limit = page::limit(&query)?;
        let page = self.store.callbacks(query.flag(&GIVEN_UP)?, cursor.as_ref(), limit).await?;
        let answer = CallbacksAnswer {
            callbacks: page.callbacks.into_iter().map(ListedCallback::from).collect(),
            total: page.total,
            next_cursor: page.next.map(|cursor| cursor.to_string()),
        };
        json(StatusCode::OK, &answer, &[])
    }

    pub(crate) async fn retry_callback(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let task_id = task_id_of(&call.parameter).map_err(|_| no_such_callback())?;
        changed(self.store.retry_callback(&task_id, &call.caller.name).await?)
    }

    pub(crate) async fn discard_callback(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let task_id = task_id_of(&call.parameter).map_err(|_| no_such_callback())?;
        changed(self.store.discard_callback(&task_id, &call.caller.name).await?)
    }
}

fn no_such_callback() -> Problem {
    Problem::plain(&problem_kinds::NO_SUCH_CALLBACK)
}

fn changed(change: CallbackChange) -> Result<Reply, Problem> {
    match change {
        CallbackChange::Done => Ok(no_content()),
        CallbackChange::UnknownCallback => Err(no_such_callback()),
        CallbackChange::Delivered => Err(Problem::plain(&problem_kinds::CALLBACK_DELIVERED)),
    }
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    document
        .route(&LIST, "Callbacks that are not delivered")
        .about(
            "A task that was submitted with a callback_url tells that URL when it ends: a POST, \
             signed as the Standard Webhooks specification says, tried again with growing delays \
             until it is answered with a 2xx or is given up.",
        )
        .query(&[&GIVEN_UP, &LIMIT, &CURSOR])
        .answer::<CallbacksAnswer>(200, "A page of callbacks.")
        .problems(&[&problem_kinds::BAD_QUERY])
        .end();
    let problems = [
        &problem_kinds::NO_SUCH_CALLBACK,
        &problem_kinds::CALLBACK_DELIVERED,
        &problem_kinds::BAD_QUERY,
    ];
    document
        .route(&RETRY, "Try a callback again")
        .about("At once, and with a fresh budget of attempts.")
        .empty(204, "It is being tried.")
        .problems(&problems)
        .end();
    document
        .route(&DISCARD, "Discard a callback")
        .about("For when nobody needs to be told any more.")
        .empty(204, "It is gone.")
        .problems(&problems)
        .end();
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pattern that the service allows by default.
    fn check(url: &str) -> Result<(), String> {
        let hosts = HostPattern::parse("http://127.0.0.1:*").unwrap();
        check_url(url, Some(&hosts)).map_err(|problem| problem.answer().detail)
    }

    #[test]
    fn what_can_be_called_and_is_allowed_is_accepted() {
        for url in [
            "http://127.0.0.1",
            "HTTP://127.0.0.1:9000/hook",
            "http://127.0.0.1:9000?token=abc",
            "http://127.0.0.1:9000/hook?token=abc&to=http://example.com:99999/",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_the_reason_and_without_the_url() {
        for (url, reason) in [
            ("http://127.0.0.1:99999/?token=abc", "from 1 to 65535"),
            ("http://127.0.0.1:0/?token=abc", "from 1 to 65535"),
            ("http://token:abc@127.0.0.1/", "user name"),
            ("http://127.0.0.1/?token=abc#top", "fragment"),
            ("127.0.0.1:9000?token=abc", "http://"),
            ("http://127.1:9000/?token=abc", "four numbers"),
            ("http://?token=abc", "not a URL"),
            ("https://127.0.0.1/?token=abc", "callback_hosts"),
            ("http://127.0.0.1.example.com/?token=abc", "callback_hosts"),
            ("http://[::1]/?token=abc", "callback_hosts"),
        ] {
            let detail = check(url).unwrap_err();
            assert!(
                detail.starts_with("callback_url") && detail.contains(reason),
                "{url}: {detail}"
            );
            assert!(!detail.contains("abc"), "{detail}");
        }
        let long = format!("http://127.0.0.1/{}", "x".repeat(URL_BYTES_MAX));
        assert!(check(&long).unwrap_err().contains("2048"));
    }
}
