//! An adapter for nodes whose statuses say little: whether a node holds a group it tells from the body
//! of the answer alone. For end-to-end tests of what stands in for the default adapter.

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "node-adapter" });
}

use bindings::exports::muster::node::adapter::{Finding, Guest, Operation, Request, Verdict};
use serde_json::Value;

struct ReadsBodies;

bindings::export!(ReadsBodies with_types_in bindings);

impl Guest for ReadsBodies {
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
        Ok(Request {
            method: "GET".to_owned(),
            path_with_query: format!("/v1/group/{group_id}"),
            headers: Vec::new(),
            body: Vec::new(),
            reads_body: true,
        })
    }

    fn interpret(_operation: Operation, status: u16, _body: Vec<u8>) -> Verdict {
        match status {
            200 | 201 => Verdict::Applied,
            _ => Verdict::Refused("the node refuses".to_owned()),
        }
    }

    fn interpret_inspection(_status: u16, body: Vec<u8>) -> Finding {
        let body: Value = serde_json::from_slice(&body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        match (text("groupId"), text("error")) {
            (Some(_), _) => Finding::Present,
            (None, Some("no such group")) => Finding::Absent,
            _ => Finding::Unclear("the body does not tell".to_owned()),
        }
    }
}
