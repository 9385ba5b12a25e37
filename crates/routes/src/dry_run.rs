//! What a task would do, without doing it.

use saga::Operation;
use serde::Serialize;

use crate::submission::SubmittedTask;

/// What a task would do.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct DryRun {
    operation: &'static str,
    group_id: String,
    /// The calls going forward, in order.
    calls: Vec<PlannedCall>,
    /// The calls that would take it all back, should the last node fail.
    rollback: Vec<PlannedCall>,
}

/// A call that would be made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct PlannedCall {
    node: String,
    /// `inspect`, `create` or `delete`.
    call: &'static str,
    /// When it is made at all.
    #[serde(rename = "if")]
    condition: &'static str,
}

impl DryRun {
    /// The calls that `submitted` would make to `nodes`.
    pub(crate) fn of(submitted: SubmittedTask, nodes: &[String]) -> Self {
        let SubmittedTask { operation, group_id, policy, .. } = submitted;
        let planned =
            |node: &String, call, condition| PlannedCall { node: node.clone(), call, condition };
        let (before, has_changed) = match operation {
            Operation::Create => ("the node does not hold the group", "the task created it there"),
            Operation::Delete => ("the node holds the group", "the task deleted it there"),
        };
        let forward = nodes.chunks(policy.round_nodes()).flat_map(|round| {
            let inspections = round.iter().map(|node| planned(node, "inspect", "always"));
            inspections.chain(round.iter().map(|node| planned(node, operation.name(), before)))
        });
        let reverse = operation.reverse().name();
        let back = nodes.iter().rev().map(|node| planned(node, reverse, has_changed));
        Self {
            operation: operation.name(),
            group_id,
            calls: forward.collect(),
            rollback: back.collect(),
        }
    }
}
