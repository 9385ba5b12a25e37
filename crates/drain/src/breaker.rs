//! Circuit breakers, one for each node: a node that fails again and again is left alone for a
//! while, so that it is not hammered and tasks do not wait for its time-outs.
//!
//! Each drain learns for itself. What it knows it tells Redis, for people to read.

use std::collections::BTreeMap;

use saga::{Answer, ChangeAnswer, Inspection};
use store::BreakerChange;

use crate::limits::BreakerLimits;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until_ms: u64,
    },
    /// One call is on its way to see whether the node is well.
    HalfOpen,
}

#[derive(Debug)]
pub(crate) struct Breakers {
    limits: BreakerLimits,
    nodes: BTreeMap<String, State>,
    changes: BTreeMap<String, Option<u64>>,
}

/// Calls to the node are not made for now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Open;

impl Breakers {
    pub(crate) fn new(limits: BreakerLimits) -> Self {
        Self { limits, nodes: BTreeMap::new(), changes: BTreeMap::new() }
    }

    /// Whether `node` may be called now. Whoever is let through must [`Self::record`] the answer.
    pub(crate) fn admit(&mut self, node: &str, now_ms: u64) -> Result<(), Open> {
        match self.nodes.get_mut(node) {
            Some(State::HalfOpen) => Err(Open),
            Some(State::Open { until_ms }) if now_ms < *until_ms => Err(Open),
            Some(state @ State::Open { .. }) => {
                *state = State::HalfOpen;
                Ok(())
            }
            Some(State::Closed { .. }) | None => Ok(()),
        }
    }

    /// Takes in what came of a call to `node`.
    pub(crate) fn record(&mut self, node: &str, answer: &Answer, now_ms: u64) {
        if self.limits.failures_max == 0 {
            return;
        }
        let state = self.nodes.get(node).copied().unwrap_or(State::Closed { failures: 0 });
        let next = match (state, is_trouble(answer)) {
            (State::Closed { failures: 0 }, false) => return,
            (_, false) => State::Closed { failures: 0 },
            (State::Closed { failures }, true) if failures + 1 < self.limits.failures_max => {
                State::Closed { failures: failures + 1 }
            }
            // Of calls that were under way when it opened.
            (State::Open { until_ms }, true) => State::Open { until_ms },
            (State::Closed { .. } | State::HalfOpen, true) => {
                State::Open { until_ms: now_ms.saturating_add(self.limits.open_ms) }
            }
        };
        match (state, next) {
            (State::Closed { .. }, State::Closed { .. }) => {}
            (_, State::Closed { .. }) => drop(self.changes.insert(node.to_owned(), None)),
            (_, State::Open { until_ms }) if next != state => {
                self.changes.insert(node.to_owned(), Some(until_ms));
            }
            _ => {}
        }
        self.nodes.insert(node.to_owned(), next);
    }

    /// What has changed since it was last asked for. `offset_ms` is Redis's clock minus ours.
    pub(crate) fn changes(&mut self, offset_ms: u64) -> Vec<BreakerChange> {
        let changes = std::mem::take(&mut self.changes).into_iter();
        changes
            .map(|(node, until_ms)| BreakerChange {
                node,
                open_until_ms: until_ms.map(|until_ms| until_ms.saturating_add(offset_ms)),
            })
            .collect()
    }
}

/// Whether an answer speaks of a node that is down, broken or too busy. A definite no does not.
fn is_trouble(answer: &Answer) -> bool {
    match answer {
        Answer::Change(ChangeAnswer::Lost(_) | ChangeAnswer::Unknown(_))
        | Answer::Inspection(Inspection::Failed(_)) => true,
        Answer::Change(ChangeAnswer::Refused(failure)) => failure.retriable,
        Answer::Change(
            ChangeAnswer::Applied | ChangeAnswer::Unchanged | ChangeAnswer::Inspect(_),
        )
        | Answer::Inspection(Inspection::Holds(_)) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saga::Failure;

    const LIMITS: BreakerLimits = BreakerLimits { failures_max: 2, open_ms: 100 };

    fn bad() -> Answer {
        Answer::Change(ChangeAnswer::Lost(Failure::new("lost", true)))
    }

    fn good() -> Answer {
        Answer::Change(ChangeAnswer::Refused(Failure::new("no", false)))
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_probe_closes_it() {
        let mut breakers = Breakers::new(LIMITS);
        for answer in [bad(), good(), bad()] {
            assert_eq!(breakers.admit("n", 0), Ok(()));
            breakers.record("n", &answer, 0);
        }
        assert!(breakers.changes(0).is_empty());
        breakers.record("n", &bad(), 10);
        let open = BreakerChange { node: "n".to_owned(), open_until_ms: Some(1_110) };
        assert_eq!(breakers.changes(1_000), [open]);
        assert_eq!(breakers.admit("n", 109), Err(Open));
        assert_eq!(breakers.admit("another", 109), Ok(()));
        assert_eq!(breakers.admit("n", 110), Ok(()));
        assert_eq!(breakers.admit("n", 110), Err(Open), "one probe at a time");
        breakers.record("n", &good(), 120);
        assert_eq!(breakers.changes(0).first().map(|change| change.open_until_ms), Some(None));
        assert_eq!(breakers.admit("n", 120), Ok(()));
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let mut breakers = Breakers::new(LIMITS);
        breakers.record("n", &bad(), 0);
        breakers.record("n", &bad(), 0);
        breakers.record("n", &bad(), 50);
        assert_eq!(breakers.admit("n", 100), Ok(()), "a late answer does not put it off");
        breakers.record("n", &bad(), 130);
        assert_eq!(breakers.admit("n", 229), Err(Open));
        assert_eq!(breakers.admit("n", 230), Ok(()));
    }

    #[test]
    fn none_ever_opens_when_they_are_off() {
        let mut breakers = Breakers::new(BreakerLimits::default());
        for now_ms in 0..1_000 {
            breakers.record("n", &bad(), now_ms);
        }
        assert_eq!(breakers.admit("n", 1_000), Ok(()));
    }
}
