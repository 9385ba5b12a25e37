//! What is done to the cluster while it works, on a schedule that a seed decides.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use node::{Fault, Kind, Rule};
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;

/// How often each thing was done.
pub(crate) type Deeds = BTreeMap<&'static str, u64>;

/// Does harm until `deadline`, then takes it all back.
pub(crate) async fn rage(
    cluster: &Arc<Cluster>,
    random: &mut Rng,
    deadline: Instant,
    deeds: &mut Deeds,
) -> anyhow::Result<()> {
    let mut redis_is_down = false;
    while Instant::now() < deadline {
        let host = random.usize(..cluster.hosts());
        let deed = match random.u32(..12) {
            0 | 1 => {
                let cluster = Arc::clone(cluster);
                tokio::task::spawn_blocking(move || cluster.kill_host(host)).await?;
                "hosts killed"
            }
            2 | 3 => {
                cluster.freeze_host(host);
                // Sometimes shorter than a lease, sometimes longer.
                sleep(Duration::from_millis(random.u64(50..2_500))).await;
                cluster.thaw_hosts();
                "hosts frozen"
            }
            4 => {
                cluster.kill_redis();
                redis_is_down = true;
                "Redis killed"
            }
            5 => {
                cluster.cut_connections();
                "connections cut"
            }
            6 => {
                cluster.heal_nodes();
                "nodes healed"
            }
            _ => {
                let node = &cluster.nodes[random.usize(..cluster.nodes.len())];
                node.fault(rule(random));
                "node faults"
            }
        };
        *deeds.entry(deed).or_default() += 1;
        sleep(Duration::from_millis(random.u64(20..400))).await;
        if redis_is_down {
            cluster.miss_redis();
            redis_is_down = false;
        }
    }
    cluster.thaw_hosts();
    cluster.heal_nodes();
    Ok(())
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
