//! Building: the components for Spin, and the native programs beside them.

use std::path::Path;
use std::process::{Command, ExitCode};

use crate::adapter;
use crate::paths;
use crate::process::{self, Running};
use crate::toolchain::{self, TARGET, Toolchain};

/// The components that spin.toml names, as packages and as files.
const COMPONENTS: [(&str, &str); 4] = [
    ("api", "api.wasm"),
    ("worker", "worker.wasm"),
    ("cluster-manager", "cluster_manager.wasm"),
    ("docs", "docs.wasm"),
];

/// What a system on this machine runs beside Redis and the components. Built and tested by themselves:
/// together with other packages, the dev host's dependencies would be built anew, with the features that
/// the others ask for, and they take minutes.
pub(crate) const HOST: [&str; 2] = ["devhost", "testkit-node"];

/// The adapter that end-to-end tests put in place of the one that ships.
pub(crate) const E2E_ADAPTER: &str = "e2e-adapter";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Build what end-to-end tests want too: the dev host, and say where it is, and their adapter.
    #[arg(long)]
    host: bool,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    let native = options.host.then(|| start_native(&HOST)).transpose()?;
    let toolchain = toolchain::get(None)?;
    println!("{}", toolchain.description());
    components(&toolchain)?;
    for (_, file) in COMPONENTS {
        let path = paths::target().join("wasm").join(TARGET).join("release").join(file);
        println!("{} ({} kB)", path.display(), std::fs::metadata(&path)?.len() / 1000);
    }
    if let Some(native) = native {
        native.succeed()?;
        wasm(&toolchain, &[E2E_ADAPTER])?;
        println!("dev host: {}", paths::binary("devhost").display());
    }
    Ok(ExitCode::SUCCESS)
}

/// Builds the components to where spin.toml looks for them, and sees that its node adapters fit them.
pub(crate) fn components(toolchain: &Toolchain) -> anyhow::Result<()> {
    wasm(toolchain, &COMPONENTS.map(|(package, _)| package))?;
    adapter::check(&paths::root())
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

/// Starts to build native programs of the workspace, while something else is built for Wasm: two
/// compilers in two folders, so that neither waits for the other.
pub(crate) fn start_native(packages: &[&str]) -> anyhow::Result<Running> {
    let mut cargo = cargo();
    cargo.args(["build", "--locked", "--target-dir"]).arg(paths::target());
    for package in packages {
        cargo.args(["--package", package]);
    }
    // Two progress bars would draw over each other.
    cargo.env("CARGO_TERM_PROGRESS_WHEN", "never");
    Running::start("building the native programs", &mut cargo)
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
