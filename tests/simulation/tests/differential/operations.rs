//! Random operations of the store.

use std::collections::{BTreeMap, BTreeSet};

use futures::executor::block_on;
use saga::{
    Answer, CallKind, ChangeAnswer, DeadLetter, Failure, Inspection, Operation, Policy, Presence,
    Starting, Status, Task,
};
use simulation::random::Random;
use store::{
    Admission, BreakerChange, CallbackOutcome, CallbackTurn, Claimed, Commit, CommitKind,
    DeadLetterFilter, Delivery, Idempotency, Rate, Redis, Store, StoreError, TaskFilter, Turn,
};
use testkit_redis::Server;

use super::both::{Model, Real, compare, expire};

/// One operation, with all that was drawn for it.
#[derive(Debug)]
enum Act {
    Accept { task: Task, max_queue: u64, key: Option<String>, rate: Option<u64> },
    Poll(String),
    Cancel(String),
    Turn(DrainTurn),
    DeadLetters,
    Retry { dead_letter: DeadLetter, task: Task },
    Discard(DeadLetter),
    Tasks { group: Option<String>, node: bool, count: u64 },
    Groups,
    Group(String),
    Overview,
    Pause(bool),
}

#[derive(Debug)]
struct DrainTurn {
    drain: String,
    slots: usize,
    lease_ms: u64,
    idle: bool,
    closing: bool,
    stays: bool,
    renewals: Vec<(String, u64)>,
    commits: Vec<Commit>,
}

/// Does it, and gives what came of it as text.
async fn act<R: Redis>(store: &Store<R>, act: &Act) -> Result<String, StoreError> {
    Ok(match act {
        Act::Accept { task, max_queue, key, rate } => {
            let idempotency = key.as_deref().map(|key| Idempotency {
                key,
                digest: task.group_id(),
                ttl_s: 100_000,
            });
            let rate = rate.map(|per_second| Rate { caller: "somebody", per_second });
            let callback = key.as_ref().map(|_| "http://hook/");
            let admission = Admission { max_queue: *max_queue, idempotency, rate, callback };
            format!("{:?}", store.accept(task, admission).await?)
        }
        Act::Poll(id) => format!("{:?}", store.poll(id).await?),
        Act::Cancel(id) => format!("{:?}", store.cancel(id, 100_000, "somebody").await?),
        Act::Turn(turn) => {
            // Outcomes of callbacks that were handed out, and of others that never were.
            let outcomes = turn.renewals.iter().map(|(task_id, claim)| CallbackOutcome {
                task_id: task_id.clone(),
                claim: *claim,
                delivery: match (turn.idle, turn.closing) {
                    (false, false) => Delivery::Delivered,
                    (false, true) => Delivery::Gone("gone".to_owned()),
                    (true, is_trouble) => {
                        Delivery::Failed { reason: "no".to_owned(), is_trouble, retry_after_ms: 5 }
                    }
                },
            });
            let callbacks = CallbackTurn {
                max: 2,
                lease_ms: turn.lease_ms,
                receiver_places: 2,
                retry_delay_ms: 10,
                attempts_max: 2,
                failures_max: 1,
                open_ms: 50,
                under_way: [("http://hook".to_owned(), usize::from(turn.stays))].into(),
                outcomes: outcomes.collect(),
            };
            let open_until_ms = turn.stays.then_some(u64::from(u32::MAX));
            let answer = store.turn(Turn {
                drain_id: &turn.drain,
                registration_ms: 2_000,
                lease_ms: turn.lease_ms,
                slots: turn.slots,
                holds_none: turn.idle,
                idle: turn.idle,
                closing: turn.closing,
                stays: turn.stays,
                task_ttl_s: 100_000,
                renewals: turn.renewals.clone(),
                commits: turn.commits.clone(),
                callbacks,
                breakers: vec![BreakerChange { node: "n0".to_owned(), open_until_ms }],
                metrics: vec![("calls|create|applied|n0".to_owned(), 2)],
            });
            format!("{:?}", answer.await?)
        }
        Act::DeadLetters => {
            let filter = DeadLetterFilter { node: Some("n1"), ..DeadLetterFilter::default() };
            let all = store.dead_letters(DeadLetterFilter::default(), None, 3).await?;
            let next = store.dead_letters(filter, all.next.as_ref(), 3).await?;
            format!("{all:?} {next:?}")
        }
        Act::Retry { dead_letter, task } => {
            format!("{:?}", store.retry_dead_letter(dead_letter, task, "somebody", 100_000).await?)
        }
        Act::Discard(dead_letter) => {
            let why = Some("seen to");
            format!(
                "{:?}",
                store.discard_dead_letter(&dead_letter.id, "somebody", why, 100_000).await?
            )
        }
        Act::Tasks { group, node, count } => {
            let filter = TaskFilter {
                group_id: group.as_deref(),
                node: node.then_some("n1"),
                ..TaskFilter::default()
            };
            let first = store.tasks(filter, None, *count).await?;
            let next = store.tasks(filter, first.next.as_ref(), *count).await?;
            format!("{first:?} {next:?}")
        }
        Act::Groups => {
            let first = store.groups(None, 2).await?;
            let after = first.groups.last().map(|line| line.group_id.clone());
            format!("{first:?} {:?}", store.groups(after.as_deref(), 2).await?)
        }
        Act::Group(group) => format!("{:?}", store.group(group).await?),
        Act::Overview => {
            let waiting = store.callbacks(false, None, 5).await?;
            let given_up = store.callbacks(true, None, 5).await?;
            let (overview, metrics) = (store.overview().await?, store.metrics().await?);
            format!("{overview:?} {metrics:?} {waiting:?} {given_up:?}")
        }
        Act::Pause(pause) => format!("{:?}", store.pause(*pause, "somebody").await?),
    })
}

/// What the drawing of operations goes by.
#[derive(Default)]
struct Known {
    ids: Vec<String>,
    claims: BTreeMap<String, Claimed>,
    dead_letters: Vec<DeadLetter>,
}

impl Known {
    fn draw(&mut self, random: &mut Random, number: u64, now_ms: u64) -> Act {
        let any = |random: &mut Random, ids: &[String]| {
            ids.get(random.index(ids.len())).cloned().unwrap_or_else(|| "nobody".to_owned())
        };
        let dead_letter = self.dead_letters.get(random.index(self.dead_letters.len())).cloned();
        let group = format!("g{}", random.below(4));
        match (random.below(20), dead_letter) {
            (0..5, _) => {
                let id =
                    if random.happens(100) { any(random, &self.ids) } else { format!("t{number}") };
                self.ids.push(id.clone());
                let operation = random.pick(&[Operation::Create, Operation::Delete]);
                let nodes = (0..=random.below(3)).map(|node| format!("n{node}")).collect();
                let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
                Act::Accept {
                    task: Task::new(id, operation, group, nodes, policy),
                    max_queue: random.pick(&[3, 10, 100]),
                    key: random.happens(300).then(|| format!("k{}", random.below(9))),
                    rate: random.happens(300).then(|| random.between(1, 3)),
                }
            }
            (5, _) => Act::Poll(any(random, &self.ids)),
            (6, _) => Act::Cancel(any(random, &self.ids)),
            (7, Some(dead_letter)) => {
                let task =
                    Task::retry(format!("t{number}"), dead_letter.clone(), Policy::default());
                self.ids.push(task.id().to_owned());
                Act::Retry { dead_letter, task }
            }
            (8, Some(dead_letter)) => Act::Discard(dead_letter),
            (9, _) => Act::DeadLetters,
            (10, _) => Act::Tasks {
                group: random.happens(500).then_some(group),
                node: random.happens(500),
                count: random.between(1, 5),
            },
            (11, _) => match random.below(3) {
                0 => Act::Groups,
                1 => Act::Group(group),
                _ => Act::Overview,
            },
            (12, _) => Act::Pause(random.happens(300)),
            _ => Act::Turn(self.turn(random, now_ms)),
        }
    }

    fn turn(&mut self, random: &mut Random, now_ms: u64) -> DrainTurn {
        let mut commits = Vec::new();
        let mut renewals = Vec::new();
        for id in self.claims.keys().cloned().collect::<Vec<_>>() {
            let claimed = self.claims[&id].clone();
            match random.below(4) {
                0 => renewals.push((id, claimed.epoch)),
                1 => {}
                _ => {
                    // A claim that is kept although it is over makes a stale commit later.
                    if random.happens(800) {
                        self.claims.remove(&id);
                    }
                    commits.push(commit(&claimed, random, now_ms));
                }
            }
        }
        DrainTurn {
            drain: format!("d{}", random.below(3)),
            slots: random.index(5),
            lease_ms: random.pick(&[1_000, 10_000]),
            idle: random.happens(500),
            closing: random.happens(100),
            stays: random.happens(500),
            renewals,
            commits,
        }
    }

    /// Takes in what only the answers tell.
    async fn learn(&mut self, model: &Store<&Model>, act: &Act, answer: &str) {
        if let Act::Turn(_) = act {
            self.claims.retain(|id, _| !answer.contains(&format!("stale: [\"{id}\"")));
        }
        if let Act::DeadLetters = act {
            let page = model.dead_letters(DeadLetterFilter::default(), None, 20).await.unwrap();
            self.dead_letters =
                page.dead_letters.into_iter().map(|view| view.dead_letter).collect();
        }
    }
}

/// Some commit of a claimed task: it goes on, is delayed, handed back, or carried to an end.
fn commit(claimed: &Claimed, random: &mut Random, now_ms: u64) -> Commit {
    let mut task = claimed.task().unwrap();
    task.take_up(claimed.recoveries, claimed.was_lost, now_ms);
    let kind = match random.below(6) {
        0 => CommitKind::Journal,
        1 => CommitKind::Delay { due_at_ms: now_ms + random.below(5_000) },
        2 => CommitKind::Release,
        _ => {
            finish(&mut task, random, now_ms);
            CommitKind::Finish
        }
    };
    Commit::new(&task, claimed.epoch, kind, now_ms).unwrap()
}

/// Carries a task to its end, whatever its nodes answer.
fn finish(task: &mut Task, random: &mut Random, mut now_ms: u64) {
    loop {
        let plan = task.plan(now_ms, Starting::Allowed);
        match plan.status {
            Status::Ended => return,
            Status::Waiting { due_at_ms } => now_ms = due_at_ms,
            Status::Running | Status::Held => {}
        }
        for call in plan.calls {
            let failure = || Failure::new("drawn", false);
            let held = random.pick(&[Presence::Present, Presence::Absent]);
            let answer = match (call.kind, random.below(3)) {
                (CallKind::Inspect | CallKind::Confirm, 0) => {
                    Answer::Inspection(Inspection::Failed(failure()))
                }
                (CallKind::Inspect | CallKind::Confirm, _) => {
                    Answer::Inspection(Inspection::Holds(held))
                }
                (_, 0) => Answer::Change(ChangeAnswer::Unknown(failure())),
                _ => Answer::Change(ChangeAnswer::Applied),
            };
            task.answer(call, answer, now_ms).unwrap();
        }
    }
}

#[test]
fn random_operations_come_to_the_same() {
    let server = Server::start().unwrap();
    let (mut dead_letters, mut claims) = (0, 0);
    for seed in 0..8 {
        let (model, real) = (Model::new(), Real::new(&server));
        let _: String = real.client.ask("FLUSHALL").unwrap();
        model.server.borrow_mut().keyspace.subscribers = 1;
        let (ours, theirs) = (Store::new(&model), Store::new(&real));
        let mut random = Random::new(seed);
        let (mut known, mut expiring) = (Known::default(), BTreeSet::new());
        for number in 0..600 {
            let wait_ms = random.pick(&[0, 0, 1, 30, 200, 1_500, 4_000]);
            model.now_ms.set(model.now_ms.get() + wait_ms);
            real.time_ms.set(model.time_ms());
            expire(&model, &real, &mut expiring);
            let what = known.draw(&mut random, number, model.time_ms());
            let context = format!("seed {seed}, operation {number}: {what:?}");
            let (our, their) = (block_on(act(&ours, &what)), block_on(act(&theirs, &what)));
            assert_eq!(our, their, "{context}");
            let answer = our.unwrap();
            if let Act::Turn(_) = &what {
                claims += take_claims(&mut known, &model);
            }
            block_on(known.learn(&ours, &what, &answer));
            // The learning asked the model alone, and may have woken a drain.
            if let Act::DeadLetters = what {
                block_on(theirs.dead_letters(DeadLetterFilter::default(), None, 20)).unwrap();
                dead_letters += known.dead_letters.len();
            }
            // Again, to see what this operation lets expire before time goes on.
            expire(&model, &real, &mut expiring);
            if number % 20 == 0 {
                compare(&model, &real, &context);
            }
        }
    }
    assert!(dead_letters > 20 && claims > 200, "{dead_letters} dead_letters, {claims} claims");
}

/// The claims there are now, as the model's own records have them.
fn take_claims(known: &mut Known, model: &Model) -> usize {
    let server = model.server.borrow();
    let mut new = 0;
    for id in server.keyspace.peek_members("{muster}:leases") {
        let key = format!("{{muster}}:task:{id}");
        let field = |field: &str| server.keyspace.peek_field(&key, field).map(str::to_owned);
        let epoch = field("epoch").and_then(|epoch| epoch.parse().ok()).unwrap();
        if known.claims.get(&id).is_some_and(|claimed| claimed.epoch == epoch) {
            continue;
        }
        new += 1;
        known.claims.insert(
            id.clone(),
            Claimed {
                task_id: id.clone(),
                epoch,
                recoveries: field("recoveries").and_then(|n| n.parse().ok()).unwrap_or(0),
                was_lost: false,
                flag: None,
                is_alone: false,
                group_id: field("group").unwrap(),
                operation: field("operation").unwrap(),
                record: field("record").unwrap().into_bytes(),
            },
        );
    }
    new
}
