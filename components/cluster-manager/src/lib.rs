//! The default node adapter as a component: [`node_adapter::ClusterManager`] behind `wit/world.wit`.

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-adapter" });
}

use bindings::exports::muster::node::adapter::{Finding, Guest, Operation, Request, Verdict};
use node_adapter::{Adapter as _, ClusterManager, PreparedRequest};
use saga::Verb;

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn prepare(operation: Operation, group_id: String) -> Result<Request, String> {
        prepare(Verb::Change(translate(operation)), &group_id)
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        prepare(Verb::Inspect, &group_id)
    }

    fn interpret(operation: Operation, status: u16, body: Vec<u8>) -> Verdict {
        match ClusterManager.interpret(translate(operation), status, &body) {
            node_adapter::Verdict::Applied => Verdict::Applied,
            node_adapter::Verdict::Unchanged => Verdict::Unchanged,
            node_adapter::Verdict::Refused(reason) => Verdict::Refused(reason),
            node_adapter::Verdict::Inspect(reason) => Verdict::Inspect(reason),
            node_adapter::Verdict::Unknown(reason) => Verdict::Unknown(reason),
        }
    }

    fn interpret_inspection(status: u16, body: Vec<u8>) -> Finding {
        match ClusterManager.interpret_inspection(status, &body) {
            node_adapter::Finding::Present => Finding::Present,
            node_adapter::Finding::Absent => Finding::Absent,
            node_adapter::Finding::Unclear(reason) => Finding::Unclear(reason),
        }
    }
}

fn prepare(verb: Verb, group_id: &str) -> Result<Request, String> {
    let PreparedRequest { method, path_with_query, headers, body, reads_body } =
        ClusterManager.prepare(verb, group_id)?;
    Ok(Request { method, path_with_query, headers, body, reads_body })
}

fn translate(operation: Operation) -> saga::Operation {
    match operation {
        Operation::Create => saga::Operation::Create,
        Operation::Delete => saga::Operation::Delete,
    }
}
