//! Muster's settings: read from text, checked, and refused with a reason a person can act on.
//!
//! A setting is a Spin variable of the same name; `spin.toml` gives each its default, so none is
//! ever missing. How the text is come by is the caller's business: see [`Source`].

mod access;
mod callbacks;
mod nodes;
mod parse;

use drain::{BreakerLimits, WebhookLimits};
use saga::Policy;

pub use access::{Role, Token};
pub use callbacks::HostPattern;
use parse::Reader;
pub use parse::SettingError;

/// Gives the text of a setting by its name, or why it cannot be had.
pub trait Source {
    /// # Errors
    /// When the host does not know the setting.
    fn get(&self, name: &str) -> Result<&str, String>;
}

/// How to reach Redis.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://…`, with the password in it: never to be logged or answered.
    pub url: String,
}

/// What the HTTP API needs to accept tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiSettings {
    /// The bearer tokens of those who may call; empty = anybody may do anything.
    pub api_tokens: Vec<Token>,
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
    /// Web pages' origins that may call; `*` = any.
    pub cors_origins: Vec<String>,
    /// Where callbacks may go; `None` = there are none.
    pub callback_hosts: Option<HostPattern>,
}

/// What stands for "no password" and "no tokens": an empty value breaks templates on some hosts.
const NONE: &str = "none";
/// How long a worker's drain works before it hands over to a fresh instance, in milliseconds.
const WORKER_RUN_MS: u64 = 60_000;
/// How long a sweep works before it answers, in milliseconds: HTTP hosts allow about 30 s.
const SWEEP_RUN_MS: u64 = 15_000;

/// Reads how to reach Redis.
///
/// # Errors
/// Names the first setting that is not as it should be.
pub fn redis(source: &impl Source) -> Result<RedisSettings, SettingError> {
    let reader = Reader(source);
    let host = reader.text("redis_host", "a host name or address", |host| {
        !host.is_empty() && !host.contains(['/', '@', ' '])
    })?;
    let port = reader.number("redis_port", 1, 65_535)?;
    let db = reader.number("redis_db", 0, 1_000_000)?;
    let user = reader.text("redis_user", "a user name, percent-encoded", |user| {
        !user.contains(['/', '@', ':', ' '])
    })?;
    let password = reader.secret("redis_password", "a password, percent-encoded", |password| {
        !password.contains(['/', '@', ':', ' '])
    })?;
    let credentials = if password == NONE { String::new() } else { format!("{user}:{password}@") };
    Ok(RedisSettings { url: format!("redis://{credentials}{host}:{port}/{db}") })
}

/// Reads what the HTTP API needs.
///
/// # Errors
/// Names the first setting that is not as it should be.
pub fn api(source: &impl Source) -> Result<ApiSettings, SettingError> {
    let reader = Reader(source);
    nodes::check_hosts(&reader)?;
    Ok(ApiSettings {
        api_tokens: access::read(source)?,
        nodes: nodes::read(&reader)?,
        policy: policy(&reader)?,
        max_queue: reader.number("max_queue", 1, 10_000_000)?,
        task_ttl_s: reader.number("task_ttl", 1, 31_536_000)?,
        idempotency_ttl_s: reader.number("idempotency_ttl", 1, 31_536_000)?,
        rate_limit: Some(reader.number("rate_limit", 0, 1_000_000)?).filter(|limit| *limit > 0),
        cors_origins: cors_origins(&reader)?,
        callback_hosts: callbacks::hosts(&reader)?,
    })
}

fn cors_origins(reader: &Reader<'_, impl Source>) -> Result<Vec<String>, SettingError> {
    let is_origin = |origin: &str| {
        origin == "*" || (origin.contains("://") && !origin.ends_with('/') && !origin.contains(' '))
    };
    let allowed = "`none`, `*`, or origins such as https://example.com separated by commas";
    let origins = reader.text("cors_origins", allowed, |origins| {
        origins == NONE || origins.split(',').map(str::trim).all(is_origin)
    })?;
    Ok(match origins {
        NONE => Vec::new(),
        origins => origins.split(',').map(|origin| origin.trim().to_owned()).collect(),
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
    let lease_ms = reader.seconds_as_ms("lease", 1_000, 3_600_000)?;
    let node_timeout_ms = reader.number("node_timeout", 1, 600_000)?;
    if node_timeout_ms.saturating_mul(2) > lease_ms {
        let allowed = format!("at most half of the lease, {} ms", lease_ms / 2);
        return Err(SettingError::shown("node_timeout", &node_timeout_ms.to_string(), &allowed));
    }
    let concurrency = reader.number("concurrency", 1, 4_096)?;
    Ok(drain::Limits {
        concurrency: usize::try_from(concurrency).unwrap_or(usize::MAX),
        node_timeout_ms,
        lease_ms,
        task_ttl_s: reader.number("task_ttl", 1, 31_536_000)?,
        run_ms: match used {
            DrainUse::Worker => WORKER_RUN_MS,
            DrainUse::Sweep => SWEEP_RUN_MS,
        },
        stays: used == DrainUse::Worker,
        breaker: BreakerLimits {
            failures_max: reader.small_number("breaker_failures", 0, 1_000_000)?,
            open_ms: reader.seconds_as_ms("breaker_open", 1, 3_600_000)?,
        },
        webhooks: WebhookLimits {
            key: callbacks::key(&reader)?,
            retry_delay_ms: reader.seconds_as_ms("callback_retry_delay", 1, 3_600_000)?,
            attempts_max: reader.small_number("callback_max_attempts", 1, 100)?,
        },
    })
}

/// The most times a node is tried going forward.
pub const FORWARD_ATTEMPTS_MAX: u32 = 100;
/// The most times a failed undo is tried again.
pub const ROLLBACK_RETRIES_MAX: u32 = 1_000;
/// The longest wait between two undos, in milliseconds.
pub const ROLLBACK_RETRY_DELAY_MS_MAX: u64 = 86_400_000;
/// The most nodes of one task that are called at once.
pub const NODE_PARALLELISM_MAX: u32 = 1_000;

fn policy(reader: &Reader<'_, impl Source>) -> Result<Policy, SettingError> {
    Ok(Policy {
        forward_max_attempts: reader.small_number(
            "forward_max_attempts",
            1,
            FORWARD_ATTEMPTS_MAX,
        )?,
        rollback_max_retries: reader.small_number(
            "rollback_max_retries",
            0,
            ROLLBACK_RETRIES_MAX,
        )?,
        rollback_retry_delay_ms: reader.seconds_as_ms(
            "rollback_retry_delay",
            0,
            ROLLBACK_RETRY_DELAY_MS_MAX,
        )?,
        rollback_backoff_percent: reader.factor_as_percent("rollback_backoff", 100, 1_000)?,
        rollback_jitter_percent: reader.factor_as_percent("rollback_jitter", 0, 100)?,
        node_parallelism: reader.small_number("node_parallelism", 1, NODE_PARALLELISM_MAX)?,
        ..Policy::default()
    })
}

#[cfg(test)]
mod tests;
