//! The commands, but for those of sorted sets. Only what the scripts use is here; anything else is
//! an error that names it.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::Reply;
use super::arguments::{Arguments, text_of};
use super::keyspace::{Bytes, Data, Keyspace};
use super::sorted::bounds;

type Hash = BTreeMap<Bytes, Bytes>;
type List = VecDeque<Bytes>;
type Set = BTreeSet<Bytes>;

/// Commands that may need more memory.
const GROWS: [&str; 9] =
    ["SET", "INCR", "HSET", "HSETNX", "HINCRBY", "LPUSH", "RPUSH", "SADD", "ZADD"];
/// The other commands that write.
const SHRINKS: [&str; 11] = [
    "DEL",
    "EXPIRE",
    "PEXPIRE",
    "PERSIST",
    "HDEL",
    "LPOP",
    "LREM",
    "LTRIM",
    "SREM",
    "ZREM",
    "ZREMRANGEBYSCORE",
];

impl Keyspace {
    /// A script begins.
    pub(super) fn begin_script(&mut self) {
        self.has_written = false;
    }

    /// Carries out one command.
    ///
    /// # Errors
    /// With Redis's own words where the command is wrong.
    pub fn command(&mut self, name: &str, arguments: &[Vec<u8>]) -> Result<Reply, String> {
        let name = name.to_ascii_uppercase();
        if self.is_full && !self.has_written && GROWS.contains(&name.as_str()) {
            return Err("OOM command not allowed when used memory > 'maxmemory'.".to_owned());
        }
        self.has_written |= GROWS.contains(&name.as_str()) || SHRINKS.contains(&name.as_str());
        let arguments = Arguments::new(&name, arguments);
        match name.as_str() {
            "TIME" => Ok(Reply::list([
                (self.now_ms / 1_000).to_string().into_bytes(),
                (self.now_ms % 1_000 * 1_000).to_string().into_bytes(),
            ])),
            "EXISTS" | "DEL" => self.keys(&name, arguments),
            "EXPIRE" => self.expire_in(arguments, 1_000),
            "PEXPIRE" => self.expire_in(arguments, 1),
            "PTTL" => self.pttl(arguments),
            "PERSIST" => self.persist(arguments),
            "SET" => self.set(arguments),
            "GET" => self.get(arguments),
            "GETRANGE" => self.getrange(arguments),
            "INCR" => self.incr(arguments),
            "PUBLISH" => self.publish(arguments),
            "PUBSUB" => self.pubsub(arguments),
            "HSET" => self.hset(arguments),
            "HSETNX" => self.hsetnx(arguments),
            "HGET" => self.hget(arguments),
            "HMGET" => self.hmget(arguments),
            "HGETALL" => self.hgetall(arguments),
            "HVALS" => self.hvals(arguments),
            "HDEL" => self.hdel(arguments),
            "HINCRBY" => self.hincrby(arguments),
            "LPUSH" | "RPUSH" => self.push(&name, arguments),
            "LPOP" => self.lpop(arguments),
            "LLEN" => self.llen(arguments),
            "LINDEX" => self.lindex(arguments),
            "LRANGE" => self.lrange(arguments),
            "LREM" => self.lrem(arguments),
            "LTRIM" => self.ltrim(arguments),
            "SADD" => self.sadd(arguments),
            "SREM" => self.srem(arguments),
            "SCARD" => self.scard(arguments),
            "SMEMBERS" => self.smembers(arguments),
            "SRANDMEMBER" => self.srandmember(arguments),
            "ZADD" => self.zadd(arguments),
            "ZREM" => self.zrem(arguments),
            "ZCARD" => self.zcard(arguments),
            "ZCOUNT" => self.zcount(arguments),
            "ZRANGE" => self.zrange(arguments, false),
            "ZREVRANGE" => self.zrange(arguments, true),
            "ZSCORE" => self.zscore(arguments),
            "ZRANK" => self.zrank(arguments, false),
            "ZREVRANK" => self.zrank(arguments, true),
            "ZRANGEBYSCORE" => self.zrange_by_score(arguments),
            "ZRANGEBYLEX" => self.zrange_by_lex(arguments),
            "ZREMRANGEBYSCORE" => self.zrem_range_by_score(arguments),
            other => Err(format!("ERR the model does not know the command {other}")),
        }
    }

    fn keys(&mut self, name: &str, arguments: Arguments<'_>) -> Result<Reply, String> {
        let keys = arguments.rest()?;
        let count = keys.iter().filter(|key| match name {
            "DEL" => self.remove(key),
            _ => self.exists(key),
        });
        Ok(Reply::count(count.count()))
    }

    fn expire_in(&mut self, mut arguments: Arguments<'_>, unit_ms: i64) -> Result<Reply, String> {
        let (key, time) = (arguments.next()?, arguments.integer()?);
        arguments.end()?;
        let Ok(ms) = u64::try_from(time.saturating_mul(unit_ms)) else {
            return Ok(Reply::flag(self.remove(key)));
        };
        if ms == 0 {
            return Ok(Reply::flag(self.remove(key)));
        }
        let at_ms = self.now_ms + ms;
        Ok(Reply::flag(self.set_expiry(key, at_ms)))
    }

    fn set(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, value) = (arguments.next()?, arguments.owned()?);
        let only_new = arguments.word("NX");
        let expires_at_ms = if arguments.word("PX") {
            let ms = u64::try_from(arguments.integer()?).unwrap_or(0);
            if ms == 0 {
                return Err("ERR invalid expire time in 'set' command".to_owned());
            }
            Some(self.now_ms + ms)
        } else {
            None
        };
        arguments.end()?;
        if only_new && self.exists(key) {
            return Ok(Reply::Nil);
        }
        self.put(key, Data::Text(value), expires_at_ms);
        Ok(Reply::Status("OK"))
    }

    fn pttl(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        arguments.end()?;
        Ok(Reply::Int(match (self.exists(key), self.time_to_live_ms(text_of(key)?)) {
            (false, _) => -2,
            (true, None) => -1,
            (true, Some(ms)) => i64::try_from(ms).unwrap_or(i64::MAX),
        }))
    }

    fn persist(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        arguments.end()?;
        Ok(Reply::flag(self.remove_expiry(key)))
    }

    fn get(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        arguments.end()?;
        Ok(Reply::optional(self.read::<Bytes>(key)?.cloned()))
    }

    fn getrange(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, from, to) = (arguments.next()?, arguments.integer()?, arguments.integer()?);
        arguments.end()?;
        let Some(text) = self.read::<Bytes>(key)? else { return Ok(Reply::Bulk(Vec::new())) };
        let (from, count) = bounds(from, to, text.len());
        Ok(Reply::Bulk(text.iter().skip(from).take(count).copied().collect()))
    }

    fn incr(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        arguments.end()?;
        let exists = self.exists(key);
        self.change(key, |text: &mut Bytes| {
            let old = if exists { integer(text)? } else { 0 };
            *text = (old + 1).to_string().into_bytes();
            Ok(Reply::Int(old + 1))
        })
    }

    fn publish(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let message = (arguments.owned()?, arguments.owned()?);
        arguments.end()?;
        self.was_refused_last = self.is_mute;
        self.may_use_channels()?;
        self.published.push(message);
        Ok(Reply::Int(self.subscribers))
    }

    fn pubsub(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        if !arguments.word("NUMSUB") {
            return Err("ERR the model's PUBSUB knows only NUMSUB".to_owned());
        }
        let channel = arguments.owned()?;
        arguments.end()?;
        Ok(Reply::Array(vec![Reply::Bulk(channel), Reply::Int(self.subscribers)]))
    }

    fn may_use_channels(&self) -> Result<(), String> {
        let reason = "NOPERM No permissions to access a channel";
        if self.is_mute { Err(reason.to_owned()) } else { Ok(()) }
    }

    fn hset(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let pairs = arguments.pairs()?;
        self.change(key, |hash: &mut Hash| {
            let new = pairs
                .into_iter()
                .filter(|(field, value)| hash.insert(field.clone(), value.clone()).is_none());
            Ok(Reply::count(new.count()))
        })
    }

    fn hsetnx(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, field, value) = (arguments.next()?, arguments.owned()?, arguments.owned()?);
        arguments.end()?;
        self.change(key, |hash: &mut Hash| {
            let is_new = !hash.contains_key(&field);
            hash.entry(field).or_insert(value);
            Ok(Reply::flag(is_new))
        })
    }

    fn hget(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, field) = (arguments.next()?, arguments.next()?);
        arguments.end()?;
        let hash = self.read::<Hash>(key)?;
        Ok(Reply::optional(hash.and_then(|hash| hash.get(field).cloned())))
    }

    fn hmget(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let fields = arguments.rest()?;
        let hash = self.read::<Hash>(key)?;
        let value = |field: &Bytes| hash.and_then(|hash| hash.get(field).cloned());
        Ok(Reply::Array(fields.iter().map(|field| Reply::optional(value(field))).collect()))
    }

    fn hgetall(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let hash = self.read::<Hash>(arguments.next()?)?;
        let pairs = hash.into_iter().flatten();
        Ok(Reply::list(pairs.flat_map(|(field, value)| [field.clone(), value.clone()])))
    }

    fn hvals(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let hash = self.read::<Hash>(arguments.next()?)?;
        Ok(Reply::list(hash.into_iter().flat_map(Hash::values).cloned()))
    }

    fn hdel(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let fields = arguments.rest()?;
        self.change(key, |hash: &mut Hash| {
            Ok(Reply::count(fields.iter().filter(|field| hash.remove(*field).is_some()).count()))
        })
    }

    fn hincrby(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, field, by) = (arguments.next()?, arguments.owned()?, arguments.integer()?);
        arguments.end()?;
        self.change(key, |hash: &mut Hash| {
            let old = hash.get(&field).map_or(Ok(0), |text| {
                integer(text).map_err(|_| "ERR hash value is not an integer".to_owned())
            })?;
            hash.insert(field, (old + by).to_string().into_bytes());
            Ok(Reply::Int(old + by))
        })
    }

    fn push(&mut self, name: &str, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let values = arguments.rest()?;
        self.change(key, |list: &mut List| {
            for value in values {
                if name == "LPUSH" { list.push_front(value) } else { list.push_back(value) }
            }
            Ok(Reply::count(list.len()))
        })
    }

    fn lpop(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let count = if arguments.is_empty() {
            None
        } else {
            let wrong = |_| "ERR value is out of range, must be positive".to_owned();
            Some(usize::try_from(arguments.integer()?).map_err(wrong)?)
        };
        arguments.end()?;
        if !self.exists(key) {
            return Ok(Reply::Nil);
        }
        self.change(key, |list: &mut List| match count {
            None => Ok(Reply::optional(list.pop_front())),
            Some(count) => {
                let count = count.min(list.len());
                Ok(Reply::list(list.drain(..count)))
            }
        })
    }

    fn llen(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let list = self.read::<List>(arguments.next()?)?;
        Ok(Reply::count(list.map_or(0, VecDeque::len)))
    }

    fn lindex(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, index) = (arguments.next()?, arguments.integer()?);
        let Some(list) = self.read::<List>(key)? else { return Ok(Reply::Nil) };
        let len = i64::try_from(list.len()).unwrap_or(i64::MAX);
        let index = if index < 0 { index + len } else { index };
        let value = usize::try_from(index).ok().and_then(|index| list.get(index).cloned());
        Ok(Reply::optional(value))
    }

    fn lrange(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, from, to) = (arguments.next()?, arguments.integer()?, arguments.integer()?);
        let Some(list) = self.read::<List>(key)? else { return Ok(Reply::list([])) };
        let (from, count) = bounds(from, to, list.len());
        Ok(Reply::list(list.iter().skip(from).take(count).cloned()))
    }

    fn lrem(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, count, value) = (arguments.next()?, arguments.integer()?, arguments.next()?);
        self.change(key, |list: &mut List| {
            let mut places: Vec<usize> = (0..list.len())
                .filter(|place| list.get(*place).is_some_and(|item| item == value))
                .collect();
            if count < 0 {
                places.reverse();
            }
            let all = count == 0;
            let most = if all {
                places.len()
            } else {
                usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX)
            };
            places.truncate(most);
            places.sort_unstable();
            for place in places.iter().rev() {
                list.remove(*place);
            }
            Ok(Reply::count(places.len()))
        })
    }

    fn ltrim(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, from, to) = (arguments.next()?, arguments.integer()?, arguments.integer()?);
        arguments.end()?;
        self.change(key, |list: &mut List| {
            let (from, count) = bounds(from, to, list.len());
            *list = list.drain(..).skip(from).take(count).collect();
            Ok(Reply::Status("OK"))
        })
    }

    fn sadd(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let members = arguments.rest()?;
        self.change(key, |set: &mut Set| {
            Ok(Reply::count(
                members.into_iter().filter(|member| set.insert(member.clone())).count(),
            ))
        })
    }

    fn srem(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let key = arguments.next()?;
        let members = arguments.rest()?;
        self.change(key, |set: &mut Set| {
            Ok(Reply::count(members.iter().filter(|member| set.remove(*member)).count()))
        })
    }

    fn scard(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let set = self.read::<Set>(arguments.next()?)?;
        Ok(Reply::count(set.map_or(0, BTreeSet::len)))
    }

    fn smembers(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let set = self.read::<Set>(arguments.next()?)?;
        Ok(Reply::list(set.into_iter().flatten().cloned()))
    }

    /// Not at random here: the first so many.
    fn srandmember(&mut self, mut arguments: Arguments<'_>) -> Result<Reply, String> {
        let (key, count) = (arguments.next()?, arguments.integer()?);
        let count = usize::try_from(count)
            .map_err(|_| "the model's SRANDMEMBER knows no negative count".to_owned())?;
        let set = self.read::<Set>(key)?;
        Ok(Reply::list(set.into_iter().flatten().take(count).cloned()))
    }
}

fn integer(text: &[u8]) -> Result<i64, String> {
    let error = "ERR value is not an integer or out of range";
    text_of(text)?.parse().map_err(|_| error.to_owned())
}
