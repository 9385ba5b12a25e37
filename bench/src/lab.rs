//! One measurement's own Redis and nodes, the tasks put into it and what is read out of it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use drain::{BreakerLimits, Limits, WebhookLimits};
use futures::executor::block_on;
use saga::{Operation, Policy, Task};
use store::{Accepted, Admission, Redis, Store, WAKE_CHANNEL};
use tempfile::TempDir;
use testkit_app::App;
use testkit_redis::{Client, Server};
use uuid::Uuid;

use crate::host::Host;
use crate::nodes::Nodes;
use crate::options::Options;
use crate::usage::{self, Usage};

/// The settings a worker runs with unless said otherwise: the shipped defaults.
pub(crate) const CONCURRENCY: usize = 64;
pub(crate) const LEASE_S: u64 = 30;
const NODE_TIMEOUT_MS: u64 = 5_000;
const TASK_TTL_S: u64 = 86_400;
/// So that no measurement ends because the queue is full.
pub(crate) const MAX_QUEUE: u64 = 10_000_000;
/// How long nothing may happen before a measurement is given up.
const STANDSTILL: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(2);

/// How often Redis carried out one command, and how long that took in all; of a script, what it calls
/// included.
pub(crate) struct Commands {
    pub(crate) name: String,
    pub(crate) calls: f64,
    pub(crate) us: f64,
}

pub(crate) struct Lab {
    pub(crate) redis: Server,
    pub(crate) nodes: Nodes,
    pub(crate) client: Client,
    pub(crate) lease_s: u64,
    host: Host,
    folder: TempDir,
    apps: std::cell::Cell<usize>,
}

impl Lab {
    pub(crate) fn new(options: &Options, nodes: usize) -> anyhow::Result<Self> {
        Self::on(Host::plain(&options.host)?, nodes)
    }

    /// One whose apps run on this host.
    pub(crate) fn on(host: Host, nodes: usize) -> anyhow::Result<Self> {
        let redis = Server::start()?;
        let client = redis.connect()?;
        let folder = tempfile::Builder::new().prefix("muster-bench").tempdir()?;
        let nodes = Nodes::start(nodes)?;
        let apps = std::cell::Cell::new(0);
        Ok(Self { redis, nodes, client, lease_s: LEASE_S, host, folder, apps })
    }

    /// Starts one host with these components.
    pub(crate) fn app(&self, components: &[&str]) -> anyhow::Result<App> {
        let number = self.apps.replace(self.apps.get() + 1);
        let folder = self.folder.path().join(format!("app-{number}"));
        let settings = [
            ("redis_port", self.redis.port().to_string()),
            ("nodes", self.nodes.addresses.join(",")),
            ("lease", self.lease_s.to_string()),
            ("node_timeout", self.node_timeout_ms().to_string()),
            ("concurrency", CONCURRENCY.to_string()),
            ("max_queue", MAX_QUEUE.to_string()),
            // A rollback storm measures rollbacks, not how fast they are given up.
            ("breaker_failures", "0".to_owned()),
        ];
        let app = self.host.start(&folder, components, &settings)?;
        if components.contains(&"worker") {
            self.wait_for_listeners(1)?;
        }
        Ok(app)
    }

    /// Waits until so many workers would hear a wake-up: Spin's triggers are processes of their own, and
    /// one may serve before the other listens.
    pub(crate) fn wait_for_listeners(&self, wanted: usize) -> anyhow::Result<()> {
        let question = format!("PUBSUB NUMSUB {WAKE_CHANNEL}");
        let deadline = Instant::now() + STANDSTILL;
        while self.client.ask::<(String, usize)>(&question)?.1 < wanted {
            ensure!(Instant::now() < deadline, "the worker never listens");
            sleep(POLL);
        }
        Ok(())
    }

    /// The same settings for the native loop.
    pub(crate) fn limits(&self) -> Limits {
        Limits {
            concurrency: CONCURRENCY,
            node_timeout_ms: self.node_timeout_ms(),
            lease_ms: self.lease_s * 1_000,
            task_ttl_s: TASK_TTL_S,
            run_ms: u64::MAX,
            stays: false,
            breaker: BreakerLimits::default(),
            webhooks: WebhookLimits::default(),
        }
    }

    fn node_timeout_ms(&self) -> u64 {
        NODE_TIMEOUT_MS.min(self.lease_s * 500)
    }

    /// Accepts tasks that create a group each, through the accept script; their ids.
    pub(crate) fn accept(&self, count: usize) -> anyhow::Result<Vec<String>> {
        let store = Store::new(&self.client);
        let accept = |_| {
            let id = Uuid::new_v4().to_string();
            let nodes = self.nodes.addresses.clone();
            let group_id = format!("group-{}", Uuid::new_v4().simple());
            let policy = Policy::default();
            let task = Task::new(id.clone(), Operation::Create, group_id, nodes, policy);
            let admission = Admission { max_queue: MAX_QUEUE, ..Admission::default() };
            match block_on(store.accept(&task, admission))? {
                Accepted::Yes => Ok(id),
                other => bail!("not accepted: {other:?}"),
            }
        };
        (0..count).map(accept).collect()
    }

    /// Wakes a drain as the accept script does.
    pub(crate) fn wake(&self) -> anyhow::Result<()> {
        self.client.ask::<i64>(&format!("PUBLISH {WAKE_CHANNEL} wake"))?;
        Ok(())
    }

    /// How many tasks have ended.
    pub(crate) fn ended(&self) -> anyhow::Result<usize> {
        let states = "ended:SUCCESS ended:FAILURE ended:REVOKED";
        let counts: Vec<Option<usize>> =
            self.client.ask(&format!("HMGET {}counts {states}", store::PREFIX))?;
        Ok(counts.into_iter().flatten().sum())
    }

    /// Waits until so many tasks have ended.
    pub(crate) fn wait_for(&self, count: usize) -> anyhow::Result<()> {
        let mut last = (0, Instant::now());
        loop {
            let ended = self.ended()?;
            if ended >= count {
                return Ok(());
            }
            if ended > last.0 {
                last = (ended, Instant::now());
            } else if last.1.elapsed() > STANDSTILL {
                bail!("only {ended} of {count} tasks ended, and no more do");
            }
            sleep(POLL);
        }
    }

    /// Whether every task that ended was a success.
    pub(crate) fn all_succeeded(&self, count: usize) -> anyhow::Result<bool> {
        let succeeded: Option<usize> =
            self.client.ask(&format!("HGET {}counts ended:SUCCESS", store::PREFIX))?;
        Ok(succeeded == Some(count))
    }

    /// When a task ended, in milliseconds since the epoch by Redis's clock, which is ours too.
    pub(crate) fn finished_at_ms(&self, id: &str) -> anyhow::Result<Option<f64>> {
        let ended: Option<String> = self.client.ask(&format!("GET {}ended:{id}", store::PREFIX))?;
        let finished_at_ms =
            ended.as_deref().and_then(|text| text.lines().next()?.split(' ').nth(3));
        Ok(finished_at_ms.and_then(|ms| ms.parse().ok()))
    }

    /// The tasks under a lease.
    pub(crate) fn leased(&self) -> anyhow::Result<Vec<String>> {
        self.client.ask(&format!("ZRANGE {}leases 0 -1", store::PREFIX))
    }

    pub(crate) fn redis_process_id(&self) -> anyhow::Result<u32> {
        Ok(self.client.info("process_id")?.parse()?)
    }

    pub(crate) fn redis_usage(&self) -> anyhow::Result<Usage> {
        Ok(usage::of_process(self.redis_process_id()?))
    }

    /// One number of `INFO`.
    pub(crate) fn info(&self, field: &str) -> anyhow::Result<f64> {
        self.client.info(field)?.parse().context("not a number")
    }

    /// How often Redis carried out a command since its statistics were reset, scripts' own included;
    /// all commands together for `None`.
    pub(crate) fn command_count(&self, command: Option<&str>) -> anyhow::Result<f64> {
        let commands = self.commands()?;
        let counted = commands.iter().filter(|it| command.is_none_or(|command| command == it.name));
        Ok(counted.map(|it| it.calls).sum())
    }

    /// What Redis carried out since its statistics were reset, scripts' own commands included.
    pub(crate) fn commands(&self) -> anyhow::Result<Vec<Commands>> {
        let stats: String = self.client.ask("INFO commandstats")?;
        let commands = stats.lines().filter_map(|line| {
            let (name, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
            let (calls, rest) = rest.split_once(",usec=")?;
            let us = rest.split(',').next()?;
            Some(Commands {
                name: name.to_owned(),
                calls: calls.parse().ok()?,
                us: us.parse().ok()?,
            })
        });
        Ok(commands.collect())
    }

    /// Begins to count commands and bytes anew.
    pub(crate) fn reset_statistics(&self) -> anyhow::Result<()> {
        block_on(self.client.command("CONFIG", vec![b"RESETSTAT".to_vec()]))?;
        Ok(())
    }
}
