//! Child processes that never outlive this one, and Ctrl-C.

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use testkit_process::{Group, SIGTERM};

/// How long a child may take to end when asked to.
const END_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(20);

/// Whether Ctrl-C was pressed, or the process was asked to end. From the first call on, neither
/// ends the process by itself.
pub(crate) fn interrupted() -> bool {
    static FLAG: OnceLock<Arc<AtomicBool>> = OnceLock::new();
    let flag = FLAG.get_or_init(|| {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&flag)) {
                eprintln!("warning: signal {signal} cannot be caught: {error}");
            }
        }
        flag
    });
    flag.load(Ordering::Relaxed)
}

/// A child with a process group of its own, which is ended when this is dropped.
pub(crate) struct Running {
    pub(crate) name: String,
    process: Group,
}

impl Running {
    /// Starts `command`, called `name` in messages.
    pub(crate) fn start(name: &str, command: &mut Command) -> anyhow::Result<Self> {
        interrupted();
        let process = Group::start(command).with_context(|| {
            format!("cannot start {name} ({})", command.get_program().to_string_lossy())
        })?;
        Ok(Self { name: name.to_owned(), process })
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        self.process.child()
    }

    /// How it ended, if it has.
    pub(crate) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.ended()
    }

    /// Waits for its end; Ctrl-C ends it.
    pub(crate) fn wait(mut self) -> anyhow::Result<ExitStatus> {
        loop {
            if let Some(status) = self.ended()? {
                return Ok(status);
            }
            if interrupted() {
                bail!("interrupted");
            }
            sleep(POLL);
        }
    }

    /// Waits for its end, and fails when it does.
    pub(crate) fn succeed(self) -> anyhow::Result<()> {
        let name = self.name.clone();
        let status = self.wait()?;
        if !status.success() {
            bail!("{name} failed ({status})");
        }
        Ok(())
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.process.signal(SIGTERM);
        let deadline = Instant::now() + END_TIMEOUT;
        while let Ok(None) = self.ended() {
            if Instant::now() > deadline {
                break;
            }
            sleep(POLL);
        }
        // Whatever of its group is left is killed with the field.
    }
}

/// A command line that is a program's own, `--help` with it.
#[derive(clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct PassedOn {
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<String>,
}

/// Runs `command` to its end and fails when it does.
pub(crate) fn run(name: &str, command: &mut Command) -> anyhow::Result<()> {
    Running::start(name, command)?.succeed()
}

/// What `command` prints, when it succeeds.
pub(crate) fn output(command: &mut Command) -> anyhow::Result<String> {
    let program = command.get_program().to_string_lossy().into_owned();
    let output = command.output().with_context(|| format!("cannot start {program}"))?;
    if !output.status.success() {
        let error = String::from_utf8_lossy(&output.stderr);
        bail!("{program} failed ({}): {}", output.status, error.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// Where `program` is on PATH.
pub(crate) fn on_path(program: &str) -> Option<std::path::PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
