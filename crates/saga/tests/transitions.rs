//! Each answer in each situation: what the node's state becomes, and what the task does next.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::{
    Answer, Call, CallKind, ChangeAnswer, ClientState, Event, Failure, Inspection, NodeState,
    Operation, Phase, Policy, Presence, Starting, Status, Task,
};

const NOW: u64 = 1_000_000;

fn policy() -> Policy {
    Policy::default()
}

fn started(operation: Operation, nodes: usize, policy: Policy) -> Task {
    let nodes = (1..=nodes).map(|number| format!("n{number}")).collect();
    let mut task = Task::new("t".into(), operation, "g".into(), nodes, policy);
    task.take_up(0, NOW);
    task
}

/// The one call that the task wants made now.
#[track_caller]
fn next(task: &mut Task) -> Call {
    let plan = task.plan(NOW, Starting::Allowed);
    let [call] = plan.calls.as_slice() else { panic!("not one call: {plan:?}") };
    *call
}

#[track_caller]
fn expect(task: &mut Task, node: usize, kind: CallKind, answer: Answer) {
    let call = next(task);
    assert_eq!(call, Call { node, kind });
    task.answer(call, answer, NOW).unwrap();
}

fn holds(presence: Presence) -> Answer {
    Answer::Inspection(Inspection::Holds(presence))
}

fn no(retriable: bool) -> Failure {
    Failure::new("no", retriable)
}

fn states(task: &Task) -> Vec<NodeState> {
    task.nodes().iter().map(saga::Node::state).collect()
}

/// Answers the inspections that the task asks for now, which is all that it asks for; how many there were.
#[track_caller]
fn expect_looks(task: &mut Task, now: u64, held: Presence) -> usize {
    let plan = task.plan(now, Starting::Allowed);
    for call in &plan.calls {
        assert_eq!(call.kind, CallKind::Inspect, "{plan:?}");
        task.answer(*call, holds(held), now).unwrap();
    }
    plan.calls.len()
}

/// A create on two nodes whose first was applied, about to apply the create to the second.
fn applying_to_the_second(policy: Policy) -> Task {
    let mut task = started(Operation::Create, 2, policy);
    assert_eq!(expect_looks(&mut task, NOW, Presence::Absent), 2);
    expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Applied));
    task
}

#[test]
fn what_is_as_wanted_is_not_called() {
    for operation in [Operation::Create, Operation::Delete] {
        let mut task = started(operation, 1, policy());
        expect(&mut task, 0, CallKind::Inspect, holds(operation.desired()));
        assert_eq!(task.plan(NOW, Starting::Allowed).status, Status::Ended);
        assert_eq!((task.phase(), states(&task)), (Phase::Succeeded, vec![NodeState::Unchanged]));
        assert_eq!(task.client_state(), ClientState::Success);
    }
}

#[test]
fn the_intent_is_in_the_record_before_the_call() {
    let mut task = started(Operation::Create, 1, policy());
    expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
    let plan = task.plan(NOW, Starting::Allowed);
    assert_eq!(plan.calls, [Call { node: 0, kind: CallKind::Apply }]);
    assert!(plan.must_store && plan.calls[0].changes_node());
    assert_eq!(states(&task), [NodeState::Calling]);
    assert_eq!(task.nodes()[0].before(), Some(Presence::Absent));
}

#[test]
fn one_record_holds_the_intents_of_a_whole_round() {
    let mut task = started(Operation::Create, 20, policy());
    assert_eq!(expect_looks(&mut task, NOW, Presence::Absent), 16);
    for node in 0..16 {
        let plan = task.plan(NOW, Starting::Allowed);
        assert_eq!(plan.calls, [Call { node, kind: CallKind::Apply }]);
        assert_eq!(plan.must_store, node == 0);
        if node == 0 {
            assert_eq!(states(&task)[..16], [NodeState::Calling; 16]);
            assert_eq!(states(&task)[16..], [NodeState::Pending; 4]);
        }
        task.answer(plan.calls[0], Answer::Change(ChangeAnswer::Applied), NOW).unwrap();
    }
    assert_eq!(expect_looks(&mut task, NOW, Presence::Absent), 4);
    assert!(task.plan(NOW, Starting::Allowed).must_store);
}

#[test]
fn nothing_is_changed_when_one_of_a_round_cannot_be_asked() {
    let mut task = started(Operation::Create, 3, policy());
    for call in task.plan(NOW, Starting::Allowed).calls {
        let answer = match call.node {
            1 => Answer::Inspection(Inspection::Failed(no(true))),
            _ => holds(Presence::Absent),
        };
        task.answer(call, answer, NOW).unwrap();
    }
    let plan = task.plan(NOW, Starting::Allowed);
    assert_eq!((plan.calls.len(), plan.status), (0, Status::Ended));
    assert_eq!(task.phase(), Phase::RolledBack);
    use NodeState::{Pending, Refused};
    assert_eq!(states(&task), [Pending, Refused, Pending]);
}

#[test]
fn an_intent_that_was_not_acted_on_is_taken_back() {
    let mut task = started(Operation::Create, 3, policy());
    expect_looks(&mut task, NOW, Presence::Absent);
    expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Applied));
    expect(&mut task, 1, CallKind::Apply, Answer::Change(ChangeAnswer::Refused(no(false))));
    let plan = task.plan(NOW, Starting::Allowed);
    assert_eq!(plan.calls, [Call { node: 0, kind: CallKind::Undo }]);
    assert!(plan.must_store, "the record must not say that the third may have been called");
    use NodeState::{Pending, Refused, Undoing};
    assert_eq!(states(&task), [Undoing, Refused, Pending]);
    assert_eq!(task.nodes()[2].attempts(), 0);
}

#[test]
fn an_intent_that_was_taken_back_for_the_record_is_noted_down_again() {
    let mut task = started(Operation::Create, 3, policy());
    expect_looks(&mut task, NOW, Presence::Absent);
    let apply = next(&mut task);
    assert!(task.has_unsent());
    task.withdraw_unsent();
    use NodeState::{Applied, Calling, Pending};
    assert_eq!(states(&task), [Calling, Pending, Pending]);
    assert!(!task.has_unsent());
    assert!(task.plan(NOW, Starting::Allowed).calls.is_empty(), "the first is awaited");
    task.answer(apply, Answer::Change(ChangeAnswer::Applied), NOW).unwrap();
    let plan = task.plan(NOW, Starting::Allowed);
    assert_eq!(plan.calls, [Call { node: 1, kind: CallKind::Apply }], "no inspection is repeated");
    assert!(plan.must_store);
    assert_eq!(states(&task), [Applied, Calling, Calling]);
}

#[test]
fn an_old_look_is_repeated_before_the_node_is_changed() {
    for (held, state) in [
        (Presence::Absent, NodeState::Calling),
        // Somebody else put it there meanwhile.
        (Presence::Present, NodeState::Unchanged),
    ] {
        let mut task = applying_to_the_second(policy());
        let later = NOW + 1_001;
        assert_eq!(expect_looks(&mut task, later, held), 1);
        let plan = task.plan(later, Starting::Allowed);
        assert!(!plan.must_store, "the intent is in the record since the round began");
        assert_eq!(states(&task), [NodeState::Applied, state]);
        assert_eq!(task.nodes()[1].attempts(), u32::from(state == NodeState::Calling));
    }
}

#[test]
fn the_undos_after_the_first_need_no_other_record_until_one_fails() {
    let mut task = started(Operation::Create, 3, policy());
    expect_looks(&mut task, NOW, Presence::Absent);
    for node in 0..2 {
        expect(&mut task, node, CallKind::Apply, Answer::Change(ChangeAnswer::Applied));
    }
    expect(&mut task, 2, CallKind::Apply, Answer::Change(ChangeAnswer::Unknown(no(false))));
    for (node, answer, must_store) in [
        (2, ChangeAnswer::Applied, true),
        (1, ChangeAnswer::Unknown(no(false)), false),
        (0, ChangeAnswer::Applied, true),
    ] {
        let plan = task.plan(NOW, Starting::Allowed);
        assert_eq!(plan.calls, [Call { node, kind: CallKind::Undo }]);
        assert_eq!(plan.must_store, must_store, "node {node}");
        task.answer(plan.calls[0], Answer::Change(answer), NOW).unwrap();
    }
}

#[test]
fn each_answer_to_an_act_has_its_meaning() {
    use ChangeAnswer as C;
    use NodeState as N;
    // The answer, what an inspection then says if one is made, and what the node's state becomes.
    let present = Some(Inspection::Holds(Presence::Present));
    let absent = Some(Inspection::Holds(Presence::Absent));
    let unclear = Some(Inspection::Failed(no(true)));
    for (answer, inspection, state) in [
        (C::Applied, None, N::Applied),
        (C::Unchanged, None, N::Unchanged),
        (C::Refused(no(false)), None, N::Refused),
        (C::Refused(no(true)), None, N::Refused),
        (C::Unknown(no(false)), None, N::Unknown),
        (C::Inspect(no(false)), present.clone(), N::Unchanged),
        (C::Inspect(no(false)), absent.clone(), N::Refused),
        (C::Inspect(no(false)), unclear.clone(), N::Refused),
        (C::Lost(no(true)), present, N::Applied),
        (C::Lost(no(true)), absent, N::Unknown),
        (C::Lost(no(true)), unclear, N::Unknown),
    ] {
        let mut task = applying_to_the_second(policy());
        expect(&mut task, 1, CallKind::Apply, Answer::Change(answer.clone()));
        if let Some(inspection) = inspection.clone() {
            expect(&mut task, 1, CallKind::Confirm, Answer::Inspection(inspection));
        }
        assert_eq!(states(&task)[1], state, "{answer:?}, {inspection:?}");
        let plan = task.plan(NOW, Starting::Allowed);
        let goes_on = matches!(state, N::Applied | N::Unchanged);
        let expected = if goes_on { Phase::Succeeded } else { Phase::Rollback };
        assert_eq!(task.phase(), expected, "{answer:?}");
        let undone = match (goes_on, state) {
            (true, _) => None,
            (false, N::Unknown) => Some(Call { node: 1, kind: CallKind::Undo }),
            (false, _) => Some(Call { node: 0, kind: CallKind::Undo }),
        };
        assert_eq!(plan.calls.first(), undone.as_ref(), "{answer:?}");
    }
}

#[test]
fn each_answer_to_an_undo_has_its_meaning() {
    use ChangeAnswer as C;
    let present = Some(Inspection::Holds(Presence::Present));
    let absent = Some(Inspection::Holds(Presence::Absent));
    let unclear = Some(Inspection::Failed(no(true)));
    for (answer, inspection, undone) in [
        (C::Applied, None, true),
        (C::Unchanged, None, true),
        (C::Refused(no(false)), None, false),
        (C::Unknown(no(false)), None, false),
        (C::Inspect(no(false)), absent.clone(), true),
        (C::Inspect(no(false)), present.clone(), false),
        (C::Lost(no(true)), absent, true),
        (C::Lost(no(true)), present, false),
        (C::Lost(no(true)), unclear, false),
    ] {
        let mut task = applying_to_the_second(policy());
        expect(&mut task, 1, CallKind::Apply, Answer::Change(C::Refused(no(false))));
        expect(&mut task, 0, CallKind::Undo, Answer::Change(answer.clone()));
        if let Some(inspection) = inspection.clone() {
            expect(&mut task, 0, CallKind::Confirm, Answer::Inspection(inspection));
        }
        let status = task.plan(NOW, Starting::Allowed).status;
        if undone {
            assert_eq!(status, Status::Ended, "{answer:?}, {inspection:?}");
            assert_eq!(task.phase(), Phase::RolledBack);
            assert_eq!(states(&task), [NodeState::Undone, NodeState::Refused]);
            assert_eq!(task.client_state(), ClientState::Failure);
        } else {
            assert_eq!(
                status,
                Status::Waiting { due_at_ms: NOW + 10_000 },
                "{answer:?}, {inspection:?}"
            );
            assert_eq!(task.client_state(), ClientState::Retry);
        }
    }
}

#[test]
fn an_undo_is_tried_once_and_retried_as_often_as_the_budget_says() {
    let policy = Policy {
        rollback_max_retries: 3,
        rollback_retry_delay_ms: 100,
        rollback_backoff_percent: 200,
        ..policy()
    };
    let mut task = applying_to_the_second(policy);
    let refused = || Answer::Change(ChangeAnswer::Refused(no(false)));
    expect(&mut task, 1, CallKind::Apply, refused());
    let mut now = NOW;
    let mut delays = Vec::new();
    loop {
        let plan = task.plan(now, Starting::Allowed);
        match plan.status {
            Status::Running => task.answer(plan.calls[0], refused(), now).unwrap(),
            Status::Waiting { due_at_ms } => {
                delays.push(due_at_ms - now);
                now = due_at_ms;
            }
            Status::Ended => break,
            Status::Held => panic!("nothing holds it"),
        }
    }
    assert_eq!(delays, [100, 200, 400]);
    assert_eq!(task.phase(), Phase::DeadLettered);
    let dead_letters = task.dead_letters(now);
    let [dead_letter] = dead_letters.as_slice() else { panic!("{dead_letters:?}") };
    assert_eq!(
        (dead_letter.id.as_str(), dead_letter.node.as_str(), dead_letter.attempts),
        ("t-0", "n1", 4)
    );
    assert_eq!(dead_letter.before, Some(Presence::Absent));
}

#[test]
fn jitter_lengthens_a_delay_by_no_more_than_its_share() {
    let policy = Policy { rollback_retry_delay_ms: 1_000, rollback_jitter_percent: 50, ..policy() };
    let mut seen = std::collections::BTreeSet::new();
    for id in 0..50 {
        let mut task = Task::new(
            format!("t{id}"),
            Operation::Create,
            "g".into(),
            vec!["n".into()],
            policy.clone(),
        );
        task.take_up(0, NOW);
        expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
        expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Unknown(no(false))));
        expect(&mut task, 0, CallKind::Undo, Answer::Change(ChangeAnswer::Unknown(no(false))));
        let Status::Waiting { due_at_ms } = task.plan(NOW, Starting::Allowed).status else {
            panic!("it waits")
        };
        assert!((1_000..=1_500).contains(&(due_at_ms - NOW)));
        seen.insert(due_at_ms);
    }
    assert!(seen.len() > 25, "the delays spread out: {seen:?}");
}

#[test]
fn forward_attempts_are_spent_on_retriable_failures_only() {
    let policy = Policy { forward_max_attempts: 3, ..policy() };
    for (failure, attempts) in [(no(true), 3), (no(false), 1)] {
        let mut task = started(Operation::Create, 1, policy.clone());
        let mut now = NOW;
        while task.phase() == Phase::Forward {
            let plan = task.plan(now, Starting::Allowed);
            if let Status::Waiting { due_at_ms } = plan.status {
                now = due_at_ms;
            }
            for call in plan.calls {
                let answer = match call.kind {
                    CallKind::Apply => Answer::Change(ChangeAnswer::Refused(failure.clone())),
                    _ => holds(Presence::Absent),
                };
                task.answer(call, answer, now).unwrap();
            }
        }
        assert_eq!(task.nodes()[0].attempts(), attempts);
        assert_eq!(task.phase(), Phase::RolledBack);
    }
}

#[test]
fn an_earlier_lost_call_is_not_forgotten_when_a_later_one_is_refused() {
    let policy = Policy { forward_max_attempts: 2, ..policy() };
    let mut task = started(Operation::Create, 1, policy);
    expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
    expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Unknown(no(true))));
    let Status::Waiting { due_at_ms } = task.plan(NOW, Starting::Allowed).status else {
        panic!("it is tried again")
    };
    let inspection = task.plan(due_at_ms, Starting::Allowed).calls[0];
    task.answer(inspection, holds(Presence::Absent), due_at_ms).unwrap();
    expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Refused(no(false))));
    assert_eq!(states(&task), [NodeState::Unknown]);
    assert_eq!(next(&mut task), Call { node: 0, kind: CallKind::Undo });
}

#[test]
fn a_recovered_call_is_inspected_and_counts_as_ours() {
    for (held, state) in
        [(Presence::Present, NodeState::Applied), (Presence::Absent, NodeState::Calling)]
    {
        let mut task = started(Operation::Create, 1, policy());
        expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
        next(&mut task);
        let mut task = stored_and_read(&task);
        task.take_up(1, NOW);
        assert_eq!(states(&task), [NodeState::Unknown]);
        expect(&mut task, 0, CallKind::Inspect, holds(held));
        task.plan(NOW, Starting::Allowed);
        assert_eq!(states(&task), [state]);
    }
}

#[test]
fn a_cancelled_task_stops_going_forward_and_rolls_back() {
    let mut task = applying_to_the_second(policy());
    let apply = next(&mut task);
    task.cancel("enough", NOW);
    assert_eq!(task.plan(NOW, Starting::Allowed).status, Status::Running, "the call is awaited");
    task.answer(apply, Answer::Change(ChangeAnswer::Applied), NOW).unwrap();
    for node in [1, 0] {
        expect(&mut task, node, CallKind::Undo, Answer::Change(ChangeAnswer::Applied));
    }
    assert_eq!(task.plan(NOW, Starting::Allowed).status, Status::Ended);
    assert_eq!((task.phase(), task.client_state()), (Phase::Cancelled, ClientState::Revoked));
}

#[test]
fn a_withdrawn_call_was_never_made() {
    let mut task = applying_to_the_second(policy());
    let apply = next(&mut task);
    task.withdraw(apply);
    task.cancel("enough", NOW);
    expect(&mut task, 0, CallKind::Undo, Answer::Change(ChangeAnswer::Applied));
    task.plan(NOW, Starting::Allowed);
    assert_eq!(states(&task), [NodeState::Undone, NodeState::Pending]);
    assert_eq!(task.nodes()[1].attempts(), 0);
}

#[test]
fn a_cancelled_retry_leaves_its_dead_letter_and_says_nothing_of_its_node() {
    let mut task = applying_to_the_second(Policy { rollback_max_retries: 0, ..policy() });
    expect(&mut task, 1, CallKind::Apply, Answer::Change(ChangeAnswer::Refused(no(false))));
    expect(&mut task, 0, CallKind::Undo, Answer::Change(ChangeAnswer::Refused(no(false))));
    task.plan(NOW, Starting::Allowed);
    let dead_letter = task.dead_letters(NOW).remove(0);
    let mut retry = Task::retry("r".into(), dead_letter, policy());
    retry.cancel("superseded", NOW);
    retry.take_up(0, NOW);
    assert_eq!(retry.plan(NOW, Starting::Allowed).status, Status::Ended);
    assert_eq!(retry.client_state(), ClientState::Revoked);
    assert!(retry.dead_letters(NOW).is_empty() && retry.holdings().is_empty());
}

#[test]
fn a_task_recovered_too_often_is_given_up_with_dead_letters_for_what_it_touched() {
    let task = applying_to_the_second(Policy { max_recoveries: 2, ..policy() });
    for (recoveries, given_up) in [(2, false), (3, true)] {
        let mut task = stored_and_read(&task);
        task.take_up(recoveries, NOW);
        let status = task.plan(NOW, Starting::Allowed).status;
        assert_eq!(status == Status::Ended, given_up);
        let dead_letters = task.dead_letters(NOW);
        let nodes: Vec<_> =
            dead_letters.iter().map(|dead_letter| dead_letter.node.as_str()).collect();
        assert_eq!(nodes, if given_up { vec!["n1", "n2"] } else { vec![] });
    }
}

#[test]
fn nodes_are_changed_side_by_side_as_far_as_allowed() {
    for parallelism in 1..=4 {
        let policy = Policy { node_parallelism: parallelism, ..policy() };
        let mut task = started(Operation::Delete, 3, policy);
        assert_eq!(expect_looks(&mut task, NOW, Presence::Present), 3);
        let calls = task.plan(NOW, Starting::Allowed).calls;
        assert_eq!(calls.len(), usize::try_from(parallelism).unwrap().min(3));
    }
}

#[test]
fn nothing_is_started_while_held() {
    let mut task = applying_to_the_second(policy());
    let plan = task.plan(NOW, Starting::Held);
    assert_eq!((plan.calls.len(), plan.status), (0, Status::Held));
    assert_eq!(states(&task), [NodeState::Applied, NodeState::Pending], "nothing is in doubt");
    let plan = task.plan(NOW, Starting::Allowed);
    assert_eq!(plan.calls, [Call { node: 1, kind: CallKind::Apply }]);
    assert!(plan.must_store);
}

#[test]
fn an_answer_nobody_asked_for_is_an_error_and_changes_nothing() {
    let inspection = Answer::Inspection(Inspection::Holds(Presence::Absent));
    let change = Answer::Change(ChangeAnswer::Applied);
    let fresh = Task::new("t".into(), Operation::Create, "g".into(), vec!["n".into()], policy());
    let idle = started(Operation::Create, 1, policy());
    let mut inspecting = idle.clone();
    next(&mut inspecting);
    let mut ended = inspecting.clone();
    let call = Call { node: 0, kind: CallKind::Inspect };
    ended.answer(call, holds(Presence::Present), NOW).unwrap();
    ended.plan(NOW, Starting::Allowed);
    let mut rolling_back = applying_to_the_second(policy());
    expect(&mut rolling_back, 1, CallKind::Apply, Answer::Change(ChangeAnswer::Unknown(no(false))));
    next(&mut rolling_back);

    let kinds = [CallKind::Inspect, CallKind::Apply, CallKind::Undo, CallKind::Confirm];
    for (name, task, legal) in [
        ("fresh", &fresh, None),
        ("idle", &idle, None),
        ("inspecting", &inspecting, Some((0, CallKind::Inspect))),
        ("ended", &ended, None),
        ("rolling back", &rolling_back, Some((1, CallKind::Undo))),
    ] {
        for node in 0..3 {
            for kind in kinds {
                for answer in [&inspection, &change] {
                    let mut copy = task.clone();
                    let fits = matches!(
                        (kind, answer),
                        (CallKind::Inspect | CallKind::Confirm, Answer::Inspection(_))
                            | (CallKind::Apply | CallKind::Undo, Answer::Change(_))
                    );
                    let taken = copy.answer(Call { node, kind }, answer.clone(), NOW).is_ok();
                    let expected = fits && legal == Some((node, kind));
                    assert_eq!(taken, expected, "{name}: {kind:?} of node {node}: {answer:?}");
                    assert!(taken || copy == *task, "{name}: {kind:?} changed the task");
                }
            }
        }
    }
}

#[test]
fn history_and_reasons_are_bounded() {
    let endless = Policy { rollback_max_retries: 1_000, ..policy() };
    let mut task = started(Operation::Create, 1, endless);
    expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
    let long = || Answer::Change(ChangeAnswer::Unknown(Failure::new("ß".repeat(5_000), false)));
    expect(&mut task, 0, CallKind::Apply, long());
    let mut now = NOW;
    for _ in 0..500 {
        let plan = task.plan(now, Starting::Allowed);
        match plan.status {
            Status::Waiting { due_at_ms } => now = due_at_ms,
            _ => task.answer(plan.calls[0], long(), now).unwrap(),
        }
    }
    assert_eq!(task.history().entries().len(), saga::HISTORY_ENTRIES_MAX);
    assert!(task.history().dropped() > 0);
    assert_eq!(task.history().entries()[0].event, Event::Started);
    assert_eq!(task.nodes()[0].last_error().unwrap().chars().count(), 301);
}

/// What whoever takes the task over has of it.
fn stored_and_read(task: &Task) -> Task {
    let record = task.to_record().unwrap();
    Task::from_record(task.id().into(), task.operation(), task.group_id().into(), &record).unwrap()
}

#[test]
fn a_node_that_asks_to_be_left_alone_is_for_a_while() {
    let busy = || no(true).with_retry_after(Some(70_000));
    let due = |task: &mut Task| match task.plan(NOW, Starting::Allowed).status {
        Status::Waiting { due_at_ms } => due_at_ms - NOW,
        other => panic!("{other:?}"),
    };
    let attempts = Policy { forward_max_attempts: 2, ..policy() };
    let mut task = started(Operation::Create, 1, attempts);
    expect(&mut task, 0, CallKind::Inspect, holds(Presence::Absent));
    expect(&mut task, 0, CallKind::Apply, Answer::Change(ChangeAnswer::Refused(busy())));
    assert_eq!(due(&mut task), 70_000);

    let mut task = applying_to_the_second(policy());
    expect(&mut task, 1, CallKind::Apply, Answer::Change(ChangeAnswer::Refused(no(false))));
    expect(&mut task, 0, CallKind::Undo, Answer::Change(ChangeAnswer::Unknown(busy())));
    assert_eq!(due(&mut task), 70_000);
}
