//! The HTTP API. It reaches Redis and nothing else.

use routes::{Api, NoNodes, Problem};
use settings::{DrainUse, SettingError};
use spin_runtime::{ComposedAdapter, SpinClock, SpinRedis, Variables, serve};
use spin_sdk::http::{IncomingRequest, ResponseOutparam};
use spin_sdk::http_component;
use store::{Store, StoreError};
use uuid::Uuid;

const NAME: &str = "api";

#[http_component]
async fn handle(request: IncomingRequest, out: ResponseOutparam) {
    serve(request, out, NAME, async |request| {
        let variables = Variables::read();
        routes::answer(request, &settings::access(&variables), || open(&variables)).await
    })
    .await;
}

fn open(
    variables: &Variables,
) -> Result<
    Api<SpinRedis, SpinClock, NoNodes<impl Fn() -> Result<ComposedAdapter, SettingError>>>,
    Problem,
> {
    let settings = settings::api(variables)?;
    let redis = settings::redis(variables)?;
    Ok(Api {
        store: Store::new(SpinRedis::open(&redis).map_err(StoreError::from)?),
        settings,
        worker_settings: || {
            let variables = Variables::read();
            settings::adapter(&variables, ComposedAdapter::with)?;
            settings::drain(&variables, DrainUse::Worker).map(drop)
        },
        nodes: NoNodes(|| settings::adapter(variables, ComposedAdapter::with)),
        clock: SpinClock,
        new_id: Uuid::new_v4,
    })
}
