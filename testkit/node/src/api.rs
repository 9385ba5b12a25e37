//! The node API, and under `/control` the simulator's own.
//!
//! | node API | |
//! | --- | --- |
//! | `POST /v1/group/` `{"groupId": …}` | 201 created · 400 exists already |
//! | `DELETE /v1/group/` `{"groupId": …}` | 200 (404 for an absent group when strict) |
//! | `GET /v1/group/{groupId}` | 200 exists, with the group · 404 absent, with an error |
//! | `GET /v1/group/` | the groups |
//! | `POST /v1/group/{status}` | every later call answers this status, until it is set to 0 |
//!
//! | control | |
//! | --- | --- |
//! | `POST /control/faults` | adds a [`Rule`], or an array of them |
//! | `DELETE /control/faults` | heals |
//! | `GET`, `DELETE /control/log` | the calls so far |
//! | `GET`, `PUT /control/groups` | the groups |

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::oneshot;

use crate::fault::{Fault, Kind, Rule};
use crate::node::{Shared, lock};
use crate::state::State;

/// The most bytes of a body that are read.
const BODY_BYTES_MAX: usize = 1024 * 1024;

type Answer = Response<Full<Bytes>>;

#[derive(Deserialize)]
struct GroupBody {
    #[serde(rename = "groupId")]
    group_id: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Rules {
    One(Rule),
    Many(Vec<Rule>),
}

/// Answers one request. An error closes the connection unanswered.
pub(crate) async fn answer(shared: Shared, request: Request<Incoming>) -> io::Result<Answer> {
    let (head, body) = request.into_parts();
    let body = Limited::new(body, BODY_BYTES_MAX).collect().await.map_err(io::Error::other)?;
    let body = String::from_utf8_lossy(&body.to_bytes()).into_owned();
    let path = head.uri.path();
    if let Some(what) = path.strip_prefix("/control/") {
        return Ok(control(&shared, &head.method, what, &body));
    }
    if let Some(status) = forced_status(&head.method, path) {
        lock(&shared).forced_status = (status != 0).then_some(status);
        return Ok(status_only(200));
    }
    let parsed = serde_json::from_str::<GroupBody>(&body).ok().map(|body| body.group_id);
    let (kind, group_id) = match (&head.method, path) {
        (&Method::POST, "/v1/group/") => (Kind::Create, parsed),
        (&Method::DELETE, "/v1/group/") => (Kind::Delete, parsed),
        (&Method::GET, "/v1/group/") => {
            return Ok(json_answer(200, &lock(&shared).groups));
        }
        (&Method::GET, path) => match path.strip_prefix("/v1/group/") {
            Some(group) if !group.contains('/') => {
                (Kind::Inspect, percent_decode_str(group).decode_utf8().ok().map(Into::into))
            }
            _ => (Kind::Any, None),
        },
        _ => (Kind::Any, None),
    };
    let (seq, fault) =
        lock(&shared).arrived(kind, head.method.as_str(), path, group_id.as_deref(), &body);
    if let Some(Fault::Delay { millis }) = fault {
        tokio::time::sleep(Duration::from_millis(millis)).await;
    }
    let status = match fault {
        Some(Fault::Late { millis }) => {
            carry_out_late(&shared, seq, Duration::from_millis(millis), kind, group_id.clone())
                .await
                .map_err(io::Error::other)?
        }
        _ => carry_out(&mut lock(&shared), fault, kind, group_id.as_deref()),
    };
    let status = match fault {
        None | Some(Fault::Delay { .. } | Fault::Late { .. }) => status,
        Some(
            Fault::Answer { status } | Fault::ApplyThenAnswer { status } | Fault::Page { status },
        ) => status,
        Some(Fault::Close | Fault::ApplyThenClose) => {
            return Err(io::Error::other("closed unanswered"));
        }
        Some(Fault::Hang | Fault::ApplyThenHang) => std::future::pending().await,
    };
    lock(&shared).answered(seq, status);
    if matches!(fault, Some(Fault::Page { .. })) {
        return Ok(page(status));
    }
    Ok(match (kind, status) {
        (Kind::Inspect, 200) => json_answer(status, &json!({ "groupId": group_id })),
        (Kind::Inspect, 404) => json_answer(status, &json!({ "error": "no such group" })),
        _ => status_only(status),
    })
}

/// Does what the call asks, unless `fault` is against it, and gives the status to answer.
fn carry_out(state: &mut State, fault: Option<Fault>, kind: Kind, group_id: Option<&str>) -> u16 {
    match (state.forced_status, group_id) {
        (Some(status), _) => status,
        (None, Some(group_id)) if fault.is_none_or(Fault::applies) => state.apply(kind, group_id),
        (None, Some(_)) => 200,
        (None, None) if kind == Kind::Any => 404,
        (None, None) => 400,
    }
}

/// The same after `delay`, on a task of its own: what answers the request is dropped when the caller
/// closes the connection. Gives the status to a caller that still waits.
fn carry_out_late(
    shared: &Shared,
    seq: u64,
    delay: Duration,
    kind: Kind,
    group_id: Option<String>,
) -> oneshot::Receiver<u16> {
    let (answer, status) = oneshot::channel();
    lock(shared).hanging += 1;
    let shared = Arc::clone(shared);
    tokio::spawn(async move {
        tokio::time::sleep(delay).await;
        let mut state = lock(&shared);
        state.hanging -= 1;
        let status = carry_out(&mut state, None, kind, group_id.as_deref());
        let is_change = matches!(kind, Kind::Create | Kind::Delete);
        if answer.send(status).is_err() && is_change {
            state.carried_out_late(seq, status);
        }
    });
    status
}

/// The status of `POST /v1/group/{status}`, if it is such a request.
fn forced_status(method: &Method, path: &str) -> Option<u16> {
    let status = path.strip_prefix("/v1/group/").filter(|_| method == Method::POST)?;
    status.parse().ok().filter(|status| *status == 0 || (100..=599).contains(status))
}

fn control(shared: &Shared, method: &Method, what: &str, body: &str) -> Answer {
    let mut state = lock(shared);
    match (method, what) {
        (&Method::POST, "faults") => match serde_json::from_str(body) {
            Ok(Rules::One(rule)) => state.rules.push(rule),
            Ok(Rules::Many(rules)) => state.rules.extend(rules),
            Err(error) => return json_answer(422, &json!({ "error": error.to_string() })),
        },
        (&Method::DELETE, "faults") => {
            state.rules.clear();
            state.forced_status = None;
        }
        (&Method::GET, "log") => return json_answer(200, &state.log),
        (&Method::DELETE, "log") => state.log.clear(),
        (&Method::GET, "groups") => return json_answer(200, &state.groups),
        (&Method::PUT, "groups") => match serde_json::from_str(body) {
            Ok(groups) => state.groups = groups,
            Err(error) => return json_answer(422, &json!({ "error": error.to_string() })),
        },
        _ => return json_answer(404, &json!({ "error": "no such control" })),
    }
    status_only(204)
}

fn status_only(status: u16) -> Answer {
    let mut answer = Response::new(Full::default());
    *answer.status_mut() = status.try_into().unwrap_or_default();
    answer
}

/// What an ingress, a proxy or a login page answers.
fn page(status: u16) -> Answer {
    let mut answer = status_only(status);
    let html = HeaderValue::from_static("text/html");
    answer.headers_mut().insert(CONTENT_TYPE, html);
    *answer.body_mut() = Full::new(Bytes::from_static(b"<html><h1>Not the node</h1></html>"));
    answer
}

fn json_answer<T: Serialize>(status: u16, body: &T) -> Answer {
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut answer = status_only(status);
    let json = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, json);
    *answer.body_mut() = Full::new(body.into());
    answer
}
