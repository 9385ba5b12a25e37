//! Dead letters, as they are listed.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::{Checker, Spot};
use crate::redis::Keyspace;

#[derive(Clone, Debug)]
struct ListedDeadLetter {
    /// The tasks that left the node behind, the first of them first.
    tasks: Vec<String>,
    node: usize,
    group: String,
    last_error: String,
    is_superseded: bool,
}

impl ListedDeadLetter {
    fn spot(&self) -> Spot {
        (self.node, self.group.clone())
    }
}

/// What a node is to hold again once the open dead letter for it is retried.
#[derive(Clone, Debug)]
struct Owed {
    before: bool,
    /// See the module's documentation: nobody can tell any more what is right.
    disturbed: bool,
}

/// The dead letters that are on the list now, and what any was ever about.
#[derive(Debug, Default)]
pub(super) struct DeadLetters {
    listed: BTreeMap<String, ListedDeadLetter>,
    /// What the nodes with an open dead letter held before the first task that left them behind.
    owed: BTreeMap<Spot, Owed>,
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

    /// The nodes of the dead letters that name a task, with the last error of each.
    pub(super) fn of(&self, task: &str) -> Vec<(usize, String)> {
        let names = |letter: &&ListedDeadLetter| letter.tasks.iter().any(|other| other == task);
        let dead_letters = self.listed.values().filter(names);
        dead_letters.map(|dead_letter| (dead_letter.node, dead_letter.last_error.clone())).collect()
    }

    pub(super) fn is_superseded(&self, id: &str) -> bool {
        self.listed.get(id).is_some_and(|dead_letter| dead_letter.is_superseded)
    }

    /// A task ended in SUCCESS on these nodes.
    pub(super) fn supersede(&mut self, group: &str, nodes: &[usize]) {
        for dead_letter in self.listed.values_mut() {
            if dead_letter.group == group && nodes.contains(&dead_letter.node) {
                dead_letter.is_superseded = true;
                self.owed.remove(&dead_letter.spot());
            }
        }
    }

    /// What a node holds came about without Muster.
    pub(super) fn disturb(&mut self, spot: &Spot) {
        if let Some(owed) = self.owed.get_mut(spot) {
            owed.disturbed = true;
        }
    }

    /// The open dead letters for one spot.
    fn open_at(&self, spot: &Spot) -> usize {
        let is_open = |letter: &&ListedDeadLetter| !letter.is_superseded && letter.spot() == *spot;
        self.listed.values().filter(is_open).count()
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

    /// Every dead letter there is.
    #[must_use]
    pub fn all_dead_letters(&self) -> BTreeSet<String> {
        self.dead_letters.listed.keys().cloned().collect()
    }

    /// Takes in the list. A dead letter leaves it only when a person discards it, or when the retry that
    /// a person asked for has just succeeded: `ended` are the tasks that ended with this command.
    pub(super) fn observe_dead_letters(&mut self, keyspace: &Keyspace, ended: &[usize]) {
        let ids = keyspace.peek_members(&format!("{}dead-letter", store::PREFIX));
        let gone: Vec<String> =
            self.dead_letters.listed.keys().filter(|id| !ids.contains(id)).cloned().collect();
        for id in gone {
            self.dead_letter_is_gone(&id, ended);
        }
        for id in ids {
            if self.dead_letters.listed.contains_key(&id) && ended.is_empty() {
                continue;
            }
            let Some(mut dead_letter) = read(keyspace, &id) else {
                self.violate(format!("dead letter {id} cannot be read"));
                continue;
            };
            let known = self.dead_letters.listed.get(&id).cloned();
            dead_letter.is_superseded = known.as_ref().is_some_and(|known| known.is_superseded);
            let named_before = known.as_ref().map_or(0, |known| known.tasks.len());
            for task in dead_letter.tasks.iter().skip(named_before) {
                if !ended.iter().any(|index| self.tasks[*index].submitted.id == *task) {
                    self.violate(format!("dead letter {id} names {task}, which does not end"));
                }
                self.dead_letters.written.insert((task.clone(), dead_letter.node));
            }
            if named_before > 0 && dead_letter.tasks.len() > named_before {
                self.dead_letters_joined += 1;
            }
            let spot = dead_letter.spot();
            let first = dead_letter.tasks.first().cloned().unwrap_or_default();
            self.dead_letters.listed.insert(id.clone(), dead_letter);
            if known.is_none() {
                self.dead_letter_is_new(&id, spot, &first);
            }
        }
    }

    fn dead_letter_is_new(&mut self, id: &str, spot: Spot, task: &str) {
        self.dead_letters_seen += 1;
        if self.dead_letters.open_at(&spot) > 1 {
            self.violate(format!(
                "dead letter {id} is a second open one for n{} {}",
                spot.0, spot.1
            ));
        }
        let index = self.by_id.get(task);
        let visit = index.and_then(|index| self.tasks[*index].visits.get(&spot.0));
        if let Some((visit, before)) = visit.and_then(|visit| Some((visit, visit.baseline?))) {
            let owed = Owed { before, disturbed: visit.disturbed };
            self.dead_letters.owed.entry(spot).or_insert(owed);
        }
    }

    fn dead_letter_is_gone(&mut self, id: &str, ended: &[usize]) {
        let Some(dead_letter) = self.dead_letters.listed.remove(id) else { return };
        let retry = ended.iter().map(|index| self.tasks[*index].clone()).find(|task| {
            task.submitted.dead_letter.as_deref() == Some(id)
                && task.state.as_deref() == Some("SUCCESS")
        });
        let spot = dead_letter.spot();
        let owed = self.dead_letters.owed.get(&spot).cloned();
        if !dead_letter.is_superseded {
            self.dead_letters.owed.remove(&spot);
        }
        match (retry, owed) {
            (None, _) if !self.discards.contains(id) => {
                self.violate(format!("dead letter {id} is gone, and nobody saw to it"));
            }
            (Some(retry), Some(owed)) => {
                let is_disturbed = retry.visits.get(&spot.0).is_some_and(|visit| visit.disturbed);
                if owed.disturbed || is_disturbed || self.holds(spot.0, &spot.1) == owed.before {
                    return;
                }
                self.violate(format!(
                    "dead letter {id} is retried, and n{} {} {} as before its first task",
                    spot.0,
                    if owed.before { "does not hold" } else { "holds" },
                    spot.1
                ));
            }
            _ => {}
        }
    }
}

fn read(keyspace: &Keyspace, id: &str) -> Option<ListedDeadLetter> {
    let key = format!("{}letter:{id}", store::PREFIX);
    let json: Value = serde_json::from_str(keyspace.peek_field(&key, "json")?).ok()?;
    let text = |field: &str| Some(json.get(field)?.as_str()?.to_owned());
    let last_error = keyspace.peek_field(&key, "last_error").map(str::to_owned);
    Some(ListedDeadLetter {
        tasks: keyspace
            .peek_field(&key, "tasks")?
            .split(' ')
            .filter_map(|id| Some(id.rsplit_once('-')?.0.to_owned()))
            .collect(),
        node: text("node")?.strip_prefix('n')?.parse().ok()?,
        group: text("group_id")?,
        last_error: last_error.unwrap_or_default(),
        is_superseded: false,
    })
}
