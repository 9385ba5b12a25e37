//! Drains of different kinds: more nodes, slow nodes, tasks that all roll back.

use std::sync::atomic::Ordering;

use crate::lab::Lab;
use crate::measure::backlog::{self, Drained};
use crate::nodes::Behaviour;
use crate::options::Options;
use crate::report::Report;

const SECTION: &str = "Drain, by kind of work";

/// One kind of work.
struct Kind {
    name: &'static str,
    nodes: usize,
    tasks: usize,
    set: fn(&Behaviour),
    /// Whether its tasks end in success.
    succeeds: bool,
}

const KINDS: [Kind; 7] = [
    Kind { name: "3 nodes", nodes: 3, tasks: 6_000, set: |_| {}, succeeds: true },
    Kind {
        name: "3 nodes, answers with a body",
        nodes: 3,
        tasks: 6_000,
        set: |nodes| nodes.with_body.store(true, Ordering::Relaxed),
        succeeds: true,
    },
    Kind { name: "10 nodes", nodes: 10, tasks: 2_000, set: |_| {}, succeeds: true },
    Kind { name: "50 nodes", nodes: 50, tasks: 400, set: |_| {}, succeeds: true },
    Kind {
        name: "3 nodes that take 5 ms",
        nodes: 3,
        tasks: 3_000,
        set: |nodes| nodes.delay_ms.store(5, Ordering::Relaxed),
        succeeds: true,
    },
    Kind {
        name: "3 nodes that take 50 ms",
        nodes: 3,
        tasks: 500,
        set: |nodes| nodes.delay_ms.store(50, Ordering::Relaxed),
        succeeds: true,
    },
    Kind {
        name: "3 nodes, the last refuses (all roll back)",
        nodes: 3,
        tasks: 4_000,
        set: |nodes| nodes.last_refuses.store(true, Ordering::Relaxed),
        succeeds: false,
    },
];

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for kind in KINDS {
        let tasks = options.pick(kind.tasks, 20);
        let lab = || {
            let lab = Lab::new(options, kind.nodes)?;
            (kind.set)(&lab.nodes.behaviour);
            anyhow::Ok(lab)
        };
        let Drained { rate: native, .. } = backlog::native(&lab()?, tasks, kind.succeeds)?;
        let Drained { rate, .. } = backlog::component(&lab()?, tasks, kind.succeeds)?;
        let name = kind.name;
        report.add(SECTION, format!("{name}: worker"), "tasks/s", rate);
        report.add(SECTION, format!("{name}: native loop"), "tasks/s", native);
        report.ratio(format!("drain, {name}: worker ÷ native loop"), rate, native);
    }
    Ok(())
}
