//! Whatever Redis and the nodes answer: a drain ends, with an error at worst.

#![allow(clippy::unwrap_used, reason = "a test stops when something is amiss")]

mod support;

use std::cell::{Cell, RefCell};
use std::future::{Future, ready};

use clock::Clock;
use drain::{
    BreakerLimits, Environment, Limits, NodeClient, NodeRequest, NodeResponse, SendError,
    WebhookLimits,
};
use futures::executor::block_on;
use node_adapter::{Adapter, Failure, Finding, Operation, PreparedRequest, Retry, Verdict};
use proptest::prelude::*;
use store::{Store, Value};
use testkit_redis::Scripted;

use support::{Silence, claim, turn};

struct Nodes(RefCell<Vec<Result<NodeResponse, SendError>>>);

impl NodeClient for Nodes {
    fn send(
        &self,
        _: NodeRequest,
        _: u64,
    ) -> impl Future<Output = Result<NodeResponse, SendError>> {
        ready(self.0.borrow_mut().pop().unwrap_or(Err(SendError::TimedOut)))
    }
}

/// An adapter that has an answer to everything.
struct Anything;

impl Adapter for Anything {
    fn check_group_id(&self, _: &str) -> Result<(), String> {
        Ok(())
    }

    fn is_conclusive(&self, _: Operation) -> bool {
        false
    }

    fn prepare(&self, _: Operation, group_id: &str) -> Result<PreparedRequest, String> {
        self.prepare_inspection(group_id)
    }

    fn prepare_inspection(&self, group_id: &str) -> Result<PreparedRequest, String> {
        if group_id.len() > 20 {
            return Err("too long".to_owned());
        }
        let method = "GET".to_owned();
        let path_with_query = format!("/{group_id}");
        Ok(PreparedRequest { method, path_with_query, ..PreparedRequest::default() })
    }

    fn interpret(&self, _: Operation, _: &str, answer: NodeResponse) -> Verdict {
        let failure = Failure::new("who knows", retry(answer.status));
        match answer.status % 7 {
            0 => Verdict::Applied,
            1 => Verdict::AsAsked,
            2 => Verdict::Unchanged,
            3 => Verdict::Refused(failure),
            4 => Verdict::Inspect(failure),
            5 => Verdict::Foreign(failure),
            _ => Verdict::Unknown(failure),
        }
    }

    fn interpret_inspection(&self, _: &str, answer: NodeResponse) -> Finding {
        match answer.status % 3 {
            0 => Finding::Present,
            1 => Finding::Absent,
            _ => Finding::Unclear(Failure::new("who knows", retry(answer.status))),
        }
    }
}

fn retry(status: u16) -> Retry {
    match status % 4 {
        0 => Retry::ByStatus,
        1 => Retry::Never,
        2 => Retry::Later,
        _ => Retry::After(u32::from(status)),
    }
}

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

fn record() -> Vec<u8> {
    let policy = saga::Policy::default();
    let nodes = vec!["n1:1".to_owned(), "n2:1".to_owned()];
    let task =
        saga::Task::new("t".to_owned(), saga::Operation::Create, "g".to_owned(), nodes, policy);
    task.to_record().unwrap()
}

/// Words that turns are answered with, and others.
fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Nil),
        any::<i64>().prop_map(Value::Int),
        (0..2_i64).prop_map(Value::Int),
        prop::collection::vec(any::<u8>(), 0..12).prop_map(Value::Bytes),
        Just(Value::Bytes(b"WORK".to_vec())),
        Just(Value::Bytes(record())),
    ]
}

/// A turn's answer that claims a task.
fn good_turn() -> Vec<Value> {
    turn("WORK", &[], &[claim("t", "g", record())])
}

/// The same, some of whose values may be others.
fn any_turn() -> impl Strategy<Value = Vec<Value>> {
    let good = good_turn();
    let length = good.len();
    let damaged = (Just(good.clone()), 0..length, value()).prop_map(|(mut turn, at, value)| {
        if let Some(place) = turn.get_mut(at) {
            *place = value;
        }
        turn
    });
    prop_oneof![3 => Just(good), 3 => damaged, 1 => prop::collection::vec(value(), 0..20)]
}

fn response() -> impl Strategy<Value = Result<NodeResponse, SendError>> {
    prop_oneof![
        4 => any::<u16>().prop_map(|status| Ok(NodeResponse { status, ..NodeResponse::default() })),
        1 => Just(Err(SendError::NotSent("no".to_owned()))),
        1 => Just(Err(SendError::Denied("no".to_owned()))),
        1 => Just(Err(SendError::Lost("no".to_owned()))),
        1 => Just(Err(SendError::TimedOut)),
    ]
}

/// Runs a drain on these answers, the last of the nodes' first. Gives how many of those are left.
fn drain(turns: Vec<Vec<Value>>, responses: Vec<Result<NodeResponse, SendError>>) -> usize {
    let environment = Environment {
        store: Store::new(Scripted::new(turns)),
        client: Nodes(RefCell::new(responses)),
        adapter: Anything,
        clock: Instantly::default(),
        log: Silence,
        limits: Limits {
            concurrency: 4,
            node_timeout_ms: 100,
            lease_ms: 1_000,
            task_ttl_s: 60,
            run_ms: 10_000,
            stays: true,
            breaker: BreakerLimits { failures_max: 3, open_ms: 10, wait_ms: 20 },
            webhooks: WebhookLimits::default(),
        },
    };
    // Redis goes away in the end, so an error is all that a drain may be left with.
    let _ = block_on(drain::run(&environment, "d"));
    environment.client.0.into_inner().len()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_drain_ends(
        turns in prop::collection::vec(any_turn(), 0..8),
        responses in prop::collection::vec(response(), 0..20),
    ) {
        drain(turns, responses);
    }
}

/// What is damaged above is an answer that is understood.
#[test]
fn a_task_that_is_claimed_is_carried_out() {
    let answered = NodeResponse { status: 7, ..NodeResponse::default() };
    let left = drain(vec![good_turn()], vec![Ok(answered); 9]);
    assert!(left < 9, "its nodes are called");
}
