//! `cargo xtask soak`: real processes under load, killed, frozen and cut off on purpose.

use std::process::ExitCode;

use crate::process::{self, PassedOn};
use crate::{build, paths, redis, toolchain};

pub(crate) fn run(options: &PassedOn) -> anyhow::Result<ExitCode> {
    let host = build::start_native(&build::HOST)?;
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    build::components(&toolchain)?;
    host.succeed()?;
    build::start_native(&["soak"])?.succeed()?;
    let mut soak = std::process::Command::new(paths::binary("soak"));
    soak.args(&options.arguments).env("REDIS_SERVER", redis::get()?);
    process::run("the soak", &mut soak)?;
    Ok(ExitCode::SUCCESS)
}
