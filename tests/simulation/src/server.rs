//! The one Redis of a simulation: what it holds, what it knows, and when it can be reached.

use std::collections::BTreeSet;

use store::{RedisError, Value};

use crate::redis::{Engine, Keyspace, Reply};
use crate::world::World;

/// The virtual clock's zero, by Redis's clock.
const EPOCH_MS: u64 = 1_700_000_000_000;

/// A Redis that keeps its data whatever happens, as the promises ask of it.
#[derive(Default)]
pub struct Server {
    pub keyspace: Keyspace,
    /// Digests of the scripts it was sent since it started.
    pub(crate) scripts: BTreeSet<String>,
    pub(crate) away_until_ms: u64,
    /// Until then it has no memory left.
    pub full_until_ms: u64,
    /// Until then its user may use no channel.
    pub(crate) mute_until_ms: u64,
    /// How far its clock has stepped.
    pub(crate) clock_step_ms: i64,
}

impl Server {
    /// From now on it is well.
    pub(crate) fn heal(&mut self) {
        self.away_until_ms = 0;
        self.full_until_ms = 0;
        self.mute_until_ms = 0;
    }

    /// Carries out one command at `virtual_ms`.
    ///
    /// # Errors
    /// When the command is wrong, or the script unknown.
    pub fn command(
        &mut self,
        engine: &Engine,
        virtual_ms: u64,
        name: &str,
        arguments: &[Vec<u8>],
    ) -> Result<Vec<Value>, RedisError> {
        self.keyspace.now_ms = (EPOCH_MS + virtual_ms).saturating_add_signed(self.clock_step_ms);
        self.keyspace.is_full = self.full_until_ms > virtual_ms;
        self.keyspace.is_mute = self.mute_until_ms > virtual_ms;
        let reply = match name {
            "EVAL" | "EVALSHA" => self.script(engine, name == "EVAL", arguments)?,
            _ => self.keyspace.command(name, arguments).map_err(RedisError::Refused)?,
        };
        let mut values = Vec::new();
        flatten(reply, &mut values);
        Ok(values)
    }

    fn script(
        &mut self,
        engine: &Engine,
        is_source: bool,
        arguments: &[Vec<u8>],
    ) -> Result<Reply, RedisError> {
        let wrong = || RedisError::Refused("ERR wrong number of arguments".to_owned());
        let (script, rest) = arguments.split_first().ok_or_else(wrong)?;
        let (keys, rest) = rest.split_first().ok_or_else(wrong)?;
        let keys: usize =
            std::str::from_utf8(keys).ok().and_then(|keys| keys.parse().ok()).ok_or_else(wrong)?;
        let (keys, rest) = rest.split_at_checked(keys).ok_or_else(wrong)?;
        let text = String::from_utf8_lossy(script);
        let digest = if is_source {
            let digest = Engine::digest(script);
            engine.load(&digest, &text)?;
            self.scripts.insert(digest.clone());
            digest
        } else if self.scripts.contains(text.as_ref()) {
            text.into_owned()
        } else {
            let reason = "NOSCRIPT No matching script. Please use EVAL.";
            return Err(RedisError::Refused(reason.to_owned()));
        };
        engine.run(&digest, keys, rest, &mut self.keyspace)
    }
}

impl World {
    /// Has Redis carry out a command of `host`, or of a client, and lets everybody see what came of
    /// it.
    pub(crate) fn redis(
        &self,
        name: &str,
        arguments: &[Vec<u8>],
        host: Option<usize>,
    ) -> Result<Vec<Value>, RedisError> {
        let now_ms = self.executor.now_ms();
        let mut server = self.server.borrow_mut();
        let listening = self.hosts.borrow().iter().filter(|h| h.messages.is_some()).count();
        server.keyspace.subscribers = i64::try_from(listening).unwrap_or(i64::MAX);
        let before = (server.full_until_ms > now_ms).then(|| server.keyspace.clone());
        let result = server.command(&self.engine, now_ms, name, arguments);
        let published = std::mem::take(&mut server.keyspace.published);
        self.checker.borrow_mut().observe(&server.keyspace, host, now_ms);
        drop(server);
        published.iter().for_each(|_| self.wake_all());
        if listening > 0
            && !published.is_empty()
            && let Some(count) = self.rings.borrow_mut().ring(now_ms)
        {
            self.checker.borrow_mut().violate(format!("{count} wake-ups within a second"));
        }
        if let Err(RedisError::Refused(reason)) = &result
            && !reason.starts_with("NOSCRIPT")
        {
            self.refused(reason, before);
        }
        result
    }

    /// A script failed. Only a full Redis may have refused it, and then it did nothing.
    fn refused(&self, reason: &str, before: Option<Keyspace>) {
        let what = match before {
            Some(mut before) if reason.contains("OOM") => {
                if before.dump() == self.server.borrow_mut().keyspace.dump() {
                    return self.report.borrow_mut().count("refused, Redis was full", 1);
                }
                format!("a script does half of what it is to: {reason}")
            }
            _ => format!("a script fails: {reason}"),
        };
        self.checker.borrow_mut().violate(what);
    }

    /// Whether Redis can be reached now.
    pub(crate) fn redis_is_away(&self) -> bool {
        self.server.borrow().away_until_ms > self.executor.now_ms()
    }
}

/// As Spin's host does it: nested answers become one list.
fn flatten(reply: Reply, values: &mut Vec<Value>) {
    match reply {
        Reply::Nil => values.push(Value::Nil),
        Reply::Int(number) => values.push(Value::Int(number)),
        Reply::Status(text) => values.push(Value::Bytes(text.as_bytes().to_vec())),
        Reply::Bulk(bytes) => values.push(Value::Bytes(bytes)),
        Reply::Array(items) => items.into_iter().for_each(|item| flatten(item, values)),
    }
}
