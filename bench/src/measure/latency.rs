//! From submitting a task to its end.
//!
//! The end is what Redis's clock said, which on one machine is ours too, rounded up to the next
//! millisecond: nothing has to ask meanwhile, so asking is not measured.

use std::thread::sleep;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;

use crate::lab::Lab;
use crate::load::{Load, quantile, request};
use crate::measure::backlog;
use crate::options::Options;
use crate::report::Report;

const SECTION: &str = "Submit to end (3 nodes)";
/// Between two tasks at low load.
const PAUSE: Duration = Duration::from_millis(20);

pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    low_load(options, report)?;
    half_load(options, report)
}

/// One task at a time, over HTTP.
fn low_load(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let lab = Lab::new(options, 3)?;
    let app = lab.app(&["api", "worker"])?;
    let one = Load::single(app.address(), 202);
    let mut latencies = Vec::new();
    let warm_up = 5;
    for number in 0..options.pick(200, 10) + warm_up {
        let body = format!("{{\"group_id\":\"low-{number}\"}}");
        let started_ms = now_ms();
        let answer = one.once(request("POST", "/groups/create", &body))?;
        let id = answer.split('"').nth(3).context("no task id")?.to_owned();
        lab.wait_for(number + 1)?;
        if number >= warm_up {
            let finished_ms = lab.finished_at_ms(&id)?.context("it has not ended")?;
            latencies.push(finished_ms + 1.0 - started_ms);
        }
        sleep(PAUSE);
    }
    add(report, "one at a time", latencies);
    Ok(())
}

/// Tasks at an even pace of half the rate that a drain reached a moment ago. They go in through the
/// accept script, for the API would need the processors that the drain is to have.
fn half_load(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let drained = backlog::component(&Lab::new(options, 3)?, options.pick(6_000, 20), true)?;
    let rate = drained.rate / 2.0;
    let lab = Lab::new(options, 3)?;
    let _app = lab.app(&["worker"])?;
    let mut submitted = Vec::new();
    let started = Instant::now();
    for number in 0..(rate * options.pick(4.0, 0.2)) as usize {
        let due = Duration::from_secs_f64(number as f64 / rate);
        sleep(due.saturating_sub(started.elapsed()));
        let at_ms = now_ms();
        submitted.push((at_ms, lab.accept(1)?.remove(0)));
    }
    let reached = submitted.len() as f64 / started.elapsed().as_secs_f64();
    lab.wait_for(submitted.len())?;
    let mut latencies = Vec::new();
    for (at_ms, id) in submitted {
        latencies.push(lab.finished_at_ms(&id)?.context("it has not ended")? + 1.0 - at_ms);
    }
    report.add(SECTION, "at half the drain's rate: tasks sent", "/s", reached);
    add(report, "at half the drain's rate", latencies);
    Ok(())
}

fn add(report: &mut Report, name: &str, mut latencies: Vec<f64>) {
    latencies.sort_by(f64::total_cmp);
    report.add(SECTION, format!("{name}, p50"), "ms", quantile(&latencies, 0.5));
    report.add(SECTION, format!("{name}, p99"), "ms", quantile(&latencies, 0.99));
}

fn now_ms() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs_f64() * 1_000.0
}
