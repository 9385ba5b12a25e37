//! An upgrade under way: hosts of an older version beside those of a newer one, which writes records that
//! only it can read.

use std::collections::BTreeSet;

use store::Value;

use crate::random::Random;
use crate::world::{Sabotage, World};

/// What a record begins with, whatever its version, and one of the newer version: no version yet begins with
/// a 9.
const RECORD: &[u8] = br#"{"v":"#;
const NEWER: &[u8] = br#"{"v":9"#;
/// What the newer version looks like to a worker that knows of no versions.
const UNVERSIONED: &[u8] = br#"{"w":9"#;

/// How far an upgrade has come. By default there is none, and all is of one version.
#[derive(Clone, Debug, Default)]
pub(crate) struct Upgrade {
    is_under_way: bool,
    /// Hosts of workers of the older version.
    older: BTreeSet<usize>,
    /// Tasks are accepted by the newer version. What is asked of them is always answered by it.
    accepts_newer: bool,
}

impl Upgrade {
    /// One seed in ten has an upgrade under way. It is drawn apart, so that seeds mean for all else what
    /// they would without.
    pub(crate) fn draw(seed: u64, hosts: usize) -> Self {
        let mut random = Random::new(!seed);
        if !random.happens(100) {
            return Self::default();
        }
        Self {
            is_under_way: true,
            older: (0..hosts).filter(|_| random.happens(500)).collect(),
            accepts_newer: random.happens(500),
        }
    }

    /// Every host is of the newer version.
    pub(crate) fn finish(&mut self) {
        self.older.clear();
        self.accepts_newer = true;
    }

    /// How long a task may have been left alone for longer than everything else takes, in milliseconds.
    pub(crate) fn delay_ms(&self) -> u64 {
        if self.is_under_way { 60_000 } else { 0 }
    }

    fn is_newer(&self, host: Option<usize>) -> bool {
        host.map_or(self.accepts_newer, |host| !self.older.contains(&host))
    }
}

impl World {
    /// What a host, or the API, tells Redis: with records of its version.
    pub(crate) fn worded(&self, host: Option<usize>, arguments: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
        let upgrade = self.upgrade.borrow();
        if !upgrade.is_under_way || !upgrade.is_newer(host) {
            return arguments;
        }
        let word = |argument| changed(argument, RECORD, NEWER);
        arguments.into_iter().map(word).collect()
    }

    /// What a host, or the API, understands of Redis's answer: one of the newer version reads its records.
    pub(crate) fn understood(&self, host: Option<usize>, answer: Vec<Value>) -> Vec<Value> {
        let upgrade = self.upgrade.borrow();
        let known = match (host.is_none() || upgrade.is_newer(host), self.sabotage) {
            _ if !upgrade.is_under_way => return answer,
            (true, _) => RECORD,
            (false, Some(Sabotage::EndsWhatIsNewer)) => UNVERSIONED,
            (false, _) => NEWER,
        };
        let understand = |value| match value {
            Value::Bytes(bytes) => Value::Bytes(changed(bytes, NEWER, known)),
            other => other,
        };
        answer.into_iter().map(understand).collect()
    }
}

/// Bytes that begin with `from` begin with `to` instead.
fn changed(bytes: Vec<u8>, from: &[u8], to: &[u8]) -> Vec<u8> {
    match bytes.strip_prefix(from) {
        Some(rest) => [to, rest].concat(),
        None => bytes,
    }
}
