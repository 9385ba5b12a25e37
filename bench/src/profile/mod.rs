//! `cargo xtask profile`: what the processor does while tasks are accepted, and while they are
//! drained.

mod breakdown;
mod document;
mod flamegraph;
mod frame;
mod kind;
mod names;
mod perf;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use testkit_app::App;

use crate::host::Host;
use crate::lab::Lab;
use crate::load::{Load, request};
use crate::profile::breakdown::Breakdown;
use crate::profile::names::Names;
use crate::profile::perf::{Recording, Sample, Unwinding};

const BEGIN: &str = "<!-- profile: made by `cargo xtask profile --write-docs`, not by hand -->";
const END: &str = "<!-- profile end -->";
const CONNECTIONS: usize = 16;
const LOAD_TIME: Duration = Duration::from_secs(5);
const DRAINED: usize = 20_000;
/// Whatever else the machine does makes tasks dearer, so the cheapest of some recordings is the least
/// disturbed one.
const RECORDINGS: usize = 5;

#[derive(clap::Parser)]
#[command(
    name = "cargo xtask profile",
    about = "Shows what the processor does while tasks are accepted and drained",
    disable_version_flag = true
)]
pub(crate) struct Options {
    /// Write the tables into docs/performance.md. Graphs go to target/profile in any case.
    #[arg(long)]
    write_docs: bool,
    /// Take this profile as the one that later ones are shown beside.
    #[arg(long)]
    before: bool,
    /// The dev host.
    #[arg(long, value_name = "FILE")]
    host: PathBuf,
    /// The components, with the names of their functions.
    #[arg(long, value_name = "DIR")]
    wasm: PathBuf,
}

/// Breakdowns by the name of what was profiled.
type Breakdowns = BTreeMap<String, Breakdown>;

/// Something to profile.
struct Subject {
    /// In names of files.
    name: &'static str,
    title: &'static str,
    profile: fn(Host) -> anyhow::Result<Profile>,
    /// What it costs at least, whatever Muster does.
    least: Option<&'static Subject>,
}

const BARE: Subject = Subject { name: "bare", title: "a bare handler", profile: bare, least: None };
const SUBJECTS: [Subject; 2] = [
    Subject { name: "accept", title: "Accepting tasks", profile: accept, least: Some(&BARE) },
    Subject { name: "drain", title: "Draining tasks at 3 nodes", profile: drain, least: None },
];

/// What was recorded of the host and of Redis.
struct Profile {
    host: Vec<Sample>,
    redis: Vec<Sample>,
    breakdown: Breakdown,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    let target = testkit_app::root().join("target/profile");
    fs::create_dir_all(&target)?;
    let folder = if options.write_docs { crate::document::folder() } else { target.clone() };
    let suffix = if options.before { "-before" } else { "" };
    let mut breakdowns = Breakdowns::new();
    let host = Host {
        program: std::path::absolute(&options.host)?,
        arguments: &["--perf-map"],
        wasm: std::path::absolute(&options.wasm)?,
    };
    // The least is shown once, beside what is now.
    let least = |subject: &'static Subject| subject.least.filter(|_| !options.before);
    let all = SUBJECTS.iter().flat_map(|subject| [Some(subject), least(subject)]).flatten();
    for Subject { name, title, profile, .. } in all {
        println!("profiling: {name}");
        let recorded = (0..RECORDINGS).map(|_| profile(host.clone()));
        let recorded = recorded.collect::<anyhow::Result<Vec<_>>>()?;
        let cost = |profile: &Profile| profile.breakdown.us();
        let least = recorded.into_iter().min_by(|one, other| cost(one).total_cmp(&cost(other)));
        let Profile { host, redis, breakdown } = least.context("nothing was recorded")?;
        let stacks = [("host", host.as_slice()), ("Redis", redis.as_slice())];
        let file = target.join(format!("{name}{suffix}.svg"));
        fs::write(&file, flamegraph::draw(title, &stacks))?;
        // For a closer look.
        fs::write(target.join(format!("{name}.folded")), flamegraph::folded(&stacks))?;
        println!("written: {}\n\n{}", file.display(), document::table(&[("now", &breakdown)]));
        breakdowns.insert((*name).to_owned(), breakdown);
    }
    let file = folder.join(format!("profile{suffix}.json"));
    fs::write(&file, format!("{}\n", serde_json::to_string_pretty(&breakdowns)?))?;
    if options.write_docs { write_docs(&folder) } else { Ok(()) }
}

/// Shows the profile kept as the one before, and the last one, side by side.
fn write_docs(folder: &Path) -> anyhow::Result<()> {
    let mut kept = Vec::new();
    for (heading, suffix) in [("before", "-before"), ("now", "")] {
        let file = folder.join(format!("profile{suffix}.json"));
        if let Ok(text) = fs::read(&file) {
            let breakdowns: Breakdowns =
                serde_json::from_slice(&text).with_context(|| file.display().to_string())?;
            kept.push((heading, breakdowns));
        }
    }
    let mut text = String::new();
    for Subject { name, title, least, .. } in SUBJECTS {
        let _ = writeln!(text, "### {title}\n");
        let own = kept.iter().map(|(heading, all)| (*heading, name, all));
        let least = least.zip(kept.last());
        let least = least.map(|(least, (_, all))| (least.title, least.name, all));
        let mut columns = Vec::new();
        for (heading, name, breakdowns) in own.chain(least) {
            if let Some(breakdown) = breakdowns.get(name) {
                columns.push((heading, breakdown));
            }
        }
        let _ = writeln!(text, "{}", document::table(&columns));
    }
    crate::document::replace(BEGIN, END, &format!("{}\n", text.trim_end()))
}

/// Records the host and Redis for as long as `work` takes, which gives how many tasks it was.
fn record(
    lab: &Lab,
    app: &App,
    work: impl FnOnce() -> anyhow::Result<usize>,
) -> anyhow::Result<Profile> {
    lab.reset_statistics()?;
    let host = Recording::start(app.process_id(), Unwinding::FramePointers)?;
    let redis = Recording::start(lab.redis_process_id()?, Unwinding::DebugInformation)?;
    let worked = work();
    let (host, redis) = (host.stop()?, redis.stop()?);
    let commands = lab.commands()?;
    let names = Names::of(app.process_id())?;
    let (host, redis) = (host.samples()?, redis.samples()?);
    drop(names);
    let breakdown = Breakdown::new(worked?, &host, &redis, &commands);
    Ok(Profile { host, redis, breakdown })
}

fn bare(host: Host) -> anyhow::Result<Profile> {
    requests(host, |_| request("GET", "/probe/eval", ""))
}

fn accept(host: Host) -> anyhow::Result<Profile> {
    requests(host, |number| {
        request("POST", "/groups/create", &format!("{{\"group_id\":\"load-{number}\"}}"))
    })
}

fn requests(host: Host, request: fn(usize) -> Vec<u8>) -> anyhow::Result<Profile> {
    let lab = Lab::on(host, 3)?;
    // No worker: what is looked at is the API alone.
    let app = lab.app(&["api"])?;
    let load = |first, time| {
        let address = app.address().to_owned();
        Load { address, connections: CONNECTIONS, time, status: 202, first }.run(&request)
    };
    // The first instances of a component are slower than the rest.
    load(0, LOAD_TIME / 5)?;
    record(&lab, &app, || Ok(load(10_000_000, LOAD_TIME)?.count() as usize))
}

fn drain(host: Host) -> anyhow::Result<Profile> {
    let lab = Lab::on(host, 3)?;
    lab.accept(DRAINED)?;
    let app = lab.app(&["worker"])?;
    record(&lab, &app, || {
        lab.wake()?;
        lab.wait_for(DRAINED)?;
        Ok(DRAINED)
    })
}
