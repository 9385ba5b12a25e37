//! How problems are described: one answer for all, and a header more for those that have one.

use http::StatusCode;
use serde_json::{Map, Value, json};

/// The answer of a status that has a header of its own.
struct Special {
    name: &'static str,
    status: StatusCode,
    header: &'static str,
    about: &'static str,
    is_always_there: bool,
}

const PLAIN: &str = "Problem";

const SPECIAL: [Special; 3] = [
    Special {
        name: "Unauthorized",
        status: StatusCode::UNAUTHORIZED,
        header: "WWW-Authenticate",
        about: "How to show a token.",
        is_always_there: true,
    },
    Special {
        name: "TooManyRequests",
        status: StatusCode::TOO_MANY_REQUESTS,
        header: "Retry-After",
        about: "The seconds after which to try again.",
        is_always_there: true,
    },
    Special {
        name: "Unavailable",
        status: StatusCode::SERVICE_UNAVAILABLE,
        header: "Retry-After",
        about: "The seconds after which to try again, if that may help.",
        is_always_there: false,
    },
];

/// Where the description of a problem of this status is.
pub(super) fn reference(status: StatusCode) -> String {
    let special = SPECIAL.iter().find(|special| special.status == status);
    format!("#/components/responses/{}", special.map_or(PLAIN, |special| special.name))
}

/// All answers that [`reference`] names, for problems of this schema.
pub(super) fn answers(schema: &Value) -> Map<String, Value> {
    let answer = |name: &str, headers: Value| {
        let answer = json!({
            "description": "A problem, with what to do next (RFC 9457).",
            "headers": headers,
            "content": { "application/problem+json": { "schema": schema } },
        });
        (name.to_owned(), with_time(answer))
    };
    let special = SPECIAL.iter().map(|special| {
        let Special { name, header, about, is_always_there, .. } = special;
        let header = json!({
            *header: {
                "description": about, "required": is_always_there, "schema": { "type": "string" },
            },
        });
        answer(name, header)
    });
    std::iter::once(answer(PLAIN, json!({}))).chain(special).collect()
}

/// Adds the header that every answer has.
pub(super) fn with_time(mut answer: Value) -> Value {
    let headers = answer
        .as_object_mut()
        .and_then(|answer| answer.entry("headers").or_insert_with(|| json!({})).as_object_mut());
    if let Some(headers) = headers {
        let reference = json!({ "$ref": "#/components/headers/ProcessTime" });
        headers.insert("X-Process-Time".to_owned(), reference);
    }
    answer
}

/// The headers that answers refer to.
pub(super) fn headers() -> Value {
    json!({
        "ProcessTime": {
            "description": "How long the answer took here.",
            "required": true,
            "schema": { "type": "string", "pattern": "^[0-9]+\\.[0-9]{4} sec$" },
            "example": "0.0123 sec",
        },
    })
}
