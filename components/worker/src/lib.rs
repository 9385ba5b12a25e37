//! The worker: drains the queue, woken by a Redis message. What the message says does not matter,
//! only that it came.
//!
//! The same component behind an HTTP trigger is `maintenance` in `spin.toml`: the API's routes with
//! access to the nodes, for those that need it (a sweep, a check of a group).

mod maintenance;

use drain::{Environment, Level, Limits, Log as _, Report};
use settings::{DrainUse, RedisSettings, SettingError};
use spin_runtime::{ComposedAdapter, JsonLog, SpinClient, SpinClock, SpinRedis, Variables};
use spin_sdk::redis_component;
use store::{Store, StoreError};
use uuid::Uuid;

#[redis_component]
async fn wake(_message: Vec<u8>) -> anyhow::Result<()> {
    let variables = Variables::read();
    let log = JsonLog::new("worker", &variables);
    let drained = async {
        let bad = |error: SettingError| anyhow::Error::msg(error.for_log());
        let limits = settings::drain(&variables, DrainUse::Worker).map_err(bad)?;
        let adapter = settings::adapter(&variables, ComposedAdapter::with).map_err(bad)?;
        let redis = settings::redis(&variables).map_err(bad)?;
        anyhow::Ok(drain(limits, adapter, &redis, log).await?)
    };
    if let Err(error) = drained.await {
        log.write(Level::Error, "drain ended early", &[("reason", &format!("{error:#}"))]);
    }
    // The host would only repeat an error, and try nothing else.
    Ok(())
}

async fn drain(
    limits: Limits,
    adapter: ComposedAdapter,
    redis: &RedisSettings,
    log: JsonLog,
) -> Result<Report, StoreError> {
    let environment = Environment {
        store: Store::new(SpinRedis::open(redis)?),
        client: SpinClient,
        adapter,
        clock: SpinClock,
        log,
        limits,
    };
    drain::run(&environment, &Uuid::new_v4().to_string()).await
}
