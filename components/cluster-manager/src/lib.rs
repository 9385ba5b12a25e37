//! The default node adapter: speaks the cluster manager's `/v1/group/` API.
//!
//! | call | answers |
//! | --- | --- |
//! | `POST /v1/group/` `{"groupId": …}` | 201 created · 400 exists already, or a bad request |
//! | `DELETE /v1/group/` `{"groupId": …}` | 200 deleted, or it was not there |
//! | `GET /v1/group/{groupId}` | 200 exists · 404 absent |

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-adapter" });
}
mod escape;

use bindings::exports::muster::node::adapter::{Finding, Guest, Operation, Request, Verdict};

struct ClusterManager;

bindings::export!(ClusterManager with_types_in bindings);

impl Guest for ClusterManager {
    fn prepare(operation: Operation, group_id: String) -> Result<Request, String> {
        let method = match operation {
            Operation::Create => "POST",
            Operation::Delete => "DELETE",
        };
        Ok(Request {
            method: method.to_owned(),
            path_with_query: "/v1/group/".to_owned(),
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: serde_json::json!({ "groupId": group_id }).to_string().into_bytes(),
            reads_body: false,
        })
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        // A URL's dot segments are resolved away before it is sent, escaped or not.
        if matches!(group_id.as_str(), "." | "..") {
            return Err(format!("the group id {group_id:?} cannot be part of a URL"));
        }
        Ok(Request {
            method: "GET".to_owned(),
            path_with_query: format!("/v1/group/{}", escape::path_segment(&group_id)),
            headers: Vec::new(),
            body: Vec::new(),
            reads_body: false,
        })
    }

    fn interpret(operation: Operation, status: u16, _body: Vec<u8>) -> Verdict {
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

    fn interpret_inspection(status: u16, _body: Vec<u8>) -> Finding {
        match status {
            200 => Finding::Present,
            404 => Finding::Absent,
            500.. => Finding::Unclear("the node is in trouble".to_owned()),
            _ => Finding::Unclear("not an answer of the group API".to_owned()),
        }
    }
}
