//! Muster's settings: read from text, checked, and refused with a reason a person can act on.
//!
//! A setting is a Spin variable of the same name; `spin.toml` gives each its default, so none is
//! ever missing. Where the text comes from is the caller's business: see [`Source`]. All that is to be
//! known of a setting (name, default, bounds, meaning …) stands in one place: see [`table`].

mod access;
mod adapter;
mod callbacks;
pub mod files;
mod host_pattern;
mod kind;
mod lines;
mod nodes;
mod parse;
mod redis;
mod setting;
pub mod table;

use drain::{BreakerLimits, Level, WebhookLimits};
use saga::Policy;

pub use access::{Access, Role, Token, access};
pub use adapter::adapter;
pub use host_pattern::{HostPattern, PatternError};
pub use kind::{Factor, Kind, Number, Seconds, Text, Unit, Whole};
pub use lines::lines;
use parse::Reader;
pub use parse::SettingError;
pub use redis::{RedisSettings, redis};
pub use setting::{Component, Facts, Row, Section, Setting};

/// Gives the text of a setting by its name, or why it cannot be had.
pub trait Source {
    /// # Errors
    /// When the host does not know the setting.
    fn get(&self, name: &str) -> Result<&str, String>;
}

/// What the HTTP API needs to accept tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// The nodes of every new task, in the order they are called.
    pub nodes: Vec<String>,
    pub policy: Policy,
    /// The most tasks that may wait to be started.
    pub max_queue: u64,
    /// How long an ended task is kept, in seconds.
    pub task_ttl_s: u64,
    /// How long an idempotency key is remembered, in seconds.
    pub idempotency_ttl_s: u64,
    /// The most requests that one token may submit in a second; `None` = any number.
    pub rate_limit: Option<u64>,
    /// Where callbacks may go; `None` = there are none.
    pub callback_hosts: Option<HostPattern>,
}

/// What stands for "no password" and "no tokens": an empty value breaks templates on some hosts.
const NONE: &str = "none";
/// How long a worker's drain works before it hands over to a fresh instance, in milliseconds.
const WORKER_RUN_MS: u64 = 60_000;
/// How long a sweep works before it answers, in milliseconds: HTTP hosts allow about 30 s.
const SWEEP_RUN_MS: u64 = 15_000;

/// Reads which events are logged.
///
/// # Errors
/// When it is no level.
pub fn log_level(source: &impl Source) -> Result<Level, SettingError> {
    Reader(source).text(&table::LOG_LEVEL, Level::from_name)
}

/// Reads what the HTTP API needs.
///
/// # Errors
/// Names the first setting that is not as it should be.
pub fn api(source: &impl Source) -> Result<ApiSettings, SettingError> {
    let reader = Reader(source);
    log_level(source)?;
    let task_ttl_s = reader.number(&table::TASK_TTL)?;
    let idempotency_ttl_s = reader.number(&table::IDEMPOTENCY_TTL)?;
    // The answer to a repeated request names a task, which must be there.
    if idempotency_ttl_s > task_ttl_s {
        let allowed = format!("{}; at most task_ttl", table::IDEMPOTENCY_TTL.kind.allowed());
        return Err(reader.refused_number(&table::IDEMPOTENCY_TTL, allowed));
    }
    Ok(ApiSettings {
        nodes: nodes::read(&reader)?,
        policy: policy(&reader)?,
        max_queue: reader.number(&table::MAX_QUEUE)?.into(),
        task_ttl_s: task_ttl_s.into(),
        idempotency_ttl_s: idempotency_ttl_s.into(),
        rate_limit: Some(reader.number(&table::RATE_LIMIT)?.into()).filter(|limit| *limit > 0),
        callback_hosts: callbacks::hosts(&reader)?,
    })
}

/// How a drain is run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DrainUse {
    /// By a worker: it stays while retries are due soon.
    Worker,
    /// Within a request that somebody waits for: it does what can be done now.
    Sweep,
}

/// Reads what a drain needs.
///
/// # Errors
/// Names the first setting that is not as it should be.
pub fn drain(source: &impl Source, used: DrainUse) -> Result<drain::Limits, SettingError> {
    let reader = Reader(source);
    log_level(source)?;
    let lease_ms = reader.number(&table::LEASE)?;
    let node_timeout_ms = u64::from(reader.number(&table::NODE_TIMEOUT)?);
    if node_timeout_ms.saturating_mul(2) > lease_ms {
        let allowed = format!("{}; at most half of lease", table::NODE_TIMEOUT.kind.allowed());
        return Err(reader.refused_number(&table::NODE_TIMEOUT, allowed));
    }
    let concurrency = reader.number(&table::CONCURRENCY)?;
    Ok(drain::Limits {
        concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
        node_timeout_ms,
        lease_ms,
        task_ttl_s: reader.number(&table::TASK_TTL)?.into(),
        run_ms: match used {
            DrainUse::Worker => WORKER_RUN_MS,
            DrainUse::Sweep => SWEEP_RUN_MS,
        },
        stays: used == DrainUse::Worker,
        breaker: BreakerLimits {
            failures_max: reader.number(&table::BREAKER_FAILURES)?,
            open_ms: reader.number(&table::BREAKER_OPEN)?,
            wait_ms: reader.number(&table::BREAKER_WAIT)?,
        },
        webhooks: WebhookLimits {
            keys: callbacks::keys(&reader)?,
            timeout_ms: reader.number(&table::CALLBACK_TIMEOUT)?,
            retry_delay_ms: reader.number(&table::CALLBACK_RETRY_DELAY)?,
            attempts_max: reader.number(&table::CALLBACK_MAX_ATTEMPTS)?,
        },
    })
}

fn policy(reader: &Reader<'_, impl Source>) -> Result<Policy, SettingError> {
    Ok(Policy {
        forward_max_attempts: reader.number(&table::FORWARD_MAX_ATTEMPTS)?,
        rollback_max_retries: reader.number(&table::ROLLBACK_MAX_RETRIES)?,
        rollback_retry_delay_ms: reader.number(&table::ROLLBACK_RETRY_DELAY)?,
        rollback_backoff_percent: reader.number(&table::ROLLBACK_BACKOFF)?,
        rollback_jitter_percent: reader.number(&table::ROLLBACK_JITTER)?,
        node_parallelism: reader.number(&table::NODE_PARALLELISM)?,
        late_call_window_ms: reader.number(&table::LATE_CALL_WINDOW)?,
        ..Policy::default()
    })
}

#[cfg(test)]
mod tests;
