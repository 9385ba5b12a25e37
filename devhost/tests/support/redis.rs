//! A stand-in for Redis: one channel to push messages into, and published ones to see.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread;
use std::time::Duration;

/// How long a host may take to subscribe or publish.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long to look for something that should not happen.
const MOMENT: Duration = Duration::from_millis(150);

/// The stand-in. Its connections end when it is dropped.
pub(crate) struct Redis {
    address: String,
    subscribed: Receiver<(String, TcpStream)>,
    published: Receiver<Published>,
}

/// A message that a component has published, and whose answer it waits for.
pub(crate) struct Published {
    pub(crate) channel: String,
    pub(crate) payload: String,
    connection: TcpStream,
}

impl Published {
    /// Lets the component go on.
    pub(crate) fn answer(mut self) -> (String, String) {
        self.connection.write_all(b":0\r\n").unwrap();
        (self.channel, self.payload)
    }
}

impl Redis {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (subscribed_sender, subscribed) = channel();
        let (published_sender, published) = channel();
        thread::spawn(move || {
            for stream in listener.incoming() {
                let senders = (subscribed_sender.clone(), published_sender.clone());
                thread::spawn(move || serve(stream.unwrap(), &senders.0, &senders.1));
            }
        });
        Self { address, subscribed, published }
    }

    /// `redis://…`
    pub(crate) fn url(&self) -> String {
        format!("redis://{}", self.address)
    }

    /// Waits for a subscription.
    pub(crate) fn subscription(&self) -> Subscription {
        let (channel, stream) = self.subscribed.recv_timeout(PATIENCE).unwrap();
        Subscription { channel, stream }
    }

    /// Waits for a component to publish.
    pub(crate) fn published(&self) -> Published {
        self.published.recv_timeout(PATIENCE).unwrap()
    }

    /// Checks that no component publishes.
    pub(crate) fn stays_silent(&self) {
        let silence = self.published.recv_timeout(MOMENT).map(|message| message.payload);
        assert_eq!(silence, Err(RecvTimeoutError::Timeout));
    }
}

/// Somebody who listens.
pub(crate) struct Subscription {
    pub(crate) channel: String,
    stream: TcpStream,
}

impl Subscription {
    pub(crate) fn send(&mut self, payload: &str) {
        let message = format!(
            "*3\r\n$7\r\nmessage\r\n${}\r\n{}\r\n${}\r\n{payload}\r\n",
            self.channel.len(),
            self.channel,
            payload.len()
        );
        self.stream.write_all(message.as_bytes()).unwrap();
    }

    /// Breaks the connection.
    pub(crate) fn disconnect(self) {
        self.stream.shutdown(std::net::Shutdown::Both).unwrap();
    }
}

fn serve(
    stream: TcpStream,
    subscribed: &Sender<(String, TcpStream)>,
    published: &Sender<Published>,
) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut writer = stream;
    while let Some(command) = read_command(&mut reader) {
        let words: Vec<&str> = command.iter().map(String::as_str).collect();
        match words.as_slice() {
            ["SUBSCRIBE", name] => {
                let size = name.len();
                write!(writer, "*3\r\n$9\r\nsubscribe\r\n${size}\r\n{name}\r\n:1\r\n").unwrap();
                let _ = subscribed.send(((*name).to_owned(), writer.try_clone().unwrap()));
            }
            ["PUBLISH", name, payload] => {
                let connection = writer.try_clone().unwrap();
                let (channel, payload) = ((*name).to_owned(), (*payload).to_owned());
                let _ = published.send(Published { channel, payload, connection });
            }
            _ => writer.write_all(b"+OK\r\n").unwrap(),
        }
    }
}

/// Reads `*2`, `$3`, `GET`, `$1`, `k`; `None` at the end of the connection.
fn read_command(reader: &mut BufReader<TcpStream>) -> Option<Vec<String>> {
    let parts = read_number(reader, '*')?;
    (0..parts)
        .map(|_| {
            let mut bytes = vec![0; read_number(reader, '$')? + 2];
            reader.read_exact(&mut bytes).ok()?;
            bytes.truncate(bytes.len() - 2);
            String::from_utf8(bytes).ok()
        })
        .collect()
}

fn read_number(reader: &mut BufReader<TcpStream>, mark: char) -> Option<usize> {
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    line.trim_end().strip_prefix(mark)?.parse().ok()
}
