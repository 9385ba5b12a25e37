//! Dead letters, as they are listed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Checker;
use crate::redis::Keyspace;

#[derive(Clone, Debug)]
struct ListedDeadLetter {
    task: String,
    node: usize,
    group: String,
    last_error: String,
    is_superseded: bool,
}

/// The dead letters that are on the list now, and what any was ever about.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    listed: BTreeMap<String, ListedDeadLetter>,
    /// Tasks and nodes that a dead letter was ever written for.
    written: BTreeSet<(String, usize)>,
}

impl DeadLetters {
    /// Whether there ever was a dead letter of this task for this node.
    pub(super) fn was_written(&self, task: &str, node: usize) -> bool {
        self.written.contains(&(task.to_owned(), node))
    }

    pub(super) fn count(&self) -> u64 {
        self.listed.len() as u64
    }

    pub(super) fn is_listed(&self, id: &str) -> bool {
        self.listed.contains_key(id)
    }

    /// The nodes that a task's dead letters name, with the last error of each.
    pub(super) fn of(&self, task: &str) -> Vec<(usize, String)> {
        let dead_letters = self.listed.values().filter(|dead_letter| dead_letter.task == task);
        dead_letters.map(|dead_letter| (dead_letter.node, dead_letter.last_error.clone())).collect()
    }

    pub(super) fn is_superseded(&self, id: &str) -> bool {
        self.listed.get(id).is_some_and(|dead_letter| dead_letter.is_superseded)
    }

    /// A task ended in SUCCESS on this group.
    pub(super) fn supersede(&mut self, group: &str) {
        for dead_letter in self.listed.values_mut().filter(|dead_letter| dead_letter.group == group)
        {
            dead_letter.is_superseded = true;
        }
    }
}

impl Checker {
    /// Letters on the list that may still be retried.
    #[must_use]
    pub fn open_dead_letters(&self) -> Vec<String> {
        let open =
            self.dead_letters.listed.iter().filter(|(_, dead_letter)| !dead_letter.is_superseded);
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Takes in the list. A dead letter leaves it only when a person discards it, or when the retry that
    /// a person asked for has just succeeded: `ended` are the tasks that ended with this command.
    pub(super) fn observe_dead_letters(&mut self, keyspace: &Keyspace, ended: &[usize]) {
        let ids = keyspace.peek_members(&format!("{}dead-letter", store::PREFIX));
        let gone: Vec<String> =
            self.dead_letters.listed.keys().filter(|id| !ids.contains(id)).cloned().collect();
        for id in gone {
            self.dead_letters.listed.remove(&id);
            let is_retried = ended.iter().map(|index| &self.tasks[*index]).any(|task| {
                task.submitted.dead_letter.as_ref() == Some(&id)
                    && task.state.as_deref() == Some("SUCCESS")
            });
            if !is_retried && !self.discards.contains(&id) {
                self.violate(format!("dead letter {id} is gone, and nobody saw to it"));
            }
        }
        for id in ids {
            if self.dead_letters.listed.contains_key(&id) {
                continue;
            }
            let json = keyspace.peek_field(&format!("{}letter:{id}", store::PREFIX), "json");
            match json.and_then(read) {
                Some(dead_letter) => {
                    let wrote = |index: &usize| self.tasks[*index].submitted.id == dead_letter.task;
                    if !ended.iter().any(wrote) {
                        self.violate(format!("dead letter {id} comes without its task ending"));
                    }
                    self.dead_letters_seen += 1;
                    self.dead_letters.written.insert((dead_letter.task.clone(), dead_letter.node));
                    self.dead_letters.listed.insert(id, dead_letter);
                }
                None => self.violate(format!("dead letter {id} cannot be read")),
            }
        }
    }
}

fn read(json: &str) -> Option<ListedDeadLetter> {
    let json: Value = serde_json::from_str(json).ok()?;
    let text = |field: &str| Some(json.get(field)?.as_str()?.to_owned());
    Some(ListedDeadLetter {
        task: text("task_id")?,
        node: text("node")?.strip_prefix('n')?.parse().ok()?,
        group: text("group_id")?,
        last_error: text("last_error").unwrap_or_default(),
        is_superseded: false,
    })
}
