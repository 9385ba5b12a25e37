//! The load generator: connections kept alive, each with one request under way, on a thread of its
//! own. It reads no more of an answer than it must, so that it is not what is measured.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

/// What to send.
#[derive(Clone)]
pub(crate) struct Load {
    /// `host:port`.
    pub(crate) address: String,
    pub(crate) connections: usize,
    pub(crate) time: Duration,
    /// The status that every answer must have.
    pub(crate) status: u16,
    /// The number of the first request.
    pub(crate) first: usize,
}

/// What came back.
#[derive(Default)]
pub(crate) struct Outcome {
    seconds: f64,
    /// Milliseconds from request to whole answer, sorted.
    latencies: Vec<f64>,
}

impl Outcome {
    /// How many answers there were.
    pub(crate) fn count(&self) -> f64 {
        self.latencies.len() as f64
    }

    /// Answers per second.
    pub(crate) fn rate(&self) -> f64 {
        self.count() / self.seconds
    }

    /// Adds what came back another time.
    pub(crate) fn merge(&mut self, other: Self) {
        self.seconds += other.seconds;
        self.latencies.extend(other.latencies);
        self.latencies.sort_by(f64::total_cmp);
    }

    /// The latency that this part of all requests stayed within, in milliseconds.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        quantile(&self.latencies, part)
    }
}

/// The value that `part` of the sorted values stay within.
pub(crate) fn quantile(sorted: &[f64], part: f64) -> f64 {
    let place = (sorted.len() as f64 * part) as usize;
    sorted.get(place.min(sorted.len().saturating_sub(1))).copied().unwrap_or_default()
}

impl Load {
    /// One connection, for single requests.
    pub(crate) fn single(address: &str, status: u16) -> Self {
        Self { address: address.to_owned(), connections: 1, time: Duration::ZERO, status, first: 0 }
    }

    /// Sends for as long as asked. `request` writes the request of a number, each used once.
    pub(crate) fn run(
        &self,
        request: &(dyn Fn(usize) -> Vec<u8> + Send + Sync),
    ) -> anyhow::Result<Outcome> {
        std::thread::scope(|scope| {
            let sender = scope.spawn(|| {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(self.send(request))
            });
            sender.join().expect("the load generator")
        })
    }

    /// Sends one request and gives the body of its answer.
    pub(crate) fn once(&self, request: Vec<u8>) -> anyhow::Result<String> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            stream.write_all(&request).await?;
            let mut input = Vec::new();
            let status = read(&mut stream, &mut input).await?;
            let answer = String::from_utf8_lossy(&input);
            if status != self.status {
                bail!("{} answered {status}: {answer}", self.address);
            }
            Ok(answer.split_once("\r\n\r\n").context("no body")?.1.to_owned())
        })
    }

    async fn send(&self, request: &dyn Fn(usize) -> Vec<u8>) -> anyhow::Result<Outcome> {
        let started = Instant::now();
        let connections = (0..self.connections).map(|connection| async move {
            let mut stream = TcpStream::connect(&self.address).await?;
            stream.set_nodelay(true)?;
            let mut latencies = Vec::new();
            let mut input = Vec::with_capacity(4_096);
            for turn in 0.. {
                if started.elapsed() >= self.time {
                    break;
                }
                let request = request(self.first + turn * self.connections + connection);
                let sent = Instant::now();
                stream.write_all(&request).await?;
                let status = read(&mut stream, &mut input).await?;
                if status != self.status {
                    bail!(
                        "{} answered {status}: {}",
                        self.address,
                        String::from_utf8_lossy(&input)
                    );
                }
                latencies.push(sent.elapsed().as_secs_f64() * 1_000.0);
            }
            Ok(latencies)
        });
        let latencies = futures::future::try_join_all(connections).await?;
        let seconds = started.elapsed().as_secs_f64();
        let mut latencies = latencies.concat();
        latencies.sort_by(f64::total_cmp);
        Ok(Outcome { seconds, latencies })
    }
}

/// Reads one answer to its end and gives its status.
async fn read(stream: &mut TcpStream, input: &mut Vec<u8>) -> anyhow::Result<u16> {
    input.clear();
    loop {
        if stream.read_buf(input).await? == 0 {
            bail!("the connection was closed");
        }
        let Some(head) = find(input, b"\r\n\r\n") else { continue };
        let head = head + 4;
        let whole = match header(&input[..head], "content-length") {
            Some(length) => input.len() >= head + length.parse::<usize>()?,
            None => input.ends_with(b"0\r\n\r\n"),
        };
        if whole {
            let status = std::str::from_utf8(input.get(9..12).context("no status")?)?;
            return Ok(status.parse()?);
        }
    }
}

/// Where `part` begins in `text`.
pub(crate) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// A header's value.
pub(crate) fn header<'a>(head: &'a [u8], name: &str) -> Option<&'a str> {
    let mut lines = std::str::from_utf8(head).ok()?.split("\r\n");
    lines.find_map(|line| {
        let (own, value) = line.split_once(':')?;
        own.eq_ignore_ascii_case(name).then(|| value.trim())
    })
}

/// A request as bytes.
pub(crate) fn request(method: &str, path: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "{method} {path} HTTP/1.1\r\nhost: muster\r\ncontent-type: application/json\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
    .into_bytes()
}
