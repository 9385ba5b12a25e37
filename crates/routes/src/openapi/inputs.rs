//! What a request may hold, as JSON Schema says it: parameters of the path, of the query, and
//! headers.

use serde_json::{Value, json};
use store::CURSOR_PATTERN;

use crate::headers::HeaderParam;
use crate::limits::GROUP_ID_CHARS_MAX;
use crate::query::{Param, ParamKind, TEXT_PATTERN};

/// The parameter of a path, by its name.
pub(super) fn path(name: &str) -> Value {
    let (schema, example) = match name {
        "task_id" => {
            (json!({ "type": "string", "format": "uuid" }), "6f1c24f6-9a39-4a3b-8b0c-6f1d8a3a2f10")
        }
        "group_id" => (text(GROUP_ID_CHARS_MAX), "team-b"),
        _ => (text(GROUP_ID_CHARS_MAX), "6f1c24f6-9a39-4a3b-8b0c-6f1d8a3a2f10:2"),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema, "example": example })
}

pub(super) fn query(param: &Param) -> Value {
    json!({
        "name": param.name,
        "in": "query",
        "description": param.about,
        "schema": param_schema(param.kind),
        // Choices are sent as one value with commas.
        "explode": false,
    })
}

pub(super) fn header(header: &HeaderParam) -> Value {
    let mut schema = json!({ "type": "string", "examples": [header.example] });
    if let (Some(pattern), Some(schema)) = (header.pattern, schema.as_object_mut()) {
        schema.insert("pattern".to_owned(), pattern.into());
    }
    json!({
        "name": header.name.as_str(), "in": "header", "description": header.about, "schema": schema,
    })
}

fn param_schema(kind: ParamKind) -> Value {
    match kind {
        ParamKind::Number { min, max } => {
            json!({ "type": "integer", "minimum": min, "maximum": max })
        }
        ParamKind::Flag => json!({ "type": "boolean", "default": false }),
        ParamKind::Text { chars_max } => text(chars_max),
        ParamKind::Choice(choices) => json!({ "type": "string", "enum": choices }),
        ParamKind::Choices(choices) => {
            json!({ "type": "array", "minItems": 1, "items": { "type": "string", "enum": choices } })
        }
        ParamKind::Cursor => json!({ "type": "string", "pattern": CURSOR_PATTERN }),
        ParamKind::Time => json!({ "type": "string", "format": "date-time" }),
    }
}

fn text(chars_max: usize) -> Value {
    json!({ "type": "string", "minLength": 1, "maxLength": chars_max, "pattern": TEXT_PATTERN })
}
