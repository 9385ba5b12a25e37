//! Circuit breakers, one for each node: a node that fails again and again is left alone for a
//! while, so that it is not hammered and tasks do not wait for its time-outs.
//!
//! Each drain learns for itself. What it knows it tells Redis, for people to read.

use std::collections::BTreeMap;

use store::BreakerChange;

use crate::limits::BreakerLimits;
use crate::node_health::Health;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Closed {
        failures: u32,
    },
    Open {
        until_ms: u64,
    },
    /// One call is on its way to see whether the node is well; by then it has been answered.
    HalfOpen {
        until_ms: u64,
    },
}

#[derive(Debug)]
pub(crate) struct Breakers {
    limits: BreakerLimits,
    /// How long a call takes at most, in milliseconds.
    timeout_ms: u64,
    nodes: BTreeMap<String, State>,
    changes: BTreeMap<String, Option<u64>>,
}

/// Calls to the node are not made for now.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Open {
    /// When to ask again, by our clock; later than now.
    pub(crate) until_ms: u64,
}

impl Breakers {
    pub(crate) fn new(limits: BreakerLimits, timeout_ms: u64) -> Self {
        Self { limits, timeout_ms, nodes: BTreeMap::new(), changes: BTreeMap::new() }
    }

    /// Whether `node` may be called now. Whoever is let through must [`Self::record`] what it saw.
    pub(crate) fn admit(&mut self, node: &str, now_ms: u64) -> Result<(), Open> {
        let Some(state) = self.nodes.get_mut(node) else { return Ok(()) };
        match *state {
            State::Closed { .. } => Ok(()),
            State::Open { until_ms } | State::HalfOpen { until_ms } if now_ms < until_ms => {
                Err(Open { until_ms })
            }
            State::Open { .. } | State::HalfOpen { .. } => {
                let until_ms = now_ms.saturating_add(self.timeout_ms.max(1));
                *state = State::HalfOpen { until_ms };
                Ok(())
            }
        }
    }

    /// Takes in what a call to `node` said of its health; `None` = nothing, for it was not sent.
    pub(crate) fn record(&mut self, node: &str, health: Option<Health>, now_ms: u64) {
        if self.limits.failures_max == 0 {
            return;
        }
        let state = self.nodes.get(node).copied().unwrap_or(State::Closed { failures: 0 });
        let next = match (state, health) {
            (State::Closed { failures: 0 }, Some(Health::Well)) => return,
            (_, Some(Health::Well)) => State::Closed { failures: 0 },
            // The next call is to see how the node is.
            (State::HalfOpen { .. }, None) => State::HalfOpen { until_ms: now_ms },
            (state, None) => state,
            (State::Closed { failures }, Some(Health::Trouble))
                if failures + 1 < self.limits.failures_max =>
            {
                State::Closed { failures: failures + 1 }
            }
            // Of calls that were under way when it opened.
            (State::Open { until_ms }, Some(Health::Trouble)) => State::Open { until_ms },
            (State::Closed { .. } | State::HalfOpen { .. }, Some(Health::Trouble)) => {
                State::Open { until_ms: now_ms.saturating_add(self.limits.open_ms.max(1)) }
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

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: BreakerLimits = BreakerLimits { failures_max: 2, open_ms: 100, wait_ms: 0 };
    const TIMEOUT_MS: u64 = 50;
    const BAD: Option<Health> = Some(Health::Trouble);
    const GOOD: Option<Health> = Some(Health::Well);

    fn breakers() -> Breakers {
        Breakers::new(LIMITS, TIMEOUT_MS)
    }

    fn closed_until(until_ms: u64) -> Result<(), Open> {
        Err(Open { until_ms })
    }

    #[test]
    fn it_opens_after_failures_in_a_row_and_one_probe_closes_it() {
        let mut breakers = breakers();
        for health in [BAD, GOOD, BAD] {
            assert_eq!(breakers.admit("n", 0), Ok(()));
            breakers.record("n", health, 0);
        }
        assert!(breakers.changes(0).is_empty());
        breakers.record("n", BAD, 10);
        let open = BreakerChange { node: "n".to_owned(), open_until_ms: Some(1_110) };
        assert_eq!(breakers.changes(1_000), [open]);
        assert_eq!(breakers.admit("n", 109), closed_until(110));
        assert_eq!(breakers.admit("another", 109), Ok(()));
        assert_eq!(breakers.admit("n", 110), Ok(()));
        assert_eq!(breakers.admit("n", 110), closed_until(160), "one probe at a time");
        breakers.record("n", GOOD, 120);
        assert_eq!(breakers.changes(0).first().map(|change| change.open_until_ms), Some(None));
        assert_eq!(breakers.admit("n", 120), Ok(()));
    }

    #[test]
    fn a_probe_that_fails_opens_it_again() {
        let mut breakers = breakers();
        breakers.record("n", BAD, 0);
        breakers.record("n", BAD, 0);
        breakers.record("n", BAD, 50);
        assert_eq!(breakers.admit("n", 100), Ok(()), "a late answer does not put it off");
        breakers.record("n", BAD, 130);
        assert_eq!(breakers.admit("n", 229), closed_until(230));
        assert_eq!(breakers.admit("n", 230), Ok(()));
    }

    #[test]
    fn what_was_not_sent_counts_neither_way() {
        let mut breakers = breakers();
        for _ in 0..100 {
            breakers.record("n", None, 0);
        }
        assert_eq!(breakers.admit("n", 0), Ok(()));
        breakers.record("n", BAD, 0);
        breakers.record("n", None, 0);
        breakers.record("n", BAD, 0);
        assert_eq!(breakers.admit("n", 99), closed_until(100), "it made up for nothing");
        assert_eq!(breakers.admit("n", 100), Ok(()));
        breakers.record("n", None, 101);
        assert_eq!(breakers.admit("n", 101), Ok(()), "the probe goes to the next call");
    }

    #[test]
    fn a_probe_that_nobody_answers_for_is_made_again() {
        let mut breakers = breakers();
        breakers.record("n", BAD, 0);
        breakers.record("n", BAD, 0);
        assert_eq!(breakers.admit("n", 100), Ok(()));
        assert_eq!(breakers.admit("n", 149), closed_until(150));
        assert_eq!(breakers.admit("n", 150), Ok(()));
    }

    #[test]
    fn none_ever_opens_when_they_are_off() {
        let mut breakers = Breakers::new(BreakerLimits::default(), TIMEOUT_MS);
        for now_ms in 0..1_000 {
            breakers.record("n", BAD, now_ms);
        }
        assert_eq!(breakers.admit("n", 1_000), Ok(()));
    }
}
