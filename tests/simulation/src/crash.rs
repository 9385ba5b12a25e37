//! One task under one failure, and workers lost at chosen effects: small enough to try every case.

use std::cell::Cell;
use std::rc::Rc;

use drain::{BreakerLimits, Limits, WebhookLimits};
use saga::{Operation, Policy, Task, Verb};
use store::{Admission, Store};

use crate::checker::Submitted;
use crate::connection::Connection;
use crate::fault::Rates;
use crate::network::NodeFault;
use crate::redis::Engine;
use crate::world::{NodeHealth, Setup, World};

const LEASE_MS: u64 = 200;
/// For how long a call that was given up on is reckoned with, in milliseconds.
pub const WINDOW_MS: u64 = 500;
/// The keys in which drains keep what is about themselves.
const OWN: [&str; 7] =
    ["counts:", "metrics:", "node-calls:", "called-nodes:", "drains:", "clock:", "wake:"];
/// By then any of these tasks has ended, two lost workers included.
const DEADLINE_MS: u64 = 60_000;

/// What goes wrong at one node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failing {
    Nothing,
    /// The node answers its first call that is to change something like this.
    Act(NodeFault),
    /// Its first inspection goes like this.
    Inspection(NodeFault),
    /// Its first change is applied and its answer lost, and it can be asked nothing more going
    /// forward.
    Dumb,
}

/// What goes wrong when the node before the failing one (or itself, if it is the first) is undone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Undoing {
    Works,
    /// The first time this happens.
    Once(NodeFault),
    /// It never works.
    Never,
}

/// One case.
#[derive(Clone, Debug)]
pub struct Case {
    pub operation: Operation,
    /// Which nodes hold the group before.
    pub before: Vec<bool>,
    pub failing: usize,
    pub fault: Failing,
    pub undoing: Undoing,
    pub parallelism: u32,
    /// Effects at which a worker is lost, counted over the whole case.
    pub crashes: Vec<u64>,
    /// After how long the node carries out a call over which a worker was lost, in milliseconds; `None` =
    /// never.
    pub late_after_ms: Option<u64>,
    /// A second task, on another group, whose worker was lost as it rolled back, is to be taken over
    /// from this effect on. It meets the fault, and this case's own task does not.
    pub companion_back_at: Option<u64>,
}

/// What came of a case.
pub struct Ended {
    pub state: String,
    /// Effects of workers that there were.
    pub effects: u64,
    pub violations: Vec<String>,
    pub trace: Vec<String>,
}

/// Makes a world with one task in it, accepted and not yet begun.
#[must_use]
pub fn world(engine: &Rc<Engine>, case: &Case, hosts: usize) -> Rc<World> {
    let nodes = case.before.len();
    let world = World::new(
        engine,
        Setup {
            seed: 0,
            rates: Rates::none(),
            nodes: vec![NodeHealth::default(); nodes],
            receivers: Vec::new(),
            hosts,
            limits: Limits {
                concurrency: 4,
                node_timeout_ms: 50,
                lease_ms: LEASE_MS,
                task_ttl_s: 86_400,
                run_ms: 60_000,
                stays: true,
                breaker: BreakerLimits::default(),
                webhooks: WebhookLimits::default(),
            },
            policy: Policy {
                rollback_max_retries: 1,
                rollback_retry_delay_ms: 50,
                node_parallelism: case.parallelism,
                late_call_window_ms: WINDOW_MS,
                ..Policy::default()
            },
            latency_ms: 0,
            sabotage: None,
            keep_trace: true,
        },
    );
    for (node, held) in case.before.iter().enumerate() {
        if *held {
            world.checker.borrow_mut().held_before(node, "g");
        }
    }
    script(&world, case);
    if let Some(effect) = case.companion_back_at {
        leave_companion(&world, case);
        world.effects.set(0);
        *world.lapse_at.borrow_mut() = Some((effect, "u".to_owned()));
    }
    accept(&world, case, "t", "g");
    world
}

/// Leaves a task behind that was rolling back as its worker was lost.
fn leave_companion(world: &Rc<World>, case: &Case) {
    accept(world, case, "u", "h");
    let worker = Rc::clone(world);
    world.executor.spawn(async move {
        worker.run_drain(0, true).await;
    });
    let is_back = || world.checker.borrow().state("u") == Some("RETRY");
    world.executor.run(1_000, is_back);
    world.crash(0);
}

fn accept(world: &Rc<World>, case: &Case, id: &str, group: &str) {
    let nodes: Vec<usize> = (0..case.before.len()).collect();
    let addresses = nodes.iter().map(|node| format!("n{node}")).collect();
    let task = Task::new(id.into(), case.operation, group.into(), addresses, world.policy.clone());
    world.checker.borrow_mut().submits(Submitted {
        id: id.into(),
        group: group.into(),
        operation: case.operation,
        nodes,
        dead_letter: None,
        key: None,
    });
    let (asking, done) = (Rc::clone(world), Rc::new(Cell::new(false)));
    let (is_done, promised) = (Rc::clone(&done), id.to_owned());
    world.executor.spawn(async move {
        let store = Store::new(Connection::open(&asking, None));
        let admission = Admission { max_queue: 1, ..Admission::default() };
        store.accept(&task, admission).await.expect("a healthy Redis");
        asking.checker.borrow_mut().promised(&promised);
        is_done.set(true);
    });
    world.executor.run(1_000, || done.get());
}

fn script(world: &Rc<World>, case: &Case) {
    let (case, applies, inspections, undos) =
        (case.clone(), Cell::new(0), Cell::new(0), Cell::new(0));
    let next = |count: &Cell<u32>| count.replace(count.get() + 1);
    let script = move |node: usize, verb: Verb| match verb {
        Verb::Inspect if node == case.failing => match (case.fault, next(&inspections)) {
            (Failing::Inspection(fault), 0) => fault,
            // The first inspection is fine, and the one that is to confirm its lost call is not.
            (Failing::Dumb, 1) => NodeFault::Answers { status: 500 },
            _ => NodeFault::Nothing,
        },
        Verb::Inspect => NodeFault::Nothing,
        Verb::Change(operation) if operation == case.operation && node == case.failing => {
            match (case.fault, next(&applies)) {
                (Failing::Act(fault), 0) => fault,
                (Failing::Dumb, 0) => NodeFault::AnswerLost,
                _ => NodeFault::Nothing,
            }
        }
        Verb::Change(operation)
            if operation != case.operation && node == case.failing.saturating_sub(1) =>
        {
            match (case.undoing, next(&undos)) {
                (Undoing::Once(fault), 0) => fault,
                (Undoing::Never, _) => NodeFault::Answers { status: 500 },
                _ => NodeFault::Nothing,
            }
        }
        Verb::Change(_) => NodeFault::Nothing,
    };
    *world.script.borrow_mut() = Some(Box::new(script));
}

/// Runs a case to its end.
#[must_use]
pub fn run(engine: &Rc<Engine>, case: &Case) -> Ended {
    let world = world(engine, case, 1);
    world.crash_at.borrow_mut().extend(&case.crashes);
    world.carried_out_after_ms.set(case.late_after_ms);
    let helper = Rc::clone(&world);
    world.executor.spawn(async move {
        // Each worker that is lost is followed by another.
        while !helper.run_drain(0, true).await {}
    });
    run_until_rest(&world);
    if world.checker.borrow().violations().is_empty() {
        world.checker.borrow_mut().at_rest(&mut world.server.borrow_mut().keyspace);
    }
    let ended = Ended {
        state: world.checker.borrow().state("t").unwrap_or("nowhere").to_owned(),
        effects: world.effects.get(),
        violations: world.checker.borrow().violations().to_vec(),
        trace: world.trace.borrow().lines().to_vec(),
    };
    world.executor.stop();
    ended
}

/// Until the task has ended, or something was found amiss, and everything has come to rest.
fn run_until_rest(world: &World) {
    let is_over = || {
        let checker = world.checker.borrow();
        checker.is_at_rest() || !checker.violations().is_empty()
    };
    if !world.executor.run(DEADLINE_MS, is_over) {
        world.checker.borrow_mut().violate("it does not end".to_owned());
    }
    let rest_ms = world.executor.now_ms() + 3 * LEASE_MS + WINDOW_MS;
    world.executor.run(rest_ms, || false);
}

/// Runs a case in which the first worker is not lost at effect `at`, but stands still there until
/// another has ended the task, and then goes on. Gives what Redis held before it went on and after,
/// but for what drains keep about themselves; nothing when there is no such effect.
#[must_use]
pub fn run_stale(engine: &Rc<Engine>, case: &Case, at: u64) -> Option<(Ended, Vec<[String; 2]>)> {
    let world = world(engine, case, 2);
    world.freeze_at.set(Some(at));
    let (first, second) = (Rc::clone(&world), Rc::clone(&world));
    let went_on = Rc::new(Cell::new(false));
    let has_gone_on = Rc::clone(&went_on);
    world.executor.spawn(async move {
        first.run_drain(0, true).await;
        has_gone_on.set(true);
    });
    let is_frozen = || world.frozen.borrow().is_some();
    if !world.executor.run(DEADLINE_MS, || is_frozen() || went_on.get()) || !is_frozen() {
        world.executor.stop();
        return None;
    }
    world.executor.spawn(async move {
        second.run_drain(1, true).await;
    });
    // The second drain ends too, before the first goes on.
    run_until_rest(&world);
    let before = world.server.borrow_mut().keyspace.dump();
    if let Some(thaw) = world.frozen.borrow_mut().take() {
        let _ = thaw.send(());
    }
    let rest_ms = world.executor.now_ms() + 3 * LEASE_MS;
    world.executor.run(rest_ms, || went_on.get());
    let mut changed = Vec::new();
    let after = world.server.borrow_mut().keyspace.dump();
    for (key, value) in &before {
        if after.get(key) != Some(value) {
            let now = after.get(key).cloned().unwrap_or_default();
            changed.push([format!("{key}: {value}"), now]);
        }
    }
    for (key, value) in after.iter().filter(|(key, _)| !before.contains_key(*key)) {
        changed.push([format!("{key}: nothing"), value.clone()]);
    }
    // It counts itself: that it was stale, what calls it made, (while it lives) that it does, and when it
    // took a turn.
    changed.retain(|[key, _]| !OWN.iter().any(|own| key.contains(&format!("}}:{own}"))));
    let ended = Ended {
        state: world.checker.borrow().state("t").unwrap_or("nowhere").to_owned(),
        effects: world.effects.get(),
        violations: world.checker.borrow().violations().to_vec(),
        trace: world.trace.borrow().lines().to_vec(),
    };
    world.executor.stop();
    Some((ended, changed))
}
