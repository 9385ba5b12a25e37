//! A plain client, which the store takes as well.

use std::cell::RefCell;
use std::future::{Future, ready};

use anyhow::Context as _;
use redis::{Connection, FromRedisValue};
use store::{Redis, RedisError, Value};

/// One blocking connection.
pub struct Client(RefCell<Connection>);

impl Client {
    pub(crate) fn open(port: u16) -> anyhow::Result<Self> {
        let client = redis::Client::open(format!("redis://127.0.0.1:{port}/"))?;
        Ok(Self(RefCell::new(client.get_connection()?)))
    }

    /// Sends one command, its words separated by spaces.
    ///
    /// # Errors
    /// When Redis answers with an error, or not at all, or with another type than asked for.
    pub fn ask<T: FromRedisValue>(&self, command: &str) -> anyhow::Result<T> {
        let mut words = command.split(' ');
        let mut request = redis::cmd(words.next().context("no command")?);
        for word in words {
            request.arg(word);
        }
        Ok(request.query(&mut *self.0.borrow_mut())?)
    }

    /// Runs a script that takes no keys.
    ///
    /// # Errors
    /// When Redis answers with an error, or not at all, or with another type than asked for.
    pub fn eval<T: FromRedisValue>(&self, script: &str, arguments: &[&str]) -> anyhow::Result<T> {
        let mut request = redis::cmd("EVAL");
        request.arg(script).arg(0).arg(arguments);
        Ok(request.query(&mut *self.0.borrow_mut())?)
    }

    /// One field of `INFO everything`.
    ///
    /// # Errors
    /// When there is no such field.
    pub fn info(&self, field: &str) -> anyhow::Result<String> {
        let info: String = self.ask("INFO everything")?;
        info.lines()
            .find_map(|line| line.split_once(':').filter(|(name, _)| *name == field))
            .map(|(_, value)| value.trim().to_owned())
            .with_context(|| format!("INFO has no {field}"))
    }
}

impl Redis for Client {
    fn command(
        &self,
        name: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        let mut request = redis::cmd(name);
        for argument in arguments {
            request.arg(argument);
        }
        let answer = request.query::<redis::Value>(&mut *self.0.borrow_mut());
        ready(match answer {
            Ok(value) => {
                let mut values = Vec::new();
                flatten(value, &mut values);
                Ok(values)
            }
            Err(error) if error.is_io_error() => Err(RedisError::Unreachable(error.to_string())),
            Err(error) => Err(RedisError::Refused(error.to_string())),
        })
    }
}

/// As Spin's host does it: nested answers become one list.
fn flatten(value: redis::Value, values: &mut Vec<Value>) {
    match value {
        redis::Value::Nil => values.push(Value::Nil),
        redis::Value::Int(number) => values.push(Value::Int(number)),
        redis::Value::BulkString(bytes) => values.push(Value::Bytes(bytes)),
        redis::Value::SimpleString(text) => values.push(Value::Bytes(text.into_bytes())),
        redis::Value::Okay => values.push(Value::Bytes(b"OK".to_vec())),
        redis::Value::Array(array) => {
            for value in array {
                flatten(value, values);
            }
        }
        other => values.push(Value::Bytes(format!("{other:?}").into_bytes())),
    }
}
