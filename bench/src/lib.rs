//! `cargo xtask bench`: how fast Muster is, each figure beside another one from the same run.
//!
//! | compared with | what it is |
//! | --- | --- |
//! | the probe | a component that only opens Redis and runs a trivial script, on the same host |
//! | the native loop | the same drain, saga and scripts with tokio and hyper, without Wasm |
//!
//! Redis, nodes, host and load generator share the machine, so ratios tell more than rates do.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a measurement stops at once when something is not as it expects"
)]

mod document;
mod host;
mod lab;
mod load;
mod measure;
mod native;
mod nodes;
mod options;
mod plot;
mod profile;
mod report;
mod resp;
mod table;
mod usage;

use std::process::ExitCode;

use clap::Parser as _;

use crate::options::Options;
use crate::report::Report;

/// `cargo xtask bench`: what the command line asks for.
#[must_use]
pub fn bench() -> ExitCode {
    let options = Options::parse();
    exit_code(measure::all(&options, &|report| write(&options, report)))
}

/// `cargo xtask profile`: where the time goes.
#[must_use]
pub fn profile() -> ExitCode {
    exit_code(profile::run(&profile::Options::parse()))
}

fn exit_code(ran: anyhow::Result<()>) -> ExitCode {
    match ran {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Writes what was measured so far to where it was asked for.
fn write(options: &Options, report: &Report) -> anyhow::Result<()> {
    println!("\n{}", table::text(report));
    if let Some(path) = &options.json {
        std::fs::write(path, format!("{:#}\n", report.json()))?;
    }
    if options.write_docs { document::write(report) } else { Ok(()) }
}
