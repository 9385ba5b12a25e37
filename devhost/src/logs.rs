//! What components print: into `<state dir>/logs/<component>_stdout.txt` and onto the terminal.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::{Context as _, Result};
use bytes::Bytes;
use tokio::io::AsyncWrite;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamError, StreamResult};

/// How much a component may print at once.
const CHUNK_BYTES: usize = 64 * 1024;

/// Where the log files of an application are.
#[derive(Debug)]
pub(crate) struct LogFolder {
    path: PathBuf,
    terminal: bool,
}

impl LogFolder {
    /// Makes the folder; `terminal`: what components print is also shown.
    pub(crate) fn create(path: PathBuf, terminal: bool) -> Result<Self> {
        std::fs::create_dir_all(&path)
            .with_context(|| format!("cannot make the folder for logs {}", path.display()))?;
        Ok(Self { path, terminal })
    }

    /// The folder.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the log of one stream (`stdout`, `stderr`) of a component, for appending.
    pub(crate) fn open(&self, component: &str, stream: &str) -> Result<Log> {
        let path = self.path.join(format!("{component}_{stream}.txt"));
        let file = File::options()
            .create(true)
            .append(true)
            .open(&path)
            .with_context(|| format!("cannot open the log {}", path.display()))?;
        Ok(Log { file: Arc::new(file), terminal: self.terminal })
    }
}

/// One log, written by all instances of a component.
#[derive(Clone, Debug)]
pub(crate) struct Log {
    file: Arc<File>,
    terminal: bool,
}

impl Log {
    fn append(&self, bytes: &[u8]) -> io::Result<()> {
        (&*self.file).write_all(bytes)?;
        if self.terminal {
            // A terminal that has gone away is no reason to fail the component.
            let _ = io::stderr().write_all(bytes);
        }
        Ok(())
    }
}

impl IsTerminal for Log {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Log {
    fn async_stream(&self) -> Box<dyn AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl AsyncWrite for Log {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Poll::Ready(self.append(bytes).map(|()| bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Log {
    async fn ready(&mut self) {}
}

impl OutputStream for Log {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        self.append(&bytes).map_err(|error| StreamError::LastOperationFailed(error.into()))
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(CHUNK_BYTES)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn appends_to_the_file_of_the_component() {
        let folder = tempfile::tempdir().unwrap();
        let logs = LogFolder::create(folder.path().join("a/logs"), false).unwrap();
        for text in ["one\n", "two\n"] {
            let mut log = logs.open("worker", "stdout").unwrap();
            log.write(Bytes::from_static(text.as_bytes())).unwrap();
        }
        let text = std::fs::read_to_string(logs.path().join("worker_stdout.txt")).unwrap();
        assert_eq!(text, "one\ntwo\n");
    }
}
