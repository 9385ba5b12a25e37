//! The table of settings: whatever is to be known of each stands here, once.
//!
//! The readers of the crate take names and bounds from here. `cargo xtask settings` writes from it
//! the variables of `spin.toml`, the example files and the table of `docs/settings.md`. So a new
//! setting is a row here, and the line that reads it.

use saga::NODES_MAX;

use crate::Component;
use crate::host_pattern::HostPattern;
use crate::kind::{Factor, Seconds, Text, Whole};
use crate::setting::{Section, Setting};

const ALL: &[Component] = &[Component::Api, Component::Worker, Component::Maintenance];
/// Those that serve the API.
const HTTP: &[Component] = &[Component::Api, Component::Maintenance];

const YEAR_S: u32 = 31_536_000;
const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;

/// Makes a constant of each row, and [`SECTIONS`] of all.
macro_rules! table {
    ($($title:literal { $($name:ident: $kind:ty = $row:expr;)+ })+) => {
        $($(pub const $name: Setting<$kind> = $row;)+)+

        /// Every setting, in the order in which people read them.
        pub static SECTIONS: &[Section] = &[
            $(Section { title: $title, rows: &[$(&$name),+] }),+
        ];
    };
}

table! {
    "The nodes" {
        NODES: Text = Setting::new(
            "nodes",
            "127.0.0.1:8001,127.0.0.1:8002,127.0.0.1:8003",
            Text::bounded(
                "{min} to {max} nodes, separated by commas: `host:port` or \
                 `http(s)://host[:port][/path]`, without credentials or query",
                1,
                NODES_MAX,
            ),
            HTTP,
            "The nodes, in the order they are called; a task keeps those it was accepted with.",
        )
        .celery(&["HOSTS"])
        .example("node-1.example.com:8001,https://node-2.example.com/api");

        NODE_HOSTS: Text = Setting::new(
            "node_hosts", "http://127.0.0.1:*", Text::of(HostPattern::FORM), HTTP,
            "Where nodes may be called at all; each of `nodes` must be within it, and Spin refuses \
             every other call.",
        )
        .example("https://*.example.com:8000..8100");

        ADAPTER_OPTIONS: Text = Setting::new(
            "adapter_options",
            "none",
            Text::bounded(
                "`none`, or up to {max} of `NAME=VALUE`, separated by commas, as the node adapter \
                 knows them; the default one knows `trust` and `absent_text`",
                1,
                32,
            ),
            ALL,
            "Options of the node adapter: which answers it believes, for example.",
        )
        .example("absent_text=no such group");
    }

    "Redis" {
        REDIS_HOST: Text = Setting::new(
            "redis_host", "127.0.0.1", Text::of("a host name or address"), ALL,
            "Where Redis 6.2 or later is.",
        )
        .celery(&["REDIS_HOST", "CELERY_BROKER_URL", "CELERY_RESULT_BACKEND"]);

        REDIS_PORT: Whole = Setting::new(
            "redis_port", "6379", Whole::count(1, 65_535), ALL,
            "The port of Redis.",
        )
        .celery(&["REDIS_PORT"]);

        REDIS_DB: Whole = Setting::new(
            "redis_db", "0", Whole::count(0, 1_000_000), ALL,
            "The number of the database in Redis.",
        )
        .celery(&["REDIS_DB"]);

        REDIS_USER: Text = Setting::new(
            "redis_user", "default", Text::of("a user name, percent-encoded"), ALL,
            "Whom to log in as, when there is a password.",
        );

        REDIS_PASSWORD: Text = Setting::new(
            "redis_password", "none", Text::of("`none`, or a password, percent-encoded"), ALL,
            "The password; `none` = Redis wants none.",
        )
        .secret();
    }

    "How a task is carried out" {
        ROLLBACK_RETRY_DELAY: Seconds = Setting::new(
            "rollback_retry_delay", "10", Seconds { min_ms: 0, max_ms: DAY_MS }, HTTP,
            "How long until a failed undo is tried again.",
        )
        .celery(&["CELERY_DEFAULT_RETRY_DELAY"]);

        ROLLBACK_MAX_RETRIES: Whole = Setting::new(
            "rollback_max_retries", "3", Whole::count(0, 1_000), HTTP,
            "How often an undo is tried again before it becomes a dead letter.",
        )
        .celery(&["CELERY_DEFAULT_MAX_RETRIES"]);

        ROLLBACK_BACKOFF: Factor = Setting::new(
            "rollback_backoff", "1", Factor { min_percent: 100, max_percent: 1_000 }, HTTP,
            "What the delay is multiplied by after each retry; it grows to an hour at most, and one that \
             is longer stays as it is.",
        );

        ROLLBACK_JITTER: Factor = Setting::new(
            "rollback_jitter", "0", Factor { min_percent: 0, max_percent: 100 }, HTTP,
            "By how much of itself a delay is lengthened at random, at most.",
        );

        LATE_CALL_WINDOW: Seconds = Setting::new(
            "late_call_window", "15", Seconds { min_ms: 0, max_ms: HOUR_MS }, HTTP,
            "For how long a node may still carry out a call that was given up on; a task does not end \
             before it has seen what came of it. `0` = not at all.",
        );

        FORWARD_MAX_ATTEMPTS: Whole = Setting::new(
            "forward_max_attempts",
            "1",
            Whole::count(1, 100),
            HTTP,
            "How often a node is tried before the task turns back; only time-outs, refused \
             connections, 429 and 503 are tried again.",
        );

        NODE_PARALLELISM: Whole = Setting::new(
            "node_parallelism",
            "1",
            Whole::count(1, 1_000),
            HTTP,
            "How many nodes of one task are changed at once; up to 16 at once are inspected before \
             any is changed.",
        );
    }

    "The worker" {
        NODE_TIMEOUT: Whole = Setting::new(
            "node_timeout", "5000", Whole::milliseconds(1, 600_000), ALL,
            "How long one call to a node may take; at most half of the lease.",
        );

        LEASE: Seconds = Setting::new(
            "lease", "10", Seconds { min_ms: 1_000, max_ms: HOUR_MS }, ALL,
            "How long until the tasks of a worker that died are taken over.",
        );

        CONCURRENCY: Whole = Setting::new(
            "concurrency", "64", Whole::count(1, 4_096), ALL,
            "How many tasks one worker has in hand at once.",
        )
        .celery(&["celery worker --concurrency"]);

        BREAKER_FAILURES: Whole = Setting::new(
            "breaker_failures",
            "20",
            Whole::count(0, 1_000_000),
            ALL,
            "After so many failures in a row a node is left alone: no connection, a time-out or a 5xx; \
             `0` = never.",
        );

        BREAKER_OPEN: Seconds = Setting::new(
            "breaker_open", "5", Seconds { min_ms: 1, max_ms: HOUR_MS }, ALL,
            "For how long such a node is left alone.",
        );

        BREAKER_WAIT: Seconds = Setting::new(
            "breaker_wait", "0", Seconds { min_ms: 0, max_ms: DAY_MS }, ALL,
            "For how long a task that has changed nothing yet waits for such a node before it fails; \
             `0` = it fails at once.",
        );
    }

    "The log" {
        LOG_LEVEL: Text = Setting::new(
            "log_level", "info", Text::of("`error`, `warn` or `info`"), ALL,
            "Which events are logged: `error` what is broken, `warn` also what somebody may have to act \
             on, failed tasks among it, `info` also every other end of a task.",
        )
        .example("warn");
    }

    "What is kept" {
        TASK_TTL: Whole = Setting::new(
            "task_ttl", "86400", Whole::seconds(1, YEAR_S), ALL,
            "How long an ended task can be read; one that a dead letter names stays as long as that.",
        );

        MAX_QUEUE: Whole = Setting::new(
            "max_queue", "200000", Whole::count(1, 10_000_000), HTTP,
            "How many tasks may wait to be started; past it submissions are answered 503.",
        );

        IDEMPOTENCY_TTL: Whole = Setting::new(
            "idempotency_ttl", "86400", Whole::seconds(1, YEAR_S), HTTP,
            "How long an `Idempotency-Key` is remembered; at most `task_ttl`.",
        );
    }

    "Who may call" {
        API_TOKENS: Text = Setting::new(
            "api_tokens",
            "none",
            Text::bounded(
                "`none`, or tokens separated by commas: `NAME:ROLE:TOKEN`, or `TOKEN` alone, which \
                 may do everything; ROLE is `read`, `submit` or `operate`, TOKEN has at least {min} \
                 bytes, NAME is of letters, digits, `-` and `_`",
                16,
                usize::MAX,
            ),
            HTTP,
            "The bearer tokens of those who may call; `none` = anybody may do anything.",
        )
        .secret();

        RATE_LIMIT: Whole = Setting::new(
            "rate_limit", "0", Whole::count(0, 1_000_000), HTTP,
            "How many tasks one token may submit in a second; `0` = any number.",
        );

        CORS_ORIGINS: Text = Setting::new(
            "cors_origins",
            "none",
            Text::of("`none`, `*`, or origins such as `https://example.com`, separated by commas"),
            HTTP,
            "The web pages that may call; `*` = any.",
        )
        .example("https://ops.example.com,http://localhost:3000");
    }

    "Callbacks" {
        CALLBACK_SECRET: Text = Setting::new(
            "callback_secret",
            "none",
            Text::bounded(
                "`none`, or {min} to {max} random bytes in base64, as `openssl rand -base64 32` \
                 prints them; `whsec_` may stand before them. Up to four, separated by commas",
                24,
                64,
            ),
            ALL,
            "What callbacks are signed with, by each of several while one replaces another; `none` = \
             there are no callbacks.",
        )
        .secret();

        CALLBACK_HOSTS: Text = Setting::new(
            "callback_hosts", "http://127.0.0.1:*", Text::of(HostPattern::FORM), HTTP,
            "Where callbacks may go; a task that asks for another place is refused.",
        )
        .example("https://hooks.example.com");

        CALLBACK_TIMEOUT: Seconds = Setting::new(
            "callback_timeout", "15", Seconds { min_ms: 1, max_ms: MINUTE_MS }, ALL,
            "How long a receiver may take to answer.",
        );

        CALLBACK_RETRY_DELAY: Seconds = Setting::new(
            "callback_retry_delay",
            "5",
            Seconds { min_ms: 1, max_ms: HOUR_MS },
            ALL,
            "How long until a callback is tried again; four times as long each time, an hour at \
             most.",
        );

        CALLBACK_MAX_ATTEMPTS: Whole = Setting::new(
            "callback_max_attempts", "8", Whole::count(1, 100), ALL,
            "How often a callback is tried.",
        );
    }
}
