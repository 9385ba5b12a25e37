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

/// What kind of trouble Redis is in, as far as it matters for what is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RedisTrouble {
    /// It cannot be reached, or is in trouble that may pass by itself.
    Away,
    /// It does not let us in, or not do what we must. A person has to act.
    Denied,
    /// It is a replica, or a part of a cluster that does not hold our keys. A person has to act, unless a
    /// failover is under way.
    WrongServer,
    /// It has no memory, or no disk, left to store anything.
    Full,
}

const DENIED: [&str; 6] =
    ["NOPERM", "NoPerm", "WRONGPASS", "NOAUTH", "AuthenticationFailed", "NoAuth"];
const WRONG_SERVER: [&str; 9] = [
    "READONLY",
    "ReadOnly",
    "MOVED",
    "Moved",
    "CROSSSLOT",
    "CrossSlot",
    "CLUSTERDOWN",
    "ClusterDown",
    "MASTERDOWN",
];
const FULL: [&str; 2] = ["OOM", "MISCONF"];

impl RedisError {
    /// What kind of trouble it is, by the words that Redis and its clients use.
    #[must_use]
    pub fn trouble(&self) -> RedisTrouble {
        let (Self::Unreachable(text) | Self::Refused(text)) = self;
        let words = || text.split(|c: char| !c.is_ascii_alphanumeric());
        let names = |all: &[&str]| words().any(|word| all.contains(&word));
        if names(&DENIED) || text.contains("Password authentication failed") {
            RedisTrouble::Denied
        } else if names(&WRONG_SERVER) {
            RedisTrouble::WrongServer
        } else if names(&FULL) {
            RedisTrouble::Full
        } else {
            RedisTrouble::Away
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trouble_is_told_by_redis_own_words() {
        for (text, trouble) in [
            (
                "NOPERM this user has no permissions to run the 'evalsha' command",
                RedisTrouble::Denied,
            ),
            ("\"WRONGPASS\": invalid username-password pair", RedisTrouble::Denied),
            ("Password authentication failed - AuthenticationFailed", RedisTrouble::Denied),
            ("NOAUTH Authentication required.", RedisTrouble::Denied),
            ("ReadOnly: You can't write against a read only replica.", RedisTrouble::WrongServer),
            ("MOVED 866 10.0.0.7:6379", RedisTrouble::WrongServer),
            ("OOM command not allowed when used memory > 'maxmemory'.", RedisTrouble::Full),
            (
                "ERR Error running script (call to f_1): @user_script:1: -OOM command",
                RedisTrouble::Full,
            ),
            ("MISCONF Redis is configured to save RDB snapshots", RedisTrouble::Full),
            ("BusyLoadingError: Redis is loading the dataset in memory", RedisTrouble::Away),
            ("connection refused", RedisTrouble::Away),
        ] {
            assert_eq!(RedisError::Refused(text.to_owned()).trouble(), trouble, "{text}");
        }
    }
}
