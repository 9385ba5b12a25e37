//! The fuzzer that the end-to-end tests let loose on the API: on this machine, or Python's packages
//! installed into a folder of ours. `pip` does the fetching; where it is missing, Debian's is used.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::debian::{self, PrivateApt};
use crate::paths;
use crate::process::{on_path, output};
use crate::toolchain::write_executable;

/// What is installed, each package in one version: `tests/e2e/schemathesis/requirements.txt`.
fn requirements() -> PathBuf {
    paths::root().join("tests/e2e/schemathesis/requirements.txt")
}

/// Finds or fetches `schemathesis`. Safe to run twice at once.
pub(crate) fn get() -> anyhow::Result<PathBuf> {
    if let Some(given) = std::env::var_os("SCHEMATHESIS") {
        return Ok(PathBuf::from(given));
    }
    fs::create_dir_all(paths::tools())?;
    let lock = fs::File::create(paths::tools().join("schemathesis.lock"))?;
    lock.lock().context("cannot lock the tools folder")?;
    let folder = paths::tools().join("schemathesis");
    let program = folder.join("schemathesis");
    let wanted = fs::read_to_string(requirements())?;
    // Written last: what it says is there.
    let installed = folder.join("requirements.txt");
    if fs::read_to_string(&installed).ok().as_deref() != Some(wanted.as_str()) {
        install(&folder, &program).context(
            "schemathesis could not be had. Install Python 3.10 or later with pip, or name a \
             schemathesis in the environment variable SCHEMATHESIS",
        )?;
        fs::write(&installed, wanted)?;
    }
    Ok(program)
}

fn install(folder: &Path, program: &Path) -> anyhow::Result<()> {
    println!("getting schemathesis from PyPI …");
    let python = Python::get()?;
    let site = folder.join("site");
    if site.exists() {
        fs::remove_dir_all(&site)?;
    }
    fs::create_dir_all(folder)?;
    let mut pip = python.pip();
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--no-input"]);
    pip.args(["--no-warn-script-location", "--no-deps"]);
    pip.arg("--target").arg(&site).arg("--requirement").arg(requirements());
    output(&mut pip).context("the packages cannot be fetched")?;
    let script = format!(
        "#!/bin/sh\n{exports}export PYTHONPATH=\"{site}${{PYTHONPATH:+:$PYTHONPATH}}\"\n\
         exec '{python}' -m schemathesis.cli \"$@\"\n",
        exports = python.exports(),
        site = site.display(),
        python = python.program.display(),
    );
    write_executable(program, &script)?;
    output(Command::new(program).arg("--version")).context("it does not start")?;
    Ok(())
}

/// An interpreter, and what it needs to run.
struct Python {
    program: PathBuf,
    /// Where it was unpacked, if it is not the system's own.
    root: Option<PathBuf>,
    /// An archive with pip in it, if the interpreter has none of its own.
    pip: Option<PathBuf>,
}

impl Python {
    /// The system's, with its own pip or Debian's; or Debian's.
    fn get() -> anyhow::Result<Self> {
        let own = on_path("python3");
        if let Some(program) = &own
            && output(Command::new(program).args(["-m", "pip", "--version"])).is_ok()
        {
            return Ok(Self { program: program.clone(), root: None, pip: None });
        }
        Self::from_debian(own)
    }

    /// Debian's pip, for the system's interpreter or, if there is none, Debian's.
    fn from_debian(own: Option<PathBuf>) -> anyhow::Result<Self> {
        if !debian::is_available() {
            bail!("this system has no pip, and no apt with a Debian mirror");
        }
        let suite = debian::own_suite().context("/etc/os-release names no release")?;
        println!("getting pip from the packages of {suite} …");
        let folder = paths::tools().join("python");
        let root = folder.join("root");
        let apt = PrivateApt::new(folder.join("apt"), &suite)?;
        let wanted: &[&str] =
            if own.is_some() { &["python3-pip-whl"] } else { &["python3", "python3-pip-whl"] };
        let mut packages = apt.with_libraries(wanted)?;
        // Same release, same C library: the system's own serves.
        packages.remove("libc6");
        apt.unpack(&packages, &root)?;
        fs::remove_dir_all(folder.join("apt"))?;
        let pip = find(&root.join("usr/share/python-wheels"), "pip-", ".whl")?;
        let (program, root) = match own {
            Some(program) => (program, None),
            None => (find(&root.join("usr/bin"), "python3.", "")?, Some(root)),
        };
        Ok(Self { program, root, pip: Some(pip) })
    }

    fn pip(&self) -> Command {
        let mut command = Command::new("/bin/sh");
        let pip = match &self.pip {
            Some(archive) => format!("'{}/pip'", archive.display()),
            None => "-m pip".to_owned(),
        };
        let program = self.program.display();
        command.arg("-c").arg(format!("{}exec '{program}' {pip} \"$@\"", self.exports()));
        command.arg("pip");
        command
    }

    /// Lines of a shell script that come before it is started.
    fn exports(&self) -> String {
        let Some(root) = &self.root else { return String::new() };
        let (usr, libraries) = (root.join("usr"), debian::library_path(root));
        format!("export PYTHONHOME='{}'\nexport LD_LIBRARY_PATH='{libraries}'\n", usr.display())
    }
}

/// The file in `folder` whose name begins and ends so.
fn find(folder: &Path, start: &str, end: &str) -> anyhow::Result<PathBuf> {
    let files = fs::read_dir(folder).with_context(|| format!("no {}", folder.display()))?;
    let mut files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let file = files.find(|file| {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        name.starts_with(start) && name.ends_with(end)
    });
    file.with_context(|| format!("no {start}…{end} in {}", folder.display()))
}
