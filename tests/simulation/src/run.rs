//! One seed: draw a world, let it suffer, heal it, and see it come to rest.

use std::rc::Rc;

use drain::{BreakerLimits, Limits, WebhookLimits};
use saga::Policy;

use crate::client::TASK_TTL_S;
use crate::fault::{Fault, Rates};
use crate::random::Random;
use crate::receiver::Receiver;
use crate::redis::Engine;
use crate::report::Report;
use crate::trace::Trace;
use crate::upgrade::Upgrade;
use crate::world::{NodeHealth, Sabotage, Setup, World};

/// Names that a URL would take apart, were they not escaped.
const GROUPS: [&str; 4] = ["g0", "g/1?", "g 2#", "g%333"];

/// What came of a seed.
pub struct Outcome {
    pub report: Report,
    pub trace: Trace,
    /// What broke a promise, in order; empty when all is well.
    pub violations: Vec<String>,
}

/// Runs one seed.
#[must_use]
pub fn run(
    engine: &Rc<Engine>,
    seed: u64,
    sabotage: Option<Sabotage>,
    keep_trace: bool,
) -> Outcome {
    let mut random = Random::new(seed);
    let setup = draw(&mut random, seed, sabotage, keep_trace);
    let world = World::new(engine, setup);
    *world.upgrade.borrow_mut() = Upgrade::draw(seed, world.hosts.borrow().len());
    begin(&world, &mut random);
    let is_over = || !world.checker.borrow().violations().is_empty();
    let safety_ms = random.between(1_000, 8_000);
    world.executor.run(safety_ms, is_over);
    if !is_over() {
        heal(&world, &mut random);
    }
    let outcome = finish(&world);
    world.executor.stop();
    outcome
}

fn draw(random: &mut Random, seed: u64, sabotage: Option<Sabotage>, keep_trace: bool) -> Setup {
    let lease_ms = random.between(1_000, 3_000);
    let nodes = random.between(1, 5);
    let small = |number: u64| u32::try_from(number).unwrap_or(1);
    Setup {
        seed,
        rates: Rates::draw(random),
        nodes: (0..nodes)
            .map(|_| NodeHealth { lenient: random.happens(500), ..NodeHealth::default() })
            .collect(),
        receivers: Receiver::draw_all(random),
        hosts: random.index(3) + 1,
        limits: Limits {
            concurrency: random.index(8) + 1,
            node_timeout_ms: random.between(50, lease_ms / 2),
            lease_ms,
            task_ttl_s: TASK_TTL_S,
            run_ms: if random.happens(500) { random.between(300, 3_000) } else { 20_000 },
            stays: true,
            breaker: BreakerLimits {
                failures_max: small(random.pick(&[0, 2, 20])),
                open_ms: random.between(1, 2_000),
                wait_ms: random.pick(&[0, 0, 3_000]),
            },
            webhooks: WebhookLimits {
                keys: vec![b"key".to_vec()],
                timeout_ms: random.between(100, 2_000),
                retry_delay_ms: random.between(1, 100),
                attempts_max: small(random.between(2, 4)),
            },
        },
        policy: Policy {
            forward_max_attempts: small(random.pick(&[1, 1, 1, 3])),
            node_parallelism: small(random.pick(&[1, 1, 1, 3])),
            rollback_max_retries: small(random.pick(&[0, 0, 1, 3])),
            rollback_retry_delay_ms: random.between(1, 1_000),
            rollback_backoff_percent: small(random.between(100, 200)),
            rollback_jitter_percent: small(random.between(0, 50)),
            max_recoveries: small(random.between(3, 10)),
            late_call_window_ms: if random.happens(200) { 0 } else { random.between(1, 10_000) },
        },
        latency_ms: random.between(0, 10),
        sabotage,
        keep_trace,
    }
}

fn begin(world: &Rc<World>, random: &mut Random) {
    // What makes dead letters, and several for one group and node.
    let is_moody = random.happens(400);
    if is_moody {
        for node in world.nodes.borrow_mut().iter_mut() {
            node.moody_until_ms = random.between(2_000, 16_000);
        }
    }
    let groups_max = if is_moody { 1 } else { GROUPS.len() as u64 };
    let count = usize::try_from(random.between(1, groups_max)).unwrap_or(1);
    let groups: Vec<String> = GROUPS.into_iter().take(count).map(str::to_owned).collect();
    for node in 0..world.nodes.borrow().len() {
        for group in &groups {
            if random.happens(200) {
                world.checker.borrow_mut().held_before(node, group);
            }
        }
    }
    world.desk.borrow_mut().groups = groups;
    world.desk.borrow_mut().is_unattended = is_moody && random.happens(500);
    world.desk.borrow_mut().max_queue = random.between(2, 12);
    for host in 0..world.hosts.borrow().len() {
        world.start_host(host);
    }
    for _ in 0..random.between(1, 3) {
        let actions = random.between(3, if is_moody { 36 } else { 12 });
        world.start_client(actions, random.between(1, 800));
    }
    world.start_monitor();
    world.start_chaos();
}

/// How long all may take to end once everything is well, in milliseconds: what is frozen thaws,
/// leases end, each task takes its retries, and what was left to a newer worker is due again.
fn bound_ms(world: &World) -> u64 {
    let unfinished = world.checker.borrow().unfinished().len() as u64;
    // A call that was given up on before all was well, and the undo of what it did: two windows.
    let windows_ms = 2 * world.policy.late_call_window_ms * (unfinished + 1);
    let left_ms = world.upgrade.borrow().delay_ms();
    8 * world.limits.lease_ms + 30_000 + 20_000 * unfinished + windows_ms + left_ms
}

fn heal(world: &Rc<World>, random: &mut Random) {
    world.desk.borrow_mut().is_closed = true;
    world.heal();
    let helper = Rc::clone(world);
    let way = random.below(3);
    if way == 0 {
        // A worker that is lost is followed by another only when somebody asks for something.
        world.poison.borrow_mut().clear();
    }
    let is_paused = random.happens(250);
    world.executor.spawn(async move {
        helper.resume().await;
        // A request that was still under way may be accepted within the registration of a drain that
        // has died, and then wakes nobody: what counts is a request after that.
        while helper.desk.borrow().at_work > 0 {
            helper.executor.sleep(10).await;
        }
        if is_paused {
            helper.pause_for_good().await;
        }
        match way {
            0 => one_message(&helper).await,
            1 => sweeps(&helper).await,
            _ => polls(&helper).await,
        }
    });
    if is_paused {
        end_what_has_begun(world);
        let helper = Rc::clone(world);
        world.executor.spawn(async move { helper.resume().await });
    }
    rest(world);
    // All is well, so a person who retries what was given up sees every node put right.
    if world.checker.borrow().violations().is_empty() {
        world.start_retrying_all();
        rest(world);
        let left = world.checker.borrow().open_dead_letters();
        if !left.is_empty() && world.checker.borrow().violations().is_empty() {
            world.checker.borrow_mut().violate(format!("retried, and still there: {left:?}"));
        }
    }
    // What is still under way must change nothing any more.
    let rest_ms = world.executor.now_ms() + 4 * world.limits.lease_ms;
    world.executor.run(rest_ms, || !world.checker.borrow().violations().is_empty());
    if world.checker.borrow().violations().is_empty() {
        world.checker.borrow_mut().at_rest(&mut world.server.borrow_mut().keyspace);
    }
}

/// While the queue is paused, what has begun ends, within the bound.
fn end_what_has_begun(world: &World) {
    let deadline_ms = world.executor.now_ms() + bound_ms(world);
    let has_ended = world.executor.run(deadline_ms, || {
        let checker = world.checker.borrow();
        !checker.violations().is_empty()
            || (checker.has_none_begun() && world.desk.borrow().is_paused)
    });
    world.report.borrow_mut().count("rests while paused", 1);
    if !has_ended {
        let unfinished = world.checker.borrow().unfinished().join(", ");
        let what = format!("begun, and the pause holds it back: {unfinished}");
        world.checker.borrow_mut().violate(what);
    }
}

/// Lets all tasks end, within the bound.
fn rest(world: &World) {
    let deadline_ms = world.executor.now_ms() + bound_ms(world);
    let came_to_rest = world.executor.run(deadline_ms, || {
        let checker = world.checker.borrow();
        !checker.violations().is_empty()
            || (checker.is_at_rest() && world.desk.borrow().at_work == 0)
    });
    if !came_to_rest {
        let unfinished = world.checker.borrow().unfinished().join(", ");
        let what = format!("not ended although all was well for long: {unfinished}");
        world.checker.borrow_mut().violate(what);
    }
}

/// One wake-up, as soon as a host listens, and no other request ever.
async fn one_message(world: &World) {
    loop {
        let listening = world.hosts.borrow().iter().position(|host| host.messages.is_some());
        if let Some(host) = listening {
            return world.wake(host);
        }
        world.executor.sleep(10).await;
    }
}

/// A cron job.
async fn sweeps(world: &Rc<World>) {
    while !world.checker.borrow().is_at_rest() {
        world.sweep().await;
        world.executor.sleep(world.limits.lease_ms / 2).await;
    }
}

/// A client that polls, as clients do.
async fn polls(world: &Rc<World>) {
    while !world.checker.borrow().is_at_rest() {
        let _ = world.poll_one().await;
        world.executor.sleep(300).await;
    }
}

/// Where no worker was lost but by poison, no other task was recovered for nothing or given up.
fn check_recoveries(world: &World) {
    if !world.loses_no_worker() {
        return;
    }
    let poison = world.poison.borrow();
    let counts = format!("{}counts", store::PREFIX);
    let recovered = world.server.borrow().keyspace.peek_field(&counts, "recovered").is_some();
    let mut checker = world.checker.borrow_mut();
    let is_poisoned = world.report.borrow().faults.contains_key(&Fault::Poison);
    if recovered && !is_poisoned {
        checker.violate("a task was recovered, and no worker was lost".to_owned());
    }
    let bystanders: Vec<_> =
        checker.given_up().filter(|id| !poison.contains(*id)).map(str::to_owned).collect();
    if !bystanders.is_empty() {
        checker.violate(format!("given up beside poison: {bystanders:?}"));
    }
}

fn finish(world: &Rc<World>) -> Outcome {
    check_recoveries(world);
    let checker = world.checker.borrow();
    let mut report = world.report.borrow().clone();
    report.ended = checker.ends();
    report.count("nodes checked", checker.checked);
    for (what, number) in [
        ("nodes excused", checker.excused),
        ("dead letters", checker.dead_letters_seen),
        ("late calls within their window", checker.late_in_window),
        ("late calls after their window", checker.late_out_of_window),
        ("tasks added to a dead letter", checker.dead_letters_joined),
    ] {
        if number > 0 {
            report.count(what, number);
        }
    }
    let counts = format!("{}counts", store::PREFIX);
    for (field, what) in [("recovered", "tasks recovered"), ("stale", "stale claims refused")] {
        let server = world.server.borrow();
        let number = server.keyspace.peek_field(&counts, field).and_then(|n| n.parse().ok());
        if let Some(number) = number {
            report.count(what, number);
        }
    }
    report.count("virtual ms", world.executor.now_ms());
    let trace = world.trace.borrow().clone();
    report.count("trace lines", trace.count());
    Outcome { report, trace, violations: checker.violations().to_vec() }
}
