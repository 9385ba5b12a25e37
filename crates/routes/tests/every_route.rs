//! What holds for every route in the OpenAPI document, whatever it does: who may call, from where,
//! how, and what an answer tells.

#![cfg(feature = "openapi")]
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

mod support;

use futures::executor::block_on;
use http::{Method, Request};
use routes::{Api, Body, Incoming, Problem, Reply};
use settings::{Access, Role, SettingError, Token};
use store::Value;
use testkit_redis::Scripted;

use support::{Still, Unreached};

const SECRET: &str = "0123456789abcdef";
const PAGE: &str = "https://ops.example";
const UUID: &str = "00000000-0000-4000-8000-000000000000";

/// A host that gives no setting at all.
struct NoSettings;

impl settings::Source for NoSettings {
    fn get(&self, _: &str) -> Result<&str, String> {
        Err("hunter2 is not known".to_owned())
    }
}

fn bad_setting() -> SettingError {
    settings::access(&NoSettings).tokens.unwrap_err()
}

fn access() -> Access {
    let token = Token { name: "t".to_owned(), role: Role::Operate, secret: SECRET.to_owned() };
    Access { tokens: Ok(vec![token]), origins: Ok(vec![PAGE.to_owned()]) }
}

/// A route of the document.
struct Route {
    method: Method,
    path: String,
    needs_token: bool,
    statuses: Vec<String>,
}

impl Route {
    fn changes(&self) -> bool {
        self.method != Method::GET
    }

    /// A request that the route takes, as far as it goes.
    fn request(&self) -> http::request::Builder {
        let path = self.path.replace("{group_id}", "g").replace("{id}", "x");
        let path = path.replace("{task_id}", UUID);
        Request::builder().method(&self.method).uri(path).header("host", "muster.example")
    }

    fn with_token(&self) -> http::request::Builder {
        self.request().header("authorization", format!("Bearer {SECRET}"))
    }
}

fn routes() -> Vec<Route> {
    let document = routes::openapi();
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, operation) in methods.as_object().unwrap() {
            routes.push(Route {
                method: method.to_uppercase().parse().unwrap(),
                path: path.clone(),
                needs_token: !operation["security"].is_null(),
                statuses: operation["responses"].as_object().unwrap().keys().cloned().collect(),
            });
        }
    }
    assert!(routes.len() >= 24);
    routes
}

fn api() -> Result<Api<Scripted, Still, Unreached>, Problem> {
    Ok(support::api(Scripted::new(vec![vec![Value::Nil]]), Still))
}

fn send_to(access: &Access, request: http::request::Builder, unread: Option<Problem>) -> Reply {
    let request = request.body(Vec::new()).unwrap();
    block_on(routes::answer(Incoming { request, unread }, access, api))
}

fn send(request: http::request::Builder) -> Reply {
    send_to(&access(), request, None)
}

/// Status and kind of a problem; the kind is empty for any other answer.
fn kind(reply: &Reply) -> (u16, String) {
    let kind = match reply.body() {
        Body::Whole(body) => serde_json::from_slice::<serde_json::Value>(body).ok(),
        Body::Stream(_) => None,
    };
    let kind = kind.and_then(|body| body["type"].as_str().map(str::to_owned));
    let kind = kind.unwrap_or_default().replace("/docs#problem-", "");
    (reply.status().as_u16(), kind)
}

fn header<'a>(reply: &'a Reply, name: &str) -> &'a str {
    reply.headers().get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
}

#[track_caller]
fn assert_kind(route: &Route, reply: &Reply, status: u16, expected: &str) {
    let at = format!("{} {}", route.method, route.path);
    assert_eq!(kind(reply), (status, expected.to_owned()), "{at}");
    assert!(route.statuses.contains(&status.to_string()), "{at} does not document {status}");
}

#[test]
fn no_page_of_another_origin_changes_anything() {
    for route in routes() {
        for origin in ["https://evil.example", "null", "http://muster.example.evil", PAGE] {
            let reply = send(route.with_token().header("origin", origin));
            if route.changes() && origin != PAGE {
                assert_kind(&route, &reply, 403, "foreign-origin");
            } else {
                assert_ne!(kind(&reply).1, "foreign-origin");
            }
            let allowed = if origin == PAGE { PAGE } else { "" };
            assert_eq!(header(&reply, "access-control-allow-origin"), allowed);
            assert_eq!(header(&reply, "vary"), "origin");
        }
        // Its own pages, and what is no browser.
        for origin in [Some("http://muster.example"), None] {
            let mut request = route.with_token();
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            assert_ne!(kind(&send(request)).1, "foreign-origin");
        }
    }
}

#[test]
fn whatever_goes_wrong_the_page_that_may_call_can_read_it() {
    let closed = Access { tokens: Err(bad_setting()), ..access() };
    let cases = [
        (access(), "x", Some(Problem::body_too_large())),
        (access(), "gzip", None),
        (closed, "identity", None),
    ];
    for route in routes() {
        for (access, encoding, unread) in &cases {
            let request = route.with_token().header("origin", PAGE);
            let request = request.header("content-encoding", *encoding);
            let reply = send_to(access, request, unread.clone());
            assert_eq!(header(&reply, "access-control-allow-origin"), PAGE, "{}", route.path);
            assert!(header(&reply, "access-control-expose-headers").contains("retry-after"));
        }
    }
}

#[test]
fn a_preflight_needs_neither_token_nor_settings_nor_redis() {
    let open = || -> Result<Api<Scripted, Still, Unreached>, Problem> { panic!("it was opened") };
    for route in routes() {
        let ask = |origin: &str, access: &Access| {
            let request = route.request().method(Method::OPTIONS).header("origin", origin);
            let request = request.header("access-control-request-method", route.method.as_str());
            let request = request.body(Vec::new()).unwrap();
            block_on(routes::answer(Incoming { request, unread: None }, access, open))
        };
        for access in [access(), Access { tokens: Err(bad_setting()), ..access() }] {
            let reply = ask(PAGE, &access);
            assert_eq!(reply.status(), 204, "{}", route.path);
            assert_eq!(header(&reply, "access-control-allow-origin"), PAGE);
            let methods = header(&reply, "access-control-allow-methods");
            assert!(methods.contains(route.method.as_str()), "{methods}");
            let foreign = ask("https://evil.example", &access);
            assert_eq!(kind(&foreign), (403, "foreign-origin".to_owned()));
            assert_eq!(header(&foreign, "access-control-allow-origin"), "");
        }
    }
}

#[test]
fn head_is_answered_wherever_get_is_and_nowhere_else() {
    for route in routes() {
        let head = send(route.with_token().method(Method::HEAD));
        if route.changes() {
            let known = routes();
            let mut gets = known.iter().filter(|other| other.method == Method::GET);
            if !gets.any(|other| other.path == route.path) {
                assert_eq!(kind(&head), (405, "method-not-allowed".to_owned()), "{}", route.path);
                assert!(!header(&head, "allow").contains("HEAD"));
            }
            continue;
        }
        let get = send(route.with_token());
        assert_eq!(head.status(), get.status(), "{}", route.path);
        assert_eq!(head.headers(), get.headers(), "{}", route.path);
        assert!(matches!(head.body(), Body::Whole(_)), "a stream would never end");
    }
}

#[test]
fn a_wrong_method_is_told_the_right_ones() {
    let all = routes();
    for route in &all {
        let own: Vec<&Method> = all
            .iter()
            .filter(|other| other.path == route.path)
            .map(|other| &other.method)
            .collect();
        for method in [Method::PUT, Method::PATCH, Method::OPTIONS, Method::TRACE] {
            let reply = send(route.with_token().method(&method));
            assert_eq!(kind(&reply), (405, "method-not-allowed".to_owned()), "{}", route.path);
            let mut allowed: Vec<&str> = header(&reply, "allow").split(", ").collect();
            allowed.retain(|method| *method != "HEAD");
            assert_eq!(allowed.len(), own.len());
            assert!(own.iter().all(|own| allowed.contains(&own.as_str())), "{}", route.path);
        }
    }
}

#[test]
fn a_slash_at_the_end_leads_to_the_route() {
    for route in routes() {
        let request = route.with_token();
        let path = request.uri_ref().unwrap().to_string();
        let reply = send(request.uri(format!("{path}/?a=b")));
        assert_eq!(reply.status(), 308, "{path}");
        assert_eq!(header(&reply, "location"), format!("{path}?a=b"));
    }
}

#[test]
fn what_could_mean_two_things_is_refused() {
    for route in routes() {
        for name in ["content-type", "origin", "last-event-id", "host", "authorization"] {
            let request = route.with_token().header(name, PAGE).header(name, PAGE);
            assert_kind(&route, &send(request), 422, "bad-header");
        }
        let request = route.with_token().header("idempotency-key", "a");
        let reply = send(request.header("idempotency-key", "a"));
        assert_eq!(kind(&reply), (422, "bad-idempotency-key".to_owned()), "{}", route.path);
        let path = route.request().uri_ref().unwrap().to_string();
        for query in ["surely-unknown=1", "limit=1&limit=1", "wait=%ff", "dry_run=1&dry_run=0"] {
            let request = route.with_token().uri(format!("{path}?{query}"));
            assert_kind(&route, &send(request), 422, "bad-query");
        }
    }
}

#[test]
fn a_body_that_cannot_be_read_is_refused_whoever_would_read_it() {
    for route in routes() {
        let large = send_to(&access(), route.with_token(), Some(Problem::body_too_large()));
        assert_kind(&route, &large, 413, "body-too-large");
        for (name, value) in [
            ("content-encoding", "gzip"),
            ("content-encoding", "identity, br"),
            ("content-type", "application/xml"),
            ("content-type", "application/json; charset=utf-16"),
        ] {
            let reply = send(route.with_token().header(name, value));
            assert_kind(&route, &reply, 415, "unsupported-media");
        }
    }
}

#[test]
fn whoever_may_not_use_a_route_is_told_nothing_else() {
    let open = || -> Result<Api<Scripted, Still, Unreached>, Problem> { Err(bad_setting().into()) };
    for route in routes().iter().filter(|route| route.path != "/healthz") {
        let status = |request: http::request::Builder, access: &Access| {
            let request = request.body(Vec::new()).unwrap();
            let reply = block_on(routes::answer(Incoming { request, unread: None }, access, open));
            if let Body::Whole(body) = reply.body() {
                assert!(!String::from_utf8_lossy(body).contains("hunter2"));
            }
            reply.status().as_u16()
        };
        let expected = if route.needs_token { 401 } else { 500 };
        assert_eq!(status(route.request(), &access()), expected, "{}", route.path);
        assert_eq!(status(route.with_token(), &access()), 500, "{}", route.path);
        let closed = Access { tokens: Err(bad_setting()), ..access() };
        assert_eq!(status(route.with_token(), &closed), 500, "{}", route.path);
        let closed = Access { origins: Err(bad_setting()), ..access() };
        assert_eq!(status(route.request(), &closed), expected, "{}", route.path);
    }
}

#[test]
fn no_problem_repeats_much_of_what_was_sent() {
    let long = "z".repeat(3_000);
    for route in routes() {
        let path = route.request().uri_ref().unwrap().to_string();
        let body =
            format!("{{\"{long}\": 1, \"group_id\": \"{long}\", \"settings\": {{\"{long}\": 1}}}}");
        let twice = format!("{{\"{long}\": 1, \"{long}\": 1}}");
        let of_settings = format!("{{\"group_id\": \"g\", \"settings\": {{\"{long}\": 1}}}}");
        let of_url = format!("{{\"group_id\": \"g\", \"callback_url\": \"{long}\"}}");
        let bulk = format!("[{{\"operation\": \"{long}\"}}]");
        let requests = [
            route.with_token().uri(format!("{path}?{long}={long}")),
            route.with_token().uri(format!("{path}?limit={long}&state={long}&since={long}")),
            route.with_token().uri(format!("{path}/{long}/{long}")),
            route.with_token().method(long.as_str()),
            route.with_token().header("content-type", &long),
            route.with_token().header("content-encoding", &long),
            route.with_token().header("origin", &long),
            route.with_token().header("last-event-id", &long),
            route.with_token().header("idempotency-key", &long),
            route.with_token().header("prefer", &long),
            route.request().header("authorization", &long),
        ];
        let plain = requests.into_iter().map(|request| (request, String::new()));
        let bodies = [body, twice, of_settings, of_url, bulk];
        let with_bodies = bodies.into_iter().map(|body| (route.with_token(), body));
        for (request, body) in plain.chain(with_bodies) {
            let request = request.body(body.into_bytes()).unwrap();
            let incoming = Incoming { request, unread: None };
            let reply = block_on(routes::answer(incoming, &access(), api));
            let Body::Whole(body) = reply.body() else { continue };
            assert!(
                !String::from_utf8_lossy(body).contains(&"z".repeat(201)),
                "{} {}: {}",
                route.method,
                route.path,
                String::from_utf8_lossy(body)
            );
        }
    }
}
