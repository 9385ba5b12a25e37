//! All or nothing: what must be so the moment a task ends, and when all is over.

use super::{Checker, Visit};
use crate::client::UNWORDABLE;
use crate::redis::Keyspace;

impl Checker {
    pub(super) fn ended(&mut self, index: usize) {
        let task = self.tasks[index].clone();
        let state = task.state.clone().unwrap_or_default();
        let (id, group) = (&task.submitted.id, &task.submitted.group);
        let dead_letters = self.dead_letters.of(id);
        let is_success = state == "SUCCESS";
        if is_success && self.cancelled.contains(id) {
            self.violate(format!("{id} is SUCCESS, and a client was told that it rolls back"));
        }
        if let Some(dead_letter) = &task.submitted.dead_letter
            && self.dead_letters.is_listed(dead_letter) == is_success
            && !self.discards.contains(dead_letter)
        {
            self.violate(format!(
                "{id} retried {dead_letter} and is {state}, and the list is not so"
            ));
        }
        if state == "FAILURE" && !self.is_troubled && !UNWORDABLE.contains(&group.as_str()) {
            self.violate(format!("{id} fails, and nothing went wrong that it had a part in"));
        }
        if !dead_letters.is_empty() && state != "FAILURE" {
            self.violate(format!("{id} is {state} and has dead letters"));
        }
        for (node, _) in
            dead_letters.iter().filter(|(node, _)| !task.submitted.nodes.contains(node))
        {
            self.violate(format!("{id} has a dead letter for n{node}, which it has no part in"));
        }
        if dead_letters.iter().any(|(_, error)| error.starts_with("given up")) {
            self.given_up.insert(id.clone());
        }
        for node in &task.submitted.nodes {
            let visit = task.visits.get(node).cloned().unwrap_or_default();
            let dead_letter = dead_letters.iter().find(|(named, _)| named == node);
            let held = self.holds(*node, group);
            if visit.disturbed {
                self.excused += 1;
                continue;
            }
            self.checked += 1;
            let desired = match visit {
                Visit { baseline: None, .. } if is_success => {
                    self.violate(format!("{id} is SUCCESS and never reached n{node}"));
                    continue;
                }
                _ if is_success => task.goal(),
                Visit { baseline: Some(baseline), .. } if task.submitted.dead_letter.is_none() => {
                    baseline
                }
                // Never reached, or a retry that did not come off: its dead letter stands.
                _ => held,
            };
            match dead_letter {
                Some((_, error)) => self.check_cause(id, *node, &visit, error),
                None if held != desired => self.violate(format!(
                    "{id} is {state}, n{node} {} {group}, and no dead letter says so",
                    if held { "holds" } else { "does not hold" }
                )),
                None => {}
            }
            if is_success {
                self.places.entry((*node, group.clone())).or_default().unseen = false;
            }
        }
        if is_success && task.submitted.dead_letter.is_none() {
            self.dead_letters.supersede(group, &task.submitted.nodes);
        }
    }

    /// A dead letter needs a cause: a call to that node that did not go well, or a worker lost so
    /// often that the task was given up.
    fn check_cause(&mut self, id: &str, node: usize, visit: &Visit, error: &str) {
        if error.starts_with("given up") {
            return;
        }
        if visit.sent == visit.answered {
            self.violate(format!("{id} has a dead letter for n{node}, and all went well there"));
        }
        if visit.undos <= self.undo_retries {
            let undos = visit.undos;
            self.violate(format!("{id} has a dead letter for n{node} after only {undos} undos"));
        }
    }

    /// A worker's log says that a task has ended in `state`: it has, and this is the first line of it.
    pub fn end_is_logged(&mut self, id: &str, state: &str) {
        if self.state(id) != Some(state) {
            let actual = self.state(id).map(str::to_owned);
            self.violate(format!("the log says that {id} is {state}, and it is {actual:?}"));
        }
        if !self.logged_ends.insert(id.to_owned()) {
            self.violate(format!("the log tells twice of the end of {id}"));
        }
    }

    /// What must be so when every task has ended.
    pub fn at_rest(&mut self, keyspace: &mut Keyspace) {
        for (key, _) in keyspace.dump() {
            let key = key.strip_prefix(store::PREFIX).unwrap_or(&key).to_owned();
            let is_left = matches!(key.as_str(), "queue" | "rollback" | "delayed" | "leases")
                || ["line:", "receiver"].iter().any(|prefix| key.starts_with(prefix));
            if is_left {
                self.violate(format!("all tasks have ended, and there still is {key}"));
            }
        }
        let waiting = keyspace.peek_field(&format!("{}counts", store::PREFIX), "waiting");
        if waiting.is_some_and(|waiting| waiting != "0") {
            self.violate(format!("all tasks have ended, and {waiting:?} are counted as waiting"));
        }
        self.check_callbacks(keyspace);
        self.check_registry(keyspace);
    }

    /// What clients are told of groups is true, but for what happened since a task last succeeded.
    fn check_registry(&mut self, keyspace: &Keyspace) {
        for ((node, group), place) in self.places.clone() {
            let key = format!("{}group:{group}", store::PREFIX);
            let told = keyspace.peek_field(&key, &format!("n{node}"));
            let is_true = match told {
                Some("1") => place.held,
                Some("0") => !place.held,
                _ => true,
            };
            if !is_true && !place.unseen {
                self.violate(format!("the registry says {told:?} of {group} on n{node}"));
            }
        }
    }
}
