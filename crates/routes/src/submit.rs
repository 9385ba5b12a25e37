//! `POST /groups/create`, `/groups/delete` and `/groups/bulk`: accept tasks and answer at once.

use http::header::{HeaderName, LOCATION, RETRY_AFTER};
use http::{Method, StatusCode};
use saga::{Operation, Policy, Task};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use settings::table::{
    FORWARD_MAX_ATTEMPTS, NODE_PARALLELISM, ROLLBACK_MAX_RETRIES, ROLLBACK_RETRY_DELAY,
};
use settings::{Role, Seconds, Setting, Whole};
use sha2::{Digest as _, Sha256};
use store::{Accepted, Admission, Idempotency, Rate, Redis};

use crate::callbacks;
use crate::problem::{Problem, ProblemAnswer};
use crate::problem_kinds;
use crate::query::{Param, ParamKind};
use crate::reply::{Reply, json};
use crate::route::{Action, Route};
use crate::{Api, Call};

/// The most bytes of a group's id.
pub(crate) const GROUP_ID_BYTES_MAX: usize = 256;
/// The most tasks of one bulk request.
const BULK_MAX: usize = 100;
/// The most characters of an idempotency key.
const KEY_CHARS_MAX: usize = 255;

pub(crate) static CREATE: Route = Route {
    method: Method::POST,
    path: "/groups/create",
    role: Some(Role::Submit),
    action: Action::CreateGroup,
};
pub(crate) static DELETE: Route = Route {
    method: Method::POST,
    path: "/groups/delete",
    role: Some(Role::Submit),
    action: Action::DeleteGroup,
};
pub(crate) static BULK: Route = Route {
    method: Method::POST,
    path: "/groups/bulk",
    role: Some(Role::Submit),
    action: Action::SubmitMany,
};

static DRY_RUN: Param = Param {
    name: "dry_run",
    kind: ParamKind::Flag,
    about: "Only tell which calls would be made, in order. Nothing is stored.",
};

const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");

/// A task that a client asks for. Fields that are not known are ignored.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "read field by field; this documents them")]
pub(crate) struct Submission {
    /// 1 to 256 bytes, no control characters.
    #[schemars(length(min = 1, max = 256))]
    group_id: String,
    settings: Option<TaskSettings>,
    /// Where to POST the task's end to. The settings callback_hosts and callback_secret must allow
    /// it.
    #[schemars(length(max = 2048))]
    callback_url: Option<String>,
}

/// Settings of one task, in place of the service's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskSettings {
    /// How often a node is tried before the task turns back.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(min = FORWARD_MAX_ATTEMPTS.kind.min, max = FORWARD_MAX_ATTEMPTS.kind.max))
    )]
    forward_max_attempts: Option<u32>,
    /// How often a failed undo is tried again.
    #[cfg_attr(feature = "openapi", schemars(range(max = ROLLBACK_MAX_RETRIES.kind.max)))]
    rollback_max_retries: Option<u32>,
    /// Seconds before a failed undo is tried again; fractions are fine.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(
            min = ROLLBACK_RETRY_DELAY.kind.min_ms / 1_000,
            max = ROLLBACK_RETRY_DELAY.kind.max_ms / 1_000
        ))
    )]
    rollback_retry_delay: Option<f64>,
    /// How many nodes are changed at once.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(min = NODE_PARALLELISM.kind.min, max = NODE_PARALLELISM.kind.max))
    )]
    node_parallelism: Option<u32>,
}

/// One task of a bulk request.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "read field by field; this documents them")]
pub(crate) struct BulkSubmission {
    operation: crate::openapi::OperationName,
    #[serde(flatten)]
    submission: Submission,
}

/// The answer to an accepted task.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct TaskAccepted {
    pub(crate) task_id: String,
}

/// What became of one task of a bulk request.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct BulkResult {
    /// 202 when the task was accepted, else the problem's status.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemAnswer>,
}

/// What a task would do.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct DryRun {
    operation: &'static str,
    group_id: String,
    /// The calls going forward, in order.
    calls: Vec<PlannedCall>,
    /// The calls that would take it all back, should the last node fail.
    rollback: Vec<PlannedCall>,
}

/// A call that would be made.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
pub(crate) struct PlannedCall {
    node: String,
    /// `inspect`, `create` or `delete`.
    call: &'static str,
    /// When it is made at all.
    #[serde(rename = "if")]
    condition: &'static str,
}

/// A submission that was read and found good.
struct SubmittedTask {
    operation: Operation,
    group_id: String,
    policy: Policy,
    callback_url: Option<String>,
}

impl<R: Redis + 'static, C: clock::Clock + 'static, N: crate::Nodes> Api<R, C, N> {
    pub(crate) async fn submit(
        &self,
        call: &Call<'_>,
        operation: Operation,
    ) -> Result<Reply, Problem> {
        let query = call.query(&[&DRY_RUN])?;
        let body = call.request.body();
        let submitted = self.read_submission(operation, read_object(body)?)?;
        if query.flag(&DRY_RUN)? {
            return json(StatusCode::OK, &self.dry_run(submitted), &[]);
        }
        let key = idempotency_key(call)?;
        let (task_id, replayed) = self.accept(call, submitted, body, key.as_deref()).await?;
        accepted(task_id, replayed)
    }

    pub(crate) async fn submit_many(&self, call: &Call<'_>) -> Result<Reply, Problem> {
        call.query(&[])?;
        let items: Vec<Value> = match read_json(call.request.body())? {
            Value::Array(items) => items,
            _ => return Err(bad_field("The body must be an array of tasks.")),
        };
        if items.is_empty() || items.len() > BULK_MAX {
            return Err(bad_field(&format!("The array must have 1 to {BULK_MAX} tasks.")));
        }
        let key = idempotency_key(call)?;
        let mut results = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            // Each task is one of its own: the same key with another number.
            let key = key.as_ref().map(|key| format!("{key}/{index}"));
            results.push(match self.submit_one(call, item, key.as_deref()).await {
                Ok(task_id) => BulkResult { status: 202, task_id: Some(task_id), problem: None },
                Err(problem) => {
                    let answer = problem.answer();
                    BulkResult { status: answer.status, task_id: None, problem: Some(answer) }
                }
            });
        }
        json(StatusCode::OK, &results, &[])
    }

    async fn submit_one(
        &self,
        call: &Call<'_>,
        item: Value,
        key: Option<&str>,
    ) -> Result<String, Problem> {
        let body = item.to_string();
        let Value::Object(fields) = item else {
            return Err(bad_field("A task must be an object."));
        };
        let operation = fields.get("operation").and_then(Value::as_str);
        let operation = operation
            .and_then(Operation::from_name)
            .ok_or_else(|| bad_field("operation must be create or delete."))?;
        let submitted = self.read_submission(operation, fields)?;
        self.accept(call, submitted, body.as_bytes(), key).await.map(|(task_id, _)| task_id)
    }

    /// Accepts a task. Gives its id, and whether it is that of an earlier request.
    async fn accept(
        &self,
        call: &Call<'_>,
        submitted: SubmittedTask,
        body: &[u8],
        key: Option<&str>,
    ) -> Result<(String, bool), Problem> {
        let settings = &self.settings;
        let task_id = (self.new_id)().to_string();
        let digest = key.map(|_| digest(submitted.operation, body)).unwrap_or_default();
        let key = key.map(|key| format!("{}:{key}", call.caller.name));
        let callback_url = submitted.callback_url;
        let task = Task::new(
            task_id.clone(),
            submitted.operation,
            submitted.group_id,
            settings.nodes.clone(),
            submitted.policy,
        );
        let admission = Admission {
            max_queue: settings.max_queue,
            idempotency: key.as_deref().map(|key| Idempotency {
                key,
                digest: &digest,
                ttl_s: settings.idempotency_ttl_s,
            }),
            rate: settings
                .rate_limit
                .map(|per_second| Rate { caller: &call.caller.name, per_second }),
            callback: callback_url.as_deref(),
        };
        match self.store.accept(&task, admission).await? {
            Accepted::Yes => Ok((task_id, false)),
            Accepted::Repeated { task_id } => Ok((task_id, true)),
            Accepted::KeyReused => Err(Problem::plain(&problem_kinds::KEY_REUSED)),
            Accepted::TooFast => Err(Problem::plain(&problem_kinds::TOO_FAST)),
            Accepted::Full { waiting } => {
                let detail = format!("{waiting} tasks wait to be started. Nothing was accepted.");
                Err(Problem::new(&problem_kinds::QUEUE_FULL, detail))
            }
        }
    }

    /// Has `operation` carried out on a group, as a client with no wishes of its own would.
    pub(crate) async fn accept_plain(
        &self,
        call: &Call<'_>,
        operation: Operation,
        group_id: String,
    ) -> Result<String, Problem> {
        let policy = self.settings.policy.clone();
        let submitted = SubmittedTask { operation, group_id, policy, callback_url: None };
        self.accept(call, submitted, &[], None).await.map(|(task_id, _)| task_id)
    }

    fn read_submission(
        &self,
        operation: Operation,
        mut fields: serde_json::Map<String, Value>,
    ) -> Result<SubmittedTask, Problem> {
        let group_id = match fields.remove("group_id") {
            Some(Value::String(group_id)) => group_id,
            Some(_) => return Err(bad_group_id("The group_id is not a string.")),
            None => return Err(bad_group_id("The group_id is missing.")),
        };
        check_group_id(&group_id)?;
        let policy = match fields.remove("settings") {
            None | Some(Value::Null) => self.settings.policy.clone(),
            Some(settings) => {
                let settings: TaskSettings = serde_json::from_value(settings)
                    .map_err(|error| bad_field(&format!("settings: {error}.")))?;
                settings.policy(&self.settings.policy)?
            }
        };
        let callback_url = match fields.remove("callback_url") {
            None | Some(Value::Null) => None,
            Some(Value::String(url)) => {
                callbacks::check_url(&url, self.settings.callback_hosts.as_ref())?;
                Some(url)
            }
            Some(_) => return Err(bad_field("callback_url is not a string.")),
        };
        Ok(SubmittedTask { operation, group_id, policy, callback_url })
    }

    fn dry_run(&self, submitted: SubmittedTask) -> DryRun {
        let SubmittedTask { operation, group_id, policy, .. } = submitted;
        let planned =
            |node: &String, call, condition| PlannedCall { node: node.clone(), call, condition };
        let (before, has_changed) = match operation {
            Operation::Create => ("the node does not hold the group", "the task created it there"),
            Operation::Delete => ("the node holds the group", "the task deleted it there"),
        };
        let nodes = &self.settings.nodes;
        let forward = nodes.chunks(policy.round_nodes()).flat_map(|round| {
            let looks = round.iter().map(|node| planned(node, "inspect", "always"));
            looks.chain(round.iter().map(|node| planned(node, operation.name(), before)))
        });
        let reverse = operation.reverse().name();
        let back = nodes.iter().rev().map(|node| planned(node, reverse, has_changed));
        DryRun {
            operation: operation.name(),
            group_id,
            calls: forward.collect(),
            rollback: back.collect(),
        }
    }
}

impl TaskSettings {
    fn policy(self, service: &Policy) -> Result<Policy, Problem> {
        let Self {
            forward_max_attempts,
            rollback_max_retries,
            rollback_retry_delay,
            node_parallelism,
        } = self;
        let mut policy = service.clone();
        if let Some(attempts) = forward_max_attempts {
            bounded(&FORWARD_MAX_ATTEMPTS, attempts)?;
            policy.forward_max_attempts = attempts;
        }
        if let Some(retries) = rollback_max_retries {
            bounded(&ROLLBACK_MAX_RETRIES, retries)?;
            policy.rollback_max_retries = retries;
        }
        if let Some(parallelism) = node_parallelism {
            bounded(&NODE_PARALLELISM, parallelism)?;
            policy.node_parallelism = parallelism;
        }
        if let Some(delay_s) = rollback_retry_delay {
            policy.rollback_retry_delay_ms = milliseconds(delay_s)?;
        }
        Ok(policy)
    }
}

/// That a task's own setting is within the bounds of the service's.
fn bounded(setting: &Setting<Whole>, value: u32) -> Result<(), Problem> {
    let Whole { min, max, .. } = setting.kind;
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(bad_field(&format!("settings.{} must be from {min} to {max}.", setting.facts.name)))
}

/// A task's own `rollback_retry_delay` in milliseconds.
fn milliseconds(seconds: f64) -> Result<u64, Problem> {
    let Seconds { min_ms, max_ms } = ROLLBACK_RETRY_DELAY.kind;
    let duration = std::time::Duration::try_from_secs_f64(seconds).ok();
    let ms = duration.and_then(|duration| u64::try_from(duration.as_millis()).ok());
    ms.filter(|ms| (min_ms..=max_ms).contains(ms)).ok_or_else(|| {
        let (name, min_s, max_s) =
            (ROLLBACK_RETRY_DELAY.facts.name, min_ms / 1_000, max_ms / 1_000);
        bad_field(&format!("settings.{name} must be from {min_s} to {max_s}."))
    })
}

/// 202 with where to look for the task and when.
pub(crate) fn accepted(task_id: String, replayed: bool) -> Result<Reply, Problem> {
    let mut headers =
        vec![(LOCATION, format!("/groups/task/{task_id}")), (RETRY_AFTER, "1".to_owned())];
    if replayed {
        headers.push((REPLAYED, "true".to_owned()));
    }
    json(StatusCode::ACCEPTED, &TaskAccepted { task_id }, &headers)
}

fn read_json(body: &[u8]) -> Result<Value, Problem> {
    serde_json::from_slice(body).map_err(|error| {
        let detail = format!("The body could not be read as JSON: {error}.");
        Problem::new(&problem_kinds::NOT_JSON, detail)
    })
}

fn read_object(body: &[u8]) -> Result<serde_json::Map<String, Value>, Problem> {
    match read_json(body)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(bad_group_id("The body is JSON, but not an object.")),
    }
}

pub(crate) fn check_group_id(group_id: &str) -> Result<(), Problem> {
    if group_id.is_empty() {
        return Err(bad_group_id("The group_id is empty."));
    }
    if group_id.len() > GROUP_ID_BYTES_MAX {
        let bytes = group_id.len();
        return Err(bad_group_id(&format!(
            "The group_id has {bytes} bytes; at most {GROUP_ID_BYTES_MAX} are allowed."
        )));
    }
    if group_id.chars().any(char::is_control) {
        return Err(bad_group_id("The group_id contains a control character."));
    }
    Ok(())
}

fn bad_group_id(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_GROUP_ID, detail)
}

pub(crate) fn bad_field(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_FIELD, detail)
}

fn idempotency_key(call: &Call<'_>) -> Result<Option<String>, Problem> {
    let Some(key) = call.request.headers().get("idempotency-key") else { return Ok(None) };
    let bad = || Problem::plain(&problem_kinds::BAD_KEY);
    let key = key.to_str().map_err(|_| bad())?.trim();
    let is_usable = !key.is_empty()
        && key.len() <= KEY_CHARS_MAX
        && key.bytes().all(|byte| byte.is_ascii_graphic());
    if is_usable { Ok(Some(key.to_owned())) } else { Err(bad()) }
}

/// What a request asks for, in a form that tells it from another.
fn digest(operation: Operation, body: &[u8]) -> String {
    use std::fmt::Write as _;
    let hash = Sha256::new().chain_update(operation.name()).chain_update(b"\n").chain_update(body);
    hash.finalize().iter().fold(String::with_capacity(64), |mut text, byte| {
        // Writing to a string never fails.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(feature = "openapi")]
pub(crate) fn document(document: &mut crate::openapi::Document) {
    let mut submit = |route: &Route, summary: &str| {
        document
            .route(route, summary)
            .about(
                "Answers at once; the work is done behind it. Poll the task, or read its events, \
                 to see what becomes of it. With an Idempotency-Key the same request can be sent \
                 again without harm: it gets the first one's answer.",
            )
            .query(&[&DRY_RUN])
            .header("Idempotency-Key", "1 to 255 visible ASCII characters that name this request.")
            .body::<Submission>()
            .answer::<TaskAccepted>(202, "The task is stored and will be carried out.")
            .answer::<DryRun>(200, "With dry_run: what would be done.")
            .problems(&[
                &problem_kinds::NOT_JSON,
                &problem_kinds::BODY_TOO_LARGE,
                &problem_kinds::BAD_GROUP_ID,
                &problem_kinds::BAD_FIELD,
                &problem_kinds::BAD_QUERY,
                &problem_kinds::BAD_KEY,
                &problem_kinds::KEY_REUSED,
                &problem_kinds::TOO_FAST,
                &problem_kinds::QUEUE_FULL,
            ])
            .end();
    };
    submit(&CREATE, "Create a group on every node, or on none");
    submit(&DELETE, "Delete a group from every node, or from none");
    document
        .route(&BULK, "Submit up to 100 tasks")
        .about(
            "Each task is accepted or refused by itself; the results are in the order of the \
             tasks. An Idempotency-Key covers every one of them.",
        )
        .header("Idempotency-Key", "1 to 255 visible ASCII characters that name this request.")
        .body::<Vec<BulkSubmission>>()
        .answer::<Vec<BulkResult>>(200, "What became of each task.")
        .problems(&[
            &problem_kinds::NOT_JSON,
            &problem_kinds::BODY_TOO_LARGE,
            &problem_kinds::BAD_FIELD,
            &problem_kinds::BAD_QUERY,
            &problem_kinds::BAD_KEY,
        ])
        .end();
}
