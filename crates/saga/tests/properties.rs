//! Whatever comes back, in whatever order, and whatever the stored record says: a task never panics,
//! takes no answer it did not ask for, and comes to an end.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test stops when something is amiss")]

use proptest::prelude::*;
use saga::{
    Answer, Call, CallKind, ChangeAnswer, Failure, Inspection, Operation, Policy, Presence,
    RecordError, Starting, Status, Task,
};
use serde_json::Value;

/// Far more than any policy of these sizes takes.
const MOVES_MAX: usize = 10_000;

fn policy() -> impl Strategy<Value = Policy> {
    (1..4_u32, 0..4_u32, 1..5_u32).prop_map(|(forward, rollback, parallelism)| Policy {
        forward_max_attempts: forward,
        rollback_max_retries: rollback,
        node_parallelism: parallelism,
        ..Policy::default()
    })
}

fn task() -> impl Strategy<Value = Task> {
    (policy(), 1..5_usize, any::<bool>()).prop_map(|(policy, nodes, create)| {
        let operation = if create { Operation::Create } else { Operation::Delete };
        let nodes = (0..nodes).map(|node| format!("n{node}")).collect();
        Task::new("t".to_owned(), operation, "g".to_owned(), nodes, policy)
    })
}

fn change(choice: u8) -> ChangeAnswer {
    let failure = Failure::new("no", choice & 8 == 0);
    match choice % 6 {
        0 => ChangeAnswer::Applied,
        1 => ChangeAnswer::Unchanged,
        2 => ChangeAnswer::Refused(failure),
        3 => ChangeAnswer::Inspect(failure),
        4 => ChangeAnswer::Lost(failure),
        _ => ChangeAnswer::Unknown(failure),
    }
}

fn inspection(choice: u8) -> Inspection {
    match choice % 3 {
        0 => Inspection::Holds(Presence::Present),
        1 => Inspection::Holds(Presence::Absent),
        _ => Inspection::Failed(Failure::new("no", choice & 8 == 0)),
    }
}

fn answer(call: Call, choice: u8) -> Answer {
    match call.kind {
        CallKind::Inspect | CallKind::Confirm => Answer::Inspection(inspection(choice)),
        CallKind::Apply | CallKind::Undo => Answer::Change(change(choice)),
    }
}

/// Carries a task on, with answers, recoveries and cancels as `choices` say, over and over. Whether
/// it came to an end.
fn carry_on(task: &mut Task, choices: &[u8]) -> bool {
    let mut now_ms = 1;
    let mut open: Vec<Call> = Vec::new();
    // Now and then an answer comes, or nothing would ever come to an end.
    let mut choices = choices.iter().copied().chain([12]).cycle();
    let mut recoveries = 0;
    task.take_up(recoveries, false, now_ms);
    for _ in 0..MOVES_MAX {
        let plan = task.plan(now_ms, Starting::Allowed);
        open.extend(plan.calls);
        match plan.status {
            Status::Ended => return true,
            Status::Waiting { due_at_ms } => {
                assert!(open.is_empty() && due_at_ms > now_ms);
                now_ms = due_at_ms;
                continue;
            }
            Status::Held => panic!("held without a reason"),
            Status::Running => {}
        }
        let choice = choices.next().unwrap();
        match choice {
            0..8 => {
                // The worker is lost, with every answer that was on its way.
                open.clear();
                recoveries += 1;
                *task = read(task, &task.to_record().unwrap()).unwrap();
                task.take_up(recoveries, true, now_ms);
            }
            8..12 => task.cancel("enough", now_ms),
            _ => {
                let Some(call) = open.pop() else { continue };
                task.answer(call, answer(call, choice), now_ms).unwrap();
            }
        }
        now_ms = now_ms.saturating_add(1);
    }
    false
}

/// Replaces the `at`-th value of a record, counted from outside in.
fn replace(value: &mut Value, at: &mut usize, with: &Value) {
    if *at == 0 {
        *value = with.clone();
    }
    *at = at.wrapping_sub(1);
    match value {
        Value::Array(items) => items.iter_mut().for_each(|item| replace(item, at, with)),
        Value::Object(fields) => fields.values_mut().for_each(|field| replace(field, at, with)),
        _ => {}
    }
}

/// `task` as `record` tells it.
fn read(task: &Task, record: &[u8]) -> Result<Task, RecordError> {
    Task::from_record(task.id().into(), task.operation(), task.group_id().into(), record)
}

fn any_json() -> impl Strategy<Value = Value> {
    prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        Just(Value::from(u64::MAX)),
        ".{0,8}".prop_map(Value::from),
        prop_oneof![
            Just("forward"),
            Just("rollback"),
            Just("dead_lettered"),
            Just("succeeded"),
            Just("c"),
            Just("U"),
            Just("a"),
            Just("p"),
        ]
        .prop_map(Value::from),
        Just(serde_json::json!([])),
        Just(serde_json::json!({})),
    ]
}

proptest! {
    #[test]
    fn every_task_comes_to_an_end(mut task in task(), choices in prop::collection::vec(any::<u8>(), 1..200)) {
        prop_assert!(carry_on(&mut task, &choices), "{task:?}");
    }

    #[test]
    fn an_answer_nobody_asked_for_changes_nothing(
        mut task in task(),
        node in 0..6_usize,
        kind in prop_oneof![
            Just(CallKind::Inspect), Just(CallKind::Apply), Just(CallKind::Confirm), Just(CallKind::Undo),
        ],
        choice in any::<u8>(),
    ) {
        task.take_up(0, false, 1);
        let before = task.clone();
        let call = Call { kind, node };
        prop_assert!(task.answer(call, answer(call, choice), 2).is_err());
        prop_assert_eq!(task, before);
    }

    #[test]
    fn a_record_tells_all_that_a_running_task_is(mut task in task(), choices in prop::collection::vec(12..=255_u8, 1..40)) {
        carry_on(&mut task, &choices);
        let record = task.to_record().unwrap();
        let again = read(&task, &record).unwrap();
        prop_assert_eq!(again.to_record().unwrap(), record);
        prop_assert_eq!(again.history(), task.history());
        for (read, own) in again.nodes().iter().zip(task.nodes()) {
            prop_assert_eq!(read.state(), own.state());
            prop_assert_eq!(read.updated_at_ms(), own.updated_at_ms());
            prop_assert_eq!(read.last_error(), own.last_error());
        }
    }

    #[test]
    fn a_damaged_record_is_refused_or_carried_on(
        mut task in task(),
        begun in prop::collection::vec(12..=255_u8, 0..6),
        at in 0..60_usize,
        with in any_json(),
        choices in prop::collection::vec(any::<u8>(), 1..50),
    ) {
        task.take_up(0, false, 1);
        for choice in begun {
            let plan = task.plan(1, Starting::Allowed);
            let Some(&call) = plan.calls.first() else { break };
            task.answer(call, answer(call, choice), 1).unwrap();
        }
        let mut record: Value = serde_json::from_slice(&task.to_record().unwrap()).unwrap();
        replace(&mut record, &mut at.clone(), &with);
        // Refused is well; what is taken must not panic, wherever it leads.
        if let Ok(mut damaged) = read(&task, record.to_string().as_bytes()) {
            carry_on(&mut damaged, &choices);
            let _ = (damaged.holdings(), damaged.dead_letters(2), damaged.client_state());
        }
    }
}
