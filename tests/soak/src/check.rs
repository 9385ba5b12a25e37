//! The promises, checked against what clients were told and what the nodes hold.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Accepted, Client};
use crate::cluster::Cluster;

/// How many calls of each node are shown when something is wrong.
const LAST: usize = 12;

/// How a task ended. It never changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct End {
    pub(crate) state: String,
    finished_at: String,
}

/// What is known of all tasks so far.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    pub(crate) ends: BTreeMap<String, End>,
    /// Each group's last SUCCESS: when it ended, and what it did. Of two in the same millisecond it
    /// is not known which came last.
    wanted: BTreeMap<String, (String, BTreeSet<&'static str>)>,
    pub(crate) by_state: BTreeMap<String, u64>,
    pub(crate) letters_retried: u64,
    pub(crate) letters_superseded: u64,
}

impl Ledger {
    /// Waits for the ends of `accepted` and takes them down.
    pub(crate) async fn take_down(
        &mut self,
        client: &mut Client,
        accepted: &[Accepted],
    ) -> anyhow::Result<()> {
        for task in accepted {
            let answer = client.ended(&task.task_id).await?;
            let end = end(&answer)?;
            *self.by_state.entry(end.state.clone()).or_default() += 1;
            if end.state == "SUCCESS" {
                let (at, operations) = self.wanted.entry(task.group_id.clone()).or_default();
                if end.finished_at > *at {
                    *at = end.finished_at.clone();
                    operations.clear();
                }
                if end.finished_at == *at {
                    operations.insert(task.operation);
                }
            }
            let before = self.ends.insert(task.task_id.clone(), end);
            ensure!(before.is_none(), "two requests got the same task: {answer:#}");
        }
        Ok(())
    }

    /// That ends stay as they were told.
    pub(crate) async fn ends_stay(&self, client: &mut Client, sample: usize) -> anyhow::Result<()> {
        let step = (self.ends.len() / sample.max(1)).max(1);
        for (task_id, told) in self.ends.iter().step_by(step) {
            let now = end(&client.task(task_id).await?)?;
            ensure!(now == *told, "the end of {task_id} was {told:?} and now is {now:?}");
        }
        Ok(())
    }

    /// Has every dead letter retried; what is superseded is discarded. None is left then.
    pub(crate) async fn settle_dead_letters(&mut self, client: &mut Client) -> anyhow::Result<()> {
        loop {
            let Some(dead_letter) = some_dead_letter(client).await? else { return Ok(()) };
            let id = dead_letter["id"].as_str().unwrap_or_default();
            if dead_letter["superseded_by"].is_null() {
                ensure!(
                    dead_letter["kind"] == "compensation",
                    "a record was quarantined: {dead_letter:#}"
                );
                let path = format!("/dead-letters/{id}/retry");
                let retry = client.insist(Method::POST, &path, StatusCode::ACCEPTED, |r| r).await?;
                let task = client.ended(retry["task_id"].as_str().unwrap_or_default()).await?;
                ensure!(task["state"] == "SUCCESS", "the nodes are well, but: {task:#}");
                self.letters_retried += 1;
            } else {
                let path = format!("/dead-letters/{id}");
                client.insist(Method::DELETE, &path, StatusCode::NO_CONTENT, |r| r).await?;
                self.letters_superseded += 1;
            }
        }
    }

    /// That every node holds what the last success wanted, and nothing else. Nothing is excused: whatever
    /// nodes carry out late comes within the window in which Muster waits for it.
    pub(crate) async fn nodes_agree(
        &self,
        client: &mut Client,
        cluster: &Cluster,
    ) -> anyhow::Result<()> {
        cluster.all_is_carried_out().await;
        let groups = self.disagreements(cluster);
        let Some(first) = groups.first() else { return Ok(()) };
        let evidence = evidence(client, cluster, first).await?;
        bail!("the nodes differ from what was reported, for {groups:?}\n{evidence}");
    }

    fn wants(&self, group: &str, operation: &'static str) -> bool {
        self.wanted.get(group).is_some_and(|(_, operations)| operations.contains(operation))
    }

    /// Groups that some node holds other than was reported.
    fn disagreements(&self, cluster: &Cluster) -> BTreeSet<String> {
        let all: Vec<BTreeSet<String>> =
            cluster.nodes.iter().map(|node| node.groups().into_iter().collect()).collect();
        let known = all.iter().flatten().chain(self.wanted.keys());
        let disagrees = |group: &str| {
            let holders = all.iter().filter(|held| held.contains(group)).count();
            let (present, absent) = (self.wants(group, "create"), self.wants(group, "delete"));
            match holders {
                0 => present && !absent,
                holders if holders == all.len() => !present,
                _ => true,
            }
        };
        known.filter(|group| disagrees(group)).cloned().collect()
    }
}

/// A dead letter, if there is one.
async fn some_dead_letter(client: &mut Client) -> anyhow::Result<Option<Value>> {
    let path = "/dead-letters?limit=1";
    let page = client.insist(Method::GET, path, StatusCode::OK, |request| request).await?;
    Ok(page["dead_letters"].get(0).cloned())
}

/// What the nodes saw of a group last, and what its last tasks say of themselves.
async fn evidence(client: &mut Client, cluster: &Cluster, group: &str) -> anyhow::Result<String> {
    let mut text = String::new();
    for (index, node) in cluster.nodes.iter().enumerate() {
        let log = node.log();
        let calls = log.iter().filter(|call| call.group_id.as_deref() == Some(group));
        for call in calls.rev().take(LAST).collect::<Vec<_>>().into_iter().rev() {
            let testkit_node::Call { at_ms, operation, fault, status, late_status, .. } = call;
            let node = index + 1;
            text += &format!("node {node}: {at_ms} ms {operation:?} → {status:?} {fault:?}");
            text += &late_status.map_or("\n".into(), |status| format!(", late: {status}\n"));
        }
    }
    let path = format!("/tasks?group_id={group}&limit=4");
    let page = client.insist(Method::GET, &path, StatusCode::OK, |request| request).await?;
    for task in page["tasks"].as_array().cloned().unwrap_or_default() {
        let task = client.task(task["task_id"].as_str().unwrap_or_default()).await?;
        text += &format!("{task}\n");
    }
    Ok(text)
}

fn end(task: &Value) -> anyhow::Result<End> {
    let text = |field: &str| task[field].as_str().unwrap_or_default().to_owned();
    let end = End { state: text("state"), finished_at: text("finished_at") };
    ensure!(
        ["SUCCESS", "FAILURE", "REVOKED"].contains(&end.state.as_str())
            && task["status"] == task["state"],
        "that is no end: {task:#}"
    );
    Ok(end)
}
