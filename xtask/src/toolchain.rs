//! The compiler for wasm32-wasip2: the toolchain's own, rustup's, or Debian's.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, bail};

use crate::debian::{self, PrivateApt};
use crate::paths;
use crate::process::output;

pub(crate) const TARGET: &str = "wasm32-wasip2";
/// The Debian release whose packaged `std` for wasm is new enough.
const DEBIAN_SUITE: &str = "forky";

#[derive(clap::Args)]
pub(crate) struct Options {
    /// Take this source, whether or not another would do.
    #[arg(long, value_enum)]
    from: Option<Origin>,
}

/// Where the target comes from, in the order tried.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Origin {
    /// It is there already.
    Installed,
    /// `rustup target add`.
    Rustup,
    /// Debian's packages, unpacked under `target/tools`.
    Debian,
}

/// How to compile for wasm.
pub(crate) struct Toolchain {
    origin: Origin,
    /// Debian's compiler and the tools it links with.
    debian: Option<DebianCompiler>,
}

struct DebianCompiler {
    rustc: PathBuf,
    linker: PathBuf,
}

pub(crate) fn run(options: &Options) -> anyhow::Result<ExitCode> {
    println!("{}", get(options.from)?.description());
    Ok(ExitCode::SUCCESS)
}

/// Finds or fetches the target. Safe to run twice at once.
pub(crate) fn get(from: Option<Origin>) -> anyhow::Result<Toolchain> {
    let wanted = |origin| from.is_none_or(|from| from == origin);
    if wanted(Origin::Installed) && is_installed() {
        return Ok(Toolchain { origin: Origin::Installed, debian: None });
    }
    fs::create_dir_all(paths::tools())?;
    let lock = fs::File::create(paths::tools().join("toolchain.lock"))?;
    lock.lock().context("cannot lock the tools folder")?;
    let compiler = paths::tools().join("wasm-rustc");
    // What was unpacked before is used before anything is fetched.
    if wanted(Origin::Debian) && compiler.is_dir() {
        return debian_toolchain(&compiler);
    }
    let mut tried = Vec::new();
    if wanted(Origin::Rustup) {
        println!("getting {TARGET} from rustup …");
        match output(Command::new("rustup").args(["target", "add", TARGET])) {
            Ok(_) if is_installed() => {
                return Ok(Toolchain { origin: Origin::Rustup, debian: None });
            }
            Ok(_) => tried.push("rustup: it added the target, but to another toolchain".to_owned()),
            Err(error) => tried.push(format!("rustup: {}", first_line(&format!("{error:#}")))),
        }
    }
    if wanted(Origin::Debian) {
        match fetch_from_debian(&compiler).and_then(|()| debian_toolchain(&compiler)) {
            Ok(toolchain) => return Ok(toolchain),
            Err(error) => tried.push(format!("Debian: {error:#}")),
        }
    }
    bail!(
        "the Rust target {TARGET} is missing and could not be had.\n  {}\n\
         Install Rust with rustup (https://rustup.rs), then run: rustup target add {TARGET}",
        tried.join("\n  ")
    )
}

impl Toolchain {
    /// One line saying which one it is.
    pub(crate) fn description(&self) -> String {
        match (self.origin, &self.debian) {
            (Origin::Installed, _) => format!("toolchain: {TARGET} is installed"),
            (Origin::Rustup, _) => format!("toolchain: {TARGET} was added by rustup"),
            (Origin::Debian, Some(compiler)) => {
                format!(
                    "toolchain: {TARGET} from Debian's packages, in {}",
                    compiler.rustc.display()
                )
            }
            (Origin::Debian, None) => format!("toolchain: {TARGET} from Debian's packages"),
        }
    }

    /// Makes `cargo` compile with it.
    pub(crate) fn apply(&self, cargo: &mut Command) {
        let Some(DebianCompiler { rustc, linker }) = &self.debian else { return };
        cargo.env("RUSTC", rustc).env("CARGO_TARGET_WASM32_WASIP2_LINKER", linker);
        // The linker looks for wasm-ld beside itself only by PATH.
        let folders = linker.parent().map(Path::to_path_buf).into_iter();
        let path = std::env::var_os("PATH").unwrap_or_default();
        if let Ok(path) = std::env::join_paths(folders.chain(std::env::split_paths(&path))) {
            cargo.env("PATH", path);
        }
    }
}

fn is_installed() -> bool {
    let folder =
        output(Command::new("rustc").args(["--print", "target-libdir", "--target", TARGET]));
    let Ok(entries) = folder.map(|folder| fs::read_dir(folder.trim())) else { return false };
    entries.is_ok_and(|entries| {
        entries.filter_map(Result::ok).any(|entry| {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            name.starts_with("libstd-") && name.ends_with(".rlib")
        })
    })
}

/// Unpacks Debian's compiler with its `std` for wasm. A `std` fits only the compiler it was built
/// with, so both come along.
fn fetch_from_debian(compiler: &Path) -> anyhow::Result<()> {
    if !debian::is_available() {
        bail!("this system has no apt with a Debian mirror");
    }
    println!("getting {TARGET} from Debian {DEBIAN_SUITE}: about 190 MB …");
    let apt = PrivateApt::new(paths::tools().join("apt-wasm"), DEBIAN_SUITE)?;
    let packages = apt.with_libraries(&["rustc", "libstd-rust-dev", "libstd-rust-dev-wasm32"])?;
    let unpacked = paths::tools().join("wasm-rustc.partial");
    if unpacked.exists() {
        fs::remove_dir_all(&unpacked)?;
    }
    apt.unpack(&packages, &unpacked.join("root"))?;
    fs::rename(&unpacked, compiler)?;
    // 190 MB of archives that are of no more use.
    fs::remove_dir_all(paths::tools().join("apt-wasm"))?;
    Ok(())
}

/// Debian's compiler wants a newer C library than the system may have, so it is started through
/// the loader that came with it.
fn debian_toolchain(compiler: &Path) -> anyhow::Result<Toolchain> {
    let root = compiler.join("root");
    let loader = find_loader(&root.join("usr/lib"))
        .context("Debian's packages hold no loader where it was expected")?;
    let libraries = loader.parent().context("the loader has no folder")?;
    let binary = root.join("usr/bin/rustc");
    let rustc = compiler.join("rustc");
    let script = format!(
        "#!/bin/sh\nexec '{loader}' --library-path '{libraries}' --argv0 '{binary}' '{binary}' \
         --sysroot '{sysroot}' \"$@\"\n",
        loader = loader.display(),
        libraries = libraries.display(),
        binary = binary.display(),
        sysroot = root.join("usr").display(),
    );
    if fs::read_to_string(&rustc).ok().as_deref() != Some(script.as_str()) {
        write_executable(&rustc, &script)?;
    }
    output(Command::new(&rustc).arg("--version")).context("Debian's compiler does not start")?;
    Ok(Toolchain {
        origin: Origin::Debian,
        debian: Some(DebianCompiler { rustc, linker: find_linker()? }),
    })
}

fn find_loader(libraries: &Path) -> Option<PathBuf> {
    let folders = fs::read_dir(libraries).ok()?.filter_map(|entry| Some(entry.ok()?.path()));
    folders.filter(|folder| folder.is_dir()).find_map(|folder| {
        fs::read_dir(folder).ok()?.filter_map(|entry| Some(entry.ok()?.path())).find(|file| {
            let name = file.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("ld-linux") && name.contains(".so")
        })
    })
}

/// The linker for wasm components, which rustup's toolchains bring along for any target.
fn find_linker() -> anyhow::Result<PathBuf> {
    let sysroot = output(Command::new("rustc").args(["--print", "sysroot"]))?;
    let rustlib = Path::new(sysroot.trim()).join("lib/rustlib");
    let hosts = fs::read_dir(&rustlib)?.filter_map(|entry| Some(entry.ok()?.path()));
    let linker = hosts.map(|host| host.join("bin/wasm-component-ld")).find(|file| file.is_file());
    linker.or_else(|| crate::process::on_path("wasm-component-ld")).context(
        "the linker wasm-component-ld is missing: it comes with rustup's toolchains, \
         or with `cargo install wasm-component-ld`",
    )
}

pub(crate) fn write_executable(file: &Path, text: &str) -> anyhow::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    let partial = file.with_extension(format!("{}.partial", std::process::id()));
    fs::write(&partial, text)?;
    fs::set_permissions(&partial, fs::Permissions::from_mode(0o755))?;
    fs::rename(&partial, file).with_context(|| format!("cannot write {}", file.display()))
}

fn first_line(text: &str) -> &str {
    text.lines().next().unwrap_or(text)
}
