//! A component ready to be run: compiled, linked, with what it exports looked up.

use std::sync::Arc;

use anyhow::{Context as _, Result, anyhow};
use wasmtime::Engine;
use wasmtime::component::{
    Component as Compiled, ComponentExportIndex, ComponentType, InstancePre, Lift, Linker, Lower,
};
use wasmtime_wasi_http::p2::bindings::ProxyPre;

use crate::instance::{Instance, Settings};
use crate::{denied, host_redis, host_variables};

/// The interface through which components hear Redis messages.
const INBOUND_REDIS: &str = "fermyon:spin/inbound-redis";

/// What all components may import; its capabilities are checked at each call.
pub(crate) fn linker(engine: &Engine) -> Result<Linker<Instance>> {
    let mut linker = Linker::new(engine);
    wasmtime_wasi::p2::add_to_linker_async(&mut linker)?;
    wasmtime_wasi_http::p2::add_only_http_to_linker_async(&mut linker)?;
    host_redis::add_to_linker(&mut linker)?;
    host_variables::add_to_linker(&mut linker)?;
    Ok(linker)
}

/// A component of the application.
pub(crate) struct Component {
    /// What its instances share.
    pub(crate) settings: Arc<Settings>,
    instance_pre: InstancePre<Instance>,
}

impl Component {
    /// Links a component. Fails, naming it, on an import that the host does not have.
    pub(crate) fn new(
        linker: &Linker<Instance>,
        compiled: &Compiled,
        settings: Arc<Settings>,
    ) -> Result<Self> {
        let mut linker = linker.clone();
        denied::add_to_linker(&mut linker, compiled)?;
        let instance_pre =
            linker.instantiate_pre(compiled).map_err(|error| anyhow!("{error:#}")).with_context(
                || format!("the dev host cannot run the component `{}`", settings.id),
            )?;
        Ok(Self { settings, instance_pre })
    }

    /// The component as a handler of HTTP requests. Fails when it is none.
    pub(crate) fn http_handler(&self) -> Result<HttpHandler> {
        let proxy = ProxyPre::new(self.instance_pre.clone()).map_err(|error| {
            anyhow!(
                "component `{}` has an HTTP trigger, but does not export \
                 wasi:http/incoming-handler@0.2: {error}",
                self.settings.id
            )
        })?;
        Ok(HttpHandler { settings: Arc::clone(&self.settings), proxy })
    }

    /// The component as a handler of Redis messages. Fails when it is none.
    pub(crate) fn redis_handler(&self) -> Result<RedisHandler> {
        let compiled = self.instance_pre.component();
        let handle_message = compiled
            .get_export_index(None, INBOUND_REDIS)
            .and_then(|interface| compiled.get_export_index(Some(&interface), "handle-message"))
            .with_context(|| {
                format!(
                    "component `{}` has a Redis trigger, but does not export {INBOUND_REDIS}",
                    self.settings.id
                )
            })?;
        Ok(RedisHandler {
            settings: Arc::clone(&self.settings),
            instance_pre: self.instance_pre.clone(),
            handle_message,
        })
    }
}

/// A component that answers HTTP requests.
#[derive(Clone)]
pub(crate) struct HttpHandler {
    /// What its instances share.
    pub(crate) settings: Arc<Settings>,
    /// Makes an instance.
    pub(crate) proxy: ProxyPre<Instance>,
}

/// A component that hears Redis messages.
#[derive(Clone)]
pub(crate) struct RedisHandler {
    settings: Arc<Settings>,
    instance_pre: InstancePre<Instance>,
    handle_message: ComponentExportIndex,
}

/// `redis-types.error`
#[derive(Clone, Copy, Debug, PartialEq, Eq, ComponentType, Lift, Lower)]
#[component(enum)]
#[repr(u8)]
#[expect(dead_code, reason = "components make them")]
enum HandlerError {
    #[component(name = "success")]
    Success,
    #[component(name = "error")]
    Error,
}

impl RedisHandler {
    /// The component's id.
    pub(crate) fn id(&self) -> &str {
        &self.settings.id
    }

    /// Hands one message to a fresh instance and waits until it returns.
    pub(crate) async fn handle(&self, payload: Vec<u8>) -> Result<()> {
        let mut store = Instance::store(self.instance_pre.engine(), &self.settings);
        let instance = self.instance_pre.instantiate_async(&mut store).await?;
        let function = instance.get_typed_func::<(Vec<u8>,), (Result<(), HandlerError>,)>(
            &mut store,
            self.handle_message,
        )?;
        let (outcome,) = function.call_async(&mut store, (payload,)).await?;
        outcome.map_err(|_| anyhow!("the handler returned an error"))
    }
}
