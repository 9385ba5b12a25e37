//! The worker: drains the queue, woken by a Redis message or by `POST /maintenance/sweep`.
//!
//! Both triggers run the same drain, so this one component serves `worker` (Redis) and `sweep`
//! (HTTP) in `spin.toml`. What a wake-up message says does not matter, only that it came.

use drain::{Drain, Limits, Log as _, Report};
use settings::DrainUse;
use spin_runtime::{ComposedAdapter, JsonLog, SpinClient, SpinClock, SpinRedis, Variables, serve};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::{http_component, redis_component};
use store::{Store, StoreError};
use uuid::Uuid;

const WORKER: JsonLog = JsonLog { component: "worker" };
const SWEEP: JsonLog = JsonLog { component: "sweep" };

#[redis_component]
async fn wake(_message: Vec<u8>) -> anyhow::Result<()> {
    let drained = async {
        let limits = settings::drain(&Variables, DrainUse::Worker)?;
        let redis = settings::redis(&Variables)?;
        anyhow::Ok(drain(limits, SpinRedis::open(&redis)?, WORKER).await?)
    };
    if let Err(error) = drained.await {
        WORKER.line("drain ended early", &[("reason", &format!("{error:#}"))]);
    }
    // The host would only repeat an error, and try nothing else.
    Ok(())
}

#[http_component]
async fn sweep(request: IncomingRequest, out: ResponseOutparam) {
    serve(request, out, SWEEP, async |request| {
        let api_tokens = settings::api_tokens(&Variables)?;
        let limits = settings::drain(&Variables, DrainUse::Sweep)?;
        let redis = settings::redis(&Variables)?;
        routes::sweep(&request, &api_tokens, async || {
            drain(limits, SpinRedis::open(&redis).map_err(StoreError::from)?, SWEEP).await
        })
        .await
    })
    .await;
}

async fn drain(limits: Limits, redis: SpinRedis, log: JsonLog) -> Result<Report, StoreError> {
    let drain = Drain {
        store: Store::new(redis),
        client: SpinClient,
        adapter: ComposedAdapter,
        clock: SpinClock,
        log,
        limits,
    };
    drain.run(&Uuid::new_v4().to_string()).await
}
