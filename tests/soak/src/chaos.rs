//! What is done to the cluster while it works, on a schedule that a seed decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use testkit_node::{Fault, Kind, Rule};
use tokio::time::{Instant, sleep};

use crate::cluster::{Cluster, FROZEN_MS, SLOW_MS};

/// How often each thing was done.
pub(crate) type Deeds = BTreeMap<&'static str, u64>;

#[derive(Clone, Copy, Debug)]
enum Deed {
    KillHost,
    FreezeHost,
    KillRedis,
    CutConnections,
    HealNodes,
    BlockRollbacks,
    FailNode,
    SlowNode,
}

/// All that is done, as often as stands here, before anything is done more often.
const DECK: [Deed; 15] = [
    Deed::KillHost,
    Deed::KillHost,
    Deed::FreezeHost,
    Deed::FreezeHost,
    Deed::KillRedis,
    Deed::CutConnections,
    Deed::HealNodes,
    Deed::BlockRollbacks,
    Deed::FailNode,
    Deed::FailNode,
    Deed::FailNode,
    Deed::FailNode,
    Deed::FailNode,
    Deed::SlowNode,
    Deed::SlowNode,
];

#[derive(Debug)]
pub(crate) struct Chaos {
    random: Rng,
    deck: Vec<Deed>,
    pub(crate) deeds: Deeds,
}

impl Chaos {
    pub(crate) fn new(seed: u64) -> Self {
        Self { random: Rng::with_seed(seed), deck: Vec::new(), deeds: Deeds::new() }
    }

    /// Does harm until `deadline`, then takes it all back.
    pub(crate) async fn rage(
        &mut self,
        cluster: &Arc<Cluster>,
        deadline: Instant,
    ) -> anyhow::Result<()> {
        while Instant::now() < deadline {
            if self.deck.is_empty() {
                self.deck = DECK.to_vec();
                self.random.shuffle(&mut self.deck);
            }
            if let Some(deed) = self.deck.pop() {
                let name = self.commit(deed, cluster).await?;
                *self.deeds.entry(name).or_default() += 1;
            }
            self.pause(20..400).await;
        }
        cluster.thaw_hosts();
        cluster.heal_nodes();
        Ok(())
    }

    async fn pause(&mut self, ms: std::ops::Range<u64>) {
        sleep(Duration::from_millis(self.random.u64(ms))).await;
    }

    async fn commit(&mut self, deed: Deed, cluster: &Arc<Cluster>) -> anyhow::Result<&'static str> {
        let host = self.random.usize(..cluster.hosts());
        Ok(match deed {
            Deed::KillHost => {
                let cluster = Arc::clone(cluster);
                tokio::task::spawn_blocking(move || cluster.kill_host(host)).await?;
                "hosts killed"
            }
            Deed::FreezeHost => {
                cluster.freeze_host(host);
                self.pause(FROZEN_MS).await;
                cluster.thaw_hosts();
                "hosts frozen"
            }
            Deed::KillRedis => {
                cluster.kill_redis();
                self.pause(20..400).await;
                cluster.miss_redis();
                "Redis killed"
            }
            Deed::CutConnections => {
                cluster.cut_connections();
                "connections cut"
            }
            Deed::HealNodes => {
                cluster.heal_nodes();
                "nodes healed"
            }
            Deed::BlockRollbacks => {
                // Creates fail at the end and cannot be taken back at the beginning.
                if let [first, .., last] = cluster.nodes.as_slice() {
                    first.fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
                    last.fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
                }
                "rollbacks blocked"
            }
            Deed::FailNode => {
                let node = &cluster.nodes[self.random.usize(..cluster.nodes.len())];
                node.fault(rule(&mut self.random));
                "node faults"
            }
            Deed::SlowNode => {
                let node = &cluster.nodes[self.random.usize(..cluster.nodes.len())];
                // Each takes another time, so that they are carried out in another order than they came.
                for _ in 0..self.random.u32(2..8) {
                    let kind = [Kind::Create, Kind::Delete][self.random.usize(..2)];
                    let fault = Fault::Late { millis: self.random.u64(SLOW_MS) };
                    node.fault(Rule::times(kind, 1, fault));
                }
                "nodes slow"
            }
        })
    }
}

fn rule(random: &mut Rng) -> Rule {
    let kinds = [Kind::Create, Kind::Delete, Kind::Inspect, Kind::Any];
    let faults = [
        Fault::Answer { status: 500 },
        Fault::Answer { status: 503 },
        Fault::Answer { status: 403 },
        Fault::Delay { millis: 30 },
        Fault::Close,
        Fault::ApplyThenClose,
        Fault::ApplyThenAnswer { status: 502 },
        Fault::Hang,
        Fault::ApplyThenHang,
    ];
    let kind = kinds[random.usize(..kinds.len())];
    let fault = faults[random.usize(..faults.len())];
    // A few calls, or so many that retries run out.
    match random.u32(..3) {
        0 => Rule::times(kind, random.u32(1..4), fault),
        1 => Rule::times(kind, random.u32(10..40), fault),
        _ => Rule::always(kind, fault),
    }
}
