//! The promises under crashes: every failure at every node, and a worker lost before and after
//! every effect (each time the record is stored, each call); and a call that was given up on is carried
//! out all the same, at any time within the window for late calls.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use saga::{
    Answer, Call, CallKind, ChangeAnswer, Failure, Inspection, NodeState, Operation, Phase, Policy,
    Presence, Starting, Status, Task,
};

/// What goes wrong at the failing node when it is to be changed.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Fault {
    Nothing,
    /// A definite no.
    Refuses,
    /// Trouble; nothing was done.
    Errs,
    /// Trouble after it was done.
    AppliesAndErrs,
    /// No answer; nothing was done.
    Loses,
    /// No answer, and it is done later: see [`Case::late_at`].
    LosesLate,
    /// No answer, but it was done.
    AppliesAndLoses,
    /// No answer, it was done, and the inspection that follows fails as well.
    AppliesAndCannotBeAsked,
    /// The first inspection fails.
    CannotBeInspected,
}

const FAULTS: [Fault; 9] = [
    Fault::Nothing,
    Fault::Refuses,
    Fault::Errs,
    Fault::AppliesAndErrs,
    Fault::Loses,
    Fault::LosesLate,
    Fault::AppliesAndLoses,
    Fault::AppliesAndCannotBeAsked,
    Fault::CannotBeInspected,
];

/// How undoing goes at the failing node's predecessor, or at the node itself when it is the first.
#[derive(Clone, Copy, Debug, PartialEq)]
enum UndoFault {
    Nothing,
    /// The first undo is lost after it was done.
    AppliesAndLosesOnce,
    /// The first undo is lost, and done later.
    LosesLateOnce,
    /// No undo ever does anything.
    ErrsAlways,
}

const UNDO_FAULTS: [UndoFault; 4] = [
    UndoFault::Nothing,
    UndoFault::AppliesAndLosesOnce,
    UndoFault::LosesLateOnce,
    UndoFault::ErrsAlways,
];

/// For how long a call that was given up on may still be carried out, in milliseconds.
const WINDOW_MS: u64 = 15_000;

#[derive(Clone, Copy, Debug)]
struct Case<'a> {
    operation: Operation,
    before: &'a [Presence],
    failing: usize,
    fault: Fault,
    undo_fault: UndoFault,
    parallelism: u32,
    /// The effects before or after which a worker is lost, counted over the whole run.
    crashes: &'a [usize],
    /// The effect at which a client cancels.
    cancel: Option<usize>,
    /// The effect at which calls that were given up on are carried out; without one, at the end of their
    /// window.
    late_at: Option<usize>,
    /// A call that its worker was lost over is such a call.
    crash_leaves_call: bool,
}

/// A call that was given up on.
struct LateCall {
    node: usize,
    makes: Presence,
    /// The end of its window; `None` while nobody knows that its worker was lost.
    until_ms: Option<u64>,
}

/// Nodes, the stored record, and the count of effects so far.
struct World<'a> {
    case: Case<'a>,
    held: Vec<Presence>,
    stored: Vec<u8>,
    effects: usize,
    recoveries: u32,
    changes: usize,
    undos: usize,
    inspection_failures_due: usize,
    now_ms: u64,
    late: Vec<LateCall>,
}

/// The worker was lost.
struct Crash;

impl World<'_> {
    fn effect(&mut self) -> Result<(), Crash> {
        self.effects += 1;
        if self.case.late_at.is_some_and(|at| self.effects >= at) {
            self.late_calls_arrive(|_| true);
        }
        if self.case.crashes.contains(&self.effects) { Err(Crash) } else { Ok(()) }
    }

    /// Has nodes carry out those of the late calls.
    fn late_calls_arrive(&mut self, which: impl Fn(&LateCall) -> bool) {
        for LateCall { node, makes, .. } in self.late.extract_if(.., |call| which(call)) {
            self.held[node] = makes;
        }
    }

    /// A call is lost, and will be carried out later.
    fn lose_late(&mut self, node: usize, makes: Presence) -> ChangeAnswer {
        self.late.push(LateCall { node, makes, until_ms: Some(self.now_ms + WINDOW_MS) });
        ChangeAnswer::Lost(Failure::new("no answer", true))
    }

    /// The worker is lost over `call`.
    fn leave(&mut self, task: &Task, call: Call) {
        let makes = match call.kind {
            CallKind::Apply => task.operation().desired(),
            CallKind::Undo => task.operation().reverse().desired(),
            CallKind::Inspect | CallKind::Confirm => return,
        };
        if self.case.crash_leaves_call {
            self.late.push(LateCall { node: call.node, makes, until_ms: None });
        }
    }

    fn stored(&self) -> Task {
        let operation = self.case.operation;
        Task::from_record("t".into(), operation, "g".into(), &self.stored).unwrap()
    }

    fn store(&mut self, task: &Task) -> Result<(), Crash> {
        self.effect()?;
        self.stored = task.to_record().unwrap();
        self.effect()
    }

    fn call(&mut self, task: &Task, call: Call) -> Result<Answer, Crash> {
        self.check_intent(call);
        self.effect().inspect_err(|Crash| self.leave(task, call))?;
        let answer = match call.kind {
            CallKind::Inspect | CallKind::Confirm => Answer::Inspection(self.inspect(call.node)),
            CallKind::Apply => Answer::Change(self.apply(call.node, task.operation())),
            CallKind::Undo => Answer::Change(self.undo(call.node, task.operation())),
        };
        self.effect()?;
        Ok(answer)
    }

    /// No call changes a node before the record says so, and none undoes what was not done.
    fn check_intent(&self, call: Call) {
        let stored = self.stored();
        let state = stored.nodes()[call.node].state();
        let case = self.case;
        match call.kind {
            CallKind::Apply => assert_eq!(state, NodeState::Calling, "{case:?}"),
            CallKind::Undo => {
                assert_eq!(state, NodeState::Undoing, "{case:?}");
                let was_wanted = case.before[call.node] == case.operation.desired();
                assert!(!was_wanted, "undoes what it did not do: {case:?}");
            }
            CallKind::Inspect | CallKind::Confirm => {}
        }
    }

    fn inspect(&mut self, node: usize) -> Inspection {
        if node == self.case.failing && self.inspection_failures_due > 0 {
            self.inspection_failures_due -= 1;
            return Inspection::Failed(Failure::new("cannot be inspected", true));
        }
        Inspection::Holds(self.held[node])
    }

    fn apply(&mut self, node: usize, operation: Operation) -> ChangeAnswer {
        let failure = || Failure::new("fault", true);
        self.changes += usize::from(node == self.case.failing);
        let fault = match self.case.fault {
            fault if node == self.case.failing && self.changes == 1 => fault,
            _ => Fault::Nothing,
        };
        if fault == Fault::LosesLate {
            return self.lose_late(node, operation.desired());
        }
        let applies = !matches!(fault, Fault::Refuses | Fault::Errs | Fault::Loses);
        let exists_already = self.held[node] == operation.desired();
        if applies {
            self.held[node] = operation.desired();
        }
        match fault {
            Fault::Refuses => ChangeAnswer::Refused(failure()),
            Fault::Errs | Fault::AppliesAndErrs => ChangeAnswer::Unknown(failure()),
            Fault::Loses | Fault::LosesLate | Fault::AppliesAndLoses => {
                ChangeAnswer::Lost(failure())
            }
            Fault::AppliesAndCannotBeAsked => {
                self.inspection_failures_due = 1;
                ChangeAnswer::Lost(failure())
            }
            Fault::Nothing | Fault::CannotBeInspected if exists_already => {
                ChangeAnswer::Inspect(failure())
            }
            Fault::Nothing | Fault::CannotBeInspected => ChangeAnswer::Applied,
        }
    }

    fn undo(&mut self, node: usize, operation: Operation) -> ChangeAnswer {
        let failure = || Failure::new("undo fault", true);
        if node == self.case.failing.saturating_sub(1) {
            self.undos += 1;
            match self.case.undo_fault {
                UndoFault::ErrsAlways => return ChangeAnswer::Unknown(failure()),
                UndoFault::AppliesAndLosesOnce if self.undos == 1 => {
                    self.held[node] = operation.reverse().desired();
                    return ChangeAnswer::Lost(failure());
                }
                UndoFault::LosesLateOnce if self.undos == 1 => {
                    return self.lose_late(node, operation.reverse().desired());
                }
                UndoFault::AppliesAndLosesOnce | UndoFault::LosesLateOnce | UndoFault::Nothing => {}
            }
        }
        self.held[node] = operation.reverse().desired();
        ChangeAnswer::Applied
    }

    /// Takes the task up from its record and works on it until it ends or the worker is lost.
    fn work(&mut self) -> Result<Task, Crash> {
        let mut task = self.stored();
        task.take_up(self.recoveries, self.recoveries > 0, self.now_ms);
        let until_ms = self.now_ms + WINDOW_MS;
        self.late.iter_mut().for_each(|call| {
            call.until_ms.get_or_insert(until_ms);
        });
        for _ in 0..1_000 {
            if self.case.cancel.is_some_and(|at| self.effects >= at) {
                task.cancel("cancelled", self.now_ms);
            }
            let plan = task.plan(self.now_ms, Starting::Allowed);
            let must_store = plan.must_store;
            if must_store || plan.status != Status::Running {
                self.store(&task)?;
            }
            match plan.status {
                Status::Ended => {
                    // It would change the node under the group's next task.
                    assert!(
                        self.late.is_empty(),
                        "a call may still be carried out: {:?}",
                        self.case
                    );
                    return Ok(task);
                }
                Status::Held => panic!("nothing holds it: {:?}", self.case),
                Status::Waiting { due_at_ms } => {
                    self.late_calls_arrive(|call| call.until_ms.is_some_and(|at| at <= due_at_ms));
                    self.now_ms = due_at_ms;
                    task = self.stored();
                    task.take_up(0, false, self.now_ms);
                }
                Status::Running => {}
            }
            for call in plan.calls {
                let answer = self.call(&task, call)?;
                task.answer(call, answer, self.now_ms).unwrap();
            }
        }
        panic!("it never ends: {:?}", self.case);
    }
}

/// Runs one case to its end, checks the promises, and gives the end and how many effects it had.
fn run(case: Case<'_>) -> (Phase, usize) {
    let nodes: Vec<String> = (0..case.before.len()).map(|node| format!("n{node}")).collect();
    let policy = Policy {
        rollback_max_retries: 2,
        node_parallelism: case.parallelism,
        late_call_window_ms: WINDOW_MS,
        ..Policy::default()
    };
    let task = Task::new("t".into(), case.operation, "g".into(), nodes, policy);
    let mut world = World {
        case,
        held: case.before.to_vec(),
        stored: task.to_record().unwrap(),
        effects: 0,
        recoveries: 0,
        changes: 0,
        undos: 0,
        inspection_failures_due: usize::from(case.fault == Fault::CannotBeInspected),
        now_ms: 1_000,
        late: Vec::new(),
    };
    loop {
        match world.work() {
            Ok(task) => {
                check(&world, &task);
                return (task.phase(), world.effects);
            }
            Err(Crash) => world.recoveries += 1,
        }
    }
}

/// All or nothing, or exactly what is left is on the list.
fn check(world: &World<'_>, task: &Task) {
    let case = world.case;
    let desired = vec![case.operation.desired(); case.before.len()];
    let dead_letters = task.dead_letters(1);
    match task.phase() {
        Phase::Succeeded => assert_eq!(world.held, desired, "{case:?}"),
        Phase::RolledBack | Phase::Cancelled => assert_eq!(world.held, case.before, "{case:?}"),
        Phase::DeadLettered => {
            for (node, (held, before)) in world.held.iter().zip(case.before).enumerate() {
                let named =
                    dead_letters.iter().any(|dead_letter| dead_letter.node == format!("n{node}"));
                assert!(named || held == before, "node {node} is on no list: {case:?}");
                let hopeless = case.undo_fault == UndoFault::ErrsAlways
                    && node == case.failing.saturating_sub(1);
                assert!(!named || hopeless, "node {node} is on the list: {case:?}");
            }
        }
        other => panic!("{other:?} is no end: {case:?}"),
    }
    assert_eq!(dead_letters.is_empty(), task.phase() != Phase::DeadLettered, "{case:?}");
}

/// Every way that some nodes held the group before and some did not.
fn befores(nodes: usize) -> Vec<Vec<Presence>> {
    (0..1_u32 << nodes)
        .map(|bits| {
            let held = |node: &usize| bits >> node & 1 == 1;
            (0..nodes)
                .map(|node| if held(&node) { Presence::Present } else { Presence::Absent })
                .collect()
        })
        .collect()
}

/// Every case of so many nodes, without crashes.
fn each_case(nodes: usize, mut check: impl FnMut(Case<'_>)) {
    for operation in [Operation::Create, Operation::Delete] {
        for before in befores(nodes) {
            for failing in 0..nodes {
                for fault in FAULTS {
                    for undo_fault in UNDO_FAULTS {
                        check(Case {
                            operation,
                            before: &before,
                            failing,
                            fault,
                            undo_fault,
                            parallelism: 1,
                            crashes: &[],
                            cancel: None,
                            late_at: None,
                            crash_leaves_call: false,
                        });
                    }
                }
            }
        }
    }
}

#[test]
fn the_promises_hold_for_every_failure_at_every_node() {
    let mut ends = std::collections::BTreeMap::new();
    for nodes in 1..=4 {
        for parallelism in [1, 2, 4] {
            each_case(nodes, |case| {
                let (end, _) = run(Case { parallelism, ..case });
                *ends.entry(format!("{end:?}")).or_insert(0) += 1;
            });
        }
    }
    for end in ["Succeeded", "RolledBack", "DeadLettered"] {
        assert!(ends.get(end).is_some_and(|count| *count > 100), "{ends:?}");
    }
}

#[test]
fn the_promises_hold_when_a_worker_is_lost_before_or_after_any_effect() {
    let mut crashes = 0;
    for nodes in 1..=3 {
        each_case(nodes, |case| {
            let (_, effects) = run(case);
            for at in 1..=effects {
                run(Case { crashes: &[at], ..case });
                crashes += 1;
            }
        });
    }
    assert!(crashes > 10_000, "{crashes}");
}

#[test]
fn the_promises_hold_when_two_workers_are_lost() {
    each_case(2, |case| {
        let (_, effects) = run(case);
        for first in 1..=effects {
            for second in first + 1..=first + 6 {
                run(Case { crashes: &[first, second], ..case });
            }
        }
    });
}

#[test]
fn the_promises_hold_when_a_client_cancels_at_any_time() {
    let mut cancelled = 0;
    for nodes in 1..=3 {
        each_case(nodes, |case| {
            let (_, effects) = run(case);
            for at in 0..=effects {
                let (end, _) = run(Case { cancel: Some(at), ..case });
                cancelled += usize::from(end == Phase::Cancelled);
            }
        });
    }
    assert!(cancelled > 1_000, "{cancelled}");
}

#[test]
fn the_promises_hold_when_a_call_that_was_given_up_on_is_carried_out_at_any_time_of_its_window() {
    let mut late = 0;
    for nodes in 1..=3 {
        each_case(nodes, |case| {
            let is_late =
                case.fault == Fault::LosesLate || case.undo_fault == UndoFault::LosesLateOnce;
            if !is_late {
                return;
            }
            let (_, effects) = run(case);
            for at in 1..=effects {
                run(Case { late_at: Some(at), ..case });
                late += 1;
            }
        });
    }
    assert!(late > 10_000, "{late}");
}

#[test]
fn the_promises_hold_when_the_call_of_a_lost_worker_is_carried_out_at_any_time_of_its_window() {
    let mut late = 0;
    for nodes in 1..=2 {
        each_case(nodes, |case| {
            let (_, effects) = run(case);
            for crash in 1..=effects {
                let crashes = [crash];
                let case = Case { crashes: &crashes, crash_leaves_call: true, ..case };
                let (_, effects) = run(case);
                for at in crash..=effects {
                    run(Case { late_at: Some(at), ..case });
                    late += 1;
                }
            }
        });
    }
    assert!(late > 10_000, "{late}");
}
