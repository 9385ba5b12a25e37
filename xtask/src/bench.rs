//! `cargo xtask bench`: builds all that is measured with optimisation, and measures it.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use crate::process::{self, PassedOn, on_path};
use crate::{build, paths, redis, toolchain};

/// The component that the API is compared with.
pub(crate) const PROBE: &str = "bench-probe";
/// The workspace's profile for what is measured.
pub(crate) const PROFILE: &str = "measure";

/// Builds a package with optimisation, to `PROFILE` in a folder.
pub(crate) fn cargo(package: &str, folder: &Path) -> Command {
    let mut cargo = build::cargo();
    cargo.args(["build", "--locked", "--profile", PROFILE, "--package", package, "--target-dir"]);
    cargo.arg(folder);
    cargo
}

pub(crate) fn run(options: &PassedOn) -> anyhow::Result<ExitCode> {
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    build::components(&toolchain)?;
    build::wasm(&toolchain, &[PROBE])?;
    let spin = std::env::var_os("SPIN").map(PathBuf::from).or_else(|| on_path("spin"));
    let host = if spin.is_none() { vec!["devhost"] } else { Vec::new() };
    // One by one, for together their dependencies would be built with the features of both.
    for package in ["bench"].iter().chain(&host) {
        process::run("building what is measured", &mut cargo(package, &paths::target()))?;
    }
    let built = paths::target().join(PROFILE);
    let mut bench = Command::new(built.join("bench"));
    bench.arg("--host").arg(spin.unwrap_or_else(|| built.join("devhost")));
    bench.args(&options.arguments).env("REDIS_SERVER", redis::get()?);
    process::run("the bench", &mut bench)?;
    Ok(ExitCode::SUCCESS)
}
