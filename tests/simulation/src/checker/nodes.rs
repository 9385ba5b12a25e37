//! What nodes see and hold.

use saga::{Operation, Verb};

use super::{Checker, Spot};

/// One group on one node.
#[derive(Clone, Debug, Default)]
pub(super) struct Place {
    pub(super) held: bool,
    /// The latest request, by the order of sending, that has arrived.
    latest: Option<u64>,
    /// A disturbance came since a task last succeeded here.
    pub(super) unseen: bool,
}

/// A request on its way.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    spot: Spot,
    verb: Verb,
    /// The task that was running on the group as it was sent.
    owner: Option<usize>,
}

impl Checker {
    /// Whether a node holds a group.
    #[must_use]
    pub fn holds(&self, node: usize, group: &str) -> bool {
        self.places.get(&(node, group.to_owned())).is_some_and(|place| place.held)
    }

    /// A node holds a group before anything began.
    pub fn held_before(&mut self, node: usize, group: &str) {
        self.places.entry((node, group.to_owned())).or_default().held = true;
    }

    /// A worker sends a request to a node. `number` counts requests in the order sent.
    pub fn sent(&mut self, number: u64, node: usize, group: &str, verb: Verb) {
        let owner = self.running(group);
        self.sent.insert(number, Sent { spot: (node, group.to_owned()), verb, owner });
        let Verb::Change(operation) = verb else { return };
        let Some(owner) = owner else {
            let what = operation.name();
            self.violate(format!("a {what} of {group} is sent to n{node}, and no task of it runs"));
            return;
        };
        self.check_wording(owner, node, operation);
        self.tasks[owner].visits.entry(node).or_default().sent += 1;
    }

    /// A task sends only what it may: its operation going forward, the reverse going back.
    fn check_wording(&mut self, owner: usize, node: usize, operation: Operation) {
        let task = &self.tasks[owner];
        let is_back = operation != task.submitted.operation;
        let may_go_back = task.state.as_deref() == Some("RETRY");
        let is_fine = is_back == may_go_back && (is_back || task.submitted.dead_letter.is_none());
        if !is_fine || !task.submitted.nodes.contains(&node) {
            let (id, state) = (task.submitted.id.clone(), task.state.clone().unwrap_or_default());
            let what = operation.name();
            self.violate(format!("{id} is {state} and sends a {what} to n{node}"));
        }
    }

    /// A request arrives at its node. `changed` says what the node holds now, if that is new.
    pub fn arrived(&mut self, number: u64, changed: Option<bool>) {
        let Some(Sent { spot, verb, owner }) = self.sent.get(&number).cloned() else { return };
        let place = self.places.entry(spot.clone()).or_default();
        let is_overtaken = place.latest.is_some_and(|latest| latest >= number);
        place.latest = place.latest.max(Some(number));
        let held = place.held;
        if let Some(owner) = owner
            && !is_overtaken
            && !self.tasks[owner].has_ended()
        {
            let visit = self.tasks[owner].visits.entry(spot.0).or_default();
            visit.baseline.get_or_insert(held);
        }
        let Some(now_held) = changed else { return };
        self.places.entry(spot.clone()).or_default().held = now_held;
        match owner {
            _ if is_overtaken => self.disturbed(&spot),
            Some(owner) => self.changed(owner, &spot, verb),
            None => {}
        }
    }

    /// A task changed a node: was it for this task to change?
    fn changed(&mut self, owner: usize, spot: &Spot, verb: Verb) {
        let task = &self.tasks[owner];
        let id = &task.submitted.id;
        let visit = task.visits.get(&spot.0).cloned().unwrap_or_default();
        let (node, group) = spot;
        let what = match verb {
            Verb::Change(operation) => operation.name(),
            Verb::Inspect => "inspection",
        };
        // A retry that failed leaves the dead letter of the task it retried.
        let is_named = self.dead_letters.was_written(id, *node)
            || (task.submitted.dead_letter.is_some() && task.state.as_deref() == Some("FAILURE"));
        if task.has_ended() && !is_named {
            self.violate(format!("a {what} by {id} changes {group} on n{node} after its end"));
        } else if task.has_ended() {
            self.places.entry(spot.clone()).or_default().unseen = true;
        } else if visit.baseline == Some(task.goal()) && !visit.disturbed {
            self.violate(format!(
                "a {what} by {id} changes {group} on n{node}, which was as it should be before"
            ));
        } else if task.superseded {
            self.violate(format!(
                "a {what} by {id} changes {group} on n{node} for a dead_letter that was superseded"
            ));
        }
    }

    /// An answer is taken by the worker that waited for it.
    pub fn answered(&mut self, number: u64, status: u16) {
        let Some(Sent { spot, verb, owner: Some(owner) }) = self.sent.get(&number) else { return };
        if (200..300).contains(&status) && *verb != Verb::Inspect {
            self.tasks[*owner].visits.entry(spot.0).or_default().answered += 1;
        }
    }

    /// Something other than Muster changed what a node holds.
    pub fn changed_by_others(&mut self, node: usize, group: &str, held: bool) {
        let spot = (node, group.to_owned());
        self.places.entry(spot.clone()).or_default().held = held;
        self.disturbed(&spot);
    }

    fn disturbed(&mut self, spot: &Spot) {
        self.places.entry(spot.clone()).or_default().unseen = true;
        self.dead_letters.disturb(spot);
        let Some(running) = self.running(&spot.1) else { return };
        if let Some(visit) = self.tasks[running].visits.get_mut(&spot.0)
            && visit.baseline.is_some()
        {
            visit.disturbed = true;
        }
    }
}
