//! `cargo xtask simulate`: the simulation, optimised.

use std::process::{Command, ExitCode};

use crate::process::{self, Running};
use crate::{build, paths};

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Run this seed alone, and print all that happens.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many seeds to run; 1,000 unless said otherwise.
    #[arg(long)]
    seeds: Option<u64>,
    /// The first of them; 0 unless said otherwise.
    #[arg(long)]
    from: Option<u64>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let mut cargo = build::cargo();
    cargo.args(["build", "--locked", "--release", "--package", "simulation"]);
    cargo.arg("--target-dir").arg(paths::target());
    process::run("building the simulation", &mut cargo)?;
    let mut simulate = Command::new(paths::target().join("release/simulate"));
    for (name, number) in
        [("--seed", options.seed), ("--seeds", options.seeds), ("--from", options.from)]
    {
        if let Some(number) = number {
            simulate.args([name, &number.to_string()]);
        }
    }
    let succeeded = Running::start("the simulation", &mut simulate)?.wait()?.success();
    Ok(if succeeded { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
