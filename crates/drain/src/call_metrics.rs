//! What a drain counts for operators: calls by node, verb and result, and how long they took.
//!
//! Names are those of `metrics.lua`: `calls|<verb>|<result>|<node>`, `late_calls|<node>`, and the
//! histogram `call_ms|<upper bound>` with `call_ms|sum`.

use std::collections::BTreeMap;

use saga::{Answer, ChangeAnswer, Inspection, Presence, Verb};

/// Upper bounds of the buckets of histograms, in milliseconds; the same as in `metrics.lua`.
pub const BOUNDS_MS: [u64; 14] =
    [5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000];

/// How often counts are sent along while there is work, in milliseconds.
const FLUSH_MS: u64 = 500;

#[derive(Debug, Default)]
pub(crate) struct CallMetrics {
    calls: BTreeMap<(&'static str, &'static str, String), u64>,
    buckets: BTreeMap<Option<u64>, u64>,
    sum_ms: u64,
    /// Late calls found, by node.
    late: BTreeMap<String, u64>,
    flushed_at_ms: u64,
}

impl CallMetrics {
    /// Counts one call; `took_ms` is `None` when it was not made.
    pub(crate) fn count(
        &mut self,
        verb: Verb,
        node: String,
        answer: &Answer,
        took_ms: Option<u64>,
    ) {
        let verb = match verb {
            Verb::Inspect => "inspect",
            Verb::Change(operation) => operation.name(),
        };
        let count = self.calls.entry((verb, result(answer), node)).or_default();
        *count = count.saturating_add(1);
        let Some(took_ms) = took_ms else { return };
        let bucket = BOUNDS_MS.into_iter().find(|bound| took_ms <= *bound);
        let count = self.buckets.entry(bucket).or_default();
        *count = count.saturating_add(1);
        self.sum_ms = self.sum_ms.saturating_add(took_ms);
    }

    /// Counts calls to `node` that were found to have been carried out after they were given up on.
    pub(crate) fn count_late(&mut self, node: &str, calls: u32) {
        let count = self.late.entry(node.to_owned()).or_default();
        *count = count.saturating_add(u64::from(calls));
    }

    /// The counts to send now: some of the time none, so that a busy drain's turns stay small. A
    /// drain that may end with this turn sends them all.
    pub(crate) fn flush(&mut self, now_ms: u64, may_end: bool) -> Vec<(String, u64)> {
        if self.calls.is_empty() {
            return Vec::new();
        }
        if !may_end && now_ms.saturating_sub(self.flushed_at_ms) < FLUSH_MS {
            return Vec::new();
        }
        let Self { calls, buckets, sum_ms, late, .. } = std::mem::take(self);
        self.flushed_at_ms = now_ms;
        let calls = calls
            .into_iter()
            .map(|((verb, result, node), count)| (format!("calls|{verb}|{result}|{node}"), count));
        let buckets = buckets.into_iter().map(|(bound, count)| {
            let bound = bound.map_or_else(|| "+Inf".to_owned(), |bound| bound.to_string());
            (format!("call_ms|{bound}"), count)
        });
        let sum = ("call_ms|sum".to_owned(), sum_ms);
        let late = late.into_iter().map(|(node, count)| (format!("late_calls|{node}"), count));
        calls.chain(buckets).chain([sum]).chain(late).collect()
    }
}

fn result(answer: &Answer) -> &'static str {
    match answer {
        Answer::Change(ChangeAnswer::Applied) => "applied",
        Answer::Change(ChangeAnswer::Unchanged) => "unchanged",
        Answer::Change(ChangeAnswer::Refused(_)) => "refused",
        Answer::Change(ChangeAnswer::Inspect(_)) => "unclear",
        Answer::Change(ChangeAnswer::Lost(_)) => "lost",
        Answer::Change(ChangeAnswer::Unknown(_)) => "unknown",
        Answer::Inspection(Inspection::Holds(Presence::Present)) => "present",
        Answer::Inspection(Inspection::Holds(Presence::Absent)) => "absent",
        Answer::Inspection(Inspection::Failed(_)) => "failed",
        Answer::Withheld(_) => "withheld",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use saga::{Operation, Withheld};

    #[test]
    fn counts_add_up_and_are_sent_once() {
        let mut metrics = CallMetrics::default();
        let applied = Answer::Change(ChangeAnswer::Applied);
        metrics.count_late("n", 2);
        let mut count = |answer: &Answer, took_ms| {
            metrics.count(Verb::Change(Operation::Create), "n".to_owned(), answer, took_ms);
        };
        for took_ms in [3, 7, 400_000] {
            count(&applied, Some(took_ms));
        }
        let reason = "left alone".to_owned();
        count(&Answer::Withheld(Withheld { reason, until_ms: 0, wait_max_ms: 0 }), None);
        assert!(metrics.flush(FLUSH_MS - 1, false).is_empty());
        let sent = metrics.flush(FLUSH_MS, false);
        let expected = [
            ("calls|create|applied|n", 3),
            ("calls|create|withheld|n", 1),
            ("call_ms|+Inf", 1),
            ("call_ms|5", 1),
            ("call_ms|10", 1),
            ("late_calls|n", 2),
        ];
        for (name, count) in expected {
            assert!(sent.contains(&(name.to_owned(), count)), "{name}: {sent:?}");
        }
        assert!(sent.contains(&("call_ms|sum".to_owned(), 400_010)));
        assert!(metrics.flush(FLUSH_MS * 9, true).is_empty());
    }
}
