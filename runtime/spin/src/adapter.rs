//! The node adapter that is composed into the component.

use node_adapter::{Adapter, Finding, PreparedRequest, Verdict};
use saga::{Operation, Verb};

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-caller" });
}

use bindings::muster::node::adapter;

/// Whatever `[component.*.dependencies]` in the manifest names as `muster:node/adapter`.
#[derive(Clone, Copy, Debug)]
pub struct ComposedAdapter;

impl Adapter for ComposedAdapter {
    fn prepare(&self, verb: Verb, group_id: &str) -> Result<PreparedRequest, String> {
        let request = match verb {
            Verb::Inspect => adapter::prepare_inspection(group_id)?,
            Verb::Change(operation) => adapter::prepare(translate(operation), group_id)?,
        };
        let adapter::Request { method, path_with_query, headers, body, reads_body } = request;
        Ok(PreparedRequest { method, path_with_query, headers, body, reads_body })
    }

    fn interpret(&self, operation: Operation, status: u16, body: &[u8]) -> Verdict {
        match adapter::interpret(translate(operation), status, body) {
            adapter::Verdict::Applied => Verdict::Applied,
            adapter::Verdict::Unchanged => Verdict::Unchanged,
            adapter::Verdict::Refused(reason) => Verdict::Refused(reason),
            adapter::Verdict::Inspect(reason) => Verdict::Inspect(reason),
            adapter::Verdict::Unknown(reason) => Verdict::Unknown(reason),
        }
    }

    fn interpret_inspection(&self, status: u16, body: &[u8]) -> Finding {
        match adapter::interpret_inspection(status, body) {
            adapter::Finding::Present => Finding::Present,
            adapter::Finding::Absent => Finding::Absent,
            adapter::Finding::Unclear(reason) => Finding::Unclear(reason),
        }
    }
}

fn translate(operation: Operation) -> adapter::Operation {
    match operation {
        Operation::Create => adapter::Operation::Create,
        Operation::Delete => adapter::Operation::Delete,
    }
}
