//! A Redis connection of the fewest lines, for the native loop: one command, one answer.

use std::future::Future;
use std::pin::Pin;

use store::{Redis, RedisError, Value};
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::Mutex;

pub(crate) struct Connection(Mutex<BufReader<TcpStream>>);

impl Connection {
    pub(crate) async fn open(port: u16) -> std::io::Result<Self> {
        let stream = TcpStream::connect(("127.0.0.1", port)).await?;
        stream.set_nodelay(true)?;
        Ok(Self(Mutex::new(BufReader::with_capacity(64 * 1024, stream))))
    }
}

impl Redis for Connection {
    async fn command(&self, name: &str, arguments: Vec<Vec<u8>>) -> Result<Vec<Value>, RedisError> {
        let mut stream = self.0.lock().await;
        let bytes = arguments.iter().map(|argument| argument.len() + 16).sum::<usize>() + 64;
        let mut request = Vec::with_capacity(bytes);
        request
            .extend(format!("*{}\r\n${}\r\n{name}\r\n", arguments.len() + 1, name.len()).bytes());
        for argument in arguments {
            request.extend(format!("${}\r\n", argument.len()).bytes());
            request.extend(argument);
            request.extend(b"\r\n");
        }
        let lost = |error: std::io::Error| RedisError::Unreachable(error.to_string());
        stream.get_mut().write_all(&request).await.map_err(lost)?;
        let mut values = Vec::new();
        match read(&mut stream, &mut values).await.map_err(lost)? {
            None => Ok(values),
            Some(error) => Err(RedisError::Refused(error)),
        }
    }
}

/// Reads an answer into `values`, flattened as hosts do it; gives the error if it is one.
fn read<'a>(
    stream: &'a mut BufReader<TcpStream>,
    values: &'a mut Vec<Value>,
) -> Pin<Box<dyn Future<Output = std::io::Result<Option<String>>> + 'a>> {
    Box::pin(async move {
        let mut line = String::new();
        stream.read_line(&mut line).await?;
        let line = line.trim_end();
        let (kind, rest) = line.split_at_checked(1).unwrap_or_default();
        let number = rest.parse::<i64>().unwrap_or(-1);
        match kind {
            "-" => return Ok(Some(rest.to_owned())),
            "+" => values.push(Value::Bytes(rest.as_bytes().to_vec())),
            ":" => values.push(Value::Int(number)),
            "*" => {
                for _ in 0..number {
                    read(stream, values).await?;
                }
            }
            "$" if number >= 0 => {
                let mut bytes = vec![0; usize::try_from(number).unwrap_or_default() + 2];
                stream.read_exact(&mut bytes).await?;
                bytes.truncate(bytes.len() - 2);
                values.push(Value::Bytes(bytes));
            }
            "$" => values.push(Value::Nil),
            _ => return Err(std::io::Error::other(format!("not an answer of Redis: {line:?}"))),
        }
        Ok(None)
    })
}
