//! What several routes read in the same way: fields of JSON bodies, ids, filters.

use saga::{NODE_ADDRESS_BYTES_MAX, Operation};
use serde_json::{Map, Value};
use uuid::Uuid;

use crate::json;
use crate::limits::GROUP_ID_CHARS_MAX;
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind, Query};

pub(crate) static GROUP_ID: Param = Param {
    name: "group_id",
    kind: ParamKind::Text { chars_max: GROUP_ID_CHARS_MAX },
    about: "Only those of this group.",
};
pub(crate) static OPERATION: Param = Param {
    name: "operation",
    kind: ParamKind::Choice(&["create", "delete"]),
    about: "Only those of this operation.",
};
pub(crate) static NODE: Param = Param {
    name: "node",
    kind: ParamKind::Text { chars_max: NODE_ADDRESS_BYTES_MAX },
    about: "Only those that deal with this node, as the setting nodes names it.",
};

/// The operation whose tasks or dead letters a query selects.
pub(crate) fn operation(query: &Query) -> Result<Option<Operation>, Problem> {
    Ok(query.choice(&OPERATION)?.and_then(Operation::from_name))
}

/// The fields of a body that describes one task.
pub(crate) fn json_object(body: &[u8]) -> Result<Map<String, Value>, Problem> {
    match json::read(body)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(bad_group_id("The body is JSON, but not an object.")),
    }
}

/// Takes the field `group_id`.
pub(crate) fn group_id_field(fields: &mut Map<String, Value>) -> Result<String, Problem> {
    match fields.remove("group_id") {
        Some(Value::String(text)) => group_id(text),
        Some(_) => Err(bad_group_id("The group_id is not a string.")),
        None => Err(bad_group_id("The group_id is missing.")),
    }
}

/// `text`, if it can be a group's id.
pub(crate) fn group_id(text: String) -> Result<String, Problem> {
    if text.is_empty() {
        return Err(bad_group_id("The group_id is empty."));
    }
    let chars = text.chars().count();
    if chars > GROUP_ID_CHARS_MAX {
        return Err(bad_group_id(&format!(
            "The group_id has {chars} characters; at most {GROUP_ID_CHARS_MAX} are allowed."
        )));
    }
    if text.chars().any(char::is_control) {
        return Err(bad_group_id("The group_id contains a control character."));
    }
    Ok(text)
}

/// A task's id in the one form it is stored in; `None` for a text that cannot be any task's id.
pub(crate) fn task_id(text: &str) -> Option<String> {
    Uuid::try_parse(text).ok().map(|id| id.to_string())
}

fn bad_group_id(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_GROUP_ID, detail)
}

pub(crate) fn bad_field(detail: &str) -> Problem {
    Problem::new(&problem_kinds::BAD_FIELD, detail)
}
