//! What a node holds, how it is to misbehave, and what it has seen.

use std::collections::BTreeSet;
use std::time::Instant;

use serde::Serialize;

use crate::fault::{Fault, Kind, Rule};

/// One call a node took, as its log has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Call {
    /// Its place in the log, from 1.
    pub seq: u64,
    /// Milliseconds since the node was made.
    pub at_ms: u64,
    pub operation: Kind,
    pub method: String,
    /// As it stood in the request, escapes and all.
    pub path: String,
    pub group_id: Option<String>,
    pub body: String,
    pub fault: Option<Fault>,
    /// What was answered; `None` while nothing is.
    pub status: Option<u16>,
    /// What would have been answered to a change that was carried out after its caller had given up.
    pub late_status: Option<u16>,
}

#[derive(Debug)]
pub(crate) struct State {
    started: Instant,
    pub(crate) groups: BTreeSet<String>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) log: Vec<Call>,
    seq: u64,
    /// How many changes hang that will still be carried out.
    pub(crate) hanging: usize,
    /// Every call answers this, as the mock of the FastAPI/Celery service does after `POST /v1/group/{status}`.
    pub(crate) forced_status: Option<u16>,
    /// Whether deleting an absent group answers 404 rather than 200.
    pub(crate) strict_delete: bool,
}

impl State {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
            groups: BTreeSet::new(),
            rules: Vec::new(),
            log: Vec::new(),
            seq: 0,
            hanging: 0,
            forced_status: None,
            strict_delete: false,
        }
    }

    /// Logs a call and picks its fault. Returns the call's number for [`Self::answered`].
    pub(crate) fn arrived(
        &mut self,
        operation: Kind,
        method: &str,
        path: &str,
        group_id: Option<&str>,
        body: &str,
    ) -> (u64, Option<Fault>) {
        let fault = self
            .rules
            .iter_mut()
            .find_map(|rule| rule.takes(operation, group_id).then_some(rule.fault));
        self.seq += 1;
        self.log.push(Call {
            seq: self.seq,
            at_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            operation,
            method: method.to_owned(),
            path: path.to_owned(),
            group_id: group_id.map(str::to_owned),
            body: body.to_owned(),
            fault,
            status: None,
            late_status: None,
        });
        (self.seq, fault)
    }

    pub(crate) fn answered(&mut self, seq: u64, status: u16) {
        if let Some(call) = self.logged(seq) {
            call.status = Some(status);
        }
    }

    /// A change was carried out, and its caller had given up before.
    pub(crate) fn carried_out_late(&mut self, seq: u64, status: u16) {
        if let Some(call) = self.logged(seq) {
            call.late_status = Some(status);
        }
    }

    fn logged(&mut self, seq: u64) -> Option<&mut Call> {
        self.log.iter_mut().rev().find(|call| call.seq == seq)
    }

    /// Does what the call asks and gives the status to answer.
    pub(crate) fn apply(&mut self, operation: Kind, group_id: &str) -> u16 {
        match operation {
            Kind::Create if self.groups.insert(group_id.to_owned()) => 201,
            Kind::Create => 400,
            Kind::Delete if self.groups.remove(group_id) || !self.strict_delete => 200,
            Kind::Inspect if self.groups.contains(group_id) => 200,
            Kind::Delete | Kind::Inspect | Kind::Any => 404,
        }
    }
}
