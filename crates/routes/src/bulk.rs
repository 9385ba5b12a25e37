//! `POST /groups/bulk`: accept many tasks, each by itself.

use clock::Clock;
use http::{Method, StatusCode};
use saga::Operation;
use serde::Serialize;
use serde_json::Value;
use settings::Role;
use store::Redis;

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::idempotency::IdempotencyKey;
use crate::input::bad_field;
use crate::json;
use crate::limits::BULK_TASKS_MAX;
use crate::nodes::Nodes;
use crate::problem::{Problem, ProblemAnswer};
use crate::reply::Reply;
use crate::submission::SubmittedTask;
use crate::success;
#[cfg(feature = "openapi")]
use crate::{idempotency, openapi::Description, problem_kinds, submission::Submission};

/// One task of a bulk request.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "read field by field; this documents them")]
struct BulkSubmission {
    operation: Operation,
    #[serde(flatten)]
    submission: Submission,
}

/// 1 to 100 tasks. One that cannot be accepted is refused by itself, in its place in the answer.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "it documents the body")]
struct BulkSubmissions(#[schemars(length(min = 1, max = 100))] Vec<BulkSubmission>);

/// What became of one task of a bulk request.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct BulkResult {
    /// 202 when the task was accepted, else the problem's status.
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    task_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<ProblemAnswer>,
}

impl From<Result<String, Problem>> for BulkResult {
    fn from(result: Result<String, Problem>) -> Self {
        match result {
            Ok(task_id) => {
                let status = StatusCode::ACCEPTED.as_u16();
                Self { status, task_id: Some(task_id), problem: None }
            }
            Err(problem) => {
                let answer = problem.answer();
                Self { status: answer.status, task_id: None, problem: Some(answer) }
            }
        }
    }
}

pub(crate) struct SubmitMany;

impl Endpoint for SubmitMany {
    const METHOD: Method = Method::POST;
    const PATH: &'static str = "/groups/bulk";
    const ROLE: Option<Role> = Some(Role::Submit);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        call.query(&[])?;
        let key = IdempotencyKey::read(call)?;
        let items: Vec<Value> = match json::read(call.body())? {
            Value::Array(items) => items,
            _ => return Err(bad_field("The body must be an array of tasks.")),
        };
        if items.is_empty() || items.len() > BULK_TASKS_MAX {
            return Err(bad_field(&format!("The array must have 1 to {BULK_TASKS_MAX} tasks.")));
        }
        let mut results = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            let key = key.as_ref().map(|key| key.at(index));
            results.push(BulkResult::from(api.submit_item(call, item, key.as_ref()).await));
        }
        success::json(StatusCode::OK, &results, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("SubmitMany", "Submit up to 100 tasks")
            .about(
                "Each task is accepted or refused by itself; the results are in the order of the \
                 tasks. An Idempotency-Key covers every one of them.",
            )
            .header(&idempotency::PARAM)
            .body::<BulkSubmissions>(&serde_json::json!([
                { "operation": "create", "group_id": "team-b" },
                { "operation": "delete", "group_id": "team-c" },
            ]))
            .answer::<Vec<BulkResult>>(200, "What became of each task.")
            .link(200, "ShowTask", &[("task_id", "$response.body#/0/task_id")])
            .problems(&[
                &problem_kinds::NOT_JSON,
                &problem_kinds::BAD_FIELD,
                &problem_kinds::BAD_KEY,
            ])
    }
}

impl<R: Redis, C, N: Nodes> Api<R, C, N> {
    async fn submit_item(
        &self,
        call: &Call<'_>,
        item: Value,
        key: Option<&IdempotencyKey>,
    ) -> Result<String, Problem> {
        let Value::Object(fields) = item else {
            return Err(bad_field("A task must be an object."));
        };
        let operation = fields.get("operation").and_then(Value::as_str);
        let operation = operation
            .and_then(Operation::from_name)
            .ok_or_else(|| bad_field("operation must be create or delete."))?;
        let submitted = SubmittedTask::read(operation, fields, &self.settings)?;
        Ok(self.accept(call, submitted, key).await?.task_id)
    }
}
