//! One route's description, which its endpoint completes.

use http::StatusCode;
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use super::{inputs, problems};
use crate::headers::HeaderParam;
use crate::problem_kinds::{self, Kind};
use crate::query::Param;
use crate::success::TaskAccepted;

/// What every request may be refused for.
static ANYWHERE: [&Kind; 4] = [
    &problem_kinds::BODY_TOO_LARGE,
    &problem_kinds::UNSUPPORTED_MEDIA,
    &problem_kinds::BAD_HEADER,
    &problem_kinds::BAD_QUERY,
];

/// One route's description as it grows.
pub(crate) struct Description<'a> {
    schemas: &'a mut SchemaGenerator,
    operation: Map<String, Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
    kinds: Vec<&'static Kind>,
    needs_store: bool,
}

impl<'a> Description<'a> {
    pub(super) fn new(schemas: &'a mut SchemaGenerator, path: &str, tag: &str) -> Self {
        let mut operation = Map::new();
        operation.insert("tags".to_owned(), json!([tag]));
        let parameter = parameter_name(path).map(inputs::path);
        Self {
            schemas,
            operation,
            parameters: parameter.into_iter().collect(),
            answers: Map::new(),
            kinds: Vec::new(),
            needs_store: true,
        }
    }

    /// Gives the route its id and a summary. Generated clients name their functions after the id,
    /// so it stays as it is when the endpoint's type gets another name.
    pub(crate) fn named(mut self, operation_id: &str, summary: &str) -> Self {
        self.operation.insert("operationId".to_owned(), operation_id.into());
        self.operation.insert("summary".to_owned(), summary.into());
        self
    }

    pub(crate) fn about(mut self, about: &str) -> Self {
        self.operation.insert("description".to_owned(), about.into());
        self
    }

    pub(crate) fn query(mut self, params: &[&Param]) -> Self {
        self.parameters.extend(params.iter().map(|param| inputs::query(param)));
        self
    }

    /// Says that the route cannot do without a parameter of its query.
    pub(crate) fn required(mut self, param: &Param) -> Self {
        let named = |known: &&mut Value| known.get("name").is_some_and(|name| *name == param.name);
        let known = self.parameters.iter_mut().find(named).and_then(Value::as_object_mut);
        if let Some(known) = known {
            known.insert("required".to_owned(), true.into());
        }
        self
    }

    pub(crate) fn header(mut self, header: &HeaderParam) -> Self {
        self.parameters.push(inputs::header(header));
        self
    }

    /// The body that the route wants, with one to try.
    pub(crate) fn body<T: JsonSchema>(mut self, example: &Value) -> Self {
        let schema = self.schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema, "example": example } });
        self.operation
            .insert("requestBody".to_owned(), json!({ "required": true, "content": content }));
        self
    }

    pub(crate) fn answer<T: JsonSchema>(mut self, status: u16, about: &str) -> Self {
        // Answers are what is written, not what is read: every field is there.
        let schema: Schema = self.schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.add_answer(status, json!({ "description": about, "content": content }));
        self
    }

    /// 202 with the task that was accepted.
    pub(crate) fn accepted(self, about: &str) -> Self {
        let of_task = [("task_id", "$response.body#/task_id")];
        self.answer::<TaskAccepted>(202, about)
            .answer_header(202, "Location", "Where to read the task.", true)
            .answer_header(202, "Retry-After", "The seconds after which to read it.", true)
            .link(202, "ShowTask", &of_task)
            .link(202, "CancelTask", &of_task)
            .link(202, "StreamEvents", &of_task)
    }

    pub(crate) fn text(mut self, status: u16, content_type: &str, about: &str) -> Self {
        let content = json!({ content_type: { "schema": { "type": "string" } } });
        self.add_answer(status, json!({ "description": about, "content": content }));
        self
    }

    /// Server-sent events, of which this describes each.
    pub(crate) fn events(mut self, about: &str) -> Self {
        let text = json!({ "type": "string" });
        let schema = json!({
            "type": "object",
            "properties": { "id": text, "event": text, "data": text },
            "required": ["id", "event", "data"],
        });
        let content = json!({ "text/event-stream": { "schema": schema } });
        self.add_answer(200, json!({ "description": about, "content": content }));
        self
    }

    pub(crate) fn empty(mut self, status: u16, about: &str) -> Self {
        self.add_answer(status, json!({ "description": about }));
        self
    }

    /// A header of an answer that is described already.
    pub(crate) fn answer_header(
        self,
        status: u16,
        name: &str,
        about: &str,
        is_always_there: bool,
    ) -> Self {
        let header = json!({
            "description": about, "required": is_always_there, "schema": { "type": "string" },
        });
        self.amend(status, "headers", name, header)
    }

    /// Another route that takes up what an answer holds: which operation, and from where in the
    /// answer its parameters come.
    pub(crate) fn link(self, status: u16, operation_id: &str, parameters: &[(&str, &str)]) -> Self {
        let parameters: Map<String, Value> =
            parameters.iter().map(|(name, from)| ((*name).to_owned(), (*from).into())).collect();
        let link = json!({ "operationId": operation_id, "parameters": parameters });
        self.amend(status, "links", operation_id, link)
    }

    fn add_answer(&mut self, status: u16, answer: Value) {
        self.answers.insert(status.to_string(), problems::with_time(answer));
    }

    /// Adds to one part of an answer.
    fn amend(mut self, status: u16, part: &str, name: &str, value: Value) -> Self {
        let answer = self.answers.get_mut(&status.to_string()).and_then(Value::as_object_mut);
        let part = answer.map(|answer| answer.entry(part).or_insert_with(|| json!({})));
        if let Some(part) = part.and_then(Value::as_object_mut) {
            part.insert(name.to_owned(), value);
        }
        self
    }

    /// The problems that the route may answer with, beside those that any route may.
    pub(crate) fn problems(mut self, kinds: &[&'static Kind]) -> Self {
        self.kinds.extend(kinds);
        self
    }

    /// The route needs neither Redis nor settings, so it fails for none of them.
    pub(crate) fn without_store(mut self) -> Self {
        self.needs_store = false;
        self
    }

    /// Adds what any route may answer, and gives the OpenAPI operation.
    pub(super) fn finish(mut self, needs_token: bool, changes: bool) -> Value {
        self.kinds.extend(ANYWHERE);
        if self.needs_store {
            self.kinds.extend([
                &problem_kinds::BAD_SETTING,
                &problem_kinds::INTERNAL,
                &problem_kinds::REDIS_AWAY,
                &problem_kinds::REDIS_DENIED,
                &problem_kinds::REDIS_WRONG_SERVER,
                &problem_kinds::REDIS_FULL,
            ]);
        }
        if changes {
            self.kinds.push(&problem_kinds::FOREIGN_ORIGIN);
        }
        if needs_token {
            self.kinds.extend([&problem_kinds::UNAUTHORIZED, &problem_kinds::FORBIDDEN]);
            self.operation.insert("security".to_owned(), json!([{ "bearer": [] }, {}]));
        }
        let mut statuses: Vec<StatusCode> = self.kinds.iter().map(|kind| kind.status).collect();
        statuses.sort();
        statuses.dedup();
        for status in statuses {
            let kinds = self.kinds.iter().filter(|kind| kind.status == status);
            let about: Vec<String> =
                kinds.map(|kind| format!("[{}](#problem-{})", kind.title, kind.slug)).collect();
            let answer = json!({
                "$ref": problems::reference(status), "description": about.join(" · "),
            });
            self.answers.insert(status.as_str().to_owned(), answer);
        }
        if !self.parameters.is_empty() {
            self.operation.insert("parameters".to_owned(), self.parameters.into());
        }
        self.operation.insert("responses".to_owned(), self.answers.into());
        self.operation.into()
    }
}

fn parameter_name(path: &str) -> Option<&str> {
    path.split('/').find_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}
