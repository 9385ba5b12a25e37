//! The two clocks that a drain goes by: its own, for leases and waits, and Redis's, for what is
//! stored.

use clock::Clock;
use saga::Moment;

/// One instant by both clocks, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Now {
    pub(crate) own_ms: u64,
    /// The earliest that it can be by Redis's clock.
    pub(crate) redis_ms: u64,
    /// How much later it may be by that: as long as the last turn took.
    uncertainty_ms: u64,
}

impl Now {
    /// By Redis's clock, as the saga wants to know it.
    pub(crate) fn moment(self) -> Moment {
        let latest_ms = self.redis_ms.saturating_add(self.uncertainty_ms);
        Moment { earliest_ms: self.redis_ms, latest_ms }
    }
}

/// Reading the time is a call of the host, and a dear one: read it once for all that happens
/// at once.
pub(crate) struct Clocks<'a, C> {
    own: &'a C,
    /// Redis's clock minus the drain's own, in milliseconds.
    offset_ms: u64,
    /// How much more than that it may be, in milliseconds.
    uncertainty_ms: u64,
}

impl<'a, C: Clock> Clocks<'a, C> {
    pub(crate) fn new(own: &'a C) -> Self {
        Self { own, offset_ms: 0, uncertainty_ms: 0 }
    }

    pub(crate) fn now(&self) -> Now {
        let own_ms = self.own.now_ms();
        let redis_ms = own_ms.saturating_add(self.offset_ms);
        Now { own_ms, redis_ms, uncertainty_ms: self.uncertainty_ms }
    }

    pub(crate) fn offset_ms(&self) -> u64 {
        self.offset_ms
    }

    /// Takes in Redis's time, which it told in a turn that was sent at `sent_at_ms` by the drain's own
    /// clock.
    pub(crate) fn synchronize(&mut self, redis_now_ms: u64, sent_at_ms: u64) -> Now {
        let own_ms = self.own.now_ms();
        self.uncertainty_ms = own_ms.saturating_sub(sent_at_ms);
        self.offset_ms = redis_now_ms.saturating_sub(own_ms);
        Now { own_ms, redis_ms: redis_now_ms, uncertainty_ms: self.uncertainty_ms }
    }
}
