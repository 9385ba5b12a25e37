//! The HTTP API. It reaches Redis and nothing else.

use routes::{Api, NoNodes};
use settings::DrainUse;
use spin_runtime::{ComposedAdapter, JsonLog, SpinClock, SpinRedis, Variables, serve};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;
use store::{Store, StoreError};
use uuid::Uuid;

const LOG: JsonLog = JsonLog { component: "api" };

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    serve(request, out, LOG, async |request| {
        if let Some(reply) = routes::health(&request) {
            return Ok(reply);
        }
        let variables = Variables::read();
        let settings = settings::api(&variables)?;
        let redis = settings::redis(&variables)?;
        let redis = SpinRedis::open(&redis).map_err(StoreError::from)?;
        let api = Api {
            store: Store::new(redis),
            settings,
            worker_settings: || {
                let variables = Variables::read();
                settings::adapter(&variables, ComposedAdapter::with)?;
                settings::drain(&variables, DrainUse::Worker).map(drop)
            },
            nodes: NoNodes(|| settings::adapter(&variables, ComposedAdapter::with)),
            clock: SpinClock,
            new_id: Uuid::new_v4,
        };
        Ok(api.handle(&request).await)
    })
    .await;
}
