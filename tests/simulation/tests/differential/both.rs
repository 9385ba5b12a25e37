//! A model and a real server that are asked the same.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use futures::FutureExt as _;
use simulation::redis::Engine;
use simulation::server::Server;
use store::{Redis, RedisError, Value, WAKE_CHANNEL};
use testkit_redis::Client;

/// The model.
pub(crate) struct Model {
    pub(crate) server: RefCell<Server>,
    engine: Rc<Engine>,
    pub(crate) now_ms: Cell<u64>,
}

impl Model {
    pub(crate) fn new() -> Self {
        let server = Server::default();
        Self { server: RefCell::new(server), engine: Engine::new(None), now_ms: Cell::new(0) }
    }

    /// Its own clock, in milliseconds since the epoch.
    pub(crate) fn time_ms(&self) -> u64 {
        let _ = self.command("TIME", vec![]).now_or_never();
        self.server.borrow().keyspace.now_ms
    }
}

impl Redis for Model {
    fn command(
        &self,
        name: &str,
        arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        let mut server = self.server.borrow_mut();
        std::future::ready(server.command(&self.engine, self.now_ms.get(), name, &arguments))
    }
}

/// The real server, made to go by the model's clock: its scripts are handed the time, and what they
/// set to expire does so when the test says.
pub(crate) struct Real {
    pub(crate) client: Client,
    /// Counted as one that listens; what it is sent nobody reads.
    _listener: Client,
    pub(crate) time_ms: Cell<u64>,
}

impl Real {
    pub(crate) fn new(server: &testkit_redis::Server) -> Self {
        let listener = server.connect().unwrap();
        let _: (String, String, i64) = listener.ask(&format!("SUBSCRIBE {WAKE_CHANNEL}")).unwrap();
        Self { client: server.connect().unwrap(), _listener: listener, time_ms: Cell::new(0) }
    }

    fn at_our_time(&self, script: &str) -> String {
        let (seconds, ms) = (self.time_ms.get() / 1_000, self.time_ms.get() % 1_000);
        let mut script = script.to_owned();
        for (from, to) in [
            ("redis.call('TIME')", format!("{{ '{seconds}', '{}' }}", ms * 1_000)),
            ("'PEXPIRE', second, 2000", "'PEXPIRE', second, 100000000".to_owned()),
        ] {
            script = script.replace(from, &to);
        }
        script
    }

    /// What it holds, in the model's words.
    pub(crate) fn dump(&self) -> BTreeMap<String, String> {
        let keys: Vec<String> = self.client.ask("KEYS *").unwrap();
        keys.into_iter().map(|key| (key.clone(), self.value(&key))).collect()
    }

    fn value(&self, key: &str) -> String {
        let kind: String = self.client.ask(&format!("TYPE {key}")).unwrap();
        let items: Vec<String> = match kind.as_str() {
            "string" => vec![self.client.ask(&format!("GET {key}")).unwrap()],
            "list" => self.client.ask(&format!("LRANGE {key} 0 -1")).unwrap(),
            "hash" => {
                let pairs: BTreeMap<String, String> =
                    self.client.ask(&format!("HGETALL {key}")).unwrap();
                pairs.into_iter().flat_map(|(field, value)| [field, value]).collect()
            }
            "set" => {
                let mut members: Vec<String> = self.client.ask(&format!("SMEMBERS {key}")).unwrap();
                members.sort();
                members
            }
            _ => self.client.ask(&format!("ZRANGE {key} 0 -1 WITHSCORES")).unwrap(),
        };
        format!("{items:?}")
    }
}

impl Redis for Real {
    fn command(
        &self,
        name: &str,
        mut arguments: Vec<Vec<u8>>,
    ) -> impl Future<Output = Result<Vec<Value>, RedisError>> {
        if name == "EVALSHA" {
            // So that the store sends the text.
            let reason = "NOSCRIPT No matching script.".to_owned();
            return std::future::ready(Err(RedisError::Refused(reason)));
        }
        if name == "EVAL" {
            let script = String::from_utf8_lossy(&arguments[0]).into_owned();
            arguments[0] = self.at_our_time(&script).into_bytes();
        }
        std::future::ready(self.client.command(name, arguments).now_or_never().unwrap())
    }
}

/// Removes from the real server what has expired in the model.
pub(crate) fn expire(model: &Model, real: &Real, expiring: &mut BTreeSet<String>) {
    let held = model.server.borrow_mut().keyspace.dump();
    for key in expiring.iter().filter(|key| !held.contains_key(*key)) {
        let _: i64 = real.client.ask(&format!("DEL {key}")).unwrap();
    }
    let server = model.server.borrow();
    let expires = |key: &&String| server.keyspace.time_to_live_ms(key).is_some();
    *expiring = held.keys().filter(expires).cloned().collect();
}

/// Asserts that both hold the same, and that the same of it is to expire.
pub(crate) fn compare(model: &Model, real: &Real, context: &str) {
    let held = model.server.borrow_mut().keyspace.dump();
    for key in held.keys() {
        let expires = model.server.borrow().keyspace.time_to_live_ms(key).is_some();
        let real_ms: i64 = real.client.ask(&format!("PTTL {key}")).unwrap();
        assert_eq!(expires, real_ms >= 0, "{context}: whether {key} expires");
    }
    assert_eq!(tidy(held), tidy(real.dump()), "{context}");
}

/// Notes are JSON that Lua wrote, and Lua gives a table's fields no order.
fn tidy(dump: BTreeMap<String, String>) -> BTreeMap<String, String> {
    dump.into_iter()
        .map(|(key, value)| {
            let mut dead_letters: Vec<char> = value.chars().collect();
            if value.contains("notes") {
                dead_letters.sort_unstable();
            }
            (key, dead_letters.into_iter().collect())
        })
        .collect()
}
