//! What belongs to one instance of a component: fresh for every request and message.

use std::collections::HashMap;
use std::sync::Arc;

use wasmtime::component::ResourceTable;
use wasmtime::{Engine, Store, StoreLimits, StoreLimitsBuilder};
use wasmtime_wasi::{WasiCtx, WasiCtxView, WasiView};
use wasmtime_wasi_http::{WasiHttpCtx, WasiHttpCtxView, WasiHttpView};

use crate::logs::Log;
use crate::outbound::AllowedHosts;
use crate::outbound_http::{Client, OutboundHttp};
use crate::terminal::complain;

/// How large one memory of a component may grow.
const MEMORY_BYTES: usize = 256 << 20;

/// What all instances of a component share.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The component's id.
    pub(crate) id: String,
    /// Whom it may call.
    pub(crate) allowed_hosts: AllowedHosts,
    /// The values it may ask for.
    pub(crate) variables: HashMap<String, String>,
    /// Its environment variables.
    pub(crate) environment: Vec<(String, String)>,
    /// Where its output goes.
    pub(crate) stdout: Log,
    /// Where its errors go.
    pub(crate) stderr: Log,
    /// How it calls others; connections outlive instances.
    pub(crate) client: Client,
}

impl Settings {
    /// Whether the component may call a URL; tells the developer if it may not.
    pub(crate) fn may_call(&self, url: &str, scheme: &str) -> bool {
        let allowed = self.allowed_hosts.allows(url, scheme);
        if !allowed {
            let shown = url::Url::parse(url).map_or_else(
                |_| "a URL that cannot be read".to_owned(),
                |url| format!("{}://{}", url.scheme(), authority(&url)),
            );
            complain(format_args!(
                "Component `{}` tried to call {shown}, which its allowed_outbound_hosts does not \
                 allow",
                self.id
            ));
        }
        allowed
    }
}

/// Host and port of a URL, without the password it may hold.
fn authority(url: &url::Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// The state of one instance.
pub(crate) struct Instance {
    /// What the component holds handles to.
    pub(crate) table: ResourceTable,
    /// What its component shares.
    pub(crate) settings: Arc<Settings>,
    wasi: WasiCtx,
    http: WasiHttpCtx,
    outbound: OutboundHttp,
    limits: StoreLimits,
}

impl Instance {
    /// A store for one instance of a component.
    pub(crate) fn store(engine: &Engine, settings: &Arc<Settings>) -> Store<Self> {
        let mut wasi = WasiCtx::builder();
        wasi.stdout(settings.stdout.clone()).stderr(settings.stderr.clone());
        wasi.envs(&settings.environment);
        let instance = Self {
            table: ResourceTable::new(),
            wasi: wasi.build(),
            http: WasiHttpCtx::new(),
            outbound: OutboundHttp::new(Arc::clone(settings)),
            limits: StoreLimitsBuilder::new().memory_size(MEMORY_BYTES).build(),
            settings: Arc::clone(settings),
        };
        let mut store = Store::new(engine, instance);
        store.limiter(|instance| &mut instance.limits);
        // A component that computes for long lets others run at every tick, and is never stopped.
        store.set_epoch_deadline(1);
        store.epoch_deadline_async_yield_and_update(1);
        store
    }
}

impl WasiView for Instance {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        WasiCtxView { ctx: &mut self.wasi, table: &mut self.table }
    }
}

impl WasiHttpView for Instance {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView { ctx: &mut self.http, table: &mut self.table, hooks: &mut self.outbound }
    }
}
