//! Every crash point of the real drain on the real scripts: for each operation, each failure at each
//! node, a worker is lost before and after every effect (each command to Redis, each call to a node),
//! and another takes over. The promises hold, and a worker that comes back late changes nothing.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::Operation;
use simulation::crash::{Case, Ended, Failing, Undoing, run, run_stale};
use simulation::network::NodeFault;
use simulation::redis::Engine;
use simulation::stranger::Stranger;

/// What a node's first change, or first inspection, may meet.
const FAILURES: &[Failing] = &[
    Failing::Nothing,
    Failing::Act(NodeFault::Refused),
    Failing::Act(NodeFault::RequestLost),
    Failing::Act(NodeFault::AnswerLost),
    Failing::Act(NodeFault::Answers { status: 403 }),
    Failing::Act(NodeFault::Answers { status: 400 }),
    Failing::Act(NodeFault::Answers { status: 500 }),
    Failing::Act(NodeFault::AppliesAndAnswers { status: 500 }),
    Failing::Act(NodeFault::Hangs { applies: false }),
    Failing::Act(NodeFault::Hangs { applies: true }),
    Failing::Inspection(NodeFault::Answers { status: 500 }),
    Failing::Inspection(NodeFault::Refused),
    Failing::Inspection(NodeFault::Elsewhere(Stranger::PAGE)),
    Failing::Act(NodeFault::Elsewhere(Stranger::PAGE)),
    Failing::Dumb,
];

const UNDOINGS: &[Undoing] = &[
    Undoing::Works,
    Undoing::Once(NodeFault::AppliesAndAnswers { status: 500 }),
    Undoing::Once(NodeFault::AnswerLost),
    Undoing::Never,
];

/// Every case with `nodes` nodes in which none of them, or only the first, is as desired already.
fn cases(nodes: usize, undoings: &[Undoing]) -> Vec<Case> {
    let mut cases = Vec::new();
    for operation in [Operation::Create, Operation::Delete] {
        for failing in 0..nodes {
            for first_is_as_wanted in [false, true] {
                for fault in FAILURES {
                    for undoing in undoings {
                        let untouched = operation == Operation::Delete;
                        let mut before = vec![untouched; nodes];
                        before[0] = untouched != first_is_as_wanted;
                        cases.push(Case {
                            operation,
                            before,
                            failing,
                            fault: *fault,
                            undoing: *undoing,
                            parallelism: 1,
                            crashes: Vec::new(),
                            companion_back_at: None,
                        });
                    }
                }
            }
        }
    }
    cases
}

fn check(case: &Case, ended: &Ended) {
    assert!(
        ended.violations.is_empty(),
        "{:?} in {case:?}\n{}",
        ended.violations,
        ended.trace.join("\n")
    );
}

/// Spreads cases over two threads, and adds up what each counts.
fn each(cases: &[Case], count: impl Fn(&std::rc::Rc<Engine>, &Case) -> u64 + Sync) -> u64 {
    std::thread::scope(|scope| {
        let halves: Vec<_> = cases
            .chunks(cases.len().div_ceil(2))
            .map(|cases| {
                let count = &count;
                scope.spawn(move || {
                    let engine = Engine::new(None);
                    cases.iter().map(|case| count(&engine, case)).sum::<u64>()
                })
            })
            .collect();
        halves.into_iter().map(|half| half.join().unwrap()).sum()
    })
}

/// Runs a case without crashes, then once for each effect with a worker lost there.
fn at_every_effect(engine: &std::rc::Rc<Engine>, case: &Case) -> u64 {
    let ended = run(engine, case);
    check(case, &ended);
    for at in 1..=ended.effects {
        let case = Case { crashes: vec![at], ..case.clone() };
        check(&case, &run(engine, &case));
    }
    ended.effects
}

#[test]
fn a_worker_is_lost_at_every_effect_of_every_failure() {
    let mut crashes = 0;
    crashes += each(&cases(1, UNDOINGS), at_every_effect);
    crashes += each(&cases(2, UNDOINGS), at_every_effect);
    crashes += each(&cases(3, &[Undoing::Works]), at_every_effect);
    crashes += each(&cases(4, &[Undoing::Works]), at_every_effect);
    println!("{crashes} crash points");
    assert!(crashes > 20_000, "{crashes}");
}

#[test]
fn a_worker_is_lost_at_every_effect_with_several_calls_at_once() {
    let cases: Vec<Case> = cases(3, &[Undoing::Works])
        .into_iter()
        .map(|case| Case { parallelism: 3, ..case })
        .collect();
    assert!(each(&cases, at_every_effect) > 1_000);
}

#[test]
fn a_second_worker_is_lost_as_well() {
    let crashes = each(&cases(2, &[Undoing::Works]), |engine, case| {
        let effects = run(engine, case).effects;
        let mut crashes = 0;
        for first in 1..=effects {
            // A lost worker's successor has a few effects until it is as far again.
            for second in first + 1..=first + 4 {
                let case = Case { crashes: vec![first, second], ..case.clone() };
                check(&case, &run(engine, &case));
                crashes += 1;
            }
        }
        crashes
    });
    assert!(crashes > 5_000, "{crashes}");
}

#[test]
fn a_worker_that_comes_back_late_changes_nothing_in_redis() {
    let late = each(&cases(2, &[Undoing::Works, Undoing::Never]), |engine, case| {
        let mut late = 0;
        for at in 1.. {
            let Some((ended, changed)) = run_stale(engine, case, at) else { break };
            assert!(
                changed.is_empty(),
                "frozen at effect {at} of {case:?}: {changed:#?}\n{}",
                ended.trace.join("\n")
            );
            check(case, &ended);
            late += 1;
        }
        late
    });
    assert!(late > 2_000, "{late}");
}

/// A call that may be sent, and lies unsent because the drain has other commits for Redis first, would go
/// out late if the worker stood still meanwhile.
#[test]
fn a_worker_with_news_of_another_task_sends_nothing_late() {
    let cases: Vec<Case> = (1..40)
        .map(|effect| Case {
            operation: Operation::Create,
            before: vec![false; 2],
            failing: 1,
            fault: Failing::Act(NodeFault::Refused),
            undoing: Undoing::Works,
            parallelism: 1,
            crashes: Vec::new(),
            companion_back_at: Some(effect),
        })
        .collect();
    let late = each(&cases, |engine, case| {
        let mut late = 0;
        for at in 1.. {
            let Some((ended, _)) = run_stale(engine, case, at) else { break };
            check(case, &ended);
            late += 1;
        }
        late
    });
    assert!(late > 500, "{late}");
}

/// One node's connection was closed as it was kept: the inspection is sent again, and nothing fails.
#[test]
fn a_lost_inspection_fails_no_task() {
    let engine = Engine::new(None);
    for case in cases(2, &[Undoing::Works]) {
        let case = Case { fault: Failing::Inspection(NodeFault::Stale), ..case };
        let ended = run(&engine, &case);
        check(&case, &ended);
        assert_eq!(ended.state, "SUCCESS", "{case:?}\n{}", ended.trace.join("\n"));
    }
}

/// Whatever answers in a node's place, a task does not end well before the node itself was heard.
#[test]
fn a_page_in_a_nodes_place_ends_nothing_well() {
    let engine = Engine::new(None);
    for case in cases(2, &[Undoing::Works]) {
        let fault = Failing::Inspection(NodeFault::Elsewhere(Stranger::PAGE));
        let case = Case { fault, ..case };
        let ended = run(&engine, &case);
        check(&case, &ended);
        assert_eq!(ended.state, "FAILURE", "{case:?}\n{}", ended.trace.join("\n"));
    }
}
