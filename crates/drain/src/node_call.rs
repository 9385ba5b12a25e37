//! One call to one node: built by the adapter, sent by the client, told to the saga.

use http_url::{HttpUrl, UrlError};
use node_adapter::{Adapter, Finding, Verdict};
use saga::{Answer, ChangeAnswer, Failure, Inspection, Operation, Presence, Verb};

use crate::environment::{NodeClient, NodeRequest, SendError};

/// Statuses after which the same call may well succeed: the node said that it is too busy.
const RETRIABLE_STATUSES: [u16; 2] = [429, 503];

/// Makes the call and says what came of it, in the saga's terms.
pub(crate) async fn call<N: NodeClient, A: Adapter>(
    client: &N,
    adapter: &A,
    verb: Verb,
    node: &str,
    group_id: &str,
    timeout_ms: u64,
) -> Answer {
    let prepared = match adapter.prepare(verb, group_id) {
        Ok(prepared) => prepared,
        Err(reason) => {
            let failure =
                Failure::new(format!("the node adapter cannot ask that: {reason}"), false);
            return not_sent(verb, failure);
        }
    };
    let url = match url(node, &prepared.path_with_query) {
        Ok(url) => url,
        Err(reason) => {
            let failure = Failure::new(format!("the node cannot be called: {reason}"), false);
            return not_sent(verb, failure);
        }
    };
    let request = NodeRequest {
        method: prepared.method,
        url,
        headers: prepared.headers,
        body: prepared.body,
        reads_body: prepared.reads_body,
    };
    match (client.send(request, timeout_ms).await, verb) {
        (Ok(response), Verb::Change(operation)) => {
            let verdict = adapter.interpret(operation, response.status, &response.body);
            Answer::Change(change_answer(verdict, operation, response.status))
        }
        (Ok(response), Verb::Inspect) => {
            let finding = adapter.interpret_inspection(response.status, &response.body);
            Answer::Inspection(inspection(finding, response.status))
        }
        (Err(SendError::NotSent(reason) | SendError::Denied(reason)), _) => {
            not_sent(verb, Failure::new(reason, true))
        }
        (Err(SendError::Lost(reason)), _) => lost(verb, Failure::new(reason, true)),
        (Err(SendError::TimedOut), _) => {
            let reason = format!("no answer within {timeout_ms} ms");
            lost(verb, Failure::new(reason, true))
        }
    }
}

/// Inspects a node: finds out whether it holds the group, and changes nothing.
///
/// # Errors
/// When the node does not say, with the reason.
pub async fn inspect<N: NodeClient, A: Adapter>(
    client: &N,
    adapter: &A,
    node: &str,
    group_id: &str,
    timeout_ms: u64,
) -> Result<Presence, String> {
    match call(client, adapter, Verb::Inspect, node, group_id, timeout_ms).await {
        Answer::Inspection(Inspection::Holds(held)) => Ok(held),
        Answer::Inspection(Inspection::Failed(failure)) => Err(failure.reason),
        Answer::Change(_) | Answer::Withheld(_) => {
            Err("the answer is to another question".to_owned())
        }
    }
}

/// What a node's address and the adapter's path are together.
fn url(node: &str, path_with_query: &str) -> Result<HttpUrl, UrlError> {
    HttpUrl::parse_node(node)?.join(path_with_query)
}

fn change_answer(verdict: Verdict, operation: Operation, status: u16) -> ChangeAnswer {
    let failure = |reason: String| {
        let reason = format!("{} answered {status}: {reason}", operation.name());
        Failure::new(reason, RETRIABLE_STATUSES.contains(&status))
    };
    match verdict {
        Verdict::Applied => ChangeAnswer::Applied,
        Verdict::Unchanged => ChangeAnswer::Unchanged,
        Verdict::Refused(reason) => ChangeAnswer::Refused(failure(reason)),
        Verdict::Inspect(reason) => ChangeAnswer::Inspect(failure(reason)),
        Verdict::Unknown(reason) => ChangeAnswer::Unknown(failure(reason)),
    }
}

fn inspection(finding: Finding, status: u16) -> Inspection {
    match finding {
        Finding::Present => Inspection::Holds(Presence::Present),
        Finding::Absent => Inspection::Holds(Presence::Absent),
        Finding::Unclear(reason) => Inspection::Failed(Failure::new(
            format!("inspection answered {status}: {reason}"),
            RETRIABLE_STATUSES.contains(&status),
        )),
    }
}

fn not_sent(verb: Verb, failure: Failure) -> Answer {
    match verb {
        Verb::Inspect => Answer::Inspection(Inspection::Failed(failure)),
        Verb::Change(_) => Answer::Change(ChangeAnswer::Refused(failure)),
    }
}

fn lost(verb: Verb, failure: Failure) -> Answer {
    match verb {
        Verb::Inspect => Answer::Inspection(Inspection::Failed(failure)),
        Verb::Change(_) => Answer::Change(ChangeAnswer::Lost(failure)),
    }
}
