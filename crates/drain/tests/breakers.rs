//! Circuit breakers as tasks meet them: what opens one, and what happens to a task meanwhile.

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
    BreakerLimits, Environment, Limits, NodeClient, NodeRequest, NodeResponse, SendError,
    WebhookLimits,
};
use futures::executor::block_on;
use node_adapter::ClusterManager;
use saga::{Operation, Policy, Task};
use store::{Redis, RedisError, Store, Value};

use support::{NOW_MS, Silence, claim, turn};

const FAILURES_MAX: u32 = 3;
const OPEN_MS: u64 = 700;
/// How many tasks come before the one that is looked at.
const OTHERS: usize = 10;

/// Hands out some tasks, then one more once they have ended, and keeps what it is told.
struct Turns {
    tasks: RefCell<Vec<Vec<Task>>>,
    told: RefCell<Vec<Vec<Vec<u8>>>>,
}

impl Redis for &Turns {
    fn command(
        &self,
        _: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        self.told.borrow_mut().push(arguments);
        let claimed = self.tasks.borrow_mut().pop();
        let instruction = if claimed.is_some() { "WORK" } else { "END" };
        let claims = claimed
            .unwrap_or_default()
            .into_iter()
            .map(|task| claim(task.id(), task.group_id(), task.to_record().unwrap()));
        ready(Ok(turn(instruction, &[], &claims.collect::<Vec<_>>())))
    }
}

/// One node: it answers for groups that begin with `bad` as told, and else as a node that is well.
struct Node {
    bad: Result<NodeResponse, SendError>,
    calls: Cell<usize>,
}

impl NodeClient for &Node {
    fn send(
        &self,
        request: NodeRequest,
        _: u64,
    ) -> impl Future<Output = Result<NodeResponse, SendError>> {
        self.calls.set(self.calls.get() + 1);
        let is_bad = request.url.to_string().contains("/bad");
        let status = if request.method == "GET" { 404 } else { 201 };
        ready(if is_bad { self.bad.clone() } else { answered(status) })
    }
}

fn answered(status: u16) -> Result<NodeResponse, SendError> {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = b"{}".to_vec();
    Ok(NodeResponse { status, headers, body, body_is_whole: true })
}

struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        0
    }

    fn sleep(&self, _: u64) -> impl Future<Output = ()> {
        ready(())
    }
}

fn task(id: &str, group: &str) -> Task {
    let policy = Policy::default();
    Task::new(id.into(), Operation::Create, group.into(), vec!["n1:1".into()], policy)
}

/// What became of a task that a drain claims after ten others, on such groups, have ended there: the
/// kind of its last commit, the state and when it is due; and how often its node was called for it.
fn after(
    others: &str,
    bad: Result<NodeResponse, SendError>,
    wait_ms: u64,
) -> ((String, String, u64), usize) {
    let first = (0..OTHERS).map(|number| task(&format!("o{number}"), others)).collect();
    // The last is handed out first.
    let tasks = RefCell::new(vec![Vec::new(), Vec::new(), vec![task("t", "good")], first]);
    let turns = Turns { tasks, told: RefCell::default() };
    let node = Node { bad, calls: Cell::new(0) };
    let environment = Environment {
        store: Store::new(&turns),
        client: &node,
        adapter: ClusterManager::default(),
        clock: Still,
        log: Silence,
        limits: Limits {
            concurrency: 64,
            node_timeout_ms: 100,
            lease_ms: 1_000,
            task_ttl_s: 60,
            run_ms: 10_000,
            stays: false,
            breaker: BreakerLimits { failures_max: FAILURES_MAX, open_ms: OPEN_MS, wait_ms },
            webhooks: WebhookLimits::default(),
        },
    };
    block_on(drain::run(&environment, "d")).unwrap();
    let told = turns.told.into_inner();
    let commit = told.iter().rev().find_map(|words| {
        let at = words.windows(2).position(|two| two[0] == b"t" && two[1] == b"1")?;
        let word = |place: usize| String::from_utf8_lossy(&words[at + place]).into_owned();
        Some((word(2), word(3), word(5).parse().unwrap()))
    });
    (commit.unwrap(), node.calls.get())
}

fn finished(state: &str) -> (String, String, u64) {
    ("finish".to_owned(), state.to_owned(), 0)
}

#[test]
fn what_is_no_trouble_of_the_node_stops_nobody() {
    let denied = || Err(SendError::Denied("not allowed".to_owned()));
    let mut cases = vec![("bad", denied()), (".", answered(500))];
    for status in [400, 401, 403, 405, 409, 414, 422, 429] {
        cases.push(("bad", answered(status)));
    }
    for (group, bad) in cases {
        let (commit, _) = after(group, bad.clone(), 0);
        assert_eq!(commit, finished("SUCCESS"), "{group}: {bad:?}");
    }
}

#[test]
fn trouble_opens_it_and_a_task_fails_at_once_or_waits() {
    let not_sent = Err(SendError::NotSent("connection refused".to_owned()));
    for bad in [not_sent, Err(SendError::TimedOut), answered(500), answered(503)] {
        let (commit, calls) = after("bad", bad.clone(), 0);
        assert_eq!(commit, finished("FAILURE"), "{bad:?}");
        assert_eq!(calls, OTHERS, "the node is left alone: {bad:?}");
        let (commit, calls) = after("bad", bad.clone(), 60_000);
        let due_at_ms = u64::try_from(NOW_MS).unwrap() + OPEN_MS;
        assert_eq!(commit, ("delay".to_owned(), "STARTED".to_owned(), due_at_ms), "{bad:?}");
        assert_eq!(calls, OTHERS);
    }
}
