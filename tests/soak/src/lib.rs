//! A soak: several hosts with the shipped components, a real Redis and real HTTP nodes, under load,
//! while hosts are killed and frozen, Redis is killed, connections are cut and nodes fail, on a
//! schedule that a seed decides. It goes in rounds: harm, then heal, then every promise is checked
//! against what clients were told and what the nodes hold.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at once when something is not as it expects"
)]

mod chaos;
mod check;
mod client;
mod cluster;
mod report;

use std::time::Duration;

use fastrand::Rng;
use tokio::time::Instant;

use crate::chaos::Chaos;
use crate::check::Ledger;
use crate::client::Client;
use crate::cluster::Cluster;
pub use crate::report::Report;

/// How long each round does harm.
const ROUND: Duration = Duration::from_secs(8);
const CLIENTS: usize = 6;
/// How many earlier ends are read again after each round.
const SAMPLE: usize = 40;

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    pub duration: Duration,
    pub hosts: usize,
    pub seed: u64,
}

/// Runs a soak.
///
/// # Errors
/// When a promise is broken, or nothing works any more.
pub async fn run(options: Options) -> anyhow::Result<Report> {
    let cluster = Cluster::start(options.hosts).await?;
    let supervisor = Cluster::supervise(&cluster);
    let ran = rounds(&cluster, options).await;
    cluster.stop();
    tokio::task::spawn_blocking(move || supervisor.join()).await?.expect("the supervisor");
    ran
}

async fn rounds(cluster: &std::sync::Arc<Cluster>, options: Options) -> anyhow::Result<Report> {
    let mut random = Rng::with_seed(options.seed);
    let mut ledger = Ledger::default();
    let mut chaos = Chaos::new(random.u64(..));
    let mut recoveries = Vec::new();
    let mut checker = Client::new(cluster.clone(), random.u64(..))?;
    let over = Instant::now() + options.duration;
    while Instant::now() < over {
        let deadline = Instant::now() + ROUND;
        let mut clients = Vec::new();
        for _ in 0..CLIENTS {
            let client = Client::new(cluster.clone(), random.u64(..))?;
            clients.push(tokio::spawn(client.work(deadline)));
        }
        chaos.rage(cluster, deadline).await?;
        let healed = Instant::now();
        let mut accepted = Vec::new();
        for client in clients {
            accepted.extend(client.await??);
        }
        ledger.take_down(&mut checker, &accepted).await?;
        recoveries.push(healed.elapsed());
        ledger.settle_dead_letters(&mut checker).await?;
        ledger.nodes_agree(&mut checker, cluster).await?;
        ledger.ends_stay(&mut checker, SAMPLE).await?;
    }
    Ok(Report {
        accepted: ledger.ends.len(),
        by_state: ledger.by_state,
        letters_retried: ledger.letters_retried,
        letters_superseded: ledger.letters_superseded,
        late_calls: cluster.late_calls(),
        host_restarts: cluster.restarts(),
        deeds: chaos.deeds,
        recoveries,
    })
}
