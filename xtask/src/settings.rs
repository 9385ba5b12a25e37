//! `cargo xtask settings`: writes every file that lists the settings, from their table.

use std::process::ExitCode;

use crate::{build, paths, process};

/// Runs the program beside the table in `crates/settings`. This crate does without that one, since
/// whatever it depends on is built before anything else is done.
pub(crate) fn run() -> anyhow::Result<ExitCode> {
    let mut cargo = build::cargo();
    cargo.args(["run", "--locked", "--quiet", "--package", "settings", "--example", "write"]);
    cargo.arg("--target-dir").arg(paths::target());
    process::run("writing what lists the settings", &mut cargo)?;
    Ok(ExitCode::SUCCESS)
}
