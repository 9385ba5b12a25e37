//! The default node adapter as a component: [`node_adapter::ClusterManager`] behind `wit/world.wit`.
//!
//! As a component it does without the standard library and so imports nothing at all, not even what
//! that wants for a panic. Spin puts a guard of its own before a dependency that imports something it
//! must not have, and making an instance of that guard for each request takes the API 0.1 ms.

#![cfg_attr(target_family = "wasm", no_std)]

extern crate alloc;

#[cfg(target_family = "wasm")]
mod no_std;

mod bindings {
    #![allow(missing_docs, clippy::all, clippy::pedantic, unreachable_pub, reason = "generated")]
    wit_bindgen::generate!({ path: "../../wit", world: "node-adapter" });
}

use alloc::string::String;
use alloc::vec::Vec;
use core::cell::RefCell;

use bindings::exports::muster::node::adapter::{
    Answer, Failure, Finding, Guest, Operation, Operations, Request, Retry, Setting, Verdict,
    Wanted,
};
use node_adapter::{Adapter as _, ClusterManager, NodeResponse, PreparedRequest};

/// The adapter as this instance is configured; as it is without options until then.
struct Configured(RefCell<Option<ClusterManager>>);

// SAFETY: an instance of a component has one thread.
#[expect(unsafe_code, reason = "the standard library's thread_local is not there")]
unsafe impl Sync for Configured {}

static CONFIGURED: Configured = Configured(RefCell::new(None));

impl Configured {
    fn with<R>(&self, ask: impl FnOnce(&ClusterManager) -> R) -> R {
        match self.0.borrow().as_ref() {
            Some(adapter) => ask(adapter),
            None => ask(&ClusterManager::default()),
        }
    }
}

struct Component;

bindings::export!(Component with_types_in bindings);

impl Guest for Component {
    fn configure(options: Vec<Setting>) -> Result<(), String> {
        let options: Vec<_> =
            options.into_iter().map(|Setting { name, value }| (name, value)).collect();
        CONFIGURED.0.replace(Some(ClusterManager::with(&options)?));
        Ok(())
    }

    fn check_group_id(group_id: String) -> Result<(), String> {
        CONFIGURED.with(|adapter| adapter.check_group_id(&group_id))
    }

    fn conclusive_operations() -> Operations {
        let all = [
            (node_adapter::Operation::Create, Operations::CREATE),
            (node_adapter::Operation::Delete, Operations::DELETE),
        ];
        CONFIGURED.with(|adapter| {
            let conclusive = all.iter().filter(|(operation, _)| adapter.is_conclusive(*operation));
            conclusive.fold(Operations::empty(), |flags, (_, flag)| flags | *flag)
        })
    }

    fn prepare(operation: Operation, group_id: String) -> Result<Request, String> {
        let prepared = CONFIGURED.with(|adapter| adapter.prepare(translate(operation), &group_id));
        prepared.map(translate_request)
    }

    fn prepare_inspection(group_id: String) -> Result<Request, String> {
        CONFIGURED.with(|adapter| adapter.prepare_inspection(&group_id)).map(translate_request)
    }

    fn interpret(operation: Operation, group_id: String, answer: Answer) -> Verdict {
        let (operation, answer) = (translate(operation), translate_answer(answer));
        match CONFIGURED.with(|adapter| adapter.interpret(operation, &group_id, answer)) {
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
        match CONFIGURED.with(|adapter| adapter.interpret_inspection(&group_id, answer)) {
            node_adapter::Finding::Present => Finding::Present,
            node_adapter::Finding::Absent => Finding::Absent,
            node_adapter::Finding::SeemsAbsent(failure) => {
                Finding::SeemsAbsent(translate_failure(failure))
            }
            node_adapter::Finding::Unclear(failure) => Finding::Unclear(translate_failure(failure)),
        }
    }
}

fn translate_request(request: PreparedRequest) -> Request {
    let PreparedRequest { method, path_with_query, headers, body, wanted } = request;
    let wanted = wanted.into_iter().map(translate_wanted).collect();
    Request { method, path_with_query, headers, body, wanted }
}

fn translate(operation: Operation) -> node_adapter::Operation {
    match operation {
        Operation::Create => node_adapter::Operation::Create,
        Operation::Delete => node_adapter::Operation::Delete,
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
