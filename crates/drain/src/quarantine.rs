//! Quarantine: how a task ends whose record cannot be read.

use saga::{DeadLetter, DeadLetterKind, Operation};
use store::{Claimed, Commit, StoreError};

/// The commit that ends such a task, with a dead letter for a person. `now_ms` is by Redis's clock.
///
/// # Errors
/// When the dead letter cannot be written as JSON.
pub(crate) fn quarantine(
    claimed: &Claimed,
    reason: &str,
    now_ms: u64,
) -> Result<Commit, StoreError> {
    let dead_letter = DeadLetter {
        id: format!("{}-record", claimed.task_id),
        kind: DeadLetterKind::UnreadableRecord,
        task_id: claimed.task_id.clone(),
        group_id: claimed.group_id.clone(),
        node: String::new(),
        operation: Operation::Create,
        before: None,
        attempts: 0,
        last_error: Some(format!("the task's record cannot be read: {reason}")),
        created_at_ms: now_ms,
        updated_at_ms: now_ms,
    };
    Commit::quarantine(claimed, dead_letter)
}
