//! The command line: a part of Spin's, so that one can stand in for the other.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Runs a Spin application for development and tests, where the Spin CLI is not installed.
///
/// A stand-in, and never what production runs: that is Spin, or SpinKube on Kubernetes. It serves
/// the part of Spin's manifest that this project uses, and refuses the rest by name.
#[derive(Debug, Parser)]
#[command(name = "devhost", version)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What the host can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the application, and run it until SIGINT or SIGTERM or until a trigger ends
    Up(Up),
}

/// `host up`
#[derive(Args, Debug)]
#[command(after_help = "A stand-in for development and tests; production runs Spin or SpinKube.")]
pub(crate) struct Up {
    /// The manifest, or the folder that holds a spin.toml
    #[arg(short, long, alias = "file", value_name = "PATH", default_value = "spin.toml")]
    from: PathBuf,

    /// Where to serve HTTP; port 0: one that is free, which the `Serving` line tells
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:3000")]
    pub(crate) listen: String,

    /// Component to run; may be given several times [default: all]
    #[arg(short = 'c', long = "component-id", value_name = "ID")]
    pub(crate) components: Vec<String>,

    /// A variable's value, which wins over the environment; may be given several times
    #[arg(long = "variable", value_name = "KEY=VALUE | @FILE.json | @FILE.toml")]
    pub(crate) variables: Vec<String>,

    /// Where logs go [default: .spin beside the manifest]
    #[arg(long, value_name = "DIR")]
    pub(crate) state_dir: Option<PathBuf>,

    /// Do not show on the terminal what components print
    #[arg(short, long)]
    pub(crate) quiet: bool,

    /// Name components' functions for `perf`, in /tmp/perf-PID.map (for profiles; Spin has no such)
    #[arg(long)]
    pub(crate) perf_map: bool,
}

impl Up {
    /// The path of the manifest.
    pub(crate) fn manifest(&self) -> PathBuf {
        if self.from.is_dir() { self.from.join("spin.toml") } else { self.from.clone() }
    }
}
