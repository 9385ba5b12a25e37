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

/// The nodes are out of reach from here, but the adapter knows which groups they can hold.
type Nodes = NoNodes<fn() -> Result<ComposedAdapter, SettingError>>;

fn adapter() -> Result<ComposedAdapter, SettingError> {
    settings::adapter(&Variables::read(), ComposedAdapter::with)
}

fn open(variables: &Variables) -> Result<Api<SpinRedis, SpinClock, Nodes>, Problem> {
    let settings = settings::api(variables)?;
    let redis = settings::redis(variables)?;
    Ok(Api {
        store: Store::new(SpinRedis::open(&redis).map_err(StoreError::from)?),
        settings,
        worker_settings: || {
            adapter()?;
            settings::drain(&Variables::read(), DrainUse::Worker).map(drop)
        },
        nodes: NoNodes(adapter),
        clock: SpinClock,
        new_id: Uuid::new_v4,
    })
}
