//! One task that kills every worker that carries it out, and others beside it.

use std::collections::BTreeMap;
use std::rc::Rc;

use drain::{BreakerLimits, Limits, WebhookLimits};
use saga::{Operation, Policy, Task};
use store::{Admission, Store};

use crate::checker::Submitted;
use crate::connection::Connection;
use crate::fault::Rates;
use crate::redis::Engine;
use crate::world::{NodeHealth, Setup, World};

const LEASE_MS: u64 = 1_000;
/// By then every task has ended, the poison given up.
const DEADLINE_MS: u64 = 120_000;

/// Accepts the task `poison` and `beside` others, all claimed at once, and gives each one's end.
#[must_use]
pub fn run(engine: &Rc<Engine>, beside: usize) -> BTreeMap<String, String> {
    let world = World::new(engine, setup());
    world.poison.borrow_mut().insert("poison".to_owned());
    let names = std::iter::once("poison".to_owned()).chain((1..=beside).map(|n| format!("t{n}")));
    let names: Vec<String> = names.collect();
    let (clients, accepted) = (Rc::clone(&world), names.clone());
    world.executor.spawn(async move {
        for name in accepted {
            accept(&clients, &name).await;
        }
        // Each worker that is lost is followed by another.
        loop {
            clients.run_drain(0, true).await;
            clients.executor.sleep(1).await;
        }
    });
    let has_ended = || names.iter().all(|name| is_end(world.checker.borrow().state(name)));
    world.executor.run(DEADLINE_MS, has_ended);
    let ends = names.iter().map(|name| {
        let state = world.checker.borrow().state(name).unwrap_or_default().to_owned();
        (name.clone(), state)
    });
    let ends = ends.collect();
    world.executor.stop();
    ends
}

fn is_end(state: Option<&str>) -> bool {
    matches!(state, Some("SUCCESS" | "FAILURE" | "REVOKED"))
}

fn setup() -> Setup {
    Setup {
        seed: 0,
        rates: Rates::none(),
        nodes: vec![NodeHealth::default(); 2],
        hosts: 1,
        limits: Limits {
            concurrency: 16,
            node_timeout_ms: LEASE_MS / 2,
            lease_ms: LEASE_MS,
            task_ttl_s: 86_400,
            run_ms: 60_000,
            stays: true,
            breaker: BreakerLimits::default(),
            webhooks: WebhookLimits::default(),
        },
        policy: Policy { max_recoveries: 3, ..Policy::default() },
        latency_ms: 5,
        receivers: Vec::new(),
        sabotage: None,
        keep_trace: true,
    }
}

async fn accept(world: &Rc<World>, id: &str) {
    let nodes = vec!["n0".to_owned(), "n1".to_owned()];
    let policy = world.policy.clone();
    let task = Task::new(id.to_owned(), Operation::Create, id.to_owned(), nodes, policy);
    world.checker.borrow_mut().submits(Submitted {
        id: id.to_owned(),
        group: id.to_owned(),
        operation: Operation::Create,
        nodes: vec![0, 1],
        dead_letter: None,
        key: None,
    });
    let store = Store::new(Connection::open(world, None));
    let admission = Admission { max_queue: 100, ..Admission::default() };
    store.accept(&task, admission).await.expect("a healthy Redis");
}
