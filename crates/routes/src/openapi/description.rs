//! One route's description, which its endpoint completes.

use http::StatusCode;
use schemars::generate::SchemaGenerator;
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::problem_kinds::{self, Kind};
use crate::query::{Param, ParamKind};

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
        let parameter = parameter_name(path).map(|name| {
            json!({ "name": name, "in": "path", "required": true, "schema": { "type": "string" } })
        });
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
        for param in params {
            self.parameters.push(json!({
                "name": param.name,
                "in": "query",
                "description": param.about,
                "schema": param_schema(param.kind),
                // Choices are sent as one value with commas.
                "explode": false,
            }));
        }
        self
    }

    pub(crate) fn header(mut self, name: &str, about: &str) -> Self {
        self.parameters.push(json!({
            "name": name, "in": "header", "description": about, "schema": { "type": "string" },
        }));
        self
    }

    pub(crate) fn body<T: JsonSchema>(mut self) -> Self {
        let schema = self.schemas.subschema_for::<T>();
        self.operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        );
        self
    }

    pub(crate) fn answer<T: JsonSchema>(mut self, status: u16, about: &str) -> Self {
        // Answers are what is written, not what is read: every field is there.
        let schema: Schema = self.schemas.subschema_for::<T>();
        let content = json!({ "application/json": { "schema": schema } });
        self.add_answer(status, json!({ "description": about, "content": content }));
        self
    }

    pub(crate) fn text(mut self, status: u16, content_type: &str, about: &str) -> Self {
        let content = json!({ content_type: { "schema": { "type": "string" } } });
        self.add_answer(status, json!({ "description": about, "content": content }));
        self
    }

    pub(crate) fn empty(mut self, status: u16, about: &str) -> Self {
        self.add_answer(status, json!({ "description": about }));
        self
    }

    fn add_answer(&mut self, status: u16, answer: Value) {
        self.answers.insert(status.to_string(), answer);
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
    pub(super) fn finish(mut self, needs_token: bool) -> Value {
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
            let mut answer = json!({ "$ref": "#/components/responses/Problem" });
            if let Some(fields) = answer.as_object_mut() {
                fields.insert("description".to_owned(), about.join(" · ").into());
            }
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

fn param_schema(kind: ParamKind) -> Value {
    match kind {
        ParamKind::Number { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        ParamKind::Flag => json!({ "type": "boolean", "default": false }),
        ParamKind::Text { bytes_max } => {
            json!({ "type": "string", "minLength": 1, "maxLength": bytes_max })
        }
        ParamKind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        ParamKind::Choices(choices) => {
            json!({ "type": "array", "items": { "type": "string", "enum": choices } })
        }
        ParamKind::Time => json!({ "type": "string", "format": "date-time" }),
    }
}
