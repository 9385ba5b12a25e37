//! A check of a group's nodes ends, however many of them hang.

#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

mod support;

use std::cell::Cell;
use std::future::{Future, pending};
use std::rc::Rc;
use std::task::Poll;

use clock::Clock;
use drain::Report;
use futures::executor::block_on;
use futures::future::poll_fn;
use http::Request;
use routes::{Api, Body, Incoming, Nodes, Problem};
use saga::Presence;
use serde_json::{Value as Json, json};
use settings::{Access, ApiSettings};
use store::{Store, StoreError, Value};
use testkit_redis::Scripted;

/// A clock whose waits end soon after everything else has stopped.
#[derive(Clone, Default)]
struct Soon(Rc<Cell<u64>>);

impl Clock for Soon {
    fn now_ms(&self) -> u64 {
        0
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        self.0.set(ms);
        let mut polls = 0;
        poll_fn(move |context| {
            polls += 1;
            if polls > 9 {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
    }
}

/// Nodes that hang, but for one.
struct Hanging;

impl Nodes for Hanging {
    fn check_group_id(&self, _: &str) -> Result<(), Problem> {
        Ok(())
    }

    async fn inspect(&self, node: &str, _: &str) -> Option<Result<Presence, String>> {
        if node == "n7:80" { Some(Ok(Presence::Present)) } else { pending().await }
    }

    async fn sweep(&self) -> Option<Result<Report, StoreError>> {
        None
    }
}

#[test]
fn a_check_of_a_thousand_hanging_nodes_ends() {
    let clock = Soon::default();
    let api = Api {
        store: Store::new(Scripted::new(vec![vec![Value::Int(0); 4]])),
        settings: ApiSettings {
            nodes: (0..1_000).map(|node| format!("n{node}:80")).collect(),
            ..support::settings()
        },
        worker_settings: || Ok(()),
        nodes: Hanging,
        clock: clock.clone(),
        new_id: uuid::Uuid::nil,
    };
    let request = Request::get("/groups/by-id/g?check=true").body(Vec::new()).unwrap();
    let access = Access { tokens: Ok(Vec::new()), origins: Ok(Vec::new()) };
    let incoming = Incoming { request, unread: None };
    let (parts, body) = block_on(routes::answer(incoming, &access, || Ok(api))).into_parts();
    let Body::Whole(body) = body else { unreachable!("it is no stream") };
    let answer: Json = serde_json::from_slice(&body).unwrap();
    assert_eq!((parts.status.as_u16(), clock.0.get()), (200, 15_000));
    let nodes = answer["nodes"].as_array().unwrap();
    assert_eq!(nodes.len(), 1_000);
    assert_eq!(nodes[7], json!({"node": "n7:80", "known": null, "actual": "present"}));
    for node in [&nodes[0], &nodes[999]] {
        assert!(node["actual"].is_null() && node["error"].is_string(), "{node}");
    }
}
