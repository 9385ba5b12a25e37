//! Whatever is asked, and whatever Redis answers: there is a response, and trouble is a problem
//! document.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops when something is amiss")]

mod support;

use std::cell::Cell;
use std::future::{Future, ready};

use clock::Clock;
use futures::executor::block_on;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::{Method, Request};
use proptest::prelude::*;
use routes::{Body, Incoming};
use settings::{Access, Role, Token};
use store::Value;
use testkit_redis::Scripted;

/// A clock on which waiting takes no time.
#[derive(Default)]
struct Instantly(Cell<u64>);

impl Clock for Instantly {
    fn now_ms(&self) -> u64 {
        self.0.get()
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        self.0.set(self.0.get() + ms.max(1));
        ready(())
    }
}

const SECRET: &str = "0123456789abcdef";

fn access() -> Access {
    let token = Token { name: "t".to_owned(), role: Role::Operate, secret: SECRET.to_owned() };
    Access { tokens: Ok(vec![token]), origins: Ok(vec!["*".to_owned()]) }
}

/// Answers one request and gives status, type and body; of a stream, an empty one.
fn answer(request: &Request<Vec<u8>>, redis: Vec<Vec<Value>>) -> (u16, String, Vec<u8>) {
    let api = || Ok(support::api(Scripted::new(redis), Instantly::default()));
    let incoming = Incoming { request: request.clone(), unread: None };
    let (parts, body) = block_on(routes::answer(incoming, &access(), api)).into_parts();
    let kind = parts.headers.get(CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
    let body = match body {
        Body::Whole(body) => body,
        Body::Stream(_) => Vec::new(),
    };
    (parts.status.as_u16(), kind.to_owned(), body)
}

fn value() -> impl Strategy<Value = Value> {
    let words = prop_oneof![
        Just("ACCEPTED"),
        Just("REPEATED"),
        Just("ENDED"),
        Just("SUCCESS"),
        Just("PENDING"),
        Just("create"),
        Just("{}"),
        Just("[]"),
        Just(""),
        Just("7"),
    ];
    prop_oneof![
        Just(Value::Nil),
        any::<i64>().prop_map(Value::Int),
        (0..3_i64).prop_map(Value::Int),
        words.prop_map(|word| Value::Bytes(word.into())),
        prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ]
}

fn path() -> impl Strategy<Value = String> {
    let known = prop_oneof![
        Just("/groups/create"),
        Just("/groups/delete"),
        Just("/groups/bulk"),
        Just("/groups"),
        Just("/groups/by-id/g"),
        Just("/groups/by-id/g/repair"),
        Just("/groups/task/00000000-0000-0000-0000-000000000000"),
        Just("/groups/task/00000000-0000-0000-0000-000000000000/cancel"),
        Just("/groups/task/00000000-0000-0000-0000-000000000000/events"),
        Just("/tasks"),
        Just("/dead-letters"),
        Just("/dead-letters/x"),
        Just("/dead-letters/x/retry"),
        Just("/dead-letters/retry"),
        Just("/callbacks"),
        Just("/callbacks/00000000-0000-0000-0000-000000000000"),
        Just("/callbacks/00000000-0000-0000-0000-000000000000/retry"),
        Just("/maintenance/pause"),
        Just("/maintenance/sweep"),
        Just("/healthz"),
        Just("/readyz"),
        Just("/metrics"),
    ];
    let query = prop_oneof![
        Just(String::new()),
        Just("?dry_run=true".to_owned()),
        Just("?wait=3".to_owned()),
        Just("?wanted=present".to_owned()),
        Just("?check=true".to_owned()),
        Just("?limit=5&cursor=1.x".to_owned()),
        "\\?[a-z_]{1,8}=[a-zA-Z0-9%+&=.,:;_~-]{0,12}",
    ];
    let other = "/[a-zA-Z0-9%/&=.,:;_~-]{0,30}";
    prop_oneof![8 => (known, query).prop_map(|(path, query)| format!("{path}{query}")), 1 => other.prop_map(String::from)]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    let text = prop_oneof![
        Just(r#"{"group_id":"g"}"#),
        Just(r#"{"group_id":"g","settings":{"rollback_retry_delay":1e308}}"#),
        Just(r#"{"group_id":"g","settings":{"node_parallelism":-1}}"#),
        Just(r#"{"group_id":{"a":[1,{}]}}"#),
        Just(r#"[{"operation":"create","group_id":"g"},7,[]]"#),
        Just(r#"{"group_id":"\u0000"}"#),
        Just(r#"{"group_id":"\ud800"}"#),
        Just(""),
    ];
    prop_oneof![
        2 => text.prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..100),
        1 => (1..2_000_usize).prop_map(|depth| "[".repeat(depth).into_bytes()),
    ]
}

fn request() -> impl Strategy<Value = Request<Vec<u8>>> {
    let method = prop_oneof![
        4 => Just(Method::GET),
        4 => Just(Method::POST),
        2 => Just(Method::DELETE),
        1 => Just(Method::OPTIONS),
        1 => Just(Method::PATCH),
    ];
    let headers = prop::collection::vec(
        (
            prop_oneof![
                Just("idempotency-key"),
                Just("prefer"),
                Just("origin"),
                Just("last-event-id"),
                Just("access-control-request-method"),
            ],
            prop::collection::vec(any::<u8>(), 0..20),
        ),
        0..3,
    );
    (method, path(), body(), headers, 0..10_u8).prop_map(|(method, path, body, headers, access)| {
        let mut request = Request::builder().method(method).uri(path);
        for (name, bytes) in headers {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                request = request.header(name, value);
            }
        }
        if access > 0 {
            request = request.header(AUTHORIZATION, format!("Bearer {SECRET}"));
        }
        request.body(body).unwrap()
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn there_is_always_an_answer_and_trouble_is_a_problem_document(
        request in request(),
        redis in prop::collection::vec(prop::collection::vec(value(), 0..25), 0..4),
    ) {
        let (status, kind, body) = answer(&request, redis);
        prop_assert!((200..600).contains(&status));
        if status >= 400 {
            prop_assert_eq!(kind, "application/problem+json");
            let problem: serde_json::Value = serde_json::from_slice(&body).unwrap();
            prop_assert_eq!(&problem["status"], status);
            for field in ["type", "title", "detail", "next"] {
                prop_assert!(problem[field].as_str().is_some_and(|text| !text.is_empty()), "{field}");
            }
        }
        prop_assert!(!String::from_utf8_lossy(&body).contains(SECRET));
    }
}
