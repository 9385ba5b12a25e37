//! What a run, or many runs, did.

use std::collections::BTreeMap;
use std::fmt;

use crate::fault::Fault;

/// Counts of one run or of several.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    pub seeds: u64,
    /// Faults that happened, by kind.
    pub faults: BTreeMap<Fault, u64>,
    /// Tasks that ended, by the state that clients read.
    pub ended: BTreeMap<String, u64>,
    /// Anything else worth counting.
    pub counts: BTreeMap<&'static str, u64>,
}

impl Report {
    /// Counts something.
    pub fn count(&mut self, what: &'static str, by: u64) {
        *self.counts.entry(what).or_default() += by;
    }

    /// Adds another report to this one.
    pub fn add(&mut self, other: &Self) {
        self.seeds += other.seeds;
        for (fault, count) in &other.faults {
            *self.faults.entry(*fault).or_default() += count;
        }
        for (state, count) in &other.ended {
            *self.ended.entry(state.clone()).or_default() += count;
        }
        for (what, count) in &other.counts {
            self.count(what, *count);
        }
    }

    /// Whether these runs put anything to the test: every fault happened, and tasks ended in every
    /// way, many of them well.
    ///
    /// # Errors
    /// Says what is missing.
    pub fn is_telling(&self) -> Result<(), String> {
        if let Some(fault) = Fault::ALL.iter().find(|fault| !self.faults.contains_key(fault)) {
            return Err(format!("never happened: {}", fault.text()));
        }
        let total: u64 = self.ended.values().sum();
        for (state, per_mille) in [("SUCCESS", 250), ("FAILURE", 50), ("REVOKED", 10)] {
            let count = self.ended.get(state).copied().unwrap_or_default();
            if count * 1_000 < total * per_mille {
                return Err(format!("only {count} of {total} tasks ended in {state}"));
            }
        }
        for what in COUNTED {
            if !self.counts.contains_key(what) {
                return Err(format!("never happened: {what}"));
            }
        }
        Ok(())
    }
}

/// What has to come about in a batch for it to say something, beside the faults.
const COUNTED: [&str; 13] = [
    "tasks recovered",
    "stale claims refused",
    "dead letters",
    "dead letters retried",
    "dead letters discarded",
    "tasks added to a dead letter",
    "pages of dead letters",
    "idempotent repeats",
    "cancels",
    "callbacks sent",
    "group ids that no node can be asked for",
    "nodes excused",
    RECORDS_LEFT,
];

/// Records that workers of an older version left to those of a newer one.
pub(crate) const RECORDS_LEFT: &str = "records left to a newer worker";

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seeds: {}", self.seeds)?;
        writeln!(f, "tasks by end:")?;
        for (state, count) in &self.ended {
            writeln!(f, "  {count:>10}  {state}")?;
        }
        writeln!(f, "faults:")?;
        for fault in Fault::ALL {
            let count = self.faults.get(fault).copied().unwrap_or_default();
            writeln!(f, "  {count:>10}  {}", fault.text())?;
        }
        writeln!(f, "besides:")?;
        for (what, count) in &self.counts {
            writeln!(f, "  {count:>10}  {what}")?;
        }
        Ok(())
    }
}
