//! The routes that need the nodes, behind HTTP.

use drain::{Limits, Report};
use routes::{Api, Nodes, Problem};
use saga::Presence;
use settings::{DrainUse, RedisSettings};
use spin_runtime::{ComposedAdapter, JsonLog, SpinClient, SpinClock, SpinRedis, Variables, serve};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;
use store::{Store, StoreError};
use uuid::Uuid;

const NAME: &str = "maintenance";

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    serve(request, out, NAME, async |request| {
        let variables = Variables::read();
        routes::answer(request, &settings::access(&variables), || open(&variables)).await
    })
    .await;
}

fn open(variables: &Variables) -> Result<Api<SpinRedis, SpinClock, SpinNodes>, Problem> {
    let settings = settings::api(variables)?;
    let limits = settings::drain(variables, DrainUse::Sweep)?;
    let adapter = settings::adapter(variables, ComposedAdapter::with)?;
    let redis = settings::redis(variables)?;
    Ok(Api {
        store: Store::new(SpinRedis::open(&redis).map_err(StoreError::from)?),
        settings,
        worker_settings: || Ok(()),
        nodes: SpinNodes { limits, adapter, redis, log: JsonLog::new(NAME, variables) },
        clock: SpinClock,
        new_id: Uuid::new_v4,
    })
}

/// The nodes, through Spin's outbound HTTP.
struct SpinNodes {
    limits: Limits,
    adapter: ComposedAdapter,
    redis: RedisSettings,
    log: JsonLog,
}

impl Nodes for SpinNodes {
    fn check_group_id(&self, group_id: &str) -> Result<(), Problem> {
        routes::check_group_id(&self.adapter, group_id)
    }

    async fn inspect(&self, node: &str, group_id: &str) -> Option<Result<Presence, String>> {
        let timeout_ms = self.limits.node_timeout_ms;
        Some(drain::inspect(&SpinClient, &self.adapter, node, group_id, timeout_ms).await)
    }

    async fn sweep(&self) -> Option<Result<Report, StoreError>> {
        Some(crate::drain(self.limits.clone(), self.adapter, &self.redis, self.log).await)
    }
}
