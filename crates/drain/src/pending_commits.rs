//! What the next turn is to commit, and the calls that must wait until it has.

use saga::Call;
use store::{Commit, StoreError};

/// A call that changes a node. It waits for the turn that stores its intent.
pub(crate) struct GatedCall {
    pub(crate) task_id: String,
    pub(crate) epoch: u64,
    pub(crate) call: Call,
}

#[derive(Default)]
pub(crate) struct PendingCommits {
    commits: Vec<Commit>,
    gated: Vec<GatedCall>,
    failure: Option<StoreError>,
}

impl PendingCommits {
    /// Notes a commit for the next turn. A record that cannot be written ends the drain: see
    /// [`Self::take_failure`].
    pub(crate) fn push(&mut self, commit: Result<Commit, StoreError>) {
        match commit {
            Ok(commit) => self.commits.push(commit),
            Err(error) => self.failure = Some(error),
        }
    }

    /// Keeps a call back until the next turn is over.
    pub(crate) fn gate(&mut self, call: GatedCall) {
        self.gated.push(call);
    }

    /// Whether there is nothing to commit.
    pub(crate) fn is_empty(&self) -> bool {
        self.commits.is_empty()
    }

    /// What the turn that begins now commits, and the calls that wait for it.
    pub(crate) fn take(&mut self) -> (Vec<Commit>, Vec<GatedCall>) {
        (std::mem::take(&mut self.commits), std::mem::take(&mut self.gated))
    }

    /// Why a record could not be written, if one could not.
    pub(crate) fn take_failure(&mut self) -> Option<StoreError> {
        self.failure.take()
    }
}
