//! Webhooks that Redis hands out are sent, signed, and their outcome is told at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use std::cell::{Cell, RefCell};
use std::future::{Future, ready};

use clock::Clock;
use drain::{
    BreakerLimits, Environment, Level, Limits, Log, NodeClient, NodeRequest, NodeResponse,
    SendError, WebhookLimits,
};
use futures::executor::block_on;
use node_adapter::ClusterManager;
use store::{Redis, RedisError, Store, Value};

/// Hands out one webhook in the first turn, ends the drain in the third, and keeps what it is told.
#[derive(Default)]
struct Turns(RefCell<Vec<Vec<Vec<u8>>>>);

impl Redis for &Turns {
    fn command(
        &self,
        _: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        self.0.borrow_mut().push(arguments);
        let text = |text: &str| Value::Bytes(text.as_bytes().to_vec());
        let turn = |instruction, webhooks| {
            let none = Value::Int(0);
            let wait_ms = Value::Int(-1);
            let now_ms = Value::Int(5_000);
            vec![now_ms, text(instruction), wait_ms, none.clone(), none, Value::Int(webhooks)]
        };
        ready(Ok(match self.0.borrow().len() {
            1 => {
                let mut turn = turn("WORK", 1);
                turn.extend([text("t"), Value::Int(7), text("http://client.test/ended")]);
                turn.extend([text("g"), text("SUCCESS"), text("create"), text("4000")]);
                turn
            }
            2 => turn("WORK", 0),
            _ => turn("END", 0),
        }))
    }
}

/// Whoever asked for the webhook.
struct Receiver {
    answer: Result<NodeResponse, SendError>,
    requests: RefCell<Vec<NodeRequest>>,
}

impl NodeClient for &Receiver {
    fn send(
        &self,
        request: NodeRequest,
        _: u64,
    ) -> impl Future<Output = Result<NodeResponse, SendError>> {
        self.requests.borrow_mut().push(request);
        ready(self.answer.clone())
    }
}

/// A clock on which waiting takes no time, and which counts the waits.
#[derive(Default)]
struct Waits(Cell<usize>);

impl Clock for &Waits {
    fn now_ms(&self) -> u64 {
        0
    }

    fn sleep(&self, _: u64) -> impl Future<Output = ()> {
        self.0.set(self.0.get() + 1);
        ready(())
    }
}

#[derive(Default)]
struct Events(RefCell<Vec<String>>);

impl Log for &Events {
    fn write(&self, _: Level, event: &str, fields: &[(&str, &str)]) {
        self.0.borrow_mut().push(format!("{event} {fields:?}"));
    }
}

/// What a drain does with the webhook: its requests, the failure that it tells Redis in the second
/// turn, and what it logs.
fn deliver(
    answer: Result<NodeResponse, SendError>,
    key: Option<&[u8]>,
) -> (Vec<NodeRequest>, String, Vec<String>) {
    let (turns, waits, events) = (Turns::default(), Waits::default(), Events::default());
    let receiver = Receiver { answer, requests: RefCell::default() };
    let environment = Environment {
        store: Store::new(&turns),
        client: &receiver,
        adapter: ClusterManager,
        clock: &waits,
        log: &events,
        limits: Limits {
            concurrency: 4,
            node_timeout_ms: 100,
            lease_ms: 1_000,
            task_ttl_s: 60,
            run_ms: 10_000,
            stays: false,
            breaker: BreakerLimits::default(),
            webhooks: WebhookLimits {
                key: key.map(<[u8]>::to_vec),
                retry_delay_ms: 10,
                attempts_max: 3,
            },
        },
    };
    let report = block_on(drain::run(&environment, "d")).unwrap();
    assert_eq!(report.turns, 3);
    assert_eq!(report.calls, 0, "a webhook is no call to a node");
    assert_eq!(waits.0.get(), 1, "the outcome is told without a wait");
    let turns = turns.0.into_inner();
    let mut outcomes = turns[1].windows(3).filter(|words| words[0] == b"t" && words[1] == b"7");
    let failure = String::from_utf8(outcomes.next().unwrap()[2].clone()).unwrap();
    assert!(!turns[2].iter().any(|word| word == b"t"), "an outcome is told once");
    (receiver.requests.into_inner(), failure, events.0.into_inner())
}

fn answered(status: u16) -> Result<NodeResponse, SendError> {
    Ok(NodeResponse { status, body: Vec::new() })
}

#[test]
fn one_is_sent_signed_and_its_delivery_is_told() {
    let (requests, failure, events) = deliver(answered(204), Some(b"key"));
    let [request] = requests.as_slice() else { panic!("{requests:?}") };
    assert_eq!(
        (request.method.as_str(), request.url.to_string().as_str()),
        ("POST", "http://client.test/ended")
    );
    let header = |name: &str| {
        let mut headers = request.headers.iter().filter(|(header, _)| header == name);
        headers.next().map(|(_, value)| value.as_str()).unwrap()
    };
    assert_eq!(header("webhook-id"), "t");
    assert_eq!(header("webhook-timestamp"), "5", "the time is Redis's");
    assert!(header("webhook-signature").starts_with("v1,"));
    assert_eq!((failure.as_str(), events.len()), ("", 0));
}

#[test]
fn a_failure_is_told_and_logged() {
    let lost = Err(SendError::Lost("connection reset".to_owned()));
    let cases = [
        (answered(500), "answered 500"),
        (lost, "connection reset"),
        (Err(SendError::TimedOut), "no answer within 100 ms"),
    ];
    for (answer, reason) in cases {
        let (_, failure, events) = deliver(answer, Some(b"key"));
        assert_eq!(failure, reason);
        let expected = format!(
            "callback not delivered [(\"task_id\", \"t\"), (\"group_id\", \"g\"), (\"reason\", {reason:?})]"
        );
        assert_eq!(events, [expected]);
    }
}

#[test]
fn none_is_sent_without_a_key() {
    let (requests, failure, _) = deliver(answered(204), None);
    assert!(requests.is_empty());
    assert_eq!(failure, "the setting callback_secret is not set");
}
