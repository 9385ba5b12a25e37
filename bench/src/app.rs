//! The app's host process: Spin, or the dev host.

use std::io::{self, BufRead as _, BufReader, Read};
use std::net::TcpListener;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::sleep;
use std::time::{Duration, Instant};
use std::{fs, thread};

use anyhow::{Context as _, bail};

use crate::usage::{self, Usage};

const START_TIMEOUT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(5);
/// Where the shipped manifest looks for components, from the repository's root.
const WASM: &str = "target/wasm";

/// What runs the app.
#[derive(Clone, Debug)]
pub(crate) struct Host {
    /// Spin, or the dev host.
    pub(crate) program: PathBuf,
    /// What it is told beside what every host is told.
    pub(crate) arguments: &'static [&'static str],
    /// Where the components are.
    pub(crate) wasm: PathBuf,
}

impl Host {
    /// The components that ship, run as they are.
    pub(crate) fn plain(program: &Path) -> io::Result<Self> {
        // The app runs in a folder of its own.
        let program = std::path::absolute(program)?;
        Ok(Self { program, arguments: &[], wasm: root().join(WASM) })
    }
}

/// A running host. Dropping it kills it and everything it started.
pub(crate) struct App {
    child: Child,
    /// `host:port` it serves on.
    pub(crate) address: String,
    output: Arc<Mutex<String>>,
}

impl App {
    /// Starts the components named and waits until they serve; `folder` is for its files. The probe
    /// is always among them: without a route there is no telling when a host is ready.
    pub(crate) fn start(
        host: &Host,
        folder: &Path,
        components: &[&str],
        settings: &[(&str, String)],
    ) -> anyhow::Result<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let manifest = folder.join("spin.toml");
        fs::write(&manifest, manifest_text(&host.wasm)?)?;
        let mut command = Command::new(&host.program);
        // Not the repository's folder, whose .env is for running the app.
        command.current_dir(folder);
        command.arg("up").arg("-f").arg(&manifest).args(["--listen", &address, "--state-dir"]);
        command.arg(folder.join("state")).arg("--quiet").args(host.arguments);
        for component in components.iter().chain(&["probe"]) {
            command.args(["-c", component]);
        }
        // As README.md recommends for Spin.
        let defaults = root().join("settings.example.toml");
        command.args(["--variable", &format!("@{}", defaults.display())]);
        for (name, value) in settings {
            command.args(["--variable", &format!("{name}={value}")]);
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
        let does_not_start = || format!("{} does not start", host.program.display());
        let mut child = command.spawn().with_context(does_not_start)?;
        let output = Arc::default();
        collect(child.stdout.take().context("no output")?, &output);
        collect(child.stderr.take().context("no output")?, &output);
        let mut app = Self { child, address, output };
        app.wait_until_it_serves()?;
        Ok(app)
    }

    fn wait_until_it_serves(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let output = self.output.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if output.lines().any(|line| line.starts_with("Serving ")) {
                return Ok(());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the host ended ({status}):\n{output}");
            }
            if started.elapsed() > START_TIMEOUT {
                bail!("the host does not serve:\n{output}");
            }
            sleep(POLL);
        }
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn usage(&self) -> Usage {
        usage::of_group(self.child.id())
    }

    /// Kills it with everything it started, as a power cut would.
    pub(crate) fn kill(&mut self) {
        if let Ok(group) = i32::try_from(self.child.id()) {
            // SAFETY: `kill` takes plain numbers; the group is the child's own.
            unsafe { libc::kill(-group, libc::SIGKILL) };
        }
        let _ = self.child.wait();
    }
}

impl Drop for App {
    fn drop(&mut self) {
        self.kill();
    }
}

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.ancestors().nth(1).unwrap_or(own).to_path_buf()
}

/// The shipped manifest with the probe added, for components in the folder `wasm`.
fn manifest_text(wasm: &Path) -> anyhow::Result<String> {
    let shipped = fs::read_to_string(root().join("spin.toml"))?;
    let text = format!("{shipped}{}", include_str!("probe.toml"));
    Ok(text.replace(&format!("\"{WASM}/"), &format!("\"{}/", wasm.display())))
}

/// Reads on a thread of its own, so that the app is never held up by a full pipe.
fn collect(stream: impl Read + Send + 'static, output: &Arc<Mutex<String>>) {
    /// What a start says is kept, what a rollback storm says is not.
    const KEPT_BYTES: usize = 64 * 1024;
    let output = Arc::clone(output);
    thread::spawn(move || {
        for line in BufReader::new(stream).lines().map_while(Result::ok) {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            if output.len() < KEPT_BYTES {
                output.push_str(&line);
                output.push('\n');
            }
        }
    });
}
