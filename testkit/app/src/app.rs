//! The host's process.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use testkit_process::{Group, SIGCONT, SIGSTOP};

use crate::output::Output;

/// Long enough to compile the components on a slow machine.
const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);

/// How the app is started.
#[derive(Clone, Debug)]
pub struct Launch {
    /// Spin, or the dev host: an absolute path, for the host runs in a folder of its own.
    pub program: PathBuf,
    /// The manifest, by an absolute path.
    pub manifest: PathBuf,
    /// What the host is told beside what every host is told.
    pub arguments: Vec<String>,
    /// Settings as environment variables.
    pub settings: Vec<(String, String)>,
    /// Whether the host is to say no more than that it serves. Its worker may listen for wake-ups
    /// later than that.
    pub quiet: bool,
}

/// A running host. Dropping it kills it and everything it started.
#[derive(Debug)]
pub struct App {
    process: Group,
    base: String,
    output: Output,
}

impl Launch {
    /// A host with all its output, and no settings but the defaults.
    #[must_use]
    pub fn new(program: PathBuf, manifest: PathBuf) -> Self {
        Self { program, manifest, arguments: Vec::new(), settings: Vec::new(), quiet: false }
    }

    /// Starts the app and waits until it serves and, unless it is quiet, its worker listens.
    /// `components` names the ones to run; none = all. The host's files go into `folder`, which is
    /// made if need be.
    ///
    /// # Errors
    /// When the host ends instead, with what it said.
    ///
    /// # Panics
    /// When it does neither for two minutes.
    pub fn start(&self, components: &[&str], folder: &Path) -> anyhow::Result<App> {
        std::fs::create_dir_all(folder)?;
        let mut command = Command::new(&self.program);
        // Not the repository's folder, whose .env is for running the app.
        command.current_dir(folder).args(["up", "-f"]).arg(&self.manifest);
        command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(folder);
        if self.quiet {
            command.arg("--quiet");
        }
        command.args(&self.arguments);
        for component in components {
            command.args(["-c", component]);
        }
        for (name, value) in &self.settings {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let process = Group::start(&mut command).with_context(|| {
            format!(
                "{} does not start; the dev host is built by: cargo xtask build --host",
                self.program.display()
            )
        })?;
        let mut app = App { process, base: String::new(), output: Output::default() };
        let child = app.process.child();
        app.output.read(child.stdout.take().context("no output")?);
        app.output.read(child.stderr.take().context("no output")?);
        // Spin's triggers are processes of their own, ready in any order, and what is published
        // before the worker listens is lost.
        if !self.quiet && (components.is_empty() || components.contains(&"worker")) {
            app.wait_for(|line| line.contains("/muster:wake: "))?;
        }
        let serving = app.wait_for(|line| line.starts_with("Serving "))?;
        app.base = serving.trim_start_matches("Serving ").trim().to_owned();
        Ok(app)
    }
}

impl App {
    /// The line that it is to print before it can be used.
    fn wait_for(&mut self, is_it: impl Fn(&str) -> bool) -> anyhow::Result<String> {
        let started = Instant::now();
        loop {
            if let Some(line) = self.output.find(&is_it) {
                return Ok(line);
            }
            if let Some(status) = self.process.ended()? {
                bail!("the host ended ({status}):\n{}", self.output());
            }
            let is_late = started.elapsed() > START_TIMEOUT;
            assert!(!is_late, "the host does not serve:\n{}", self.output());
            sleep(POLL);
        }
    }

    /// Where it serves, for example `http://127.0.0.1:3000`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// Where it serves, as `host:port`.
    #[must_use]
    pub fn address(&self) -> &str {
        self.base.trim_start_matches("http://").trim_end_matches('/')
    }

    /// What it has printed.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.text()
    }

    /// The id of its process, and of the group of all that it started.
    #[must_use]
    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.process.ended().ok().flatten()
    }

    /// Kills it with everything it started, as a power cut would.
    pub fn kill(&mut self) {
        self.process.kill();
    }

    /// Stops it in its tracks, as an overloaded machine would.
    pub fn freeze(&self) {
        self.process.signal(SIGSTOP);
    }

    /// Lets it go on after a [`Self::freeze`].
    pub fn thaw(&self) {
        self.process.signal(SIGCONT);
    }
}
