//! `GET /groups/task/{task_id}/events`: a task's timeline as server-sent events, until it ends.

use clock::Clock;
use futures::StreamExt as _;
use futures::stream::{LocalBoxStream, unfold};
use http::header::{CACHE_CONTROL, HeaderValue};
use http::{HeaderMap, Method};
use saga::{ClientState, Phase};
use serde::Serialize;
use settings::Role;
use store::{Redis, Store, TaskView};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::headers::{self, LAST_EVENT_ID};
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::success::typed;
use crate::task::{no_such_task, phase, readable};
#[cfg(feature = "openapi")]
use crate::{headers::HeaderParam, openapi::Description, problem_kinds};
use crate::{input, timeline};

/// How long a stream stays open, in milliseconds; a client that is cut off comes back with
/// `Last-Event-ID` and misses nothing.
const STREAM_MS_MAX: u64 = 300_000;
/// How often a comment is sent when nothing happens, in milliseconds, so that nobody on the way
/// takes the connection for dead.
const KEEP_ALIVE_MS: u64 = 10_000;
/// Between two reads of the task, in milliseconds.
const POLL_MS: u64 = 100;

/// The data of the last event, `end`.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct End {
    state: ClientState,
    phase: Phase,
}

/// How much of a timeline has been sent. Its text form is the id of an event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    /// What came about by itself.
    worked: usize,
    /// What people did.
    noted: usize,
}

impl Position {
    /// Where a client that comes back goes on.
    fn of(headers: &HeaderMap) -> Result<Self, Problem> {
        // An empty one is what a client has that has not received anything.
        let id = headers::text(headers, &LAST_EVENT_ID)?.filter(|id| !id.is_empty());
        let Some(id) = id else { return Ok(Self::default()) };
        Self::read(id).ok_or_else(|| headers::bad("Last-Event-ID must be the id of an event."))
    }

    fn read(text: &str) -> Option<Self> {
        let (worked, noted) = text.split_once('.')?;
        let is_count = |text: &str| text.len() <= 9 && text.bytes().all(|b| b.is_ascii_digit());
        if !is_count(worked) || !is_count(noted) {
            return None;
        }
        Some(Self { worked: worked.parse().ok()?, noted: noted.parse().ok()? })
    }
}

struct Events<R, C> {
    store: Store<R>,
    clock: C,
    task_id: String,
    position: Position,
    started_ms: u64,
    sent_at_ms: u64,
    /// The task as it was first seen, so that an unknown one is a problem rather than a stream.
    first: Option<TaskView>,
    has_ended: bool,
}

pub(crate) struct StreamEvents;

impl Endpoint for StreamEvents {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/groups/task/{task_id}/events";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let position = Position::of(call.headers())?;
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_task)?;
        let view = api.store.poll(&task_id).await?.ok_or_else(no_such_task)?;
        readable(&task_id, &view)?;
        let now_ms = api.clock.now_ms();
        let events = Events {
            store: api.store,
            clock: api.clock,
            task_id,
            position,
            started_ms: now_ms,
            sent_at_ms: now_ms,
            first: Some(view),
            has_ended: false,
        };
        let mut reply = typed("text/event-stream", Body::Stream(stream(events)));
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        Ok(reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("StreamEvents", "A task's timeline, as it happens")
            .about(
                "Server-sent events: one for each entry of the timeline, past and to come, named as \
                 the entry's event; then `end` with the state and phase, and the stream is over. A \
                 client that is cut off goes on with Last-Event-ID.",
            )
            .header(&HeaderParam {
                name: LAST_EVENT_ID,
                pattern: Some("^([0-9]{1,9}\\.[0-9]{1,9})?$"),
                about: "The id of the last event that was received.",
                example: "3.0",
            })
            .events("The events.")
            .problems(&[&problem_kinds::NO_SUCH_TASK])
    }
}

fn stream<R, C>(events: Events<R, C>) -> LocalBoxStream<'static, Vec<u8>>
where
    R: Redis + 'static,
    C: Clock + 'static,
{
    unfold(events, async |mut events| {
        let chunk = events.next().await?;
        Some((chunk, events))
    })
    .boxed_local()
}

impl<R: Redis, C: Clock> Events<R, C> {
    /// What to send next, once there is something; `None` at the end.
    async fn next(&mut self) -> Option<Vec<u8>> {
        loop {
            if self.has_ended {
                return None;
            }
            let view = match self.first.take() {
                Some(view) => view,
                // When Redis is away or the task has expired the client is cut off; it comes back
                // and is told.
                None => self.store.poll(&self.task_id).await.ok()??,
            };
            let mut text = self.unsent(&view);
            let now_ms = self.clock.now_ms();
            if text.is_empty() && now_ms.saturating_sub(self.sent_at_ms) >= KEEP_ALIVE_MS {
                text.push_str(": nothing new\n\n");
            }
            if !text.is_empty() {
                self.sent_at_ms = now_ms;
                return Some(text.into_bytes());
            }
            if now_ms.saturating_sub(self.started_ms) >= STREAM_MS_MAX {
                return None;
            }
            self.clock.sleep(POLL_MS).await;
        }
    }

    /// The events that were not sent yet.
    fn unsent(&mut self, view: &TaskView) -> String {
        let Ok(task) = &view.task else { return String::new() };
        let dropped = usize::try_from(task.history().dropped()).unwrap_or(usize::MAX);
        let (worked, noted) = (timeline::worked(view, task), timeline::noted(view));
        let seen = self.position;
        let totals = Position { worked: worked.len().saturating_add(dropped), noted: noted.len() };
        let fresh = totals.worked.saturating_sub(seen.worked);
        let skip = worked.len().saturating_sub(fresh);
        let mut entries: Vec<_> = worked
            .into_iter()
            .skip(skip)
            .map(|entry| (entry, true))
            .chain(noted.into_iter().skip(seen.noted).map(|entry| (entry, false)))
            .collect();
        entries.sort_by_key(|(entry, _)| entry.at_ms);
        let mut text = String::new();
        for (entry, is_work) in entries {
            if is_work {
                self.position.worked = self.position.worked.saturating_add(1);
            } else {
                self.position.noted = self.position.noted.saturating_add(1);
            }
            self.push(&mut text, entry.event.name(), &entry);
        }
        if view.finished_at_ms.is_some() {
            self.has_ended = true;
            self.push(&mut text, "end", &End { state: view.state, phase: phase(view, task) });
        }
        text
    }

    fn push<T: Serialize>(&self, text: &mut String, event: &str, data: &T) {
        let Position { worked, noted } = self.position;
        // Plain fields always make JSON.
        let data = serde_json::to_string(data).unwrap_or_default();
        text.push_str(&format!("id: {worked}.{noted}\nevent: {event}\ndata: {data}\n\n"));
    }
}
