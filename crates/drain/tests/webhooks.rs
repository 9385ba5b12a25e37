//! Webhooks that Redis hands out are sent, signed, and their outcome is told at once.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

mod support;

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

use support::{text, turn};

/// Where a turn's arguments say for how long a webhook is handed out, in a drain without tasks.
const HANDED_OUT_FOR: usize = 16;

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
        let webhook = [
            text("t"),
            Value::Int(7),
            text("http://client.test"),
            text("http://client.test/ended"),
            text("g"),
            text("SUCCESS"),
            text("create"),
            text("4000"),
        ];
        ready(Ok(match self.0.borrow().len() {
            1 => turn("WORK", &[webhook], &[]),
            2 => turn("WORK", &[], &[]),
            _ => turn("END", &[], &[]),
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

/// What a drain does with the webhook: its requests, the outcome that it tells Redis in the second turn
/// (result, reason, how long the receiver asked to be left alone), and what it logs.
fn deliver(
    answer: Result<NodeResponse, SendError>,
    key: Option<&[u8]>,
) -> (Vec<NodeRequest>, Vec<String>, Vec<String>) {
    let (turns, waits, events) = (Turns::default(), Waits::default(), Events::default());
    let receiver = Receiver { answer, requests: RefCell::default() };
    let environment = Environment {
        store: Store::new(&turns),
        client: &receiver,
        adapter: ClusterManager::default(),
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
                keys: key.map(<[u8]>::to_vec).into_iter().collect(),
                timeout_ms: 200,
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
    // How long it is handed out for: the time-out and a lease.
    assert_eq!(turns[0][HANDED_OUT_FOR], b"1200");
    let mut outcomes = turns[1].windows(5).filter(|words| words[0] == b"t" && words[1] == b"7");
    let outcome = outcomes.next().unwrap()[2..].iter();
    let outcome: Vec<_> = outcome.map(|word| String::from_utf8_lossy(word).into_owned()).collect();
    assert!(!turns[2].iter().any(|word| word == b"t"), "an outcome is told once");
    (receiver.requests.into_inner(), outcome, events.0.into_inner())
}

fn answered(status: u16) -> Result<NodeResponse, SendError> {
    Ok(NodeResponse { status, ..NodeResponse::default() })
}

fn words(result: &str, reason: &str, retry_after_ms: u64) -> Vec<String> {
    vec![result.to_owned(), reason.to_owned(), retry_after_ms.to_string()]
}

#[test]
fn one_is_sent_signed_and_its_delivery_is_told() {
    let (requests, outcome, events) = deliver(answered(204), Some(b"key"));
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
    assert_eq!((outcome, events.len()), (words("delivered", "", 0), 0));
}

#[test]
fn a_failure_is_told_and_logged() {
    let lost = Err(SendError::Lost("connection reset".to_owned()));
    let refused = Err(SendError::NotSent("connection refused".to_owned()));
    let denied = Err(SendError::Denied("not allowed".to_owned()));
    let cases = [
        (answered(500), "trouble", "answered 500"),
        (answered(404), "failed", "answered 404"),
        (answered(302), "failed", "answered 302"),
        (answered(410), "gone", "answered 410: it wants no more of them"),
        (lost, "trouble", "connection reset"),
        (refused, "trouble", "connection refused"),
        (denied, "failed", "not allowed"),
        (Err(SendError::TimedOut), "trouble", "no answer within 200 ms"),
    ];
    for (answer, result, reason) in cases {
        let (_, outcome, events) = deliver(answer, Some(b"key"));
        assert_eq!(outcome, words(result, reason, 0));
        let expected = format!(
            "callback not delivered [(\"task_id\", \"t\"), (\"group_id\", \"g\"), (\"reason\", {reason:?})]"
        );
        assert_eq!(events, [expected]);
    }
}

#[test]
fn a_receiver_that_asks_to_be_left_alone_is() {
    let asked = |text: &str| {
        let headers = [("retry-after", text), ("date", "Sun, 06 Nov 1994 08:49:37 GMT")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        deliver(Ok(NodeResponse { status: 503, headers, ..NodeResponse::default() }), Some(b"key"))
            .1
    };
    assert_eq!(asked("7"), words("trouble", "answered 503", 7_000));
    let date = "Sun, 06 Nov 1994 08:51:07 GMT";
    assert_eq!(asked(date), words("trouble", "answered 503", 90_000));
    assert_eq!(asked("9999999"), words("trouble", "answered 503", 86_400_000), "a day at most");
}

#[test]
fn none_is_sent_without_a_key() {
    let (requests, outcome, _) = deliver(answered(204), None);
    assert!(requests.is_empty());
    assert_eq!(outcome, words("failed", "the setting callback_secret is not set", 0));
}
