//! The dev host: runs Muster's `spin.toml` and its components for development and tests where the
//! Spin CLI is not installed.
//!
//! It is a stand-in and never what production runs: that is Spin, or SpinKube on Kubernetes. It
//! behaves as Spin does in what this project relies on (a fresh instance for each request and
//! message, one Redis message at a time, an end when Redis disconnects, outbound calls only where
//! allowed) and refuses by name what it does not know.

mod app;
mod cache;
mod cli;
mod component;
mod compose;
mod denied;
mod engine;
mod host_redis;
mod host_variables;
mod http_trigger;
mod instance;
mod logs;
mod manifest;
mod outbound;
mod outbound_http;
mod redis_trigger;
mod routes;
mod template;
mod terminal;
mod variables;

use std::process::ExitCode;

use clap::Parser as _;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{Cli, Command};
use crate::terminal::complain;

fn main() -> ExitCode {
    let Command::Up(options) = Cli::parse().command;
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return failed(&error.into()),
    };
    let outcome = runtime.block_on(async {
        // Before anything is told to be ready, so that a signal finds its listener.
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        tokio::select! {
            outcome = app::up(&options) => outcome,
            _ = terminate.recv() => Ok(()),
            _ = interrupt.recv() => Ok(()),
        }
    });
    // Nobody waits for instances that still work: the process ends as a killed one would.
    runtime.shutdown_background();
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> ExitCode {
    complain(format_args!("Error: {error:#}"));
    ExitCode::FAILURE
}
