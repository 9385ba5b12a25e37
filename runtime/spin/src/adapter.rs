//! The node adapter that is composed into the component.

use node_adapter::{
    Adapter, Failure, Finding, NodeResponse, PreparedRequest, Retry, Verdict, Wanted,
};
use saga::{Operation, Verb};

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-caller" });
}

use bindings::muster::node::adapter;

/// Whatever `[component.*.dependencies]` in the manifest names as `muster:node/adapter`.
#[derive(Clone, Copy, Debug)]
pub struct ComposedAdapter(());

impl ComposedAdapter {
    /// The adapter with options, by name.
    ///
    /// # Errors
    /// The adapter's own reason why it does not take them.
    pub fn with(options: Vec<(String, String)>) -> Result<Self, String> {
        let setting = |(name, value)| adapter::Setting { name, value };
        let options: Vec<_> = options.into_iter().map(setting).collect();
        adapter::configure(&options).map(|()| Self(()))
    }
}

impl Adapter for ComposedAdapter {
    fn check_group_id(&self, group_id: &str) -> Result<(), String> {
        adapter::check_group_id(group_id)
    }

    fn is_conclusive(&self, operation: Operation) -> bool {
        adapter::conclusive_operations().contains(match operation {
            Operation::Create => adapter::Operations::CREATE,
            Operation::Delete => adapter::Operations::DELETE,
        })
    }

    fn prepare(&self, verb: Verb, group_id: &str) -> Result<PreparedRequest, String> {
        let request = match verb {
            Verb::Inspect => adapter::prepare_inspection(group_id)?,
            Verb::Change(operation) => adapter::prepare(translate(operation), group_id)?,
        };
        let adapter::Request { method, path_with_query, headers, body, wanted } = request;
        let wanted = wanted.into_iter().map(translate_wanted).collect();
        Ok(PreparedRequest { method, path_with_query, headers, body, wanted })
    }

    fn interpret(&self, operation: Operation, group_id: &str, answer: NodeResponse) -> Verdict {
        let answer = translate_answer(answer);
        match adapter::interpret(translate(operation), group_id, &answer) {
            adapter::Verdict::Applied => Verdict::Applied,
            adapter::Verdict::AsAsked => Verdict::AsAsked,
            adapter::Verdict::Unchanged => Verdict::Unchanged,
            adapter::Verdict::Refused(failure) => Verdict::Refused(translate_failure(failure)),
            adapter::Verdict::Inspect(failure) => Verdict::Inspect(translate_failure(failure)),
            adapter::Verdict::Foreign(failure) => Verdict::Foreign(translate_failure(failure)),
            adapter::Verdict::Unknown(failure) => Verdict::Unknown(translate_failure(failure)),
        }
    }

    fn interpret_inspection(&self, group_id: &str, answer: NodeResponse) -> Finding {
        match adapter::interpret_inspection(group_id, &translate_answer(answer)) {
            adapter::Finding::Present => Finding::Present,
            adapter::Finding::Absent => Finding::Absent,
            adapter::Finding::SeemsAbsent(failure) => {
                Finding::SeemsAbsent(translate_failure(failure))
            }
            adapter::Finding::Unclear(failure) => Finding::Unclear(translate_failure(failure)),
        }
    }
}

fn translate(operation: Operation) -> adapter::Operation {
    match operation {
        Operation::Create => adapter::Operation::Create,
        Operation::Delete => adapter::Operation::Delete,
    }
}

fn translate_wanted(wanted: adapter::Wanted) -> Wanted {
    let adapter::Wanted { status_from, status_to, headers, body_bytes } = wanted;
    Wanted { status_from, status_to, headers, body_bytes }
}

fn translate_answer(answer: NodeResponse) -> adapter::Answer {
    let NodeResponse { status, headers, body, body_is_whole } = answer;
    adapter::Answer { status, headers, body, body_is_whole }
}

fn translate_failure(failure: adapter::Failure) -> Failure {
    let retry = match failure.retry {
        adapter::Retry::ByStatus => Retry::ByStatus,
        adapter::Retry::Never => Retry::Never,
        adapter::Retry::Later => Retry::Later,
        adapter::Retry::After(seconds) => Retry::After(seconds),
    };
    Failure { reason: failure.reason, retry }
}
