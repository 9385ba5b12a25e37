//! Dead letters, as they are listed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Checker;
use crate::redis::Keyspace;

#[derive(Clone, Debug)]
struct Letter {
    task: String,
    node: usize,
    group: String,
    last_error: String,
    is_superseded: bool,
}

/// The letters that are on the list now, and what any was ever about.
#[derive(Debug, Default)]
pub(super) struct Letters {
    listed: BTreeMap<String, Letter>,
    /// Tasks and nodes that a letter was ever written for.
    written: BTreeSet<(String, usize)>,
}

impl Letters {
    /// Whether there ever was a letter of this task for this node.
    pub(super) fn was_written(&self, task: &str, node: usize) -> bool {
        self.written.contains(&(task.to_owned(), node))
    }

    pub(super) fn is_listed(&self, id: &str) -> bool {
        self.listed.contains_key(id)
    }

    /// The nodes that a task's letters name, with the last error of each.
    pub(super) fn of(&self, task: &str) -> Vec<(usize, String)> {
        let letters = self.listed.values().filter(|letter| letter.task == task);
        letters.map(|letter| (letter.node, letter.last_error.clone())).collect()
    }

    pub(super) fn is_superseded(&self, id: &str) -> bool {
        self.listed.get(id).is_some_and(|letter| letter.is_superseded)
    }

    /// A task ended in SUCCESS on this group.
    pub(super) fn supersede(&mut self, group: &str) {
        for letter in self.listed.values_mut().filter(|letter| letter.group == group) {
            letter.is_superseded = true;
        }
    }
}

impl Checker {
    /// Letters on the list that may still be retried.
    #[must_use]
    pub fn open_letters(&self) -> Vec<String> {
        let open = self.letters.listed.iter().filter(|(_, letter)| !letter.is_superseded);
        open.map(|(id, _)| id.clone()).collect()
    }

    /// Takes in the list. A letter leaves it only when a person discards it, or when the retry that
    /// a person asked for has just succeeded: `ended` are the tasks that ended with this command.
    pub(super) fn observe_letters(&mut self, keyspace: &Keyspace, ended: &[usize]) {
        let ids = keyspace.peek_members(&format!("{}dead-letter", store::PREFIX));
        let gone: Vec<String> =
            self.letters.listed.keys().filter(|id| !ids.contains(id)).cloned().collect();
        for id in gone {
            self.letters.listed.remove(&id);
            let is_retried = ended.iter().map(|index| &self.tasks[*index]).any(|task| {
                task.wanted.letter.as_ref() == Some(&id) && task.state.as_deref() == Some("SUCCESS")
            });
            if !is_retried && !self.discards.contains(&id) {
                self.violate(format!("dead letter {id} is gone, and nobody saw to it"));
            }
        }
        for id in ids {
            if self.letters.listed.contains_key(&id) {
                continue;
            }
            let json = keyspace.peek_field(&format!("{}letter:{id}", store::PREFIX), "json");
            match json.and_then(read) {
                Some(letter) => {
                    let wrote = |index: &usize| self.tasks[*index].wanted.id == letter.task;
                    if !ended.iter().any(wrote) {
                        self.violate(format!("dead letter {id} comes without its task ending"));
                    }
                    self.letters_seen += 1;
                    self.letters.written.insert((letter.task.clone(), letter.node));
                    self.letters.listed.insert(id, letter);
                }
                None => self.violate(format!("dead letter {id} cannot be read")),
            }
        }
    }
}

fn read(json: &str) -> Option<Letter> {
    let json: Value = serde_json::from_str(json).ok()?;
    let text = |field: &str| Some(json.get(field)?.as_str()?.to_owned());
    Some(Letter {
        task: text("task_id")?,
        node: text("node")?.strip_prefix('n')?.parse().ok()?,
        group: text("group_id")?,
        last_error: text("last_error").unwrap_or_default(),
        is_superseded: false,
    })
}
