//! Calls to one node that were given up on and may still be carried out, and how long it is in doubt
//! for them.
//!
//! A node may carry out a call long after its caller stopped waiting: it was slow, the connection broke
//! with the request on its way, or the caller itself was lost. Until the policy's window has passed,
//! whatever the node is found to hold may change again. Only an effect that was *seen* ends the doubt
//! sooner, and only when one such call is under way: of two, one may have had the effect and the other
//! may still come.

use serde::{Deserialize, Serialize};

/// Calls in one direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GivenUp(
    /// How many were given up on, and sent since.
    u32,
    /// Until when any of them may still be carried out; milliseconds since the epoch.
    u64,
);

/// The calls to one node that were given up on. The short names are those of its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct LateCalls {
    #[serde(rename = "a", default, skip_serializing_if = "Option::is_none")]
    apply: Option<GivenUp>,
    #[serde(rename = "u", default, skip_serializing_if = "Option::is_none")]
    undo: Option<GivenUp>,
}

/// Which way a call was to change its node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    Apply,
    Undo,
}

impl LateCalls {
    /// A call was given up on at `now_ms`.
    pub(crate) fn give_up(&mut self, direction: Direction, now_ms: u64, window_ms: u64) {
        if window_ms == 0 {
            return;
        }
        let calls = self.of(direction);
        let GivenUp(before, _) = calls.unwrap_or(GivenUp(0, 0));
        *calls = Some(GivenUp(before.saturating_add(1), now_ms.saturating_add(window_ms)));
    }

    /// Another call in this direction is about to be sent: should the node then be found as it makes it,
    /// nobody can tell which of them did.
    pub(crate) fn send_another(&mut self, direction: Direction) {
        if let Some(GivenUp(number, _)) = self.of(direction) {
            *number = number.saturating_add(1);
        }
    }

    /// The node was found as a call in this direction makes it, and nothing else can have done so.
    pub(crate) fn see_effect(&mut self, direction: Direction) {
        let calls = self.of(direction);
        if calls.is_some_and(|GivenUp(number, _)| number <= 1) {
            *calls = None;
        }
    }

    /// Until when the node is in doubt; `None` = it is not, as of `now_ms`.
    pub(crate) fn until_ms(self, now_ms: u64) -> Option<u64> {
        let latest = self.apply.into_iter().chain(self.undo).map(|GivenUp(_, until)| until).max();
        latest.filter(|until| *until > now_ms)
    }

    /// The same for calls in one direction alone.
    pub(crate) fn may_come(mut self, direction: Direction, now_ms: u64) -> bool {
        self.of(direction).is_some_and(|GivenUp(_, until)| until > now_ms)
    }

    /// Redis's clock may have been put back since: no window is longer than it was set.
    pub(crate) fn shorten(&mut self, now_ms: u64, window_ms: u64) {
        let latest = now_ms.saturating_add(window_ms);
        for GivenUp(_, until) in self.apply.iter_mut().chain(&mut self.undo) {
            *until = (*until).min(latest);
        }
    }

    /// Whether there are none.
    pub(crate) fn is_empty(&self) -> bool {
        self.apply.is_none() && self.undo.is_none()
    }

    fn of(&mut self, direction: Direction) -> &mut Option<GivenUp> {
        match direction {
            Direction::Apply => &mut self.apply,
            Direction::Undo => &mut self.undo,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_window_begins_with_the_last_call_given_up_on() {
        let mut late = LateCalls::default();
        late.give_up(Direction::Apply, 100, 50);
        late.give_up(Direction::Undo, 120, 50);
        assert_eq!(late.until_ms(120), Some(170));
        assert_eq!(late.until_ms(170), None);
        assert!(!late.may_come(Direction::Apply, 150) && late.may_come(Direction::Undo, 150));
    }

    #[test]
    fn an_effect_that_was_seen_ends_the_doubt_of_one_call_and_not_of_two() {
        let mut late = LateCalls::default();
        late.give_up(Direction::Apply, 100, 50);
        late.see_effect(Direction::Undo);
        assert!(late.may_come(Direction::Apply, 100));
        late.see_effect(Direction::Apply);
        assert!(late.is_empty());
        late.give_up(Direction::Apply, 100, 50);
        late.give_up(Direction::Apply, 110, 50);
        late.see_effect(Direction::Apply);
        assert_eq!(late.until_ms(110), Some(160));
    }

    #[test]
    fn an_effect_that_another_call_may_have_had_ends_no_doubt() {
        let mut late = LateCalls::default();
        late.give_up(Direction::Undo, 100, 50);
        late.send_another(Direction::Undo);
        late.see_effect(Direction::Undo);
        assert_eq!(late.until_ms(100), Some(150));
    }

    #[test]
    fn a_clock_that_was_put_back_makes_no_window_longer() {
        let mut late = LateCalls::default();
        late.give_up(Direction::Apply, 10_000_000, 50);
        late.shorten(100, 50);
        assert_eq!(late.until_ms(100), Some(150));
    }

    #[test]
    fn without_a_window_there_is_no_doubt() {
        let mut late = LateCalls::default();
        late.give_up(Direction::Apply, 100, 0);
        assert!(late.is_empty());
    }
}
