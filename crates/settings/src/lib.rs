//! Muster's settings: read from text, checked, and refused with a reason a person can act on.
//!
//! A setting is a Spin variable of the same name; `spin.toml` gives each its default, so none is
//! ever missing. How the text is come by is the caller's business: see [`Source`].

mod nodes;
mod parse;

use saga::Course;

use parse::Reader;
pub use parse::SettingError;

/// Gives the text of a setting by its name, or why it cannot be had.
pub trait Source {
    /// # Errors
    /// When the host does not know the setting.
    fn get(&self, name: &str) -> Result<String, String>;
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
    /// Bearer tokens of those who may call; empty = anybody may. Never to be logged or answered.
    pub api_tokens: Vec<String>,
    /// The nodes of every new task, in the order they are called.
    pub nodes: Vec<String>,
    pub course: Course,
    /// The most tasks that may wait to be started.
    pub max_queue: u64,
    /// How long an ended task is kept, in seconds.
    pub task_ttl_s: u64,
}

/// What stands for "no password" and "no tokens": an empty value breaks templates on some hosts.
const NONE: &str = "none";
/// The fewest bytes of a token, so that none can be guessed.
const TOKEN_BYTES_MIN: usize = 16;
const TOKENS_ALLOWED: &str = "`none`, or tokens of at least 16 bytes separated by commas";
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
    Ok(ApiSettings {
        api_tokens: api_tokens(source)?,
        nodes: nodes::read(&reader)?,
        course: course(&reader)?,
        max_queue: reader.number("max_queue", 1, 10_000_000)?,
        task_ttl_s: reader.number("task_ttl", 1, 31_536_000)?,
    })
}

/// Reads the bearer tokens of those who may call; empty = anybody may.
///
/// # Errors
/// When a token is too short to be safe.
pub fn api_tokens(source: &impl Source) -> Result<Vec<String>, SettingError> {
    let tokens = Reader(source).secret("api_tokens", TOKENS_ALLOWED, |tokens| {
        tokens == NONE || tokens.split(',').all(|token| token.trim().len() >= TOKEN_BYTES_MIN)
    })?;
    Ok(match tokens.as_str() {
        NONE => Vec::new(),
        tokens => tokens.split(',').map(|token| token.trim().to_owned()).collect(),
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
    })
}

fn course(reader: &Reader<'_, impl Source>) -> Result<Course, SettingError> {
    Ok(Course {
        forward_max_attempts: reader.small_number("forward_max_attempts", 1, 100)?,
        rollback_max_retries: reader.small_number("rollback_max_retries", 0, 1_000)?,
        rollback_retry_delay_ms: reader.seconds_as_ms("rollback_retry_delay", 0, 86_400_000)?,
        rollback_backoff_percent: reader.factor_as_percent("rollback_backoff", 100, 1_000)?,
        rollback_jitter_percent: reader.factor_as_percent("rollback_jitter", 0, 100)?,
        node_parallelism: reader.small_number("node_parallelism", 1, 1_000)?,
        ..Course::default()
    })
}

#[cfg(test)]
mod tests;
