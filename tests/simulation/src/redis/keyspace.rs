//! Keys, their values and when they expire.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::sorted::SortedSet;
use super::strings::number_text;

pub(super) type Bytes = Vec<u8>;

/// What Redis answers to a command for another type of value.
const WRONG_TYPE: &str = "WRONGTYPE Operation against a key holding the wrong kind of value";

#[derive(Clone, Debug)]
pub(super) enum Data {
    Text(Bytes),
    List(VecDeque<Bytes>),
    Hash(BTreeMap<Bytes, Bytes>),
    Set(BTreeSet<Bytes>),
    Sorted(SortedSet),
}

impl Data {
    fn is_empty(&self) -> bool {
        match self {
            Self::Text(_) => false,
            Self::List(list) => list.is_empty(),
            Self::Hash(hash) => hash.is_empty(),
            Self::Set(set) => set.is_empty(),
            Self::Sorted(sorted) => sorted.is_empty(),
        }
    }
}

#[derive(Clone, Debug)]
struct Entry {
    data: Data,
    expires_at_ms: Option<u64>,
}

/// All that a Redis holds.
#[derive(Clone, Debug, Default)]
pub struct Keyspace {
    entries: BTreeMap<Bytes, Entry>,
    /// Redis's own clock, in milliseconds since the epoch. It stands still during a script.
    pub now_ms: u64,
    /// What was published since somebody last took it.
    pub published: Vec<(Bytes, Bytes)>,
    /// How many listen to each channel.
    pub subscribers: i64,
    /// It has reached `maxmemory`, and its policy is `noeviction`.
    pub is_full: bool,
    /// Its user may use no channel.
    pub is_mute: bool,
    /// Whether it did not let us publish when we last tried.
    pub was_refused_last: bool,
    /// The script that runs has written something: from then on a full Redis lets it.
    pub(super) has_written: bool,
}

/// Kinds of values, so that one function finds them all.
pub(super) trait Kind: Default {
    fn of(data: &Data) -> Option<&Self>;
    fn of_mut(data: &mut Data) -> Option<&mut Self>;
    fn into_data(self) -> Data;
}

macro_rules! kind {
    ($type:ty, $variant:ident) => {
        impl Kind for $type {
            fn of(data: &Data) -> Option<&Self> {
                if let Data::$variant(value) = data { Some(value) } else { None }
            }
            fn of_mut(data: &mut Data) -> Option<&mut Self> {
                if let Data::$variant(value) = data { Some(value) } else { None }
            }
            fn into_data(self) -> Data {
                Data::$variant(self)
            }
        }
    };
}
kind!(Bytes, Text);
kind!(VecDeque<Bytes>, List);
kind!(BTreeMap<Bytes, Bytes>, Hash);
kind!(BTreeSet<Bytes>, Set);
kind!(SortedSet, Sorted);

impl Keyspace {
    /// Removes `key` when its time is up.
    fn expire(&mut self, key: &[u8]) {
        let now_ms = self.now_ms;
        let is_over = |entry: &Entry| entry.expires_at_ms.is_some_and(|at_ms| now_ms > at_ms);
        if self.entries.get(key).is_some_and(is_over) {
            self.entries.remove(key);
        }
    }

    /// The value of `key`, if there is one.
    pub(super) fn read<K: Kind>(&mut self, key: &[u8]) -> Result<Option<&K>, String> {
        self.expire(key);
        match self.entries.get(key) {
            None => Ok(None),
            Some(entry) => K::of(&entry.data).map(Some).ok_or_else(|| WRONG_TYPE.to_owned()),
        }
    }

    /// Changes the value of `key`, made empty when there is none and removed when it ends up so.
    pub(super) fn change<K: Kind, T>(
        &mut self,
        key: &[u8],
        change: impl FnOnce(&mut K) -> Result<T, String>,
    ) -> Result<T, String> {
        self.expire(key);
        let entry = self
            .entries
            .entry(key.to_vec())
            .or_insert_with(|| Entry { data: K::default().into_data(), expires_at_ms: None });
        let result = match K::of_mut(&mut entry.data) {
            Some(value) => change(value),
            None => Err(WRONG_TYPE.to_owned()),
        };
        if entry.data.is_empty() {
            self.entries.remove(key);
        }
        result
    }

    /// Replaces `key` whatever it held.
    pub(super) fn put(&mut self, key: &[u8], data: Data, expires_at_ms: Option<u64>) {
        self.entries.insert(key.to_vec(), Entry { data, expires_at_ms });
    }

    pub(super) fn exists(&mut self, key: &[u8]) -> bool {
        self.expire(key);
        self.entries.contains_key(key)
    }

    pub(super) fn remove(&mut self, key: &[u8]) -> bool {
        self.expire(key);
        self.entries.remove(key).is_some()
    }

    pub(super) fn set_expiry(&mut self, key: &[u8], at_ms: u64) -> bool {
        self.expire(key);
        let entry = self.entries.get_mut(key);
        entry.map(|entry| entry.expires_at_ms = Some(at_ms)).is_some()
    }

    pub(super) fn remove_expiry(&mut self, key: &[u8]) -> bool {
        self.expire(key);
        self.entries.get_mut(key).is_some_and(|entry| entry.expires_at_ms.take().is_some())
    }

    /// Milliseconds until `key` expires.
    #[must_use]
    pub fn time_to_live_ms(&self, key: &str) -> Option<u64> {
        let at_ms = self.entries.get(key.as_bytes())?.expires_at_ms?;
        Some(at_ms.saturating_sub(self.now_ms))
    }

    /// One field of a hash, for observers: it changes nothing.
    #[must_use]
    pub fn peek_field(&self, key: &str, field: &str) -> Option<&str> {
        let entry = self.entries.get(key.as_bytes())?;
        if entry.expires_at_ms.is_some_and(|at_ms| self.now_ms > at_ms) {
            return None;
        }
        let Data::Hash(hash) = &entry.data else { return None };
        std::str::from_utf8(hash.get(field.as_bytes())?).ok()
    }

    /// A string, for observers.
    #[must_use]
    pub fn peek_text(&self, key: &str) -> Option<&str> {
        let entry = self.entries.get(key.as_bytes())?;
        if entry.expires_at_ms.is_some_and(|at_ms| self.now_ms > at_ms) {
            return None;
        }
        let Data::Text(text) = &entry.data else { return None };
        std::str::from_utf8(text).ok()
    }

    /// All fields of a hash, for observers.
    #[must_use]
    pub fn peek_hash(&self, key: &str) -> Vec<(String, String)> {
        let Some(Entry { data: Data::Hash(hash), .. }) = self.entries.get(key.as_bytes()) else {
            return Vec::new();
        };
        hash.iter().map(|(field, value)| (text(field), text(value))).collect()
    }

    /// The members of a sorted set, for observers.
    #[must_use]
    pub fn peek_members(&self, key: &str) -> Vec<String> {
        match self.entries.get(key.as_bytes()) {
            Some(Entry { data: Data::Sorted(sorted), .. }) => sorted
                .range(0, -1)
                .into_iter()
                .map(|(member, _)| String::from_utf8_lossy(&member).into_owned())
                .collect(),
            _ => Vec::new(),
        }
    }

    /// Everything there is, each value in a text that is the same for the same content. Times to
    /// live are left out, for they pass.
    #[must_use]
    pub fn dump(&mut self) -> BTreeMap<String, String> {
        let keys: Vec<Bytes> = self.entries.keys().cloned().collect();
        keys.iter().for_each(|key| self.expire(key));
        let entries = self.entries.iter();
        entries.map(|(key, entry)| (text(key), entry.data.to_string())).collect()
    }
}

fn text(bytes: &Bytes) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl fmt::Display for Data {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let items: Vec<String> = match self {
            Self::Text(value) => vec![text(value)],
            Self::List(list) => list.iter().map(text).collect(),
            Self::Hash(hash) => hash.iter().flat_map(|(f, v)| [text(f), text(v)]).collect(),
            Self::Set(set) => set.iter().map(text).collect(),
            Self::Sorted(sorted) => sorted
                .range(0, -1)
                .iter()
                .flat_map(|(member, score)| [text(member), number_text(score.0)])
                .collect(),
        };
        write!(f, "{items:?}")
    }
}
