//! Lease renewal. A claim on a task holds for one lease and must be renewed before that is over, or
//! another drain reclaims the task.
//!
//! Three things begin a lease anew: the claim, each commit that stores the task's record, and, five
//! times a lease, the renewal of all claims with a turn, which `renew` in the store's `commit.lua`
//! carries out. The drain counts from when such a turn *began*, by its own clock, so it never believes
//! a lease longer than Redis does.
//!
//! A host that is so busy that the drain stands still for three quarters of a lease loses nothing. It
//! relies on a lease for half its length, and no call takes longer than the other half: see the bound of
//! the setting `node_timeout`.

/// How often all claims are renewed in one lease.
const RENEWALS: u64 = 5;

/// When all claims are renewed next.
pub(crate) struct LeaseRenewal {
    renewed_at_ms: u64,
}

impl LeaseRenewal {
    pub(crate) fn new(now_ms: u64) -> Self {
        Self { renewed_at_ms: now_ms }
    }

    /// Whether the turn that begins at `now_ms` must renew all claims. It is then taken to do so.
    pub(crate) fn is_due(&mut self, now_ms: u64, lease_ms: u64) -> bool {
        let is_due = now_ms.saturating_sub(self.renewed_at_ms) >= lease_ms / RENEWALS;
        if is_due {
            self.renewed_at_ms = now_ms;
        }
        is_due
    }
}

/// One task's lease, as far as this drain knows.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Lease {
    began_at_ms: u64,
}

impl Lease {
    /// A lease that was begun by a turn that was sent at `sent_at_ms`.
    pub(crate) fn new(sent_at_ms: u64) -> Self {
        Self { began_at_ms: sent_at_ms }
    }

    /// Whether the lease may be gone before a call that is sent now is over, for instance because
    /// this process was frozen: nothing that changes a node may be sent on its strength.
    pub(crate) fn is_doubtful(self, now_ms: u64, lease_ms: u64) -> bool {
        now_ms.saturating_sub(self.began_at_ms) >= lease_ms / 2
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE_MS: u64 = 300;

    #[test]
    fn claims_are_renewed_five_times_a_lease() {
        let mut renewal = LeaseRenewal::new(1_000);
        assert!(!renewal.is_due(1_059, LEASE_MS));
        assert!(renewal.is_due(1_060, LEASE_MS));
        assert!(!renewal.is_due(1_119, LEASE_MS), "it has just been renewed");
        assert!(renewal.is_due(1_120, LEASE_MS));
    }

    #[test]
    fn a_busy_host_may_stand_still_for_three_quarters_of_a_lease() {
        let stands_still_ms = LEASE_MS * 3 / 4;
        let longest_without_renewal_ms = LEASE_MS / RENEWALS + stands_still_ms;
        assert!(longest_without_renewal_ms < LEASE_MS);
    }

    #[test]
    fn a_lease_is_relied_on_for_half_its_length() {
        let lease = Lease::new(1_000);
        assert!(!lease.is_doubtful(1_149, LEASE_MS));
        assert!(lease.is_doubtful(1_150, LEASE_MS));
        assert!(!lease.is_doubtful(0, LEASE_MS), "it began just now");
    }
}
