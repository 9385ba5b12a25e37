//! Redis through Spin's outbound Redis. A call blocks the whole instance.

use std::future::{Future, ready};

use settings::RedisSettings;
use spin_sdk::redis::{Connection, Error, RedisParameter, RedisResult};
use store::{Redis, RedisError, Value};

/// One connection, open for as long as the instance lives.
pub struct SpinRedis(Connection);

impl SpinRedis {
    /// Connects.
    ///
    /// # Errors
    /// When Redis cannot be reached or the manifest does not allow it.
    pub fn open(settings: &RedisSettings) -> Result<Self, RedisError> {
        Connection::open(&settings.url).map(Self).map_err(|error| {
            // The host's message may repeat the URL, and with it the password.
            RedisError::Unreachable(settings.without_secrets(redis_error(error).to_string()))
        })
    }
}

impl Redis for SpinRedis {
    fn command(
        &self,
        name: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        let arguments: Vec<_> = arguments.into_iter().map(RedisParameter::Binary).collect();
        let answer = self.0.execute(name, &arguments).map_err(redis_error);
        ready(answer.map(|values| values.into_iter().map(value).collect()))
    }
}

fn value(result: RedisResult) -> Value {
    match result {
        RedisResult::Nil => Value::Nil,
        RedisResult::Status(text) => Value::Bytes(text.into_bytes()),
        RedisResult::Int64(number) => Value::Int(number),
        RedisResult::Binary(bytes) => Value::Bytes(bytes),
    }
}

fn redis_error(error: Error) -> RedisError {
    match error {
        Error::InvalidAddress => {
            RedisError::Unreachable("its address is not valid or not allowed".to_owned())
        }
        Error::TooManyConnections => {
            RedisError::Unreachable("the host allows no more connections".to_owned())
        }
        Error::TypeError => RedisError::Refused("an answer of an unknown type".to_owned()),
        Error::Other(reason) => RedisError::Refused(reason),
    }
}
