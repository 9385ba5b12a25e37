//! The HTTP component: accepts tasks, tells how they stand, and serves the dead letters.

use routes::Api;
use spin_runtime::{JsonLog, SpinRedis, Variables, serve};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;
use store::{Store, StoreError};
use uuid::Uuid;

const LOG: JsonLog = JsonLog { component: "api" };

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    serve(request, out, LOG, async |request| {
        let settings = settings::api(&Variables)?;
        let redis = settings::redis(&Variables)?;
        let redis = SpinRedis::open(&redis).map_err(StoreError::from)?;
        let store = Store::new(redis);
        let api = Api { store: &store, settings: &settings, new_id: &Uuid::new_v4 };
        Ok(api.handle(&request).await)
    })
    .await;
}
