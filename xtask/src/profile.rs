//! `cargo xtask profile`: builds what is measured so that its functions have names, and records what
//! the processor does in them.

use std::fs;
use std::process::{Command, ExitCode};

use anyhow::ensure;

use crate::process::{self, on_path};
use crate::{bench, build, paths, redis, toolchain};

/// How far the kernel lets users who are not root look, and what recording asks for.
const PARANOID: &str = "/proc/sys/kernel/perf_event_paranoid";
const MOST_PARANOID: i32 = 1;

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Write the tables into docs/performance.md. Graphs go to target/profile in any case.
    #[arg(long)]
    write_docs: bool,
    /// Take this profile as the one that later ones are shown beside.
    #[arg(long)]
    before: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    check_perf()?;
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    // A folder of its own, so that what ships is not replaced.
    let folder = paths::target().join("profile");
    let wasm = folder.join("wasm");
    build::named_wasm(&wasm, &toolchain, &[bench::PROBE])?;
    let what = "building what is profiled";
    process::run(what, &mut bench::cargo("bench", &paths::target()))?;
    // Frame pointers are how `perf` finds its way through a stack.
    let mut host = bench::cargo("devhost", &folder);
    process::run(what, host.env("RUSTFLAGS", "-C force-frame-pointers=yes"))?;
    let mut profile = Command::new(paths::target().join(bench::PROFILE).join("profile"));
    profile.arg("--host").arg(folder.join(bench::PROFILE).join("devhost")).arg("--wasm").arg(wasm);
    for (name, is_given) in [("--write-docs", options.write_docs), ("--before", options.before)] {
        if is_given {
            profile.arg(name);
        }
    }
    process::run("the profile", profile.env("REDIS_SERVER", redis::get()?))?;
    Ok(ExitCode::SUCCESS)
}

/// Whether `perf` is there and may record, before minutes are spent on building.
fn check_perf() -> anyhow::Result<()> {
    ensure!(
        on_path("perf").is_some(),
        "`perf` is missing. It runs on Linux alone; install it (apt-get install linux-perf, dnf \
         install perf)"
    );
    let paranoid = fs::read_to_string(PARANOID).unwrap_or_default();
    let paranoid = paranoid.trim().parse().unwrap_or(MOST_PARANOID);
    // SAFETY: `geteuid` takes nothing and gives a plain number.
    let is_root = unsafe { libc::geteuid() } == 0;
    ensure!(
        is_root || paranoid <= MOST_PARANOID,
        "the kernel lets none but root record what it does ({PARANOID} is {paranoid}). Allow it \
         (sysctl kernel.perf_event_paranoid={MOST_PARANOID}), or run this as root"
    );
    Ok(())
}
