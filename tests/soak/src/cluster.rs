//! Everything that runs: Redis, nodes, and hosts that a supervisor starts again, as Kubernetes would.

use std::net::SocketAddr;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use tempfile::TempDir;
use testkit_app::{App, Launch};
use testkit_node::Node;
use testkit_redis::Server;
use tokio::time::sleep;

const NODES: usize = 3;
/// How long a slow node takes for a change, in milliseconds: longer than its caller waits, and so short
/// that it is carried out within the window. A frozen host is what makes it late at worst: when it goes on
/// after [`FROZEN_MS`], it may still send a call that another one gave up on when the lease was over.
pub(crate) const SLOW_MS: Range<u64> = 950..1_900;
/// For how long a host is frozen, in milliseconds: sometimes shorter than a lease, sometimes longer.
pub(crate) const FROZEN_MS: Range<u64> = 50..3_500;
/// Short times in the proportions of the real ones.
const SETTINGS: [(&str, &str); 9] = [
    ("rollback_retry_delay", "0.1"),
    ("rollback_max_retries", "2"),
    ("node_timeout", "900"),
    ("late_call_window", "4"),
    ("lease", "2"),
    ("forward_max_attempts", "2"),
    ("node_parallelism", "1"),
    ("breaker_failures", "20"),
    ("breaker_open", "0.2"),
];
const SUPERVISION: Duration = Duration::from_millis(50);

/// One place for a host.
#[derive(Debug, Default)]
struct Slot {
    app: Option<App>,
    starts: usize,
    /// What went wrong when it was started last.
    last_words: String,
}

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Node>,
    redis: Mutex<Server>,
    slots: Vec<Mutex<Slot>>,
    /// Where each host serves now.
    bases: Mutex<Vec<Option<String>>>,
    launch: Launch,
    folder: TempDir,
    redis_is_missed: AtomicBool,
    over: AtomicBool,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Cluster {
    pub(crate) async fn start(hosts: usize) -> anyhow::Result<Arc<Self>> {
        let redis = Server::start()?;
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(Node::start(SocketAddr::from(([127, 0, 0, 1], 0))).await?);
        }
        let addresses: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
        let own = [("redis_port", redis.port().to_string()), ("nodes", addresses.join(","))];
        let all = SETTINGS.map(|(name, value)| (name, value.to_owned())).into_iter().chain(own);
        let mut launch = Launch::new(testkit_app::host(), testkit_app::shipped_manifest());
        launch.settings = all.map(|(name, value)| (name.to_owned(), value)).collect();
        Ok(Arc::new(Self {
            nodes,
            redis: Mutex::new(redis),
            slots: (0..hosts).map(|_| Mutex::default()).collect(),
            bases: Mutex::new(vec![None; hosts]),
            launch,
            folder: tempfile::Builder::new().prefix("muster-soak").tempdir()?,
            redis_is_missed: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }))
    }

    /// Starts whatever is not running, again and again, until the cluster is stopped. On one thread
    /// for all: the processes end with the thread that started them.
    pub(crate) fn supervise(cluster: &Arc<Self>) -> JoinHandle<()> {
        let cluster = Arc::clone(cluster);
        thread::spawn(move || {
            while !cluster.over.load(Ordering::Relaxed) {
                if cluster.redis_is_missed.swap(false, Ordering::Relaxed) {
                    lock(&cluster.redis).restart().expect("Redis starts again");
                }
                for host in 0..cluster.slots.len() {
                    cluster.tend(host);
                }
                thread::sleep(SUPERVISION);
            }
        })
    }

    fn tend(&self, host: usize) {
        let mut slot = lock(&self.slots[host]);
        if slot.app.as_mut().is_some_and(|app| app.ended().is_none()) {
            return;
        }
        lock(&self.bases)[host] = None;
        slot.app = None;
        let state_dir = self.state_dir(host);
        slot.starts += 1;
        match self.launch.start(&[], &state_dir) {
            Ok(app) => {
                lock(&self.bases)[host] = Some(app.base().to_owned());
                slot.app = Some(app);
            }
            // Redis is away, most likely; the next round tries again.
            Err(reason) => slot.last_words = format!("{reason:#}"),
        }
    }

    fn state_dir(&self, host: usize) -> std::path::PathBuf {
        Path::new(self.folder.path()).join(format!("host-{host}"))
    }

    pub(crate) fn hosts(&self) -> usize {
        self.slots.len()
    }

    /// How often hosts were started again.
    pub(crate) fn restarts(&self) -> usize {
        self.slots.iter().map(|slot| lock(slot).starts.saturating_sub(1)).sum()
    }

    /// What hosts said when they did not start, for when nothing works.
    pub(crate) fn last_words(&self) -> String {
        self.slots.iter().map(|slot| lock(slot).last_words.clone()).collect()
    }

    /// Where some host serves; not every time the same one.
    pub(crate) fn base(&self, random: u64) -> Option<String> {
        let bases = lock(&self.bases);
        let up: Vec<&String> = bases.iter().flatten().collect();
        let index = usize::try_from(random).unwrap_or_default().checked_rem(up.len())?;
        Some(up[index].clone())
    }

    pub(crate) fn kill_host(&self, host: usize) {
        if let Some(app) = &mut lock(&self.slots[host]).app {
            app.kill();
        }
    }

    pub(crate) fn freeze_host(&self, host: usize) {
        if let Some(app) = &lock(&self.slots[host]).app {
            app.freeze();
        }
    }

    pub(crate) fn thaw_hosts(&self) {
        for slot in &self.slots {
            if let Some(app) = &lock(slot).app {
                app.thaw();
            }
        }
    }

    pub(crate) fn kill_redis(&self) {
        lock(&self.redis).kill();
    }

    /// Has the supervisor start Redis again.
    pub(crate) fn miss_redis(&self) {
        self.redis_is_missed.store(true, Ordering::Relaxed);
    }

    /// Cuts every connection to Redis.
    pub(crate) fn cut_connections(&self) {
        if let Ok(client) = lock(&self.redis).connect() {
            let _ = client.ask::<i64>("CLIENT KILL TYPE normal SKIPME yes");
        }
    }

    pub(crate) fn heal_nodes(&self) {
        for node in &self.nodes {
            node.heal();
        }
    }

    /// How many changes the nodes carried out after their callers had given up.
    pub(crate) fn late_calls(&self) -> usize {
        let late = |node: &Node| node.log().iter().filter(|c| c.late_status.is_some()).count();
        self.nodes.iter().map(late).sum()
    }

    /// Waits until no node has a change left to carry out.
    pub(crate) async fn all_is_carried_out(&self) {
        while self.nodes.iter().any(|node| node.hanging() > 0) {
            sleep(SUPERVISION).await;
        }
    }

    /// Ends the supervision.
    pub(crate) fn stop(&self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
