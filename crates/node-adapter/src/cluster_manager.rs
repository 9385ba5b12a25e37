//! The default node adapter: speaks the cluster manager's `/v1/group/` API.
//!
//! | call | answers |
//! | --- | --- |
//! | `POST /v1/group/` `{"groupId": …}` | 201 created · 400 exists already, or a bad request |
//! | `DELETE /v1/group/` `{"groupId": …}` | 200 deleted, or it was not there |
//! | `GET /v1/group/{groupId}` | 200 exists · 404 absent |

use saga::{Operation, Verb};

use crate::escape::path_segment;
use crate::{Adapter, Finding, PreparedRequest, Verdict};

const COLLECTION: &str = "/v1/group/";

/// The adapter that ships. It reads statuses alone, never a body.
#[derive(Clone, Copy, Debug)]
pub struct ClusterManager;

impl Adapter for ClusterManager {
    fn prepare(&self, verb: Verb, group_id: &str) -> Result<PreparedRequest, String> {
        match verb {
            Verb::Inspect => inspection(group_id),
            Verb::Change(Operation::Create) => Ok(change("POST", group_id)),
            Verb::Change(Operation::Delete) => Ok(change("DELETE", group_id)),
        }
    }

    fn interpret(&self, operation: Operation, status: u16, _body: &[u8]) -> Verdict {
        match (operation, status) {
            (Operation::Create, 200 | 201) | (Operation::Delete, 200 | 204) => Verdict::Applied,
            (Operation::Create, 400 | 409) => {
                Verdict::Inspect("the group exists already, or the request is bad".to_owned())
            }
            (Operation::Delete, 400 | 404) => {
                Verdict::Inspect("the group is not there, or the request is bad".to_owned())
            }
            // Passed on, redirected, or understood in some way this API does not have.
            (_, 100..400) => Verdict::Unknown("not an answer of the group API".to_owned()),
            (_, 400..500) => Verdict::Refused("the node refuses".to_owned()),
            _ => Verdict::Unknown("the node is in trouble".to_owned()),
        }
    }

    fn interpret_inspection(&self, status: u16, _body: &[u8]) -> Finding {
        match status {
            200 => Finding::Present,
            404 => Finding::Absent,
            500.. => Finding::Unclear("the node is in trouble".to_owned()),
            _ => Finding::Unclear("not an answer of the group API".to_owned()),
        }
    }
}

fn inspection(group_id: &str) -> Result<PreparedRequest, String> {
    // A URL's dot segments are resolved away before it is sent, escaped or not.
    if matches!(group_id, "." | "..") {
        return Err(format!("the group id {group_id:?} cannot be part of a URL"));
    }
    Ok(PreparedRequest {
        method: "GET".to_owned(),
        path_with_query: format!("{COLLECTION}{}", path_segment(group_id)),
        headers: Vec::new(),
        body: Vec::new(),
        reads_body: false,
    })
}

fn change(method: &str, group_id: &str) -> PreparedRequest {
    PreparedRequest {
        method: method.to_owned(),
        path_with_query: COLLECTION.to_owned(),
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: serde_json::json!({ "groupId": group_id }).to_string().into_bytes(),
        reads_body: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const INSPECT: fn(String) -> Verdict = Verdict::Inspect;

    #[test]
    fn each_verb_is_a_request_of_the_group_api() {
        let inspect = ClusterManager.prepare(Verb::Inspect, "a/b").unwrap();
        assert_eq!((inspect.method.as_str(), inspect.body.as_slice()), ("GET", &b""[..]));
        assert_eq!(inspect.path_with_query, "/v1/group/a%2Fb");
        for (operation, method) in [(Operation::Create, "POST"), (Operation::Delete, "DELETE")] {
            let request = ClusterManager.prepare(Verb::Change(operation), "a\"b").unwrap();
            assert_eq!(request.method, method);
            assert_eq!(request.path_with_query, "/v1/group/");
            assert_eq!(
                request.headers,
                [("content-type".to_owned(), "application/json".to_owned())]
            );
            assert_eq!(request.body, br#"{"groupId":"a\"b"}"#);
        }
    }

    #[test]
    fn an_id_that_a_url_cannot_hold_is_refused_before_anything_is_sent() {
        for group_id in [".", ".."] {
            let refused = ClusterManager.prepare(Verb::Inspect, group_id).unwrap_err();
            assert!(refused.contains(group_id), "{refused}");
        }
        assert!(ClusterManager.prepare(Verb::Inspect, "...").is_ok());
    }

    /// 400, 404 and 409 mean what they mean for that operation, and no more.
    #[test]
    fn an_answer_is_judged_by_operation_and_status() {
        let applied = |_| Verdict::Applied;
        for (operation, status, expected) in [
            (Operation::Create, 200, applied as fn(String) -> Verdict),
            (Operation::Create, 201, applied),
            (Operation::Create, 204, Verdict::Unknown),
            (Operation::Create, 301, Verdict::Unknown),
            (Operation::Create, 400, INSPECT),
            (Operation::Create, 404, Verdict::Refused),
            (Operation::Create, 409, INSPECT),
            (Operation::Create, 429, Verdict::Refused),
            (Operation::Create, 500, Verdict::Unknown),
            (Operation::Delete, 200, applied),
            (Operation::Delete, 201, Verdict::Unknown),
            (Operation::Delete, 204, applied),
            (Operation::Delete, 400, INSPECT),
            (Operation::Delete, 404, INSPECT),
            (Operation::Delete, 409, Verdict::Refused),
            (Operation::Delete, 503, Verdict::Unknown),
            (Operation::Delete, 999, Verdict::Unknown),
        ] {
            let verdict = ClusterManager.interpret(operation, status, b"");
            let reason = match &verdict {
                Verdict::Refused(reason) | Verdict::Inspect(reason) | Verdict::Unknown(reason) => {
                    reason.clone()
                }
                Verdict::Applied | Verdict::Unchanged => String::new(),
            };
            assert_eq!(verdict, expected(reason), "{operation:?} {status}");
        }
    }

    #[test]
    fn only_200_and_404_tell_what_a_node_holds() {
        for status in [100, 201, 204, 301, 400, 403, 410, 500, 503, 999] {
            let finding = ClusterManager.interpret_inspection(status, b"");
            assert!(matches!(finding, Finding::Unclear(_)), "{status}: {finding:?}");
        }
        assert_eq!(ClusterManager.interpret_inspection(200, b"no"), Finding::Present);
        assert_eq!(ClusterManager.interpret_inspection(404, b""), Finding::Absent);
    }
}
