//! The network between workers and nodes, and the nodes: the cluster manager's API with faults.

use std::future::pending;
use std::rc::Rc;

use drain::{NodeClient, NodeRequest, NodeResponse, SendError};
use futures::channel::oneshot;
use futures::future::{Either, select};
use percent_encoding::percent_decode_str;
use saga::{Operation, Verb};

use crate::fault::Fault;
use crate::world::{Sabotage, World};

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
            Self::Late { by_ms: world.between(1, 3 * world.limits.lease_ms) }
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
        let asked = understand(&request);
        let Asked { node, group, verb } = &asked;
        let number = world.fresh();
        world.say(&format!("w{} sends #{number} to n{node}: {} {group}", self.host, word(*verb)));
        world.checker.borrow_mut().sent(number, *node, group, *verb);
        if world.is_poison(group) {
            world.crash(self.host);
            pending::<()>().await;
        }
        // Handed over to the HTTP client and not yet on its way: a worker that stands still here
        // sends it late, which is no different from a network that brings it late.
        world.effect(Some(self.host)).await;
        let answer = self.exchange(number, asked, timeout_ms).await;
        world.told(Some(self.host)).await;
        match answer {
            Err(SendError::TimedOut) if world.sabotage == Some(Sabotage::TimeoutIsNotSent) => {
                Err(SendError::NotSent("sabotaged".to_owned()))
            }
            answer => answer,
        }
    }
}

impl Network {
    async fn exchange(
        &self,
        number: u64,
        asked: Asked,
        timeout_ms: u64,
    ) -> Result<NodeResponse, SendError> {
        let world = &self.world;
        let fault = world.node_fault(asked.node, asked.verb);
        let is_away = world.nodes.borrow()[asked.node].away_until_ms > world.executor.now_ms();
        if is_away || fault == NodeFault::Refused {
            world.travel().await;
            return Err(SendError::NotSent("connection refused".to_owned()));
        }
        let (tell, told) = oneshot::channel();
        let carrier = Rc::clone(world);
        world.executor.spawn(async move {
            carry(&carrier, number, &asked, fault, timeout_ms, tell).await;
        });
        match select(told, world.executor.sleep(timeout_ms)).await {
            Either::Left((Ok(status), _)) => {
                world.checker.borrow_mut().answered(number, status);
                Ok(NodeResponse { status, body: Vec::new() })
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
        NodeFault::Refused | NodeFault::RequestLost => {}
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
    checker.arrived(number, changed);
    drop(checker);
    let effect = match changed {
        Some(true) => "it now holds it",
        Some(false) => "it no longer holds it",
        None => "nothing changes",
    };
    world.say(&format!("n{node} gets #{number}: {} {group}, {effect}", word(*verb)));
    Some(status)
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
