//! What a soak did.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use anyhow::ensure;

/// What a soak did, and how the tasks fared.
#[derive(Clone, Debug)]
pub struct Report {
    /// Tasks accepted, each of which has ended once.
    pub accepted: usize,
    pub by_state: BTreeMap<String, u64>,
    /// Dead letters that were retried with success once the nodes were well.
    pub letters_retried: u64,
    /// Dead letters that a later success had superseded.
    pub letters_superseded: u64,
    /// How often a node carried out a change after its caller had given up.
    pub late_calls: usize,
    /// How often hosts were started again.
    pub host_restarts: usize,
    pub deeds: BTreeMap<&'static str, u64>,
    /// For each round, from the end of the harm until the last task had ended.
    pub recoveries: Vec<Duration>,
}

impl Report {
    /// That it was no walk in the park: every kind of harm was done, and tasks ended in each way.
    ///
    /// # Errors
    /// Names what is missing.
    pub fn is_worth_something(&self) -> anyhow::Result<()> {
        for deed in [
            "hosts killed",
            "hosts frozen",
            "Redis killed",
            "connections cut",
            "node faults",
            "rollbacks blocked",
            "nodes slow",
        ] {
            ensure!(self.deeds.contains_key(deed), "no {deed}");
        }
        ensure!(self.late_calls > 0, "no call was carried out late");
        for state in ["SUCCESS", "FAILURE"] {
            ensure!(self.by_state.contains_key(state), "no task ended as {state}");
        }
        Ok(())
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut recoveries = self.recoveries.clone();
        recoveries.sort_unstable();
        let at = |index: usize| recoveries.get(index).copied().unwrap_or_default().as_secs_f64();
        writeln!(f, "rounds: {}", recoveries.len())?;
        let states: Vec<String> =
            self.by_state.iter().map(|(state, count)| format!("{state} {count}")).collect();
        writeln!(f, "tasks accepted and ended once: {} ({})", self.accepted, states.join(", "))?;
        let deeds: Vec<String> =
            self.deeds.iter().map(|(deed, count)| format!("{deed} {count}")).collect();
        writeln!(f, "harm: {}; hosts started again {}", deeds.join(", "), self.host_restarts)?;
        writeln!(
            f,
            "dead letters: {} retried with success, {} superseded",
            self.letters_retried, self.letters_superseded
        )?;
        writeln!(f, "calls carried out late: {}", self.late_calls)?;
        write!(
            f,
            "from healing until all had ended: median {:.1} s, worst {:.1} s",
            at(recoveries.len() / 2),
            at(recoveries.len().saturating_sub(1))
        )
    }
}
