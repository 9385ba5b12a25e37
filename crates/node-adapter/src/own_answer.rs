//! Whether an answer is the cluster manager's own, or that of something in between: an ingress, a
//! proxy, a login page, or the node's web framework when the path is wrong.
//!
//! The node API answers in JSON, and what stands in between seldom does. Where it does, it says that
//! it knows no such *route*: these answers are known by their text.

use serde_json::Value;

use crate::answer::NodeResponse;

/// Bodies of a 404 that speak of a route, not of a group: a field and its whole text.
const NO_SUCH_ROUTE: [(&str, &str); 6] = [
    // FastAPI and Starlette.
    ("detail", "Not Found"),
    // Gateways: Amazon's (two of them), Kong's, APISIX's; and a Muster that is taken for a node.
    ("message", "Not Found"),
    ("message", "Missing Authentication Token"),
    ("message", "no Route matched with those values"),
    ("error_msg", "404 Route Not Found"),
    ("type", "/docs#problem-no-such-route"),
];

/// Whether an answer to a change says by its type that it is no answer of the node API. An answer
/// without a type may be one.
pub(crate) fn is_other_type(answer: &NodeResponse) -> bool {
    answer.header("content-type").is_some_and(|kind| !is_json(kind))
}

/// Whether the answer to an inspection is JSON. What is cut off is taken at its type's word.
pub(crate) fn is_own(answer: &NodeResponse) -> bool {
    let says_json = answer.header("content-type").is_some_and(is_json);
    if answer.body.trim_ascii().is_empty() || !answer.body_is_whole {
        return says_json;
    }
    serde_json::from_slice::<Value>(&answer.body).is_ok_and(|body| !is_no_such_route(&body))
}

/// The group that the body speaks of, if it names one.
pub(crate) fn group_named(answer: &NodeResponse) -> Option<String> {
    let body: Value = serde_json::from_slice(&answer.body).ok()?;
    body.get("groupId")?.as_str().map(str::to_owned)
}

/// Whether a 404 is one of a router that knows no such path.
fn is_no_such_route(body: &Value) -> bool {
    let says = |(field, text): &(&str, &str)| body.get(field).and_then(Value::as_str) == Some(text);
    // Spring's error page in JSON names the path that nothing answers to.
    let is_error_page = ["timestamp", "status", "path"].iter().all(|name| body.get(name).is_some());
    NO_SUCH_ROUTE.iter().any(says) || is_error_page
}

/// Whether a content type is JSON: `application/json`, or one with the suffix `+json`.
fn is_json(content_type: &str) -> bool {
    let kind = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    kind == "application/json" || (kind.starts_with("application/") && kind.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(content_type: Option<&str>, body: &str) -> NodeResponse {
        let header = |kind: &str| ("content-type".to_owned(), kind.to_owned());
        NodeResponse {
            status: 404,
            headers: content_type.map(header).into_iter().collect(),
            body: body.into(),
            body_is_whole: true,
        }
    }

    #[test]
    fn json_is_the_nodes_own_and_nothing_else_is() {
        for (content_type, body) in [
            (Some("application/json"), r#"{"error":"no such group"}"#),
            (Some("application/json; charset=utf-8"), "null"),
            (Some("Application/Problem+JSON"), r#"{"title":"Not Found","status":404}"#),
            (Some("application/json"), ""),
            (None, r#"{"detail":"Group not found"}"#),
            (Some("text/plain; charset=utf-8"), "{\"groupId\":\"g\"}\n"),
        ] {
            assert!(is_own(&answer(content_type, body)), "{content_type:?} {body}");
        }
        for (content_type, body) in [
            (None, ""),
            (Some("text/html"), ""),
            (Some("text/html"), "<html><h1>404 Not Found</h1><hr>nginx</html>"),
            (Some("text/plain; charset=utf-8"), "404 page not found\n"),
            (Some("text/plain"), "default backend - 404"),
            (Some("application/json"), "<html>"),
            (None, "Bad Request"),
            (Some("application/json"), r#"{"detail":"Not Found"}"#),
            (Some("application/json"), r#"{"message":"no Route matched with those values"}"#),
            (Some("application/json"), r#"{"error_msg":"404 Route Not Found"}"#),
            (
                Some("application/json"),
                r#"{"timestamp":"x","status":404,"error":"Not Found","path":"/wrong/v1/group/g"}"#,
            ),
            (
                Some("application/problem+json"),
                r#"{"type":"/docs#problem-no-such-route","status":404}"#,
            ),
        ] {
            assert!(!is_own(&answer(content_type, body)), "{content_type:?} {body}");
        }
    }

    #[test]
    fn what_is_cut_off_is_taken_at_its_types_word() {
        let cut = |content_type| NodeResponse {
            body_is_whole: false,
            ..answer(Some(content_type), "{\"groupId\":\"g\",\"mem")
        };
        assert!(is_own(&cut("application/json")));
        assert!(!is_own(&cut("text/html")));
    }
}
