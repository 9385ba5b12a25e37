//! The default node adapter as a component: [`node_adapter::ClusterManager`] behind `wit/world.wit`.

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-adapter" });
}

use std::cell::RefCell;

use bindings::exports::muster::node::adapter::{
    Answer, Failure, Finding, Guest, Operation, Operations, Request, Retry, Setting, Verdict,
    Wanted,
};
use node_adapter::{Adapter as _, ClusterManager, NodeResponse, PreparedRequest};
use saga::Verb;

thread_local! {
    /// The adapter as this instance is configured.
    static ADAPTER: RefCell<ClusterManager> = RefCell::default();
}

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn configure(options: Vec<Setting>) -> Result<(), String> {
        let options: Vec<_> =
            options.into_iter().map(|Setting { name, value }| (name, value)).collect();
        ADAPTER.set(ClusterManager::with(&options)?);
        Ok(())
    }

    fn check_group_id(group_id: String) -> Result<(), String> {
        ADAPTER.with_borrow(|adapter| adapter.check_group_id(&group_id))
    }

    fn conclusive_operations() -> Operations {
        let all = [
            (saga::Operation::Create, Operations::CREATE),
            (saga::Operation::Delete, Operations::DELETE),
        ];
        ADAPTER.with_borrow(|adapter| {
            let conclusive = all.iter().filter(|(operation, _)| adapter.is_conclusive(*operation));
            conclusive.fold(Operations::empty(), |flags, (_, flag)| flags | *flag)
        })
    }

    fn prepare(operation: Operation, group_id: String) -> Result<Request, String> {
        prepare(Verb::Change(translate(operation)), &group_id)
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        prepare(Verb::Inspect, &group_id)
    }

    fn interpret(operation: Operation, group_id: String, answer: Answer) -> Verdict {
        let (operation, answer) = (translate(operation), translate_answer(answer));
        match ADAPTER.with_borrow(|adapter| adapter.interpret(operation, &group_id, answer)) {
            node_adapter::Verdict::Applied => Verdict::Applied,
            node_adapter::Verdict::AsAsked => Verdict::AsAsked,
            node_adapter::Verdict::Unchanged => Verdict::Unchanged,
            node_adapter::Verdict::Refused(failure) => Verdict::Refused(translate_failure(failure)),
            node_adapter::Verdict::Inspect(failure) => Verdict::Inspect(translate_failure(failure)),
            node_adapter::Verdict::Foreign(failure) => Verdict::Foreign(translate_failure(failure)),
            node_adapter::Verdict::Unknown(failure) => Verdict::Unknown(translate_failure(failure)),
        }
    }

    fn interpret_inspection(group_id: String, answer: Answer) -> Finding {
        let answer = translate_answer(answer);
        match ADAPTER.with_borrow(|adapter| adapter.interpret_inspection(&group_id, answer)) {
            node_adapter::Finding::Present => Finding::Present,
            node_adapter::Finding::Absent => Finding::Absent,
            node_adapter::Finding::SeemsAbsent(failure) => {
                Finding::SeemsAbsent(translate_failure(failure))
            }
            node_adapter::Finding::Unclear(failure) => Finding::Unclear(translate_failure(failure)),
        }
    }
}

fn prepare(verb: Verb, group_id: &str) -> Result<Request, String> {
    let PreparedRequest { method, path_with_query, headers, body, wanted } =
        ADAPTER.with_borrow(|adapter| adapter.prepare(verb, group_id))?;
    let wanted = wanted.into_iter().map(translate_wanted).collect();
    Ok(Request { method, path_with_query, headers, body, wanted })
}

fn translate(operation: Operation) -> saga::Operation {
    match operation {
        Operation::Create => saga::Operation::Create,
        Operation::Delete => saga::Operation::Delete,
    }
}

fn translate_wanted(wanted: node_adapter::Wanted) -> Wanted {
    let node_adapter::Wanted { status_from, status_to, headers, body_bytes } = wanted;
    Wanted { status_from, status_to, headers, body_bytes }
}

fn translate_answer(answer: Answer) -> NodeResponse {
    let Answer { status, headers, body, body_is_whole } = answer;
    NodeResponse { status, headers, body, body_is_whole }
}

fn translate_failure(failure: node_adapter::Failure) -> Failure {
    let retry = match failure.retry {
        node_adapter::Retry::ByStatus => Retry::ByStatus,
        node_adapter::Retry::Never => Retry::Never,
        node_adapter::Retry::Later => Retry::Later,
        node_adapter::Retry::After(seconds) => Retry::After(seconds),
    };
    Failure { reason: failure.reason, retry }
}
