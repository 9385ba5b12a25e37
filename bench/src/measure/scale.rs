//! Several hosts on one Redis.

use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::lab::Lab;
use crate::options::Options;
use crate::report::Report;

const SECTION: &str = "Several hosts on one Redis (3 nodes)";
/// More drains are called in no more often than once a second; here they all start at once.
const SETTLE: Duration = Duration::from_millis(20);

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    for delay_ms in [0, 20] {
        let mut alone = 0.0;
        for hosts in options.pick(vec![1, 2, 4], vec![1, 2]) {
            let tasks = options.pick(if delay_ms == 0 { 12_000 } else { 4_000 * hosts }, 40);
            let lab = Lab::new(options, 3)?;
            lab.nodes.behaviour.delay_ms.store(delay_ms, Ordering::Relaxed);
            lab.accept(tasks)?;
            let apps: Result<Vec<_>, _> = (0..hosts).map(|_| lab.app(&["worker"])).collect();
            let apps = apps?;
            lab.wait_for_listeners(hosts)?;
            sleep(SETTLE);
            let started = Instant::now();
            // Every host hears a wake-up.
            lab.wake()?;
            lab.wait_for(tasks)?;
            let rate = tasks as f64 / started.elapsed().as_secs_f64();
            drop(apps);
            let nodes = match delay_ms {
                0 => "nodes that answer at once".to_owned(),
                ms => format!("nodes that take {ms} ms"),
            };
            report.add(SECTION, format!("{hosts} hosts, {nodes}"), "tasks/s", rate);
            if hosts == 1 {
                alone = rate;
            } else {
                report.ratio(format!("{hosts} hosts ÷ 1 host, {nodes}"), rate, alone);
            }
        }
    }
    Ok(())
}
