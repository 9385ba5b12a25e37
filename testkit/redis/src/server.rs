//! The server process.

use std::env;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tempfile::TempDir;
use testkit_process::{Group, SIGCONT, SIGSTOP};

use crate::client::Client;

const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL: Duration = Duration::from_millis(10);
/// Another process may take a port between the choice and the start.
const PORT_TRIES: usize = 20;

/// A running `redis-server` that keeps an append-only file. Dropping it kills it.
#[derive(Debug)]
pub struct Server {
    folder: TempDir,
    port: u16,
    child: Option<Group>,
}

impl Server {
    /// Starts a server on a free port.
    ///
    /// # Errors
    /// When there is no `redis-server`, or it does not start.
    pub fn start() -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("muster-redis").tempdir()?;
        for _ in 0..PORT_TRIES {
            let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
            let mut child = spawn(folder.path(), port)?;
            if is_ready(&mut child, port)? {
                return Ok(Self { folder, port, child: Some(child) });
            }
        }
        bail!("redis-server did not start on any of {PORT_TRIES} ports")
    }

    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Opens a connection.
    ///
    /// # Errors
    /// When the server does not answer.
    pub fn connect(&self) -> anyhow::Result<Client> {
        Client::open(self.port)
    }

    /// Kills the server as a power cut would. Its data stays.
    pub fn kill(&mut self) {
        self.child = None;
    }

    /// Lets the server stand still: connections stay, and nothing is answered.
    pub fn freeze(&self) {
        self.signal(SIGSTOP);
    }

    /// Lets it go on after a [`Self::freeze`].
    pub fn thaw(&self) {
        self.signal(SIGCONT);
    }

    fn signal(&self, signal: i32) {
        if let Some(child) = &self.child {
            child.signal(signal);
        }
    }

    /// Starts it again on the same port with the data it had.
    ///
    /// # Errors
    /// When it does not start.
    pub fn restart(&mut self) -> anyhow::Result<()> {
        self.kill();
        let mut child = spawn(self.folder.path(), self.port)?;
        if !is_ready(&mut child, self.port)? {
            bail!("redis-server did not start again on port {}", self.port);
        }
        self.child = Some(child);
        Ok(())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}

fn spawn(folder: &Path, port: u16) -> anyhow::Result<Group> {
    let program = program();
    let mut command = Command::new(&program);
    command.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"]).arg(folder);
    command.args(["--appendonly", "yes", "--appendfsync", "no", "--save", ""]);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    Group::start(&mut command).with_context(|| format!("cannot start {}", program.display()))
}

/// The server that `cargo xtask test` names, or the one on PATH.
fn program() -> PathBuf {
    env::var_os("REDIS_SERVER").map_or_else(|| PathBuf::from("redis-server"), PathBuf::from)
}

/// Waits until this very server takes commands; `false` when it ended instead.
fn is_ready(child: &mut Group, port: u16) -> anyhow::Result<bool> {
    let deadline = Instant::now() + START_TIMEOUT;
    while Instant::now() < deadline {
        if child.ended()?.is_some() {
            return Ok(false);
        }
        let answered = Client::open(port)
            .and_then(|client| Ok((client.info("process_id")?, client.info("loading")?)));
        if answered
            .is_ok_and(|(process, loading)| process == child.id().to_string() && loading == "0")
        {
            return Ok(true);
        }
        sleep(POLL);
    }
    child.kill();
    bail!("redis-server did not answer within {} s", START_TIMEOUT.as_secs())
}
