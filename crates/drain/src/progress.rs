//! How far a task has come, to tell one that gets on from one that only kills its workers.

use saga::{ClientState, Node, NodeState, Task};

/// Grows with each answer of a node that brought the task further, and with nothing else: a call that is
/// only intended, or whose worker was lost, is no progress.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Progress {
    is_back: bool,
    settled: usize,
    failed_undos: u64,
}

impl Progress {
    pub(crate) fn of(task: &Task) -> Self {
        // The phase would not do: it may say that the task only waits for late calls, either way.
        let is_back = task.client_state() == ClientState::Retry || task.phase().is_end();
        let is_settled = |node: &&Node| match node.state() {
            NodeState::Pending | NodeState::Calling | NodeState::Unknown => false,
            NodeState::Undoing => !is_back,
            _ => true,
        };
        let nodes = task.nodes();
        Self {
            is_back,
            settled: nodes.iter().filter(is_settled).count(),
            failed_undos: nodes.iter().map(|node| u64::from(node.rollback_attempts())).sum(),
        }
    }
}

#[cfg(test)]
mod tests {
    use saga::{Answer, ChangeAnswer, Failure, Inspection, Operation, Policy, Presence, Starting};

    use super::*;

    /// A create that is lost, not seen and undone, and then waits for the late call.
    #[test]
    fn a_task_that_waits_for_a_late_call_has_not_gone_back_in_it() {
        let nodes = vec!["n1:80".to_owned()];
        let policy = Policy::default();
        let mut task = Task::new("t".into(), Operation::Create, "g".into(), nodes, policy);
        task.take_up(0, false, 1);
        let absent = Answer::Inspection(Inspection::Holds(Presence::Absent));
        let lost = Answer::Change(ChangeAnswer::Lost(Failure::new("no answer", true)));
        let undone = Answer::Change(ChangeAnswer::Applied);
        let mut before = Progress::of(&task);
        for answer in [absent.clone(), lost, absent, undone] {
            let plan = task.plan(1, Starting::Allowed);
            let call = plan.calls.first().copied().unwrap();
            task.answer(call, answer, 1).unwrap();
            let now = Progress::of(&task);
            assert!(now >= before, "{now:?} after {before:?}");
            before = now;
        }
        assert_eq!(task.phase(), saga::Phase::AwaitingLateCall);
        assert!(before.is_back);
    }
}
