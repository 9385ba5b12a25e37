//! Random commands.

use futures::executor::block_on;
use simulation::random::Random;
use store::{Redis, RedisError, Value};
use testkit_redis::Server;

use super::both::{Model, Real, compare};

/// Commands with `K` for a key, `V` for a value, `N` for a small number, `S` for a bound of scores.
const COMMANDS: &[&str] = &[
    "EXISTS K",
    "DEL K",
    "EXPIRE K 9000",
    "PEXPIRE K 9000000",
    "EXPIRE K 0",
    "SET K V",
    "SET K V NX",
    "SET K V PX 9000000",
    "SET K V NX PX 9000000",
    "SET K V PX 0",
    "INCR K",
    "HSET K V V",
    "HSET K V V V N",
    "HSET K V",
    "HSETNX K V V",
    "HGET K V",
    "HMGET K V V V",
    "HGETALL K",
    "HVALS K",
    "HDEL K V",
    "HDEL K V V",
    "HINCRBY K V N",
    "HINCRBY K V -2",
    "LPUSH K V V",
    "RPUSH K V",
    "LPOP K",
    "LPOP K N",
    "LPOP K -1",
    "LLEN K",
    "LINDEX K N",
    "LINDEX K -1",
    "LRANGE K 0 -1",
    "LRANGE K N N",
    "LRANGE K -2 N",
    "LREM K 1 V",
    "LREM K 2 V",
    "LREM K -1 V",
    "LREM K 0 V",
    "SADD K V V",
    "SREM K V",
    "SCARD K",
    "SMEMBERS K",
    "SRANDMEMBER K 100",
    "ZADD K N V",
    "ZADD K N V N V",
    "ZADD K NX N V",
    "ZADD K 1.5 V",
    "ZADD K x V",
    "ZREM K V V",
    "ZCARD K",
    "ZCOUNT K S S",
    "ZCOUNT K -inf S",
    "ZRANGE K 0 -1 WITHSCORES",
    "ZRANGE K N N",
    "ZRANGE K 0 0",
    "ZREVRANGE K N N WITHSCORES",
    "ZREVRANGE K 0 -1",
    "ZRANK K V",
    "ZSCORE K V",
    "ZREVRANK K V",
    "ZRANGEBYSCORE K -inf S LIMIT 0 N",
    "ZRANGEBYSCORE K -inf S WITHSCORES LIMIT 0 N",
    "ZRANGEBYSCORE K S +inf",
    "ZREMRANGEBYSCORE K -inf S",
    "GET K",
    "GETRANGE K N N",
    "GETRANGE K 0 -1",
    "GETRANGE K -2 N",
    "LTRIM K N N",
    "LTRIM K -2 -1",
    "PERSIST K",
    "PUBLISH nobody V",
    "PUBLISH muster:wake V",
    "PUBSUB NUMSUB muster:wake",
    "HGET K",
    "LPUSH K",
    "ZADD K N",
];

/// Commands whose answers come in no order.
const UNORDERED: &[&str] = &["HGETALL", "HVALS", "SMEMBERS", "SRANDMEMBER"];

fn fill(word: &str, random: &mut Random) -> Vec<u8> {
    match word {
        "K" => format!("k{}", random.below(8)),
        "V" => random.pick(&["a", "b", "c", "7", "", "d/\"e\n", "grün"]).to_owned(),
        "N" => random.between(0, 6).to_string(),
        "S" => random.pick(&["0", "(1", "3", "(3", "+inf", "-inf", "2.5", "y"]).to_owned(),
        other => other.to_owned(),
    }
    .into_bytes()
}

#[test]
fn random_commands_come_to_the_same() {
    let server = Server::start().unwrap();
    let (model, real) = (Model::new(), Real::new(&server));
    model.server.borrow_mut().keyspace.subscribers = 1;
    let mut random = Random::new(1);
    let mut refused = 0;
    for turn in 0..30_000 {
        let words: Vec<&str> = random.pick(COMMANDS).split(' ').collect();
        let arguments: Vec<Vec<u8>> =
            words[1..].iter().map(|word| fill(word, &mut random)).collect();
        if words[0].starts_with("PUB") {
            let listening = i64::from(words.contains(&"muster:wake"));
            model.server.borrow_mut().keyspace.subscribers = listening;
        }
        let ours = block_on(model.command(words[0], arguments.clone()));
        let theirs = block_on(real.client.command(words[0], arguments.clone()));
        let shown: Vec<_> = arguments.iter().map(|bytes| String::from_utf8_lossy(bytes)).collect();
        let context = format!("{turn}: {words:?} {shown:?}");
        refused += u64::from(ours.is_err());
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => {
                let is_unordered = UNORDERED.contains(&words[0]);
                assert_eq!(sorted(ours, is_unordered), sorted(theirs, is_unordered), "{context}");
            }
            (Err(RedisError::Refused(_)), Err(RedisError::Refused(_))) => {}
            (ours, theirs) => panic!("{context}: {ours:?} and {theirs:?}"),
        }
        if turn % 100 == 0 {
            compare(&model, &real, &context);
        }
    }
    assert!(refused > 1_000, "{refused}");
}

fn sorted(mut values: Vec<Value>, is_unordered: bool) -> Vec<String> {
    let mut texts: Vec<String> = values.drain(..).map(|value| format!("{value:?}")).collect();
    if is_unordered {
        texts.sort();
    }
    texts
}

/// What Lua is given and what it gives back.
#[test]
fn scripts_see_the_same() {
    let server = Server::start().unwrap();
    let (model, real) = (Model::new(), Real::new(&server));
    for script in [
        "return 1",
        "return 1.9",
        "return -1.9",
        "return 'a'",
        "return true",
        "return false",
        "return nil",
        "return { 1, 'a', false, 3 }",
        "return { 1, nil, 3 }",
        "return {}",
        "return redis.call('SET', 'k', 'v')",
        "return redis.call('GET', 'x') and 1",
        "return redis.call('GET', 'k')",
        "return redis.call('GETRANGE', 'x', 0, 9)",
        "return redis.call('PTTL', 'x')",
        "return redis.call('PTTL', 'k')",
        "redis.call('SET', 'p', 'v', 'PX', 60000) return redis.call('PTTL', 'p') > 0 and redis.call('PERSIST', 'p')",
        "return { redis.call('PTTL', 'p'), redis.call('PERSIST', 'p') }",
        "return ('SUCCESS create 1 23\ng g\n{}'):match('^(%S+) (%S*) (%d*) (%d+)\n([^\n]*)\n()')",
        "return select(6, ('SUCCESS create 1 23\ng g\n{}'):match('^(%S+) (%S*) (%d*) (%d+)\n([^\n]*)\n()'))",
        "return redis.call('HGET', 'none', 'f')",
        "return redis.call('HMGET', 'none', 'f', 'g')",
        "return redis.call('LPOP', 'none')",
        "return redis.call('LPOP', 'none', 2)",
        "return redis.call('LRANGE', 'none', 0, -1)",
        "return tostring(redis.call('LPOP', 'none', 2))",
        "return tostring(redis.call('SET', 'k', 'v', 'NX'))",
        "redis.call('HSET', 'h', 'f', 1700000000123, 'g', 1.5, 'h', 2.0)
         return redis.call('HGETALL', 'h')[2]",
        "return redis.call('HMGET', 'h', 'f', 'g', 'h')",
        "return tostring(1700000000123 + 1)",
        "return '(' .. 1700000000123",
        "return #ARGV",
        "return KEYS[1] .. ARGV[1]",
        "return ARGV[3] or 'none'",
        "local t = cjson.decode('{\"a\":[1,{\"b\":null}],\"c\":1.5}') return { #t.a, tostring(t.c), tostring(t.a[2].b == cjson.null) }",
        "return cjson.encode({})",
        "return cjson.encode({ 1, 'a/\"b', true })",
        "return cjson.encode({ t = 1700000000123 })",
        "return cjson.encode('grün\\n\\t\\1')",
        "return cjson.encode(cjson.decode('[]'))",
        "return math.floor(7.9)",
        "return ('a b c'):match('^(%S+) (.*)$')",
        "global = 1",
        "return undefined",
        "return redis.call('NOPE')",
        "return redis.call()",
        "return redis.call('HSET', 'h', 'f')",
        "return redis.call('HSET', 'k', 'f', 1)",
        "not lua",
        "redis.call('SET', 'half', 1) error('after an effect')",
        "return redis.call('EXISTS', 'half')",
        "return { redis.call('ZADD', 'z', 1700000000123, 'm'), redis.call('ZRANGE', 'z', 0, 0, 'WITHSCORES')[2] }",
    ] {
        let arguments =
            vec![script.into(), b"1".to_vec(), b"key".to_vec(), b"one".to_vec(), b"two".to_vec()];
        let ours = block_on(model.command("EVAL", arguments.clone()));
        let theirs = block_on(real.client.command("EVAL", arguments));
        match (ours, theirs) {
            (Ok(ours), Ok(theirs)) => assert_eq!(ours, theirs, "{script}"),
            (Err(RedisError::Refused(_)), Err(RedisError::Refused(_))) => {}
            (ours, theirs) => panic!("{script}: {ours:?} and {theirs:?}"),
        }
    }
}

#[test]
fn a_full_redis_lets_scripts_do_the_same() {
    let server = Server::start().unwrap();
    let (model, real) = (Model::new(), Real::new(&server));
    for (name, arguments) in
        [("RPUSH", ["list", "a", "b"].as_slice()), ("HSET", &["hash", "f", "1"])]
    {
        assert_eq!(ask(&model, name, arguments), ask(&real.client, name, arguments));
    }
    real.client.ask::<String>("CONFIG SET maxmemory 1").unwrap();
    model.server.borrow_mut().full_until_ms = u64::MAX;
    for script in [
        "return redis.call('HSET', 'hash', 'f', '2')",
        "return redis.call('LPOP', 'list')",
        "redis.call('LPOP', 'list') return redis.call('HSET', 'hash', 'g', '2')",
        "redis.call('HDEL', 'hash', 'none') return redis.call('SET', 'text', 'x')",
        "redis.call('HGET', 'hash', 'f') return redis.call('ZADD', 'sorted', 1, 'x')",
        "local e = redis.pcall('HSET', 'hash', 'f', '3') return type(e) == 'table' and 'no' or 'yes'",
        "redis.pcall('HSET', 'hash', 'f', '3') return redis.call('LPUSH', 'list', 'x')",
        "redis.call('PUBLISH', 'nobody', 'x') return redis.call('HINCRBY', 'hash', 'f', 1)",
        "redis.call('PEXPIRE', 'hash', 100000) return redis.call('SADD', 'set', 'x')",
    ] {
        let (ours, theirs) =
            (ask(&model, "EVAL", &[script, "0"]), ask(&real.client, "EVAL", &[script, "0"]));
        assert_eq!(ours, theirs, "{script}");
    }
    let everything = "return redis.call('LRANGE', 'list', 0, -1)";
    assert_eq!(
        ask(&model, "EVAL", &[everything, "0"]),
        ask(&real.client, "EVAL", &[everything, "0"])
    );
}

/// One command, and its answer; `None` when it is refused for want of memory.
fn ask(redis: &impl Redis, name: &str, arguments: &[&str]) -> Option<Vec<Value>> {
    let arguments = arguments.iter().map(|text| text.as_bytes().to_vec()).collect();
    match block_on(redis.command(name, arguments)) {
        Ok(values) => Some(values),
        Err(error) if error.to_string().contains("OOM") => None,
        Err(error) => panic!("{error}"),
    }
}
