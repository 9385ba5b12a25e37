//! `cargo xtask`: everything a developer runs more than once.

mod adapter;
mod bench;
mod build;
mod debian;
mod demo;
mod licences;
mod paths;
mod process;
mod profile;
mod redis;
mod settings;
mod simulate;
mod soak;
mod test;
mod toolchain;
mod up;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

#[derive(Parser)]
#[command(
    name = "cargo xtask",
    about = "Builds, runs and tests Muster",
    disable_version_flag = true
)]
struct Options {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Run Redis, three demo nodes and the app, and say what to try.
    Up(up::Options),
    /// Run every check and every test; the last line counts them.
    Test(test::Options),
    /// Build the components to where spin.toml looks for them.
    Build(build::Options),
    /// Write what lists the settings (spin.toml, the example files, the docs) from their table.
    Settings,
    /// Run seeds of the simulation: the real code under drawn faults and virtual time.
    Simulate(simulate::Options),
    /// Measure: accept, drain, latency, recovery, each beside something else.
    Bench(process::PassedOn),
    /// Show what the processor does while tasks are accepted and drained, as flame graphs.
    Profile(profile::Options),
    /// Kill, freeze and cut off real processes under load, and check every promise.
    Soak(process::PassedOn),
    /// Get the wasm32-wasip2 target, and say where it comes from.
    Toolchain(toolchain::Options),
}

fn main() -> ExitCode {
    let ran = match Options::parse().task {
        Task::Up(options) => up::run(&options),
        Task::Test(options) => test::run(&options),
        Task::Build(options) => build::run(&options),
        Task::Settings => settings::run(),
        Task::Simulate(options) => simulate::run(&options),
        Task::Bench(options) => bench::run(&options),
        Task::Profile(options) => profile::run(&options),
        Task::Soak(options) => soak::run(&options),
        Task::Toolchain(options) => toolchain::run(&options),
    };
    match ran {
        Ok(code) => code,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}
