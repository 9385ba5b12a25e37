//! An adapter for nodes whose statuses say little: whether a node holds a group it tells from the body
//! of the answer alone. For end-to-end tests of what stands in for the default adapter, and an example
//! for adapters of one's own.

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../../wit", world: "node-adapter" });
}

use bindings::exports::muster::node::adapter::{
    Answer, Failure, Finding, Guest, Operation, Operations, Request, Retry, Setting, Verdict,
    Wanted,
};
use serde_json::Value;

struct ReadsBodies;

bindings::export!(ReadsBodies with_types_in bindings);

/// How much of an inspection's answer is read.
const BODY_BYTES: u32 = 1024;

impl Guest for ReadsBodies {
    fn configure(options: Vec<Setting>) -> Result<(), String> {
        match options.first() {
            None => Ok(()),
            Some(Setting { name, .. }) => Err(format!("{name:?} is no option; there are none")),
        }
    }

    fn check_group_id(group_id: String) -> Result<(), String> {
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        if group_id.bytes().all(is_plain) {
            return Ok(());
        }
        Err("these nodes take letters, digits and hyphens only".to_owned())
    }

    /// A 200 to a create may mean that the group was there before.
    fn conclusive_operations() -> Operations {
        Operations::empty()
    }

    fn prepare(operation: Operation, group_id: String) -> Result<Request, String> {
        Self::check_group_id(group_id.clone())?;
        let method = if operation == Operation::Create { "POST" } else { "DELETE" };
        let body = serde_json::json!({ "groupId": group_id }).to_string();
        Ok(request(method, "/v1/group/".to_owned(), body, Vec::new()))
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        Self::check_group_id(group_id.clone())?;
        let wanted = Wanted {
            status_from: 200,
            status_to: 499,
            headers: Vec::new(),
            body_bytes: BODY_BYTES,
        };
        Ok(request("GET", format!("/v1/group/{group_id}"), String::new(), vec![wanted]))
    }

    fn interpret(_operation: Operation, _group_id: String, answer: Answer) -> Verdict {
        match answer.status {
            200 | 201 => Verdict::AsAsked,
            400..500 => Verdict::Refused(failure("the node refuses")),
            _ => Verdict::Unknown(failure("the node is in trouble")),
        }
    }

    fn interpret_inspection(group_id: String, answer: Answer) -> Finding {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let text = |name: &str| body.get(name).and_then(Value::as_str);
        match (text("groupId"), text("error")) {
            (Some(held), _) if held == group_id => Finding::Present,
            (None, Some("no such group")) => Finding::Absent,
            _ => Finding::Unclear(failure("the body does not tell")),
        }
    }
}

fn failure(reason: &str) -> Failure {
    Failure { reason: reason.to_owned(), retry: Retry::ByStatus }
}

fn request(method: &str, path_with_query: String, body: String, wanted: Vec<Wanted>) -> Request {
    let (method, body) = (method.to_owned(), body.into_bytes());
    Request { method, path_with_query, headers: Vec::new(), body, wanted }
}
