//! The command line, and how much is measured.

use std::path::PathBuf;
use std::time::Duration;

#[derive(clap::Parser)]
#[command(
    name = "cargo xtask bench",
    about = "Measures Muster, each figure beside another one from the same run",
    disable_version_flag = true
)]
pub(crate) struct Options {
    /// How often everything is measured; medians and spreads are over these.
    #[arg(long, default_value_t = 3)]
    pub(crate) runs: usize,
    /// A short run with small numbers, to see that it works.
    #[arg(long)]
    pub(crate) quick: bool,
    /// Measure only these sections, by the beginning of their names.
    #[arg(long, value_delimiter = ',')]
    pub(crate) only: Vec<String>,
    /// Write the figures as JSON.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,
    /// Write tables and plots into docs/performance.md.
    #[arg(long)]
    pub(crate) write_docs: bool,
    /// The host that runs the app: Spin, or the dev host.
    #[arg(long, value_name = "FILE")]
    pub(crate) host: PathBuf,
}

impl Options {
    /// Whether the section called `name` is to be measured.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty()
            || self.only.iter().any(|part| name.to_lowercase().starts_with(&part.to_lowercase()))
    }

    /// `full`, or `quick` in a short run.
    pub(crate) fn pick<T>(&self, full: T, quick: T) -> T {
        if self.quick { quick } else { full }
    }

    /// How long each load lasts.
    pub(crate) fn load_time(&self) -> Duration {
        Duration::from_millis(self.pick(3_000, 200))
    }
}
