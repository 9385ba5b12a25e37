//! What nodes see and hold.

use saga::{Operation, Verb};

use super::{Checker, Spot, Submitted};

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
    /// When its sender stopped waiting for it, or lost the task to another worker, in virtual ms.
    given_up_at_ms: Option<u64>,
    /// Whether it has arrived: what comes once more is the network's doing.
    has_arrived: bool,
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
        let spot = (node, group.to_owned());
        let sent = Sent { spot, verb, owner, given_up_at_ms: None, has_arrived: false };
        self.sent.insert(number, sent);
        let Verb::Change(operation) = verb else { return };
        let Some(owner) = owner else {
            let what = operation.name();
            self.violate(format!("a {what} of {group} is sent to n{node}, and no task of it runs"));
            return;
        };
        self.check_wording(owner, node, operation);
        let is_undo = operation != self.tasks[owner].submitted.operation;
        let visit = self.tasks[owner].visits.entry(node).or_default();
        visit.sent += 1;
        visit.undos += u32::from(is_undo);
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

    /// Whether a call would undo what the group's running task does; `None` = it changes nothing, or no
    /// task runs.
    #[must_use]
    pub fn is_undo(&self, group: &str, verb: Verb) -> Option<bool> {
        let Verb::Change(operation) = verb else { return None };
        Some(self.tasks[self.running(group)?].submitted.operation != operation)
    }

    /// The sender of a request has stopped waiting for it, or is lost.
    pub fn call_given_up(&mut self, number: u64, now_ms: u64) {
        if let Some(sent) = self.sent.get_mut(&number) {
            sent.given_up_at_ms.get_or_insert(now_ms);
        }
    }

    /// Another worker has taken a task over: whatever is still under way for it is given up on.
    pub(super) fn taken_over(&mut self, owner: usize, now_ms: u64) {
        for sent in self.sent.values_mut().filter(|sent| sent.owner == Some(owner)) {
            sent.given_up_at_ms.get_or_insert(now_ms);
        }
    }

    /// Whether a late request comes when nobody need reckon with it any more: after the window that
    /// began when it was given up on. Steps of Redis's clock make that shorter.
    fn is_out_of_window(&self, sent: &Sent, now_ms: u64) -> bool {
        sent.given_up_at_ms.is_some_and(|at_ms| {
            let stepped = self.steps.iter().filter(|(step_at_ms, _)| *step_at_ms + 10_000 > at_ms);
            let stepped_ms: u64 = stepped.map(|(_, by_ms)| by_ms).sum();
            now_ms + stepped_ms >= at_ms + self.window_ms
        })
    }

    /// A request arrives at its node. `changed` says what the node holds now, if that is new.
    pub fn arrived(&mut self, number: u64, changed: Option<bool>, now_ms: u64) {
        let Some(sent) = self.sent.get_mut(&number) else { return };
        let is_repeated = std::mem::replace(&mut sent.has_arrived, true);
        let sent = sent.clone();
        let is_out_of_window = self.is_out_of_window(&sent, now_ms);
        let Sent { spot, verb, owner, .. } = sent;
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
        if let (Some(owner), Verb::Change(operation)) = (owner, verb)
            && !is_repeated
            && !is_out_of_window
        {
            self.check_awaited(owner, &spot, operation);
        }
        let Some(now_held) = changed else { return };
        self.places.entry(spot.clone()).or_default().held = now_held;
        if is_overtaken && !is_repeated {
            let counts = if is_out_of_window {
                &mut self.late_out_of_window
            } else {
                &mut self.late_in_window
            };
            *counts += 1;
        }
        match owner {
            _ if is_overtaken && (is_repeated || is_out_of_window) => self.disturbed(&spot),
            Some(owner) => self.changed(owner, &spot, verb),
            None => {}
        }
    }

    /// A call comes within its window, whether or not it changes anything: its task must have waited for
    /// it, or it would come under the group's next task.
    fn check_awaited(&mut self, owner: usize, (node, group): &Spot, operation: Operation) {
        let task = &self.tasks[owner];
        let is_disturbed = task.visits.get(node).is_some_and(|visit| visit.disturbed);
        if task.has_ended() && !is_disturbed {
            let (id, what) = (task.submitted.id.clone(), operation.name());
            self.violate(format!("a {what} of {group} by {id} comes to n{node} after its end"));
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
        if task.has_ended() && !is_named && !visit.disturbed {
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
        let Some(Sent { spot, verb, owner: Some(owner), .. }) = self.sent.get(&number) else {
            return;
        };
        if (200..300).contains(&status) && *verb != Verb::Inspect {
            self.tasks[*owner].visits.entry(spot.0).or_default().answered += 1;
        }
    }

    /// A stranger said of a node what the node might have said itself, as the node was asked.
    pub fn passed_off(&mut self, node: usize, group: &str) {
        let spot = (node, group.to_owned());
        let Some(running) = self.running(group) else { return };
        let Submitted { operation, dead_letter, .. } = &self.tasks[running].submitted;
        let is_create = *operation == Operation::Create && dead_letter.is_none();
        if is_create && self.holds(node, group) {
            self.places.entry(spot).or_default().unseen = true;
            self.tasks[running].visits.entry(node).or_default().disturbed = true;
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
