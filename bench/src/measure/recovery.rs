//! How soon the tasks of a killed host are at their end.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::lab::Lab;
use crate::load::{Load, request};
use crate::options::Options;
use crate::report::Report;

const SECTION: &str = "Recovery";
/// A short lease, as far as it may be shortened with calls that take milliseconds.
const LEASE_S: u64 = 1;
/// How often a client asks for its task meanwhile.
const ASK: Duration = Duration::from_millis(50);

/// Kills a host in mid-drain, starts another at once, and waits for every task the first one held.
pub(crate) fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    let mut lab = Lab::new(options, 3)?;
    lab.lease_s = LEASE_S;
    lab.nodes.behaviour.delay_ms.store(5, std::sync::atomic::Ordering::Relaxed);
    let mut first = lab.app(&["api", "worker"])?;
    let ids = lab.accept(options.pick(2_000, 200))?;
    lab.wait_for(ids.len() / 4)?;
    first.kill();
    let killed = Instant::now();
    let held = lab.leased()?;
    ensure!(!held.is_empty(), "the killed host held nothing");
    let second = lab.app(&["api", "worker"])?;
    report.add(SECTION, "until the next host serves", "s", killed.elapsed().as_secs_f64());
    let asking = Load::single(second.address(), 200);
    // A client that asks is what notices that nobody works.
    while !held.iter().all(|id| matches!(lab.finished_at_ms(id), Ok(Some(_)))) {
        asking.once(request("GET", &format!("/groups/task/{}", held[0]), ""))?;
        sleep(ASK);
    }
    let name = format!("until all tasks it held have ended, lease {LEASE_S} s");
    report.add(SECTION, name, "s", killed.elapsed().as_secs_f64());
    report.add(SECTION, "tasks it held", "", held.len() as f64);
    lab.wait_for(ids.len())
}
