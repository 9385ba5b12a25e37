//! A host under test: its manifest, its components as text, and what it says.
#![allow(dead_code, reason = "each test file uses its part")]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at once when something is not as they expect"
)]

pub(crate) mod redis;

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

/// How long a host may take for anything it is asked for here.
const PATIENCE: Duration = Duration::from_secs(30);

/// A folder with a manifest and components.
pub(crate) struct App {
    folder: TempDir,
}

impl App {
    /// `components`: file names without `.wasm`, and the text of each.
    pub(crate) fn new(manifest: &str, components: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let manifest =
            format!("spin_manifest_version = 2\n[application]\nname = \"test\"\n{manifest}");
        std::fs::write(folder.path().join("spin.toml"), manifest).unwrap();
        for (name, text) in components {
            let wasm = wat::parse_str(text).unwrap();
            std::fs::write(folder.path().join(format!("{name}.wasm")), wasm).unwrap();
        }
        Self { folder }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    /// Starts a host on the application, with more arguments.
    pub(crate) fn up(&self, arguments: &[&str]) -> Host {
        let mut child = Command::new(env!("CARGO_BIN_EXE_devhost"))
            .args(["up", "-f", "spin.toml", "--listen", "127.0.0.1:0"])
            .args(arguments)
            .current_dir(self.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = lines(child.stdout.take().unwrap());
        let stderr = lines(child.stderr.take().unwrap());
        Host { child, stdout, stderr }
    }
}

fn lines(pipe: impl std::io::Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        for line in BufReader::new(pipe).lines() {
            if sender.send(line.unwrap()).is_err() {
                return;
            }
        }
    });
    receiver
}

/// A host at work; killed when dropped.
pub(crate) struct Host {
    child: Child,
    stdout: Receiver<String>,
    stderr: Receiver<String>,
}

impl Host {
    /// Waits for a line of the host's output that holds `text`.
    pub(crate) fn says(&self, text: &str) -> String {
        wait_for(&self.stdout, text)
    }

    /// Waits for a line of the host's errors that holds `text`.
    pub(crate) fn complains(&self, text: &str) -> String {
        wait_for(&self.stderr, text)
    }

    /// Waits for the host to serve HTTP; its address.
    pub(crate) fn address(&self) -> String {
        let line = self.says("Serving http://");
        line.split_once("http://").unwrap().1.to_owned()
    }

    pub(crate) fn process_id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn send_signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    /// Waits for the end of the process.
    pub(crate) fn ended(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        if thread::panicking() {
            let said = self.stdout.try_iter().chain(self.stderr.try_iter());
            eprintln!("the host had said {:#?}", said.collect::<Vec<_>>());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn wait_for(lines: &Receiver<String>, text: &str) -> String {
    let mut seen = Vec::new();
    loop {
        match lines.recv_timeout(PATIENCE) {
            Ok(line) if line.contains(text) => return line,
            Ok(line) => seen.push(line),
            Err(error) => panic!("no line holds {text:?} ({error}); there were {seen:#?}"),
        }
    }
}

/// Requests a path; the status and the body.
pub(crate) fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}
