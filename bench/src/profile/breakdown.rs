//! Where the time of a task goes, in words: a table that is kept as JSON, so that one profile can be
//! shown beside an earlier one.

use serde::{Deserialize, Serialize};

use crate::lab::Commands;
use crate::profile::kind;
use crate::profile::perf::Sample;

/// What a task costs in one phase of its life.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Breakdown {
    /// Tasks that were recorded.
    pub(crate) tasks: usize,
    pub(crate) host: Vec<Part>,
    pub(crate) redis: Vec<Part>,
    /// What Redis says its commands took; a script's time holds that of what it calls.
    pub(crate) commands: Vec<Part>,
}

/// A kind of work, and the processor time of it for one task.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Part {
    pub(crate) name: String,
    pub(crate) us: f64,
}

impl Breakdown {
    pub(crate) fn new(
        tasks: usize,
        host: &[Sample],
        redis: &[Sample],
        commands: &[Commands],
    ) -> Self {
        let each = |us: f64| us / tasks.max(1) as f64;
        let of = |samples: &[Sample]| {
            let mut parts: Vec<Part> = Vec::new();
            for sample in samples {
                let us = each(sample.ns as f64 / 1e3);
                let name = kind::of(&sample.stack);
                match parts.iter_mut().find(|part| part.name == name) {
                    Some(part) => part.us += us,
                    None => parts.push(Part { name: name.to_owned(), us }),
                }
            }
            sorted(parts)
        };
        let commands = commands.iter();
        let commands =
            commands.map(|it| Part { name: it.name.to_uppercase(), us: each(it.us) }).collect();
        Self { tasks, host: of(host), redis: of(redis), commands: sorted(commands) }
    }

    /// What a task costs in all.
    pub(crate) fn us(&self) -> f64 {
        total(&self.host) + total(&self.redis)
    }
}

/// What parts come to.
pub(crate) fn total(parts: &[Part]) -> f64 {
    parts.iter().map(|part| part.us).sum()
}

fn sorted(mut parts: Vec<Part>) -> Vec<Part> {
    // More digits would be noise.
    parts.iter_mut().for_each(|part| part.us = (part.us * 100.0).round() / 100.0);
    parts.sort_by(|one, other| other.us.total_cmp(&one.us));
    parts
}
