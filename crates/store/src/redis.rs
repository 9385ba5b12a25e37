//! The one thing the store asks of a Redis client.

use std::fmt;
use std::future::Future;

/// One value of a flat answer. Nested answers are flattened by Spin's host, so no script nests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    Nil,
    Int(i64),
    Bytes(Vec<u8>),
}

/// Why a command failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedisError {
    /// No connection, or it broke: the command may have been carried out.
    Unreachable(String),
    /// Redis answered with an error.
    Refused(String),
}

impl RedisError {
    /// Whether Redis does not know the script by its digest yet.
    pub(crate) fn is_unknown_script(&self) -> bool {
        let (Self::Unreachable(text) | Self::Refused(text)) = self;
        text.contains("NOSCRIPT") || text.contains("NoScript")
    }
}

impl fmt::Display for RedisError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(reason) => write!(f, "Redis cannot be reached: {reason}"),
            Self::Refused(reason) => write!(f, "Redis refused: {reason}"),
        }
    }
}

impl std::error::Error for RedisError {}

/// A connection to Redis.
pub trait Redis {
    /// Sends one command and gives its answer, flattened. One round trip.
    ///
    /// # Errors
    /// When Redis cannot be reached or answers with an error.
    fn command(
        &self,
        name: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>>;
}

impl<R: Redis> Redis for &R {
    fn command(
        &self,
        name: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        (**self).command(name, arguments)
    }
}
