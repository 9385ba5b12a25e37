//! Receivers of callbacks: some well, some slow, down, gone for good, or too busy.

use std::collections::BTreeMap;

use drain::{NodeRequest, NodeResponse, SendError};
use futures::future::{Either, select};
use serde_json::Value;

use crate::network::Network;
use crate::random::Random;
use crate::world::World;

/// How a receiver answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Receiver {
    Well,
    /// It takes its time, and answers within the time-out.
    Slow,
    /// It never answers.
    Silent,
    /// It refuses the connection.
    Down,
    Broken,
    /// It answers 410.
    Gone,
    /// It asks to be left alone for so many seconds, once for each callback, and then is well.
    Busy {
        seconds: u64,
    },
}

impl Receiver {
    /// The receivers of a seed. The first is always well.
    pub(crate) fn draw_all(random: &mut Random) -> Vec<Self> {
        let others = [
            Self::Slow,
            Self::Silent,
            Self::Down,
            Self::Broken,
            Self::Gone,
            Self::Busy { seconds: 1 },
        ];
        vec![Self::Well, random.pick(&others), random.pick(&others)]
    }

    /// Whether it is well once all that went wrong is mended.
    fn can_be_mended(self) -> bool {
        matches!(self, Self::Silent | Self::Down | Self::Broken)
    }
}

/// The receivers of a world, and how often each was asked about each task.
#[derive(Debug, Default)]
pub(crate) struct Receivers {
    kinds: Vec<Receiver>,
    asked: BTreeMap<String, u64>,
}

impl Receivers {
    pub(crate) fn new(kinds: Vec<Receiver>) -> Self {
        Self { kinds, asked: BTreeMap::new() }
    }

    pub(crate) fn mend(&mut self) {
        for kind in self.kinds.iter_mut().filter(|kind| kind.can_be_mended()) {
            *kind = Receiver::Well;
        }
    }
}

impl World {
    /// The number of one of the receivers.
    pub(crate) fn any_receiver(&self) -> usize {
        self.index(self.receivers.borrow().kinds.len())
    }
}

/// The number of the receiver that a request goes to; none if it goes to a node.
pub(crate) fn number(request: &NodeRequest) -> Option<usize> {
    request.url.authority().strip_prefix('r')?.parse().ok()
}

impl Network {
    /// Brings a callback to its receiver, and the answer back.
    pub(crate) async fn deliver(
        &self,
        number: usize,
        request: NodeRequest,
        timeout_ms: u64,
    ) -> Result<NodeResponse, SendError> {
        let world = &self.world;
        let id = request.url.path_with_query().trim_start_matches('/').to_owned();
        world.effect(Some(self.host)).await;
        world.travel().await;
        let kind = world.receivers.borrow().kinds[number];
        world.say(&format!("r{number} ({kind:?}) is told of {id}"));
        let body: Value = serde_json::from_slice(&request.body).expect("JSON");
        let now_ms = world.executor.now_ms();
        world.checker.borrow_mut().told_of_end(&id, kind, &body, now_ms, timeout_ms);
        world.report.borrow_mut().count("callbacks sent", 1);
        let sleep = std::pin::pin!(world.executor.sleep(timeout_ms));
        let answer = std::pin::pin!(self.receive(kind, &id, timeout_ms));
        let answer = match select(answer, sleep).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => Err(SendError::TimedOut),
        };
        world.travel().await;
        world.told(Some(self.host)).await;
        answer
    }

    async fn receive(
        &self,
        kind: Receiver,
        id: &str,
        timeout_ms: u64,
    ) -> Result<NodeResponse, SendError> {
        let answered = |status| NodeResponse { status, ..NodeResponse::default() };
        Ok(match kind {
            Receiver::Well => answered(204),
            Receiver::Slow => {
                self.world.executor.sleep(timeout_ms * 9 / 10).await;
                answered(204)
            }
            Receiver::Silent => {
                self.world.executor.sleep(2 * timeout_ms).await;
                answered(204)
            }
            Receiver::Down => return Err(SendError::NotSent("connection refused".to_owned())),
            Receiver::Broken => answered(500),
            Receiver::Gone => answered(410),
            Receiver::Busy { seconds } => {
                let mut receivers = self.world.receivers.borrow_mut();
                let asked = receivers.asked.entry(id.to_owned()).or_default();
                *asked += 1;
                if *asked > 1 {
                    return Ok(answered(204));
                }
                let wish = ("retry-after".to_owned(), seconds.to_string());
                NodeResponse { headers: vec![wish], ..answered(429) }
            }
        })
    }
}
