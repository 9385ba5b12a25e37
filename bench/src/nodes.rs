//! Nodes that answer at once: the least code that still is the node API, on one thread of its own,
//! so that they are not what is measured. `testkit/node` is the one with faults and a log.

use std::cell::RefCell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::{LocalSet, spawn_local};

use crate::load::{find, header};

/// How nodes behave; it may change while they run.
#[derive(Debug, Default)]
pub(crate) struct Behaviour {
    /// Milliseconds before each answer.
    pub(crate) delay_ms: AtomicU64,
    /// The last node refuses to create, so that every task rolls back.
    pub(crate) last_refuses: AtomicBool,
    /// Answers carry a body of some 60 bytes, as those of real nodes do.
    pub(crate) with_body: AtomicBool,
}

/// Running nodes. Dropping them closes their sockets.
pub(crate) struct Nodes {
    /// `host:port` of each.
    pub(crate) addresses: Vec<String>,
    pub(crate) behaviour: Arc<Behaviour>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Nodes {
    pub(crate) fn start(count: usize) -> anyhow::Result<Self> {
        let behaviour = Arc::new(Behaviour::default());
        let mut addresses = Vec::new();
        let mut listeners = Vec::new();
        for _ in 0..count {
            let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
            listener.set_nonblocking(true)?;
            addresses.push(listener.local_addr()?.to_string());
            listeners.push(listener);
        }
        let (stop, stopped) = oneshot::channel();
        let shared = Arc::clone(&behaviour);
        let thread = std::thread::Builder::new().name("nodes".to_owned()).spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            let serve = async {
                for (index, listener) in listeners.into_iter().enumerate() {
                    let is_last = index + 1 == count;
                    spawn_local(listen(listener, is_last, Arc::clone(&shared)));
                }
                let _ = stopped.await;
            };
            LocalSet::new().block_on(&runtime.expect("a runtime"), serve);
        });
        let thread = Some(thread.context("no thread for the nodes")?);
        Ok(Self { addresses, behaviour, stop: Some(stop), thread })
    }
}

impl Drop for Nodes {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

type Groups = Rc<RefCell<HashSet<Vec<u8>>>>;

async fn listen(listener: std::net::TcpListener, is_last: bool, behaviour: Arc<Behaviour>) {
    let listener = TcpListener::from_std(listener).expect("a socket");
    let groups = Groups::default();
    while let Ok((stream, _)) = listener.accept().await {
        let _ = stream.set_nodelay(true);
        let (groups, behaviour) = (Rc::clone(&groups), Arc::clone(&behaviour));
        spawn_local(async move {
            // It ends when the peer is gone.
            let _ = serve(stream, is_last, &groups, &behaviour).await;
        });
    }
}

async fn serve(
    mut stream: TcpStream,
    is_last: bool,
    groups: &Groups,
    behaviour: &Behaviour,
) -> std::io::Result<()> {
    let mut input = Vec::with_capacity(4_096);
    loop {
        let Some(length) = request_length(&input) else {
            if stream.read_buf(&mut input).await? == 0 {
                return Ok(());
            }
            continue;
        };
        let refuses = is_last && behaviour.last_refuses.load(Ordering::Relaxed);
        let status = answer(&input[..length], refuses, groups);
        input.drain(..length);
        let delay_ms = behaviour.delay_ms.load(Ordering::Relaxed);
        if delay_ms > 0 {
            tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        }
        let body = match behaviour.with_body.load(Ordering::Relaxed) {
            true => "{\"groupId\":\"a-group\",\"message\":\"what became of the request\"}",
            false => "",
        };
        let head = format!("HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        stream.write_all(head.as_bytes()).await?;
    }
}

/// How many bytes the first request has, once it is whole.
fn request_length(input: &[u8]) -> Option<usize> {
    let head = find(input, b"\r\n\r\n")? + 4;
    let body = header(&input[..head], "content-length");
    let length = head + body.and_then(|value| value.parse().ok()).unwrap_or(0);
    (input.len() >= length).then_some(length)
}

/// Carries out a request; the status line without its version.
fn answer(request: &[u8], refuses: bool, groups: &Groups) -> &'static str {
    let mut groups = groups.borrow_mut();
    let line = request.split(|byte| *byte == b'\r').next().unwrap_or_default();
    let mut words = line.split(|byte| *byte == b' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    // The id is the last string of the body; the bench uses none that JSON or URLs would escape.
    let in_body = || request.rsplit(|byte| *byte == b'"').nth(1).unwrap_or_default();
    match method {
        b"GET" => {
            let group = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
            if groups.contains(group) { "200 OK" } else { "404 Not Found" }
        }
        b"POST" if refuses => "422 Unprocessable Content",
        b"POST" if groups.insert(in_body().to_vec()) => "201 Created",
        b"POST" => "400 Bad Request",
        _ => {
            groups.remove(in_body());
            "200 OK"
        }
    }
}
