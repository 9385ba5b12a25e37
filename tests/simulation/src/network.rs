//! The network between workers and nodes, and the nodes: the cluster manager's API with faults.

use std::future::pending;
use std::rc::Rc;

use drain::{NodeClient, NodeRequest, NodeResponse, SendError};
use futures::channel::oneshot;
use futures::future::{Either, select};
use percent_encoding::percent_decode_str;
use saga::{Operation, Verb};

use crate::fault::Fault;
use crate::receiver;
use crate::stranger::Stranger;
use crate::world::{Sabotage, World};

/// A path that no request gets to; see [`Sabotage::UnwordableIsTrouble`].
pub(crate) const UNREACHABLE_PATH: &str = "/unreachable";

/// What goes wrong with one call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeFault {
    Nothing,
    /// The node refuses the connection.
    Refused,
    /// The request never arrives.
    RequestLost,
    /// It arrives and takes effect, and the answer does not come back.
    AnswerLost,
    /// It arrives once the sender has given up, so many milliseconds after its time-out.
    Late {
        by_ms: u64,
    },
    /// It arrives twice, the second time so many milliseconds later.
    Twice {
        after_ms: u64,
    },
    /// The node answers this and does nothing.
    Answers {
        status: u16,
    },
    /// The node does what it is asked and answers this.
    AppliesAndAnswers {
        status: u16,
    },
    /// The node never answers, and did it or did not.
    Hangs {
        applies: bool,
    },
    /// The connection was kept open and is closed by now: the request never arrives, and that shows
    /// at once.
    Stale,
    /// Something before the node answers in its place.
    Elsewhere(Stranger),
}

impl NodeFault {
    pub(crate) fn draw(world: &World) -> Self {
        if world.fires(Fault::ConnectionRefused) {
            Self::Refused
        } else if world.fires(Fault::RequestLost) {
            Self::RequestLost
        } else if world.fires(Fault::AnswerLost) {
            Self::AnswerLost
        } else if world.fires(Fault::RequestLate) {
            // As often within the window as at any time.
            let window_ms = world.policy.late_call_window_ms;
            let most_ms = [3 * world.limits.lease_ms, window_ms.max(1)];
            Self::Late { by_ms: world.between(1, world.pick(&most_ms)) }
        } else if world.fires(Fault::RequestTwice) {
            Self::Twice { after_ms: world.between(0, 2 * world.limits.lease_ms) }
        } else if world.fires(Fault::AnswersOther4xx) {
            Self::Answers { status: world.pick(&[403, 422]) }
        } else if world.fires(Fault::Answers400) {
            Self::Answers { status: 400 }
        } else if world.fires(Fault::AnswersBusy) {
            Self::Answers { status: world.pick(&[429, 503]) }
        } else if world.fires(Fault::Answers5xxBefore) {
            Self::Answers { status: world.pick(&[500, 502, 504]) }
        } else if world.fires(Fault::Answers5xxAfter) {
            let status = world.pick(&[500, 502, 503]);
            Self::AppliesAndAnswers { status }
        } else if world.fires(Fault::HangsBefore) {
            Self::Hangs { applies: false }
        } else if world.fires(Fault::HangsAfter) {
            Self::Hangs { applies: true }
        } else if world.fires(Fault::StaleConnection) {
            Self::Stale
        } else if world.fires(Fault::StrangerAnswers) {
            Self::Elsewhere(Stranger::draw(world))
        } else {
            Self::Nothing
        }
    }
}

/// A worker's way to the nodes.
pub struct Network {
    pub(crate) world: Rc<World>,
    pub(crate) host: usize,
}

/// A request that was understood.
#[derive(Clone, Debug)]
struct Asked {
    node: usize,
    group: String,
    verb: Verb,
}

impl NodeClient for Network {
    async fn send(&self, request: NodeRequest, timeout_ms: u64) -> Result<NodeResponse, SendError> {
        let world = &self.world;
        if request.url.path_with_query() == UNREACHABLE_PATH {
            return Err(SendError::NotSent("sabotaged".to_owned()));
        }
        if let Some(number) = receiver::number(&request) {
            return self.deliver(number, request, timeout_ms).await;
        }
        let asked = understand(&request);
        let is_undo = world.checker.borrow().is_undo(&asked.group, asked.verb);
        let trouble = || own_response(asked.verb, &asked.group, 500);
        let answer = self.attempt(asked.clone(), timeout_ms).await;
        match (world.sabotage, answer) {
            (Some(Sabotage::TimeoutIsNotSent), Err(SendError::TimedOut)) => {
                Err(SendError::NotSent("sabotaged".to_owned()))
            }
            (Some(Sabotage::SendsChangesAgain), Err(SendError::Lost(_)))
                if asked.verb != Verb::Inspect =>
            {
                self.attempt(asked, timeout_ms).await
            }
            (Some(Sabotage::LostApplyIsTrouble), Err(SendError::TimedOut | SendError::Lost(_)))
                if is_undo == Some(false) =>
            {
                Ok(trouble())
            }
            (Some(Sabotage::LostUndoIsTrouble), Err(SendError::TimedOut | SendError::Lost(_)))
                if is_undo == Some(true) =>
            {
                Ok(trouble())
            }
            (_, answer) => answer,
        }
    }
}

/// A sender that waits for the answer to a request: dropped when it has it, stops waiting, or is lost.
struct Waiting<'a> {
    world: &'a Rc<World>,
    number: u64,
    /// The request, while the worker can still be lost over it.
    unsent: Option<Asked>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let now_ms = self.world.executor.now_ms();
        self.world.checker.borrow_mut().call_given_up(self.number, now_ms);
        if let Some(asked) = self.unsent.take() {
            self.leave_behind(asked);
        }
    }
}

impl Waiting<'_> {
    /// The worker is lost over a call; the node may carry it out all the same, later.
    fn leave_behind(&self, asked: Asked) {
        let (world, number) = (self.world, self.number);
        let after_ms = world.carried_out_after_ms.get().or_else(|| {
            let window_ms = world.policy.late_call_window_ms;
            world.fires(Fault::OrphanLate).then(|| world.between(0, window_ms + 500))
        });
        let Some(after_ms) = after_ms.filter(|_| asked.verb != Verb::Inspect) else { return };
        let carrier = Rc::clone(world);
        world.executor.spawn(async move {
            carrier.executor.sleep(after_ms).await;
            arrive(&carrier, number, &asked, true);
        });
    }
}

impl Network {
    /// Sends a request, as a worker that may be lost or stand still meanwhile.
    async fn attempt(&self, asked: Asked, timeout_ms: u64) -> Result<NodeResponse, SendError> {
        let world = &self.world;
        let Asked { node, group, verb } = asked.clone();
        let number = world.fresh();
        world.say(&format!("w{} sends #{number} to n{node}: {} {group}", self.host, word(verb)));
        world.checker.borrow_mut().sent(number, node, &group, verb);
        // Handed over to the HTTP client and not yet on its way: a worker that stands still here
        // sends it late, which is no different from a network that brings it late.
        let mut waiting = Waiting { world, number, unsent: Some(asked.clone()) };
        if world.is_poison(&group) {
            world.crash(self.host);
            pending::<()>().await;
        }
        let is_undo = world.checker.borrow().is_undo(&group, verb);
        if is_undo == Some(true) && world.fires(Fault::UndoCrash) {
            world.crash(self.host);
            pending::<()>().await;
        }
        world.effect(Some(self.host)).await;
        waiting.unsent = None;
        let answer = self.exchange(number, asked, timeout_ms).await;
        drop(waiting);
        world.told(Some(self.host)).await;
        answer
    }

    async fn exchange(
        &self,
        number: u64,
        asked: Asked,
        timeout_ms: u64,
    ) -> Result<NodeResponse, SendError> {
        let world = &self.world;
        let mut fault = world.node_fault(asked.node, asked.verb);
        let is_moody = world.nodes.borrow()[asked.node].moody_until_ms > world.executor.now_ms();
        if fault == NodeFault::Nothing
            && is_moody
            && asked.verb != Verb::Inspect
            && world.draws(500)
        {
            fault = NodeFault::Answers { status: 403 };
            world.checker.borrow_mut().went_wrong();
        }
        let is_away = world.nodes.borrow()[asked.node].away_until_ms > world.executor.now_ms();
        if is_away || fault == NodeFault::Refused {
            world.travel().await;
            return Err(SendError::NotSent("connection refused".to_owned()));
        }
        if fault == NodeFault::Stale {
            return Err(SendError::Lost("connection reset".to_owned()));
        }
        let stranger = world.nodes.borrow()[asked.node].stranger_now(world.executor.now_ms());
        if let NodeFault::Elsewhere(stranger) = stranger.map_or(fault, NodeFault::Elsewhere) {
            world.travel().await;
            world.say(&format!("#{number} is answered by a stranger: {stranger:?}"));
            if asked.verb == Verb::Inspect && stranger.may_pass() {
                world.checker.borrow_mut().passed_off(asked.node, &asked.group);
            }
            return Ok(stranger.response());
        }
        let (verb, group) = (asked.verb, asked.group.clone());
        let (tell, told) = oneshot::channel();
        let carrier = Rc::clone(world);
        world.executor.spawn(async move {
            carry(&carrier, number, &asked, fault, timeout_ms, tell).await;
        });
        match select(told, world.executor.sleep(timeout_ms)).await {
            Either::Left((Ok(status), _)) => {
                world.checker.borrow_mut().answered(number, status);
                Ok(own_response(verb, &group, status))
            }
            // Nobody is going to tell: either the connection broke, or it is silent until the end.
            Either::Left((Err(_), rest)) => {
                if world.between(0, 1) == 0 {
                    return Err(SendError::Lost("connection reset".to_owned()));
                }
                rest.await;
                Err(SendError::TimedOut)
            }
            Either::Right(_) => Err(SendError::TimedOut),
        }
    }
}

/// Brings a request to its node, and the answer back if there is one.
async fn carry(
    world: &World,
    number: u64,
    asked: &Asked,
    fault: NodeFault,
    timeout_ms: u64,
    tell: oneshot::Sender<u16>,
) {
    world.travel().await;
    match fault {
        NodeFault::Nothing => {
            let status = arrive(world, number, asked, true);
            world.travel().await;
            if let Some(status) = status {
                let _ = tell.send(status);
            }
        }
        NodeFault::Refused
        | NodeFault::RequestLost
        | NodeFault::Stale
        | NodeFault::Elsewhere(_) => {}
        NodeFault::AnswerLost => {
            arrive(world, number, asked, true);
        }
        NodeFault::Late { by_ms } => {
            world.executor.sleep(timeout_ms + by_ms).await;
            arrive(world, number, asked, true);
            // Kept until here, so that the sender hears nothing rather than a lost connection.
            drop(tell);
        }
        NodeFault::Twice { after_ms } => {
            let status = arrive(world, number, asked, true);
            world.travel().await;
            if let Some(status) = status {
                let _ = tell.send(status);
            }
            world.executor.sleep(after_ms).await;
            arrive(world, number, asked, true);
        }
        NodeFault::Answers { status } => {
            arrive(world, number, asked, false);
            world.travel().await;
            let _ = tell.send(status);
        }
        NodeFault::AppliesAndAnswers { status } => {
            arrive(world, number, asked, true);
            world.travel().await;
            let _ = tell.send(status);
        }
        NodeFault::Hangs { applies } => {
            arrive(world, number, asked, applies);
            world.executor.sleep(timeout_ms).await;
            drop(tell);
        }
    }
}

/// A request is at its node. Gives what the node answers; nothing when it is away.
fn arrive(world: &World, number: u64, asked: &Asked, applies: bool) -> Option<u16> {
    let Asked { node, group, verb } = asked;
    let health = world.nodes.borrow()[*node].clone();
    if health.away_until_ms > world.executor.now_ms() {
        return None;
    }
    let mut checker = world.checker.borrow_mut();
    let held = checker.holds(*node, group);
    let (status, now_held) = match verb {
        Verb::Inspect if held => (200, held),
        Verb::Inspect => (404, held),
        Verb::Change(Operation::Create) if held => (400, held),
        Verb::Change(Operation::Create) => (201, true),
        Verb::Change(Operation::Delete) if held || health.lenient => (200, false),
        Verb::Change(Operation::Delete) => (404, false),
    };
    let changed = (applies && now_held != held).then_some(now_held);
    checker.arrived(number, changed, world.executor.now_ms());
    drop(checker);
    let effect = match changed {
        Some(true) => "it now holds it",
        Some(false) => "it no longer holds it",
        None => "nothing changes",
    };
    world.say(&format!("n{node} gets #{number}: {} {group}, {effect}", word(*verb)));
    Some(status)
}

/// A node's own answer, as the worker is shown it.
fn own_response(verb: Verb, group: &str, status: u16) -> NodeResponse {
    let body = match (verb, status) {
        (Verb::Inspect, 200) => serde_json::json!({ "groupId": group }).to_string(),
        (Verb::Inspect, 404) => serde_json::json!({ "error": "no such group" }).to_string(),
        _ => String::new(),
    };
    let mut headers = Vec::new();
    if !body.is_empty() {
        headers.push(("content-type".to_owned(), "application/json".to_owned()));
    }
    if matches!(status, 429 | 503) {
        headers.push(("retry-after".to_owned(), "1".to_owned()));
    }
    NodeResponse { status, headers, body: body.into_bytes(), body_is_whole: true }
}

fn word(verb: Verb) -> &'static str {
    match verb {
        Verb::Inspect => "inspect",
        Verb::Change(operation) => operation.name(),
    }
}

/// Reads a request as the node API does.
fn understand(request: &NodeRequest) -> Asked {
    let url = request.url.to_string();
    let rest = url.strip_prefix("http://n").expect("a node of ours");
    let (node, path) = rest.split_once('/').expect("a path");
    let node = node.parse().expect("a node's number");
    let in_path = path.strip_prefix("v1/group/").expect("the group API");
    let in_body = || {
        let body: serde_json::Value = serde_json::from_slice(&request.body).expect("JSON");
        body["groupId"].as_str().expect("a group").to_owned()
    };
    let (verb, group) = match request.method.as_str() {
        "GET" => {
            (Verb::Inspect, percent_decode_str(in_path).decode_utf8().expect("UTF-8").into_owned())
        }
        "POST" => (Verb::Change(Operation::Create), in_body()),
        "DELETE" => (Verb::Change(Operation::Delete), in_body()),
        other => panic!("the group API has no {other}"),
    };
    Asked { node, group, verb }
}
