//! What Redis answers to a turn, word for word as `turn.lua` does, for drains that have no Redis.
#![allow(dead_code, reason = "each test file uses its part")]

use drain::{Level, Log};
use store::Value;

/// Redis's time in every answer, in milliseconds since the epoch.
pub(crate) const NOW_MS: i64 = 5_000;

pub(crate) fn text(text: &str) -> Value {
    Value::Bytes(text.as_bytes().to_vec())
}

/// An answer that refuses nothing, and hands out these callbacks and claims: see [`claim`].
pub(crate) fn turn(
    instruction: &str,
    callbacks: &[[Value; 8]],
    claims: &[[Value; 9]],
) -> Vec<Value> {
    let none = || Value::Int(0);
    let callbacks_number = Value::Int(i64::try_from(callbacks.len()).unwrap_or_default());
    let now_ms = Value::Int(NOW_MS);
    let head = [now_ms, text(instruction), Value::Int(-1), none(), none(), callbacks_number];
    let rest = callbacks.iter().flatten().chain(claims.iter().flatten()).cloned();
    head.into_iter().chain(rest).collect()
}

/// A create that is claimed for the first time.
pub(crate) fn claim(task_id: &str, group_id: &str, record: Vec<u8>) -> [Value; 9] {
    let (epoch, recoveries, was_lost) = (Value::Int(1), Value::Int(0), Value::Int(0));
    let (flag, is_alone) = (text(""), text("0"));
    let (group_id, operation) = (text(group_id), text("create"));
    let record = Value::Bytes(record);
    [text(task_id), epoch, recoveries, was_lost, flag, is_alone, group_id, operation, record]
}

/// A log that nobody reads.
pub(crate) struct Silence;

impl Log for Silence {
    fn write(&self, _: Level, _: &str, _: &[(&str, &str)]) {}
}
