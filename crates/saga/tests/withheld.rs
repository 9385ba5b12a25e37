//! Calls that are withheld: the task waits, and no budget is used up.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::{
    Answer, Call, CallKind, ChangeAnswer, ClientState, Event, Failure, Inspection, NodeState,
    Operation, Phase, Policy, Presence, Starting, Status, Task, Withheld,
};

const NOW: u64 = 1_000_000;
const WAIT_MS: u64 = 3_000;
/// A node is left alone for so long each time.
const OPEN_MS: u64 = 1_000;

fn started(nodes: usize, policy: Policy) -> Task {
    let nodes = (1..=nodes).map(|number| format!("n{number}")).collect();
    let mut task = Task::new("t".into(), Operation::Create, "g".into(), nodes, policy);
    task.take_up(0, false, NOW);
    task
}

fn withheld(now_ms: u64, wait_max_ms: u64) -> Answer {
    Answer::Withheld(Withheld {
        reason: "left alone".into(),
        until_ms: now_ms + OPEN_MS,
        wait_max_ms,
    })
}

#[track_caller]
fn next(task: &mut Task, now_ms: u64) -> Call {
    let plan = task.plan(now_ms, Starting::Allowed);
    let [call] = plan.calls.as_slice() else { panic!("not one call: {plan:?}") };
    *call
}

#[track_caller]
fn expect(task: &mut Task, now_ms: u64, kind: CallKind, answer: Answer) {
    let call = next(task, now_ms);
    assert_eq!(call.kind, kind);
    task.answer(call, answer, now_ms).unwrap();
}

#[track_caller]
fn waits_until(task: &mut Task, now_ms: u64) -> u64 {
    let plan = task.plan(now_ms, Starting::Allowed);
    let Status::Waiting { due_at_ms } = plan.status else { panic!("does not wait: {plan:?}") };
    assert!(plan.calls.is_empty(), "{plan:?}");
    due_at_ms
}

fn stored(task: &Task) -> Task {
    let (id, group) = (task.id().to_owned(), task.group_id().to_owned());
    Task::from_record(id, task.operation(), group, &task.to_record().unwrap()).unwrap()
}

fn events(task: &Task, event: Event) -> usize {
    task.history().entries().iter().filter(|entry| entry.event == event).count()
}

fn absent() -> Answer {
    Answer::Inspection(Inspection::Holds(Presence::Absent))
}

fn lost() -> Answer {
    Answer::Change(ChangeAnswer::Unknown(Failure::new("down", true)))
}

#[test]
fn an_untouched_task_waits_for_its_node_and_then_goes_on() {
    let mut task = started(1, Policy::default());
    let mut now_ms = NOW;
    for _ in 0..2 {
        expect(&mut task, now_ms, CallKind::Inspect, withheld(now_ms, WAIT_MS));
        let due_at_ms = waits_until(&mut task, now_ms);
        assert_eq!(due_at_ms, now_ms + OPEN_MS);
        now_ms = due_at_ms;
        // Another worker takes it up.
        task = stored(&task);
        task.take_up(0, false, now_ms);
    }
    assert_eq!(task.client_state(), ClientState::Started);
    assert_eq!(events(&task, Event::Withheld), 1, "said once for one wait");
    expect(&mut task, now_ms, CallKind::Inspect, absent());
    expect(&mut task, now_ms, CallKind::Apply, Answer::Change(ChangeAnswer::Applied));
    assert_eq!(task.plan(now_ms, Starting::Allowed).status, Status::Ended);
    assert_eq!(task.phase(), Phase::Succeeded);
}

#[test]
fn it_waits_no_longer_than_allowed() {
    let mut task = started(1, Policy::default());
    let mut now_ms = NOW;
    loop {
        expect(&mut task, now_ms, CallKind::Inspect, withheld(now_ms, WAIT_MS - OPEN_MS / 2));
        if task.error().is_some() {
            break;
        }
        now_ms = waits_until(&mut task, now_ms);
        task = stored(&task);
        task.take_up(0, false, now_ms);
    }
    assert_eq!(now_ms, NOW + WAIT_MS - OPEN_MS / 2);
    assert_eq!(task.plan(now_ms, Starting::Allowed).status, Status::Ended);
    assert_eq!((task.phase(), task.nodes()[0].state()), (Phase::RolledBack, NodeState::Refused));
    assert_eq!(task.error(), Some("n1: left alone"));
}

#[test]
fn without_a_wait_it_fails_at_once() {
    let mut task = started(1, Policy::default());
    expect(&mut task, NOW, CallKind::Inspect, withheld(NOW, 0));
    assert_eq!(task.plan(NOW, Starting::Allowed).status, Status::Ended);
    assert_eq!(task.client_state(), ClientState::Failure);
}

#[test]
fn the_tries_that_are_left_are_waited_for_and_not_used_up() {
    let mut task = started(1, Policy { forward_max_attempts: 3, ..Policy::default() });
    // Tries 2 and 3 would have been 1 and 2 seconds later.
    expect(&mut task, NOW, CallKind::Inspect, withheld(NOW, 0));
    let mut now_ms = waits_until(&mut task, NOW);
    expect(&mut task, now_ms, CallKind::Inspect, withheld(now_ms, 0));
    now_ms = waits_until(&mut task, now_ms);
    let mut waits = 0;
    while task.error().is_none() {
        let failed = Inspection::Failed(Failure::new("down", true));
        expect(&mut task, now_ms, CallKind::Inspect, Answer::Inspection(failed));
        waits += 1;
        if task.error().is_none() {
            now_ms = waits_until(&mut task, now_ms);
        }
    }
    assert_eq!(waits, 3, "withheld calls were no tries");
}

#[test]
fn a_change_that_is_withheld_was_never_sent() {
    let mut task = started(1, Policy::default());
    expect(&mut task, NOW, CallKind::Inspect, absent());
    expect(&mut task, NOW, CallKind::Apply, withheld(NOW, WAIT_MS));
    let due_at_ms = waits_until(&mut task, NOW);
    let node = &stored(&task).nodes()[0].clone();
    assert_eq!((node.state(), node.attempts()), (NodeState::Pending, 0));
    assert_eq!(next(&mut task, due_at_ms).kind, CallKind::Inspect);
}

#[test]
fn a_task_that_has_changed_something_turns_back() {
    let mut task = started(2, Policy::default());
    for call in task.plan(NOW, Starting::Allowed).calls {
        task.answer(call, absent(), NOW).unwrap();
    }
    expect(&mut task, NOW, CallKind::Apply, Answer::Change(ChangeAnswer::Applied));
    expect(&mut task, NOW, CallKind::Apply, withheld(NOW, WAIT_MS));
    assert_eq!(next(&mut task, NOW), Call { node: 0, kind: CallKind::Undo });
    assert_eq!(task.nodes()[1].state(), NodeState::Refused, "nothing was changed there");
}

#[test]
fn a_task_that_is_stopping_does_not_wait() {
    let mut task = started(1, Policy::default());
    let call = next(&mut task, NOW);
    task.cancel("enough", NOW);
    task.answer(call, withheld(NOW, WAIT_MS), NOW).unwrap();
    assert_eq!(task.plan(NOW, Starting::Allowed).status, Status::Ended);
    assert_eq!(task.client_state(), ClientState::Revoked);
}

#[test]
fn an_undo_waits_for_its_node_without_using_its_budget() {
    let retries = 2;
    let mut task = started(1, Policy { rollback_max_retries: retries, ..Policy::default() });
    expect(&mut task, NOW, CallKind::Inspect, absent());
    expect(&mut task, NOW, CallKind::Apply, lost());
    let mut now_ms = NOW;
    for attempts in 0..=retries {
        for _ in 0..5 {
            expect(&mut task, now_ms, CallKind::Undo, withheld(now_ms, 0));
            let due_at_ms = waits_until(&mut task, now_ms);
            assert_eq!(due_at_ms, now_ms + OPEN_MS);
            now_ms = due_at_ms;
            task = stored(&task);
            task.take_up(0, false, now_ms);
        }
        assert_eq!(task.nodes()[0].rollback_attempts(), attempts);
        expect(&mut task, now_ms, CallKind::Undo, lost());
        if attempts < retries {
            now_ms = waits_until(&mut task, now_ms);
        }
    }
    assert_eq!(task.plan(now_ms, Starting::Allowed).status, Status::Ended);
    assert_eq!(task.phase(), Phase::DeadLettered);
}

#[test]
fn what_confirms_a_call_is_never_withheld() {
    let call = |kind| Call { node: 0, kind };
    assert!(!call(CallKind::Confirm).may_be_withheld());
    for kind in [CallKind::Inspect, CallKind::Apply, CallKind::Undo] {
        assert!(call(kind).may_be_withheld());
    }
    let mut task = started(1, Policy::default());
    expect(&mut task, NOW, CallKind::Inspect, absent());
    let answer = Answer::Change(ChangeAnswer::Lost(Failure::new("gone", true)));
    expect(&mut task, NOW, CallKind::Apply, answer);
    let confirm = next(&mut task, NOW);
    assert!(task.answer(confirm, withheld(NOW, WAIT_MS), NOW).is_err());
}
