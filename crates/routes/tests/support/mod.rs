//! What tests that answer requests without a host have in common.
#![allow(dead_code, reason = "each test file uses its part")]

use std::future::{Future, ready};

use clock::Clock;
use node_adapter::ClusterManager;
use routes::{Api, NoNodes};
use settings::{ApiSettings, SettingError};
use store::{Redis, Store};

/// A clock that stands still.
pub(crate) struct Still;

impl Clock for Still {
    fn now_ms(&self) -> u64 {
        0
    }

    fn sleep(&self, _: u64) -> impl Future<Output = ()> {
        ready(())
    }
}

/// Settings with one node.
pub(crate) fn settings() -> ApiSettings {
    ApiSettings {
        nodes: vec!["n1:80".to_owned()],
        policy: saga::Policy::default(),
        max_queue: 10,
        task_ttl_s: 60,
        idempotency_ttl_s: 60,
        rate_limit: None,
        callback_hosts: None,
    }
}

/// The nodes are out of reach, and what the adapter that ships takes is known.
pub(crate) type Unreached = NoNodes<fn() -> Result<ClusterManager, SettingError>>;

/// An API on this Redis, by this clock.
pub(crate) fn api<R: Redis, C: Clock>(redis: R, clock: C) -> Api<R, C, Unreached> {
    Api {
        store: Store::new(redis),
        settings: settings(),
        worker_settings: || Ok(()),
        nodes: NoNodes(|| Ok(ClusterManager::default())),
        clock,
        new_id: uuid::Uuid::nil,
    }
}
