//! `cargo xtask soak`: real processes under load, killed, frozen and cut off on purpose.

use std::process::ExitCode;

use crate::{build, paths, process, redis, toolchain};

#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct Options {
    /// What the soak itself takes: see `cargo xtask soak --help`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    build::components(&toolchain)?;
    build::native(&["host", "soak"])?;
    let mut soak = std::process::Command::new(paths::binary("soak"));
    soak.args(&options.arguments).env("REDIS_SERVER", redis::get()?);
    process::run("the soak", &mut soak)?;
    Ok(ExitCode::SUCCESS)
}
