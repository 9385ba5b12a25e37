//! The HTTP API: from a request to a response, with one round trip to Redis between them.
//!
//! A route is one place: its file has its types, its handler and its documentation.
//!
//! ```text
//! submit.rs    POST /groups/create, /groups/delete, /groups/bulk
//! task.rs      GET  /groups/task/{task_id}          POST …/cancel
//! events.rs    GET  /groups/task/{task_id}/events
//! tasks.rs     GET  /tasks
//! groups.rs    GET  /groups, /groups/by-id/{group_id}   POST …/repair
//! dead letters.rs   GET  /dead-letters, /dead-letters/{id}   POST …/retry   DELETE
//! callbacks.rs GET  /callbacks                      POST …/retry   DELETE
//! operate.rs   GET  /healthz, /readyz               POST /maintenance/pause, resume, sweep
//! metrics.rs   GET  /metrics
//! ```
//!
//! Everything that fails is answered as an RFC 9457 problem (`problem_kinds.rs`). The documentation is
//! compiled only with the feature `openapi`, so that components do not carry it.

mod access;
mod callbacks;
mod cors;
mod dead_letters;
mod events;
mod groups;
mod metrics;
mod nodes;
#[cfg(feature = "openapi")]
mod openapi;
mod operate;
mod page;
mod problem;
mod problem_kinds;
mod query;
mod reply;
mod route;
mod submit;
mod task;
mod tasks;
mod timeline;

use clock::Clock;
use http::Request;
use settings::{ApiSettings, SettingError};
use store::{Redis, Store};

use access::Caller;
pub use nodes::{NoNodes, Nodes};
#[cfg(feature = "openapi")]
pub use openapi::openapi;
pub use operate::health;
pub use problem::Problem;
pub use problem_kinds::{KINDS, Kind, Retry};
use query::Query;
pub use reply::{Body, Reply};
use route::{Action, Route};

/// The most bytes of a request's body.
pub const BODY_BYTES_MAX: usize = 64 * 1024;

/// Every route.
static ROUTES: &[&Route] = &[
    &submit::CREATE,
    &submit::DELETE,
    &submit::BULK,
    &task::SHOW,
    &task::CANCEL,
    &events::STREAM,
    &tasks::LIST,
    &groups::LIST,
    &groups::SHOW,
    &groups::REPAIR,
    &dead_letters::LIST,
    &dead_letters::RETRY_ALL,
    &dead_letters::SHOW,
    &dead_letters::DISCARD,
    &dead_letters::RETRY,
    &callbacks::LIST,
    &callbacks::RETRY,
    &callbacks::DISCARD,
    &operate::HEALTH,
    &operate::READY,
    &operate::PAUSE,
    &operate::RESUME,
    &operate::SWEEP,
    &metrics::SHOW,
];

/// What the routes need: where tasks are kept, the settings, the nodes if they can be reached from
/// here, a clock, and a source of new ids.
pub struct Api<R, C, N> {
    pub store: Store<R>,
    pub settings: ApiSettings,
    /// Whether the worker's settings are as they should be.
    pub worker_settings: fn() -> Result<(), SettingError>,
    pub nodes: N,
    pub clock: C,
    pub new_id: fn() -> uuid::Uuid,
}

/// A request on its way to its handler.
struct Call<'a> {
    request: &'a Request<Vec<u8>>,
    caller: Caller,
    /// The path's parameter, decoded.
    parameter: String,
}

impl<'a> Call<'a> {
    /// The query, which may have these parameters and no others.
    fn query(&self, params: &[&query::Param]) -> Result<Query<'a>, Problem> {
        Query::read(self.request.uri().query(), params)
    }

    /// A header as text.
    fn header(&self, name: &str) -> Option<&'a str> {
        self.request.headers().get(name)?.to_str().ok()
    }
}

impl<R: Redis + 'static, C: Clock + 'static, N: Nodes> Api<R, C, N> {
    /// Answers one request. Never fails: what goes wrong is in the response.
    pub async fn handle(self, request: &Request<Vec<u8>>) -> Reply {
        let origins = self.settings.cors_origins.clone();
        if let Some(reply) = cors::preflight(request, &origins) {
            return reply;
        }
        let mut reply = self.answer(request).await.unwrap_or_else(Problem::into_reply);
        cors::allow(request, &origins, reply.headers_mut());
        reply
    }

    async fn answer(self, request: &Request<Vec<u8>>) -> Result<Reply, Problem> {
        let (route, parameter) = route::find(ROUTES, request.method(), request.uri().path())?;
        let caller = match route.role {
            Some(role) => access::check(request, role, &self.settings.api_tokens)?,
            None => Caller { name: "anybody".to_owned() },
        };
        let call = Call { request, caller, parameter };
        match route.action {
            Action::CreateGroup => self.submit(&call, saga::Operation::Create).await,
            Action::DeleteGroup => self.submit(&call, saga::Operation::Delete).await,
            Action::SubmitMany => self.submit_many(&call).await,
            Action::ShowTask => self.show_task(&call).await,
            Action::CancelTask => self.cancel_task(&call).await,
            Action::StreamEvents => self.stream_events(&call).await,
            Action::ListTasks => self.list_tasks(&call).await,
            Action::ListGroups => self.list_groups(&call).await,
            Action::ShowGroup => self.show_group(&call).await,
            Action::RepairGroup => self.repair_group(&call).await,
            Action::ListDeadLetters => self.list_dead_letters(&call).await,
            Action::ShowDeadLetter => self.show_dead_letter(&call).await,
            Action::RetryDeadLetter => self.retry_dead_letter(&call).await,
            Action::RetryDeadLetters => self.retry_dead_letters(&call).await,
            Action::DiscardDeadLetter => self.discard_dead_letter(&call).await,
            Action::ListCallbacks => self.list_callbacks(&call).await,
            Action::RetryCallback => self.retry_callback(&call).await,
            Action::DiscardCallback => self.discard_callback(&call).await,
            Action::Health => operate::health_reply(),
            Action::Ready => self.ready().await,
            Action::Metrics => self.metrics().await,
            Action::Pause => self.pause(&call, true).await,
            Action::Resume => self.pause(&call, false).await,
            Action::Sweep => self.sweep().await,
        }
    }
}
