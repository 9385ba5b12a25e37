//! Building: the components for Spin, and the native programs beside them.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::paths;
use crate::process;
use crate::toolchain::{self, TARGET, Toolchain};

/// The components that spin.toml names, as packages and as files.
const COMPONENTS: [(&str, &str); 4] = [
    ("api", "api.wasm"),
    ("worker", "worker.wasm"),
    ("cluster-manager", "cluster_manager.wasm"),
    ("docs", "docs.wasm"),
];

/// The adapter that end-to-end tests put in place of the one that ships.
pub(crate) const E2E_ADAPTER: &str = "e2e-adapter";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Build what end-to-end tests want too: the dev host, and say where it is, and their adapter.
    #[arg(long)]
    host: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    components(&toolchain)?;
    for (_, file) in COMPONENTS {
        let path = paths::target().join("wasm").join(TARGET).join("release").join(file);
        println!("{} ({} kB)", path.display(), std::fs::metadata(&path)?.len() / 1000);
    }
    if options.host {
        native(&["devhost"])?;
        wasm(&toolchain, &[E2E_ADAPTER])?;
        println!("dev host: {}", paths::binary("devhost").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the components to where spin.toml looks for them.
pub(crate) fn components(toolchain: &Toolchain) -> anyhow::Result<()> {
    wasm(toolchain, &COMPONENTS.map(|(package, _)| package))
}

/// Builds packages as components, beside those that spin.toml names.
pub(crate) fn wasm(toolchain: &Toolchain, packages: &[&str]) -> anyhow::Result<()> {
    // A folder of its own: two compilers would evict each other's artefacts.
    wasm_into(&paths::target().join("wasm"), &[], toolchain, packages)
}

/// Builds the components and `others` into a folder, as they ship but for the names of their functions,
/// which are kept.
pub(crate) fn named_wasm(
    folder: &Path,
    toolchain: &Toolchain,
    others: &[&str],
) -> anyhow::Result<()> {
    let packages = [&COMPONENTS.map(|(package, _)| package), others].concat();
    wasm_into(folder, &["--config", "profile.release.strip=\"debuginfo\""], toolchain, &packages)
}

fn wasm_into(
    folder: &Path,
    options: &[&str],
    toolchain: &Toolchain,
    packages: &[&str],
) -> anyhow::Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--release", "--locked", "--target", TARGET]).args(options);
    cargo.arg("--target-dir").arg(folder);
    for package in packages {
        cargo.args(["--package", package]);
    }
    toolchain.apply(&mut cargo);
    process::run("building the components", &mut cargo)
}

/// Builds native programs of the workspace.
pub(crate) fn native(packages: &[&str]) -> anyhow::Result<()> {
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--target-dir"]).arg(paths::target());
    for package in packages {
        cargo.args(["--package", package]);
    }
    process::run("building the native programs", &mut cargo)
}

/// Cargo in the repository's root, with none of what the running one set for this program.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new("cargo");
    cargo.current_dir(paths::root());
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("CARGO_PKG_") || text.starts_with("CARGO_MANIFEST_") {
            cargo.env_remove(&name);
        }
    }
    cargo
}
