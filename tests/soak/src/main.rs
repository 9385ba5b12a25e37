//! `cargo xtask soak`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use soak::{Options, run};

/// Kills, freezes and cuts off real processes under load, and checks every promise.
#[derive(Parser)]
#[command(name = "cargo xtask soak", disable_version_flag = true)]
struct Arguments {
    /// How long, in minutes; fractions are fine.
    #[arg(long, default_value_t = 5.0)]
    minutes: f64,
    /// How many hosts.
    #[arg(long, default_value_t = 3)]
    hosts: usize,
    /// What decides the schedule of harm; another one each time when it is not given.
    #[arg(long)]
    seed: Option<u64>,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { minutes, hosts, seed } = Arguments::parse();
    let seed = seed.unwrap_or_else(|| fastrand::u64(..1_000_000));
    println!("soak: {minutes} minutes, {hosts} hosts, seed {seed}");
    let duration = Duration::from_secs_f64(minutes.max(0.0) * 60.0);
    match run(Options { duration, hosts: hosts.max(1), seed }).await {
        Ok(report) => {
            println!("{report}\nevery promise was kept");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("a promise was broken, with --seed {seed}: {error:#}");
            ExitCode::FAILURE
        }
    }
}
