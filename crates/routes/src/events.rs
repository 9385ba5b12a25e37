//! `GET /groups/task/{task_id}/events`: a task's timeline as server-sent events, until it ends.

use clock::Clock;
use futures::StreamExt as _;
use futures::stream::{LocalBoxStream, unfold};
use http::Method;
use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};
use saga::{ClientState, Phase};
use serde::Serialize;
use settings::Role;
use store::{Redis, Store, TaskView};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::event_position::{EventId, Position};
use crate::headers::LAST_EVENT_ID;
use crate::input;
use crate::nodes::Nodes;
use crate::problem::Problem;
use crate::reply::{Body, Reply};
use crate::success::{no_content, typed};
use crate::task::{no_such_task, phase, unreadable};
#[cfg(feature = "openapi")]
use crate::{headers::HeaderParam, openapi::Description, problem_kinds};

/// How long a stream stays open, in milliseconds; a client that is cut off comes back with
/// `Last-Event-ID` and misses nothing.
const STREAM_MS_MAX: u64 = 300_000;
/// How often a comment is sent when nothing happens, in milliseconds, so that nobody on the way
/// takes the connection for dead.
const KEEP_ALIVE_MS: u64 = 10_000;
/// Between two reads of the task, in milliseconds.
const POLL_MS: u64 = 100;

/// Keeps proxies, nginx above all, from holding events back until there are many.
const X_ACCEL_BUFFERING: HeaderName = HeaderName::from_static("x-accel-buffering");

/// The data of the last event, `end`.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct End {
    state: ClientState,
    /// `null` when the task's record cannot be read and its state does not tell.
    phase: Option<Phase>,
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
    /// The client knows that the task's record cannot be read.
    is_unreadable: bool,
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
        let task_id = input::task_id(&call.parameter).ok_or_else(no_such_task)?;
        let view = api.store.poll(&task_id).await?.ok_or_else(no_such_task)?;
        let last_id = call.headers().get(LAST_EVENT_ID);
        let last_id: EventId =
            last_id.and_then(|id| id.to_str().ok()?.parse().ok()).unwrap_or_default();
        // Whoever has had the end would come back for it for ever; to this they do not.
        if last_id.is_end && view.finished_at_ms.is_some() {
            return Ok(no_content());
        }
        let now_ms = api.clock.now_ms();
        let events = Events {
            store: api.store,
            clock: api.clock,
            task_id,
            position: last_id.position,
            started_ms: now_ms,
            sent_at_ms: now_ms,
            first: Some(view),
            is_unreadable: false,
            has_ended: false,
        };
        let mut reply = typed("text/event-stream", Body::Stream(stream(events)));
        reply.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        reply.headers_mut().insert(X_ACCEL_BUFFERING, HeaderValue::from_static("no"));
        Ok(reply)
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("StreamEvents", "A task's timeline, as it happens")
            .about(
                "Server-sent events: one for each entry of the timeline, past and to come, named as \
                 the entry's event; then `end` with the state and phase, and the stream is over. A \
                 client that is cut off goes on with Last-Event-ID, and is answered 204 once it \
                 has had the end. Of a task whose record this version cannot read, a comment says \
                 so, and the stream goes on with what is known without it.",
            )
            .header(&HeaderParam {
                name: LAST_EVENT_ID,
                pattern: None,
                about: "The id of the last event that was received.",
                example: "3.0",
            })
            .events("The events.")
            .empty(204, "Last-Event-ID is that of `end`: there is no more, and nothing to come back for.")
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
                // When Redis is away or the task has expired, the client is cut off; it comes back and
                // is told.
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
        let mut text = String::new();
        let unreadable = unreadable(view);
        if let Some(reason) = unreadable.as_ref().filter(|_| !self.is_unreadable) {
            text.push_str(&comment(reason));
        }
        self.is_unreadable = unreadable.is_some();
        for (entry, position) in self.position.following(view) {
            self.position = position;
            let id = EventId { position, is_end: false };
            push(&mut text, id, entry.event.name(), &entry);
        }
        if view.finished_at_ms.is_some() {
            self.has_ended = true;
            let id = EventId { position: self.position, is_end: true };
            push(&mut text, id, "end", &End { state: view.state, phase: phase(view) });
        }
        text
    }
}

fn comment(text: &str) -> String {
    format!(": {}\n\n", text.replace(['\r', '\n'], " "))
}

fn push<T: Serialize>(text: &mut String, id: EventId, event: &str, data: &T) {
    // Plain fields always make JSON.
    let data = serde_json::to_string(data).unwrap_or_default();
    text.push_str(&format!("id: {id}\nevent: {event}\ndata: {data}\n\n"));
}
