//! Whether an answer is the cluster manager's own, or that of something in between: an ingress, a
//! proxy, a login page, or the node's web framework when the path is wrong.
//!
//! The node API answers in JSON, and what stands in between seldom does. Where it does, it says that
//! it knows no such *route*: these answers are known by their text.

use serde_json::Value;

use crate::answer::NodeResponse;

/// Bodies of a 404 that speak of a route, not of a group: a field and its whole text. Of gateways
/// (Kong, APISIX, Amazon's), and of a Muster that is taken for a node.
const NO_SUCH_ROUTE: [(&str, &str); 4] = [
    ("message", "no Route matched with those values"),
    ("error_msg", "404 Route Not Found"),
    ("message", "Missing Authentication Token"),
    ("type", "/docs#problem-no-such-route"),
];

/// Bodies of a 404 that say no more than the status. Web frameworks (FastAPI, NestJS and others) say this
/// of a path that they do not know, and of whatever else is not found when they are not told what to
/// say.
const BARE: [(&str, &str); 2] = [("detail", "Not Found"), ("message", "Not Found")];

/// Whose an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    Node,
    /// Nothing shows that it is the node's, and nothing that it is not.
    Unknown,
    Stranger,
}

/// Whether an answer to a change says by its type that it is no answer of the node API. An answer
/// without a type may be one.
pub(crate) fn is_other_type(answer: &NodeResponse) -> bool {
    answer.header("content-type").is_some_and(|kind| !is_json(kind))
}

/// Whose the answer to an inspection is.
pub(crate) fn origin(answer: &NodeResponse) -> Origin {
    let kind = answer.header("content-type");
    let says_json = kind.is_some_and(is_json);
    let is_empty = answer.body_is_whole && answer.body.trim_ascii().is_empty();
    if is_empty && kind.is_none() {
        return Origin::Unknown;
    }
    // What is cut off is taken at its type's word.
    if is_empty || !answer.body_is_whole {
        return if says_json { Origin::Node } else { Origin::Stranger };
    }
    let Ok(body) = serde_json::from_slice::<Value>(&answer.body) else { return Origin::Stranger };
    let says = |(field, text): &(&str, &str)| body.get(field).and_then(Value::as_str) == Some(text);
    // Spring's error page in JSON names the path that nothing answers to.
    let is_error_page = ["timestamp", "status", "path"].iter().all(|name| body.get(name).is_some());
    if is_error_page || NO_SUCH_ROUTE.iter().any(says) {
        Origin::Stranger
    } else if BARE.iter().any(says) {
        Origin::Unknown
    } else {
        Origin::Node
    }
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

    const JSON: Option<&str> = Some("application/json");

    #[test]
    fn json_is_the_nodes_own_and_nothing_else_is() {
        for (content_type, body, expected) in [
            (JSON, r#"{"error":"no such group"}"#, Origin::Node),
            (Some("application/json; charset=utf-8"), "null", Origin::Node),
            (Some("Application/Problem+JSON"), r#"{"title":"Not Found"}"#, Origin::Node),
            (JSON, "", Origin::Node),
            (None, r#"{"detail":"Group not found"}"#, Origin::Node),
            (Some("text/plain; charset=utf-8"), "{\"groupId\":\"g\"}\n", Origin::Node),
            (None, "", Origin::Unknown),
            (JSON, r#"{"detail":"Not Found"}"#, Origin::Unknown),
            (JSON, r#"{"statusCode":404,"message":"Not Found"}"#, Origin::Unknown),
            (Some("text/html"), "", Origin::Stranger),
            (Some("text/html"), "<html><h1>404</h1><hr>nginx</html>", Origin::Stranger),
            (Some("text/plain; charset=utf-8"), "404 page not found\n", Origin::Stranger),
            (Some("text/plain"), "default backend - 404", Origin::Stranger),
            (JSON, "<html>", Origin::Stranger),
            (None, "Bad Request", Origin::Stranger),
            (JSON, r#"{"message":"no Route matched with those values"}"#, Origin::Stranger),
            (JSON, r#"{"error_msg":"404 Route Not Found"}"#, Origin::Stranger),
            (JSON, r#"{"timestamp":"x","status":404,"path":"/v1/group/g"}"#, Origin::Stranger),
            (JSON, r#"{"type":"/docs#problem-no-such-route"}"#, Origin::Stranger),
        ] {
            assert_eq!(origin(&answer(content_type, body)), expected, "{content_type:?} {body}");
        }
    }

    #[test]
    fn what_is_cut_off_is_taken_at_its_types_word() {
        let cut = |content_type| NodeResponse {
            body_is_whole: false,
            ..answer(content_type, "{\"groupId\":\"g\",\"mem")
        };
        assert_eq!(origin(&cut(JSON)), Origin::Node);
        assert_eq!(origin(&cut(Some("text/html"))), Origin::Stranger);
        assert_eq!(origin(&cut(None)), Origin::Stranger);
    }
}
