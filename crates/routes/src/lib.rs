//! The HTTP API: from a request to a response, with one round trip to Redis between them.
//!
//! A route is a type that implements `Endpoint`, in its resource's file, and a line in `table.rs`:
//!
//! ```text
//! submit.rs               POST /groups/create, /groups/delete
//! bulk.rs                 POST /groups/bulk
//! task.rs                 GET  /groups/task/{task_id}   POST …/cancel
//! events.rs               GET  /groups/task/{task_id}/events
//! tasks.rs                GET  /tasks
//! groups.rs               GET  /groups, /groups/by-id/{group_id}
//! repair.rs               POST /groups/by-id/{group_id}/repair
//! dead_letters.rs         GET  /dead-letters, /dead-letters/{id}   DELETE
//! dead_letter_retries.rs  POST /dead-letters/retry, /dead-letters/{id}/retry
//! callbacks.rs            GET  /callbacks   POST …/retry   DELETE
//! health.rs               GET  /healthz, /readyz
//! maintenance.rs          POST /maintenance/pause, resume, sweep
//! metrics.rs              GET  /metrics
//! ```
//!
//! `router.rs` takes a request through what holds for every route (`headers.rs`, `cors.rs`), the table
//! (`route.rs`) and authentication (`auth.rs`) to its endpoint. What endpoints share: `headers.rs`,
//! `query.rs`, `json.rs`, `input.rs` and `page.rs` say what a request may be and read it,
//! `submission.rs`, `idempotency.rs` and `accept.rs` make tasks of them, `success.rs` and `problem.rs`
//! answer.
//! Everything that fails is answered as an RFC 9457 problem (`problem_kinds.rs`). The documentation
//! is compiled only with the feature `openapi`, so that components do not carry it.

mod accept;
mod api;
mod auth;
mod bulk;
mod call;
mod callbacks;
mod cors;
mod dead_letter_retries;
mod dead_letters;
mod dry_run;
mod endpoint;
mod event_position;
mod events;
mod groups;
mod headers;
mod health;
mod idempotency;
mod input;
mod json;
mod limits;
mod log_line;
mod maintenance;
mod metrics;
mod nodes;
#[cfg(feature = "openapi")]
mod openapi;
mod page;
mod prefer;
mod problem;
mod problem_kinds;
mod query;
mod repair;
mod reply;
mod route;
mod router;
mod submission;
mod submit;
mod success;
mod table;
mod task;
mod task_settings;
mod tasks;
mod timeline;

pub use api::Api;
pub use limits::BODY_BYTES_MAX;
pub use log_line::LogLine;
pub use nodes::{NoNodes, Nodes, check_group_id};
pub use problem::Problem;
pub use problem_kinds::{KINDS, Kind, Retry};
pub use reply::{Body, Reply};
pub use router::{Incoming, answer};
#[cfg(feature = "openapi")]
pub use table::openapi;
