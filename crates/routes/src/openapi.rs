//! The OpenAPI 3.1 document, made from the very types and tables that serve the routes.

use http::StatusCode;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use schemars::{JsonSchema, Schema};
use serde_json::{Map, Value, json};

use crate::problem::ProblemAnswer;
use crate::problem_kinds::{self, Kind};
use crate::query::{Param, ParamKind};
use crate::route::Route;
use crate::{callbacks, dead_letters, events, groups, metrics, operate, submit, task, tasks};

/// The whole document, as JSON.
#[must_use]
pub fn openapi() -> Value {
    let settings = SchemaSettings::draft2020_12().with(|settings| {
        settings.definitions_path = "/components/schemas".into();
    });
    let mut document = Document { schemas: settings.into_generator(), paths: Map::new() };
    submit::document(&mut document);
    task::document(&mut document);
    events::document(&mut document);
    tasks::document(&mut document);
    groups::document(&mut document);
    dead_letters::document(&mut document);
    callbacks::document(&mut document);
    operate::document(&mut document);
    metrics::document(&mut document);
    let problem = document.schemas.subschema_for::<ProblemAnswer>();
    let problem = json!({
        "description": "A problem, with what to do next (RFC 9457).",
        "content": { "application/problem+json": { "schema": problem } },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Muster",
            "version": env!("CARGO_PKG_VERSION"),
            "summary": "Create or delete a group on every node of a cluster, or on none.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "tags": TAGS.map(|(name, about)| json!({ "name": name, "description": about })),
        "paths": document.paths,
        "components": {
            "schemas": document.schemas.take_definitions(true),
            "responses": { "Problem": problem },
            "securitySchemes": {
                "bearer": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "A token of the setting api_tokens; none is needed while that \
                                    is not set.",
                },
            },
        },
    })
}

/// The document as it grows.
pub(crate) struct Document {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Document {
    /// Begins a route's description.
    pub(crate) fn route<'a>(&'a mut self, route: &'a Route, summary: &str) -> Description<'a> {
        let mut operation = Map::new();
        operation.insert("summary".to_owned(), summary.into());
        operation.insert("tags".to_owned(), json!([tag(route)]));
        let id = format!("{:?}", route.action);
        operation.insert("operationId".to_owned(), id.into());
        let mut description = Description {
            document: self,
            route,
            operation,
            parameters: Vec::new(),
            answers: Map::new(),
            kinds: Vec::new(),
        };
        if let Some(name) = parameter_name(route.path) {
            description.parameters.push(json!({
                "name": name, "in": "path", "required": true, "schema": { "type": "string" },
            }));
        }
        description
    }
}

/// The parts of the document's table of contents.
const TAGS: [(&str, &str); 5] = [
    ("Tasks", "Submit, follow, find and cancel."),
    ("Groups", "What the nodes hold, drift and repair."),
    ("Dead letters", "Nodes that could not be put back."),
    ("Callbacks", "Telling somebody that a task has ended."),
    ("Operation", "Health, metrics, pause and sweep."),
];

/// What a route is about; one of the tags.
fn tag(route: &Route) -> &'static str {
    let part = route.path.split('/').nth(1).unwrap_or_default();
    match part {
        "groups" if route.path.starts_with("/groups/by-id") || route.path == "/groups" => "Groups",
        "groups" | "tasks" => "Tasks",
        "dead-letters" => "Dead letters",
        "callbacks" => "Callbacks",
        _ => "Operation",
    }
}

fn parameter_name(path: &str) -> Option<&str> {
    path.split('/').find_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

/// One route's description as it grows.
pub(crate) struct Description<'a> {
    document: &'a mut Document,
    route: &'a Route,
    operation: Map<String, Value>,
    parameters: Vec<Value>,
    answers: Map<String, Value>,
    kinds: Vec<&'static Kind>,
}

impl Description<'_> {
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
        let schema = self.document.schemas.subschema_for::<T>();
        self.operation.insert(
            "requestBody".to_owned(),
            json!({ "required": true, "content": { "application/json": { "schema": schema } } }),
        );
        self
    }

    pub(crate) fn answer<T: JsonSchema>(mut self, status: u16, about: &str) -> Self {
        // Answers are what is written, not what is read: every field is there.
        let schema: Schema = self.document.schemas.subschema_for::<T>();
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

    pub(crate) fn problems(mut self, kinds: &[&'static Kind]) -> Self {
        self.kinds.extend(kinds);
        self
    }

    /// Adds what any route may answer, and puts the description into the document.
    pub(crate) fn end(mut self) {
        let needs_store = self.route.path != operate::HEALTH.path;
        if needs_store {
            self.kinds.extend([
                &problem_kinds::BAD_SETTING,
                &problem_kinds::INTERNAL,
                &problem_kinds::REDIS_AWAY,
            ]);
        }
        if self.route.role.is_some() {
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
        let path = self.document.paths.entry(self.route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            let method = self.route.method.as_str().to_lowercase();
            path.insert(method, self.operation.into());
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ROUTES;

    #[test]
    fn every_route_is_documented_and_nothing_else() {
        let document = openapi();
        let paths = document.get("paths").and_then(Value::as_object).unwrap();
        let mut documented: Vec<String> = paths
            .iter()
            .flat_map(|(path, methods)| {
                let methods = methods.as_object().unwrap();
                methods.keys().map(move |method| format!("{} {path}", method.to_uppercase()))
            })
            .collect();
        let mut served: Vec<String> =
            ROUTES.iter().map(|route| format!("{} {}", route.method, route.path)).collect();
        documented.sort();
        served.sort();
        assert_eq!(documented, served);
    }

    #[test]
    fn names_are_those_that_the_routes_send() {
        let document = openapi();
        let names = |schema: &str| -> Vec<String> {
            let schema = &document["components"]["schemas"][schema];
            let listed = schema["enum"].as_array().cloned().unwrap_or_default();
            let described = schema["oneOf"].as_array().cloned().unwrap_or_default();
            let described = described.iter().flat_map(|entry| {
                let one = entry.get("const").cloned();
                let many = entry["enum"].as_array().cloned().unwrap_or_default();
                one.into_iter().chain(many).collect::<Vec<_>>()
            });
            let mut names: Vec<String> = listed
                .iter()
                .cloned()
                .chain(described)
                .filter_map(|name| name.as_str().map(str::to_owned))
                .collect();
            names.sort();
            names
        };
        let mut states: Vec<&str> = saga::ClientState::ALL.iter().map(|s| s.name()).collect();
        states.sort_unstable();
        assert_eq!(names("State"), states);
        assert_eq!(names("Operation"), ["create", "delete"]);
        assert_eq!(names("Presence"), ["absent", "present"]);
        assert_eq!(names("Phase").len(), 7);
        assert_eq!(names("NodeState").len(), 9);
    }

    #[test]
    fn every_kind_of_problem_is_documented_somewhere() {
        let text = openapi().to_string();
        // These belong to no route in particular.
        let general = ["bad-request", "no-such-route", "method-not-allowed"];
        for kind in problem_kinds::KINDS.iter().filter(|kind| !general.contains(&kind.slug)) {
            assert!(text.contains(&format!("(#problem-{})", kind.slug)), "{}", kind.slug);
        }
    }
}
