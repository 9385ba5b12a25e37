//! The promises, checked against what clients were told and what the nodes hold.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{bail, ensure};
use reqwest::{Method, StatusCode};
use serde_json::Value;

use crate::client::{Accepted, Client};
use crate::cluster::Cluster;

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
    pub(crate) async fn settle_letters(&mut self, client: &mut Client) -> anyhow::Result<()> {
        loop {
            let page = client
                .insist(Method::GET, "/dead-letters?limit=100", StatusCode::OK, |request| request)
                .await?;
            let letters = page["dead_letters"].as_array().cloned().unwrap_or_default();
            let Some(letter) = letters.first() else { return Ok(()) };
            let id = letter["id"].as_str().unwrap_or_default();
            if letter["superseded_by"].is_null() {
                ensure!(letter["kind"] == "compensation", "a record was set aside: {letter:#}");
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

    /// That every node holds what the last success wanted, and nothing else.
    pub(crate) fn nodes_agree(&self, cluster: &Cluster) -> anyhow::Result<()> {
        let expected: BTreeSet<&str> = self
            .wanted
            .iter()
            .filter(|(_, (_, operations))| operations.contains("create"))
            .map(|(group, _)| group.as_str())
            .collect();
        let open: BTreeSet<&str> = self
            .wanted
            .iter()
            .filter(|(_, (_, operations))| operations.len() > 1)
            .map(|(group, _)| group.as_str())
            .collect();
        let all: Vec<BTreeSet<String>> =
            cluster.nodes.iter().map(|node| node.groups().into_iter().collect()).collect();
        for (index, held) in all.iter().enumerate() {
            let held: BTreeSet<&str> = held.iter().map(String::as_str).collect();
            let wrong: Vec<&&str> = held
                .symmetric_difference(&expected)
                .filter(|group| !open.contains(**group) || differs(&all, group))
                .collect();
            if !wrong.is_empty() {
                bail!("node {} differs from what was reported, for {wrong:?}", index + 1);
            }
        }
        Ok(())
    }
}

fn differs(all: &[BTreeSet<String>], group: &str) -> bool {
    let holders = all.iter().filter(|held| held.contains(group)).count();
    holders != 0 && holders != all.len()
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
