//! `POST /groups/create` and `POST /groups/delete`: accept a task and answer at once.

use http::header::{LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use saga::{Operation, Task};
use serde::Serialize;
use serde_json::Value;
use store::{Accepted, Redis};

use crate::Api;
use crate::answer::json;
use crate::problem::{Problem, catalogue};

/// The most bytes of a group's id.
const GROUP_ID_BYTES_MAX: usize = 256;

/// The answer to an accepted task.
#[derive(Serialize)]
pub(crate) struct TaskAccepted {
    pub(crate) task_id: String,
}

impl<R: Redis> Api<'_, R> {
    pub(crate) async fn submit(
        &self,
        operation: Operation,
        body: &[u8],
    ) -> Result<Response<Vec<u8>>, Problem> {
        let group_id = read_group_id(body)?;
        let task_id = (self.new_id)().to_string();
        let settings = self.settings;
        let task = Task::new(
            task_id.clone(),
            operation,
            group_id,
            settings.nodes.clone(),
            settings.course.clone(),
        );
        match self.store.accept(&task, settings.max_queue).await? {
            Accepted::Yes => accepted(task_id),
            Accepted::Full { waiting } => Err(catalogue::queue_full(waiting)),
        }
    }
}

/// 202 with where to look for the task and when.
pub(crate) fn accepted(task_id: String) -> Result<Response<Vec<u8>>, Problem> {
    let headers = [(LOCATION, format!("/groups/task/{task_id}")), (RETRY_AFTER, "1".to_owned())];
    json(StatusCode::ACCEPTED, &TaskAccepted { task_id }, &headers)
}

/// The `group_id` of a JSON object; other fields are ignored, as the reference does.
fn read_group_id(body: &[u8]) -> Result<String, Problem> {
    let body: Value =
        serde_json::from_slice(body).map_err(|error| catalogue::not_json(&error.to_string()))?;
    let Value::Object(mut fields) = body else {
        return Err(catalogue::bad_group_id("The body is JSON, but not an object."));
    };
    let group_id = match fields.remove("group_id") {
        Some(Value::String(group_id)) => group_id,
        Some(_) => return Err(catalogue::bad_group_id("The group_id is not a string.")),
        None => return Err(catalogue::bad_group_id("The group_id is missing.")),
    };
    if group_id.is_empty() {
        return Err(catalogue::bad_group_id("The group_id is empty."));
    }
    if group_id.len() > GROUP_ID_BYTES_MAX {
        let bytes = group_id.len();
        return Err(catalogue::bad_group_id(&format!(
            "The group_id has {bytes} bytes; at most {GROUP_ID_BYTES_MAX} are allowed."
        )));
    }
    if group_id.chars().any(char::is_control) {
        return Err(catalogue::bad_group_id("The group_id contains a control character."));
    }
    Ok(group_id)
}
