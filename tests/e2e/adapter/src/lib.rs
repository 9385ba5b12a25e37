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
        let method = if operation == Operation::Create { "POST" } else { "DELETE" };
        let body = serde_json::json!({ "groupId": group_id }).to_string();
        Ok(request(method, "/v1/group/".to_owned(), body, false))
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        Ok(request("GET", format!("/v1/group/{group_id}"), String::new(), true))
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

fn request(method: &str, path_with_query: String, body: String, reads_body: bool) -> Request {
    let (method, body) = (method.to_owned(), body.into_bytes());
    Request { method, path_with_query, headers: Vec::new(), body, reads_body }
}
