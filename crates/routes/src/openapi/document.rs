//! The whole document: every route's description, and what they share.

use http::Method;
use schemars::generate::{SchemaGenerator, SchemaSettings};
use serde_json::{Map, Value, json};

use super::description::Description;
use super::problems;
use crate::problem::ProblemAnswer;
use crate::route::Route;

/// The parts of the document's table of contents.
const TAGS: [(&str, &str); 5] = [
    ("Tasks", "Submit, follow, find and cancel."),
    ("Groups", "What the nodes hold, drift and repair."),
    ("Dead letters", "Nodes that could not be put back."),
    ("Callbacks", "Telling somebody that a task has ended."),
    ("Operation", "Health, metrics, pause and sweep."),
];

/// What a route is about; one of the tags.
fn tag(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "groups" if path.starts_with("/groups/by-id") || path == "/groups" => "Groups",
        "groups" | "tasks" => "Tasks",
        "dead-letters" => "Dead letters",
        "callbacks" => "Callbacks",
        _ => "Operation",
    }
}

/// The document as it grows.
pub(crate) struct Document {
    schemas: SchemaGenerator,
    paths: Map<String, Value>,
}

impl Document {
    pub(crate) fn new() -> Self {
        let settings = SchemaSettings::draft2020_12().with(|settings| {
            settings.definitions_path = "/components/schemas".into();
        });
        Self { schemas: settings.into_generator(), paths: Map::new() }
    }

    /// Adds a route, as `describe` describes it.
    pub(crate) fn add<N>(
        &mut self,
        route: &Route<N>,
        describe: impl FnOnce(Description<'_>) -> Description<'_>,
    ) {
        let description = Description::new(&mut self.schemas, route.path, tag(route.path));
        let operation =
            describe(description).finish(route.role.is_some(), route.method != Method::GET);
        let path = self.paths.entry(route.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(route.method.as_str().to_lowercase(), operation);
        }
    }

    /// The document, as JSON.
    pub(crate) fn finish(mut self) -> Value {
        let problem = self.schemas.subschema_for::<ProblemAnswer>();
        json!({
            "openapi": "3.1.0",
            "info": {
                "title": "Muster",
                "version": env!("CARGO_PKG_VERSION"),
                "summary": "Create or delete a group on every node of a cluster, or on none.",
                "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
            },
            "tags": TAGS.map(|(name, about)| json!({ "name": name, "description": about })),
            "paths": self.paths,
            "components": {
                "schemas": self.schemas.take_definitions(true),
                "responses": problems::answers(&problem.to_value()),
                "headers": problems::headers(),
                "securitySchemes": {
                    "bearer": {
                        "type": "http",
                        "scheme": "bearer",
                        "description": "A token of the setting api_tokens; none is needed while \
                                        that is not set.",
                    },
                },
            },
        })
    }
}
