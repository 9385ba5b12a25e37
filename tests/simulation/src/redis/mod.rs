//! A Redis in this process: the commands that the scripts use, and Lua 5.1 to run the scripts
//! themselves. `tests/differential.rs` compares it with a real server.

mod arguments;
mod cjson;
mod commands;
mod engine;
mod keyspace;
mod sorted;
mod strings;

pub use engine::{Engine, Rewrite};
pub use keyspace::Keyspace;

/// A Redis reply.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    Nil,
    Int(i64),
    Status(&'static str),
    Bulk(Vec<u8>),
    Array(Vec<Reply>),
}

impl Reply {
    fn flag(flag: bool) -> Self {
        Self::Int(i64::from(flag))
    }

    fn count(count: usize) -> Self {
        Self::Int(i64::try_from(count).unwrap_or(i64::MAX))
    }

    fn optional(bytes: Option<Vec<u8>>) -> Self {
        bytes.map_or(Self::Nil, Self::Bulk)
    }

    fn list(items: impl IntoIterator<Item = Vec<u8>>) -> Self {
        Self::Array(items.into_iter().map(Self::Bulk).collect())
    }
}
