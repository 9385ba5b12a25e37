//! What is measured, a section a file.

mod accept;
mod backlog;
mod drains;
mod latency;
mod memory;
mod recovery;
mod scale;

use std::time::Instant;

use crate::options::Options;
use crate::report::Report;

type Measure = fn(&Options, &mut Report) -> anyhow::Result<()>;

/// Measures everything asked for, as often as asked for, and has it written after each time: a run
/// takes minutes.
pub(crate) fn all(
    options: &Options,
    write: &dyn Fn(&Report) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let mut report = Report::default();
    circumstances(options, &mut report);
    let sections: [(&str, Measure); 7] = [
        ("accept", accept::measure),
        ("backlog", backlog::measure),
        ("drain", drains::measure),
        ("latency", latency::measure),
        ("memory", memory::measure),
        ("recovery", recovery::measure),
        ("scale", scale::measure),
    ];
    let runs = options.pick(options.runs, 1);
    for run in 1..=runs {
        for (name, measure) in sections.iter().filter(|(name, _)| options.wants(name)) {
            let started = Instant::now();
            println!("run {run} of {runs}: {name}");
            measure(options, &mut report)?;
            println!("  ({:.0} s)", started.elapsed().as_secs_f64());
        }
        write(&report)?;
    }
    Ok(())
}

fn circumstances(options: &Options, report: &mut Report) {
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model =
        cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(": ").nth(1));
    let host = options.host.file_name().map(|name| name.to_string_lossy().into_owned());
    let host = host.unwrap_or_default();
    report.circumstances = vec![
        ("host", if host == "devhost" { "the dev host".to_owned() } else { host }),
        ("processors", format!("{cpus} × {}", model.unwrap_or("unknown"))),
        ("redis", "append-only file, not synced by force; on the same machine".to_owned()),
    ];
}
