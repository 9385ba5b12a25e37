//! The app's host process.

use std::io::{self, BufRead as _, BufReader, Read};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

const START_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// A running host. Dropping it kills it and everything it started.
#[derive(Debug)]
pub struct App {
    child: Child,
    base: String,
    output: Arc<Mutex<String>>,
}

impl App {
    /// Starts the app that `manifest` describes and waits until it serves. `components` names the
    /// ones to run; none = all.
    ///
    /// # Errors
    /// When the host ends instead, with what it said.
    pub fn start(
        manifest: &Path,
        settings: &[(String, String)],
        components: &[&str],
        state_dir: &Path,
    ) -> Result<Self, String> {
        let spin = std::env::var_os("SPIN").map(PathBuf::from);
        let root = root();
        let mut command = Command::new(spin.unwrap_or_else(|| root.join("target/debug/devhost")));
        command.current_dir(root).args(["up", "-f"]).arg(manifest);
        command.args(["--listen", "127.0.0.1:0", "--state-dir"]).arg(state_dir);
        for component in components {
            command.args(["-c", component]);
        }
        for (name, value) in settings {
            command.env(format!("SPIN_VARIABLE_{}", name.to_uppercase()), value);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).process_group(0);
        #[cfg(target_os = "linux")]
        // SAFETY: `prctl` is safe to call between fork and exec.
        unsafe {
            command.pre_exec(|| match libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL) {
                0 => Ok(()),
                _ => Err(io::Error::last_os_error()),
            });
        }
        let mut child = command.spawn().unwrap_or_else(|error| {
            panic!("{command:?} does not start ({error}); build it with: cargo xtask build --host")
        });
        let output = Arc::default();
        collect(child.stdout.take().unwrap(), &output);
        collect(child.stderr.take().unwrap(), &output);
        let mut app = Self { child, base: String::new(), output };
        // Spin's triggers are processes of their own, ready in any order, and what is published
        // before the worker listens is lost.
        if components.is_empty() || components.contains(&"worker") {
            app.wait_for(|line| line.contains("/muster:wake: "))?;
        }
        let base = app.wait_for(|line| line.starts_with("Serving "))?;
        app.base = base.trim_start_matches("Serving ").trim().to_owned();
        Ok(app)
    }

    /// The line that it is to print before it can be used.
    fn wait_for(&mut self, is_it: impl Fn(&str) -> bool) -> Result<String, String> {
        let started = Instant::now();
        loop {
            let output = self.output();
            if let Some(line) = output.lines().find(|line| is_it(line)) {
                return Ok(line.to_owned());
            }
            if let Some(status) = self.child.try_wait().unwrap() {
                return Err(format!("the host ended ({status}):\n{output}"));
            }
            assert!(started.elapsed() < START_TIMEOUT, "the host does not serve:\n{output}");
            thread::sleep(POLL);
        }
    }

    /// Where it serves, for example `http://127.0.0.1:3000`.
    #[must_use]
    pub fn base(&self) -> &str {
        &self.base
    }

    /// What it has printed.
    #[must_use]
    pub fn output(&self) -> String {
        self.output.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How it ended, if it has.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Kills it with everything it started, as a power cut would.
    pub fn kill(&mut self) {
        self.signal(libc::SIGKILL);
        let _ = self.child.wait();
    }

    /// Stops it in its tracks, as an overloaded machine would.
    pub fn freeze(&self) {
        self.signal(libc::SIGSTOP);
    }

    /// Lets it go on after a [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal(libc::SIGCONT);
    }

    fn signal(&self, signal: i32) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // SAFETY: `kill` takes plain numbers; the group is the child's own.
            unsafe { libc::kill(-group, signal) };
        }
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The repository's root folder.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap()
}

/// The manifest that ships.
#[must_use]
pub fn manifest() -> PathBuf {
    root().join("spin.toml")
}

/// Reads on a thread of its own, so that the app is never held up by a full pipe.
fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            output.push_str(&line);
            output.push('\n');
        }
    });
}
