//! One call to one node: built by the adapter, sent by the client, told to the saga.

use http_url::{HttpUrl, UrlError};
use node_adapter::{Adapter, Finding, NodeResponse, Retry, Verdict};
use saga::{Answer, ChangeAnswer, Failure, Inspection, Presence, Verb};

use crate::environment::{NodeClient, NodeRequest, SendError};
use crate::retry_after;

/// What a task asks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) verb: Verb,
    /// Whether a create begins with it: an inspection then need not prove that the group is absent,
    /// because the answer to the create will.
    pub(crate) begins_create: bool,
}

/// Makes the call and says what came of it, in the saga's terms. An inspection takes twice the
/// time-out at most, because a lost one is made again.
pub(crate) async fn call<N: NodeClient, A: Adapter>(
    client: &N,
    adapter: &A,
    question: Question,
    node: &str,
    group_id: &str,
    timeout_ms: u64,
) -> Answer {
    let verb = question.verb;
    let request = match request(adapter, verb, node, group_id) {
        Ok(request) => request,
        Err(reason) => return not_sent(verb, Failure::new(reason, false)),
    };
    match (send(client, verb, request, timeout_ms).await, verb) {
        (Ok(response), Verb::Change(operation)) => {
            let answered = Answered::new(operation.name(), &response);
            let verdict = adapter.interpret(operation, group_id, response);
            Answer::Change(change_answer(verdict, &answered))
        }
        (Ok(response), Verb::Inspect) => {
            let answered = Answered::new("inspection", &response);
            let finding = adapter.interpret_inspection(group_id, response);
            Answer::Inspection(inspection(finding, &answered, question.begins_create))
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

/// Sends an inspection once more when its connection was lost: it changes nothing, and a connection
/// that was kept open and is closed by now is no fault of the node. A change is never sent again here,
/// because it may have taken effect.
async fn send<N: NodeClient>(
    client: &N,
    verb: Verb,
    request: NodeRequest,
    timeout_ms: u64,
) -> Result<NodeResponse, SendError> {
    if verb != Verb::Inspect {
        return client.send(request, timeout_ms).await;
    }
    match client.send(request.clone(), timeout_ms).await {
        Err(SendError::Lost(_)) => client.send(request, timeout_ms).await,
        answer => answer,
    }
}

/// # Errors
/// Says why the node cannot be asked.
fn request<A: Adapter>(
    adapter: &A,
    verb: Verb,
    node: &str,
    group_id: &str,
) -> Result<NodeRequest, String> {
    let prepared = adapter
        .prepare(verb, group_id)
        .map_err(|reason| format!("the node adapter cannot ask that: {reason}"))?;
    let url = url(node, &prepared.path_with_query)
        .map_err(|reason| format!("the node cannot be called: {reason}"))?;
    Ok(NodeRequest {
        method: prepared.method,
        url,
        headers: prepared.headers,
        body: prepared.body,
        wanted: prepared.wanted,
    })
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
    let question = Question { verb: Verb::Inspect, begins_create: false };
    match call(client, adapter, question, node, group_id, timeout_ms).await {
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

/// What failures say of the answer they stand for.
struct Answered {
    question: &'static str,
    status: u16,
    retry_after_ms: Option<u64>,
}

impl Answered {
    fn new(question: &'static str, response: &NodeResponse) -> Self {
        let retry_after_ms = retry_after::ms(response);
        Self { question, status: response.status, retry_after_ms }
    }

    fn failure(&self, failure: node_adapter::Failure) -> Failure {
        let Self { question, status, retry_after_ms } = *self;
        let (retriable, wait_ms) = match failure.retry {
            Retry::ByStatus => (retry_after::is_busy(status), retry_after_ms),
            Retry::Never => (false, None),
            Retry::Later => (true, None),
            Retry::After(seconds) => (true, Some(u64::from(seconds) * 1_000)),
        };
        let reason = format!("{question} answered {status}: {}", failure.reason);
        Failure::new(reason, retriable).with_retry_after(wait_ms)
    }
}

fn change_answer(verdict: Verdict, answered: &Answered) -> ChangeAnswer {
    match verdict {
        // The node was inspected before, so what it holds now is what the call made of it.
        Verdict::Applied | Verdict::AsAsked => ChangeAnswer::Applied,
        Verdict::Unchanged => ChangeAnswer::Unchanged,
        Verdict::Refused(failure) => ChangeAnswer::Refused(answered.failure(failure)),
        Verdict::Inspect(failure) => ChangeAnswer::Inspect(answered.failure(failure)),
        Verdict::Foreign(failure) => ChangeAnswer::Lost(answered.failure(failure)),
        Verdict::Unknown(failure) => ChangeAnswer::Unknown(answered.failure(failure)),
    }
}

fn inspection(finding: Finding, answered: &Answered, begins_create: bool) -> Inspection {
    match finding {
        Finding::Present => Inspection::Holds(Presence::Present),
        Finding::Absent => Inspection::Holds(Presence::Absent),
        Finding::SeemsAbsent(_) if begins_create => Inspection::Holds(Presence::Absent),
        Finding::SeemsAbsent(failure) | Finding::Unclear(failure) => {
            Inspection::Failed(answered.failure(failure))
        }
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

#[cfg(test)]
mod tests {
    use std::cell::RefCell;
    use std::future::{Future, ready};

    use futures::executor::block_on;
    use node_adapter::ClusterManager;
    use saga::Operation;

    use super::*;

    /// Answers each request with the next answer, and counts.
    struct Scripted(RefCell<Vec<Result<NodeResponse, SendError>>>);

    impl NodeClient for Scripted {
        fn send(
            &self,
            _: NodeRequest,
            _: u64,
        ) -> impl Future<Output = Result<NodeResponse, SendError>> {
            ready(self.0.borrow_mut().remove(0))
        }
    }

    fn gone() -> Result<NodeResponse, SendError> {
        Err(SendError::Lost("connection reset".to_owned()))
    }

    fn answered(status: u16, headers: &[(&str, &str)]) -> Result<NodeResponse, SendError> {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let headers = headers.iter().map(owned).collect();
        Ok(NodeResponse { status, headers, body: b"{}".to_vec(), body_is_whole: true })
    }

    /// What a call comes to, and how many answers were left.
    fn call_with(verb: Verb, answers: Vec<Result<NodeResponse, SendError>>) -> (Answer, usize) {
        let client = Scripted(RefCell::new(answers));
        let adapter = ClusterManager::default();
        let question = Question { verb, begins_create: false };
        let answer = block_on(call(&client, &adapter, question, "n1:80", "g", 100));
        (answer, client.0.into_inner().len())
    }

    #[test]
    fn a_lost_inspection_is_sent_once_more() {
        let (answer, left) = call_with(Verb::Inspect, vec![gone(), answered(200, &[])]);
        assert_eq!(answer, Answer::Inspection(Inspection::Holds(Presence::Present)));
        assert_eq!(left, 0);
        let (answer, left) = call_with(Verb::Inspect, vec![gone(), gone(), answered(200, &[])]);
        assert!(matches!(answer, Answer::Inspection(Inspection::Failed(_))), "{answer:?}");
        assert_eq!(left, 1, "only once");
    }

    #[test]
    fn what_seems_absent_lets_a_create_begin_and_proves_nothing_else() {
        let client = || {
            Scripted(RefCell::new(vec![Ok(NodeResponse {
                status: 404,
                body_is_whole: true,
                ..NodeResponse::default()
            })]))
        };
        let adapter = ClusterManager::default();
        for begins_create in [true, false] {
            let question = Question { verb: Verb::Inspect, begins_create };
            let answer = block_on(call(&client(), &adapter, question, "n1:80", "g", 100));
            let absent = Answer::Inspection(Inspection::Holds(Presence::Absent));
            assert_eq!(answer == absent, begins_create, "{answer:?}");
        }
    }

    #[test]
    fn no_change_and_no_slow_inspection_is_sent_again() {
        for operation in [Operation::Create, Operation::Delete] {
            let (answer, left) =
                call_with(Verb::Change(operation), vec![gone(), answered(201, &[])]);
            assert!(matches!(answer, Answer::Change(ChangeAnswer::Lost(_))), "{answer:?}");
            assert_eq!(left, 1);
        }
        let slow = vec![Err(SendError::TimedOut), answered(200, &[])];
        assert_eq!(call_with(Verb::Inspect, slow).1, 1);
    }

    #[test]
    fn a_busy_node_says_how_long_it_wants_to_be_left_alone() {
        let busy = |status| answered(status, &[("retry-after", "7")]);
        let verb = Verb::Change(Operation::Create);
        match call_with(verb, vec![busy(503)]).0 {
            Answer::Change(ChangeAnswer::Unknown(failure)) => {
                assert_eq!((failure.retriable, failure.retry_after_ms), (true, Some(7_000)));
            }
            other => panic!("{other:?}"),
        }
        match call_with(verb, vec![busy(500)]).0 {
            Answer::Change(ChangeAnswer::Unknown(failure)) => {
                assert_eq!((failure.retriable, failure.retry_after_ms), (false, None));
            }
            other => panic!("{other:?}"),
        }
        match call_with(Verb::Inspect, vec![busy(429)]).0 {
            Answer::Inspection(Inspection::Failed(failure)) => {
                assert_eq!(failure.retry_after_ms, Some(7_000));
            }
            other => panic!("{other:?}"),
        }
    }
}
