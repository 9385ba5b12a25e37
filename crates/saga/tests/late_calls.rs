//! Calls that were given up on and may still be carried out: when a task waits for them, and when it
//! need not. That the promises hold is tested in `crashes.rs`, at every effect and every time.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::{
    Answer, CallKind, ChangeAnswer, ClientState, Event, Failure, Inspection, Operation, Phase,
    Policy, Presence, Starting, Status, Task,
};

const NOW: u64 = 1_000_000;
const WINDOW_MS: u64 = 15_000;

fn started(nodes: usize, policy: Policy) -> Task {
    let nodes = (0..nodes).map(|number| format!("n{number}")).collect();
    let mut task = Task::new("t".into(), Operation::Create, "g".into(), nodes, policy);
    task.take_up(0, false, NOW);
    task
}

/// The task as the next worker reads it, which is told whether the last one was lost.
fn taken_over(task: &Task, was_lost: bool, now_ms: u64) -> Task {
    let record = task.to_record().unwrap();
    let (id, group) = (task.id().into(), task.group_id().into());
    let mut task = Task::from_record(id, task.operation(), group, &record).unwrap();
    task.take_up(was_lost.into(), was_lost, now_ms);
    task
}

fn holds(presence: Presence) -> Answer {
    Answer::Inspection(Inspection::Holds(presence))
}

fn lost() -> Answer {
    Answer::Change(ChangeAnswer::Lost(Failure::new("no answer within 5000 ms", true)))
}

fn applied() -> Answer {
    Answer::Change(ChangeAnswer::Applied)
}

/// Answers the calls that the task wants made now: of which kinds they are, by node.
#[track_caller]
fn answer(task: &mut Task, now_ms: u64, expected: &[(usize, CallKind, Answer)]) {
    let calls = task.plan(now_ms, Starting::Allowed).calls;
    let kinds: Vec<_> = calls.iter().map(|call| (call.node, call.kind)).collect();
    let wanted: Vec<_> = expected.iter().map(|(node, kind, _)| (*node, *kind)).collect();
    assert_eq!(kinds, wanted);
    for (call, (_, _, answer)) in calls.into_iter().zip(expected) {
        task.answer(call, answer.clone(), now_ms).unwrap();
    }
}

#[track_caller]
fn waits_until(task: &mut Task, now_ms: u64, due_at_ms: u64) {
    assert_eq!(task.plan(now_ms, Starting::Allowed).status, Status::Waiting { due_at_ms });
    assert_eq!(task.phase(), Phase::AwaitingLateCall);
}

#[track_caller]
fn ends(task: &mut Task, now_ms: u64, phase: Phase) {
    assert_eq!(task.plan(now_ms, Starting::Allowed).status, Status::Ended);
    assert_eq!(task.phase(), phase);
}

fn events(task: &Task) -> Vec<Event> {
    task.history().entries().iter().map(|entry| entry.event).collect()
}

/// A create whose call got no answer, was not seen to have been carried out, and was undone.
fn undone_at_once(policy: Policy) -> Task {
    use CallKind::{Apply, Confirm, Inspect, Undo};
    let mut task = started(1, policy);
    answer(&mut task, NOW, &[(0, Inspect, holds(Presence::Absent))]);
    answer(&mut task, NOW, &[(0, Apply, lost())]);
    answer(&mut task, NOW, &[(0, Confirm, holds(Presence::Absent))]);
    answer(&mut task, NOW, &[(0, Undo, Answer::Change(ChangeAnswer::Unchanged))]);
    task
}

#[test]
fn a_call_that_comes_late_is_undone_again() {
    let mut task = undone_at_once(Policy::default());
    let due = NOW + WINDOW_MS;
    waits_until(&mut task, NOW, due);
    assert_eq!(task.client_state(), ClientState::Retry);
    let mut task = taken_over(&task, false, due);
    answer(&mut task, due, &[(0, CallKind::Inspect, holds(Presence::Present))]);
    assert_eq!(task.take_late_calls(), 1);
    answer(&mut task, due, &[(0, CallKind::Undo, applied())]);
    ends(&mut task, due, Phase::RolledBack);
    let (awaiting, late) = (Event::AwaitingLateCall, Event::LateCall);
    assert!(events(&task).windows(2).any(|two| two == [awaiting, late]), "{:?}", events(&task));
}

#[test]
fn a_call_that_never_comes_is_waited_for_once() {
    let mut task = undone_at_once(Policy::default());
    let due = NOW + WINDOW_MS;
    waits_until(&mut task, NOW, due);
    answer(&mut task, due, &[(0, CallKind::Inspect, holds(Presence::Absent))]);
    ends(&mut task, due, Phase::RolledBack);
    assert_eq!(task.take_late_calls(), 0);
}

#[test]
fn a_call_whose_effect_was_seen_costs_nothing() {
    let mut task = started(1, Policy::default());
    answer(&mut task, NOW, &[(0, CallKind::Inspect, holds(Presence::Absent))]);
    answer(&mut task, NOW, &[(0, CallKind::Apply, lost())]);
    answer(&mut task, NOW, &[(0, CallKind::Confirm, holds(Presence::Present))]);
    ends(&mut task, NOW, Phase::Succeeded);
}

#[test]
fn without_a_window_nothing_is_waited_for() {
    let mut task = undone_at_once(Policy { late_call_window_ms: 0, ..Policy::default() });
    ends(&mut task, NOW, Phase::RolledBack);
}

/// A success does not end either while a try that was given up on may come under the next task; and a
/// client that cancels meanwhile is heeded.
#[test]
fn a_success_after_a_lost_try_waits_too() {
    use CallKind::{Apply, Confirm, Inspect};
    let mut task = started(1, Policy { forward_max_attempts: 2, ..Policy::default() });
    answer(&mut task, NOW, &[(0, Inspect, holds(Presence::Absent))]);
    answer(&mut task, NOW, &[(0, Apply, lost())]);
    answer(&mut task, NOW, &[(0, Confirm, holds(Presence::Absent))]);
    let Status::Waiting { due_at_ms } = task.plan(NOW, Starting::Allowed).status else { panic!() };
    answer(&mut task, due_at_ms, &[(0, Inspect, holds(Presence::Absent))]);
    answer(&mut task, due_at_ms, &[(0, Apply, applied())]);
    waits_until(&mut task, due_at_ms, NOW + WINDOW_MS);
    assert_eq!(task.client_state(), ClientState::Started);

    let mut cancelled = taken_over(&task, false, due_at_ms);
    cancelled.cancel("cancelled by a client", due_at_ms);
    answer(&mut cancelled, due_at_ms, &[(0, CallKind::Undo, applied())]);
    waits_until(&mut cancelled, due_at_ms, NOW + WINDOW_MS);
    ends(&mut task, NOW + WINDOW_MS, Phase::Succeeded);
}

/// A worker is lost with two intents stored. What it had changed is seen; the other call may be under way.
#[test]
fn a_task_that_was_taken_over_waits_only_for_calls_that_were_not_seen() {
    use CallKind::{Apply, Inspect};
    let (absent, present) = (|| holds(Presence::Absent), || holds(Presence::Present));
    let mut task = started(2, Policy::default());
    answer(&mut task, NOW, &[(0, Inspect, absent()), (1, Inspect, absent())]);
    assert!(task.plan(NOW, Starting::Allowed).must_store);

    let mut both_came = taken_over(&task, true, NOW);
    answer(&mut both_came, NOW, &[(0, Inspect, present()), (1, Inspect, present())]);
    ends(&mut both_came, NOW, Phase::Succeeded);

    let mut one_is_open = taken_over(&task, true, NOW);
    answer(&mut one_is_open, NOW, &[(0, Inspect, present()), (1, Inspect, absent())]);
    answer(&mut one_is_open, NOW, &[(1, Apply, applied())]);
    waits_until(&mut one_is_open, NOW, NOW + WINDOW_MS);
    let awaited = one_is_open.nodes().iter().map(|node| node.awaits_late_call());
    assert_eq!(awaited.collect::<Vec<_>>(), [false, true]);
}

/// A node whose undos all go unanswered becomes a dead letter, once it was looked at after the last window.
#[test]
fn a_node_that_answers_no_undo_is_given_up() {
    use CallKind::{Confirm, Inspect, Undo};
    let mut task = started(1, Policy { rollback_max_retries: 1, ..Policy::default() });
    let present = || holds(Presence::Present);
    answer(&mut task, NOW, &[(0, Inspect, holds(Presence::Absent))]);
    answer(&mut task, NOW, &[(0, CallKind::Apply, applied())]);
    task.cancel("cancelled by a client", NOW);
    let mut now_ms = NOW;
    for _ in 0..2 {
        answer(&mut task, now_ms, &[(0, Undo, lost())]);
        answer(&mut task, now_ms, &[(0, Confirm, present())]);
        let status = task.plan(now_ms, Starting::Allowed).status;
        let Status::Waiting { due_at_ms } = status else { panic!("{status:?}") };
        now_ms = due_at_ms;
    }
    answer(&mut task, now_ms, &[(0, Inspect, present())]);
    ends(&mut task, now_ms, Phase::DeadLettered);
    assert!(!events(&task).contains(&Event::LateCall));
}
