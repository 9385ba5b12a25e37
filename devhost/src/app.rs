//! An application: what the manifest describes, loaded and run.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, Result};
use futures::future::{select_all, try_join_all};
use tokio::task::JoinHandle;
use wasmtime::component::Component as Compiled;
use wasmtime::{Engine, ProfilingStrategy};

use crate::cache::{self, Cache};
use crate::cli::Up;
use crate::component::{self, Component};
use crate::compose::{self, Dependency};
use crate::engine;
use crate::http_trigger::HttpTrigger;
use crate::instance::Settings;
use crate::logs::LogFolder;
use crate::manifest::{self, Manifest};
use crate::outbound::AllowedHosts;
use crate::outbound_http::Client;
use crate::redis_trigger::{Channels, Subscriber};
use crate::routes::Routes;
use crate::terminal::complain;
use crate::variables::{self, Variables};

/// The folder, beside the first component, that keeps compiled components.
const CACHE: &str = "host-cache";

/// Runs an application until one of its triggers ends, which is an error.
pub(crate) async fn up(options: &Up) -> Result<()> {
    let path = options.manifest();
    let folder = path.parent().unwrap_or(Path::new("")).to_owned();
    let mut manifest = Manifest::load(&path)?;
    manifest.retain(&options.components)?;
    let dotenv = variables::read_dotenv(Path::new(variables::DOTENV))?;
    let given = variables::read_given(&options.variables)?;
    let environment = |key: &str| std::env::var(key).ok();
    let variables = Variables::resolve(&manifest.variables, &given, environment, &dotenv)?;

    let state = options.state_dir.clone().unwrap_or_else(|| folder.join(".spin"));
    let logs = LogFolder::create(state.join("logs"), !options.quiet)?;
    complain(format_args!("Logging component stdio to {}", logs.path().display()));

    let components = load(options, &folder, &manifest, &variables, &logs)?;
    let mut triggers = Vec::new();
    let http = http(&manifest, &components, &options.listen).await?;
    for subscriber in redis(&manifest, &components, &variables).await? {
        subscriber.announce();
        triggers.push(tokio::spawn(subscriber.run()));
    }
    if let Some(http) = http {
        http.announce()?;
        triggers.push(tokio::spawn(http.serve()));
    }
    first_to_end(triggers).await
}

async fn first_to_end(triggers: Vec<JoinHandle<Result<()>>>) -> Result<()> {
    let (outcome, _, _) = select_all(triggers).await;
    outcome.context("a trigger broke off")?
}

type Components = BTreeMap<String, Component>;

fn load(
    options: &Up,
    folder: &Path,
    manifest: &Manifest,
    variables: &Variables,
    logs: &LogFolder,
) -> Result<Components> {
    let profiling =
        if options.perf_map { ProfilingStrategy::PerfMap } else { ProfilingStrategy::None };
    let engine = engine::new(profiling)?;
    let linker = component::linker(&engine)?;
    let client = Client::new();
    let mut components = Components::new();
    for (id, component) in &manifest.components {
        let context = || format!("component `{id}`");
        let settings = Settings {
            id: id.clone(),
            allowed_hosts: AllowedHosts::resolve(&component.allowed_outbound_hosts, variables)
                .with_context(context)?,
            variables: variables.of_component(&component.variables).with_context(context)?,
            environment: component.environment.clone().into_iter().collect(),
            stdout: logs.open(id, "stdout")?,
            stderr: logs.open(id, "stderr")?,
            client: client.clone(),
        };
        let compiled =
            compile(&engine, folder, id, component, options.perf_map).with_context(context)?;
        let component = Component::new(&linker, &compiled, Arc::new(settings))?;
        components.insert(id.clone(), component);
    }
    Ok(components)
}

fn compile(
    engine: &Engine,
    folder: &Path,
    id: &str,
    component: &manifest::Component,
    perf_map: bool,
) -> Result<Compiled> {
    let source = folder.join(&component.source);
    let wasm = read(&source)?;
    let mut dependencies = Vec::new();
    for (name, dependency) in &component.dependencies {
        dependencies.push(Dependency {
            name: name.clone(),
            export: dependency.export.clone(),
            wasm: read(&folder.join(&dependency.path))?,
        });
    }
    let inherit = component.dependencies_inherit_configuration;
    let rules = compose::rules(inherit);
    let mut parts = vec![wasm.as_slice(), rules.as_bytes()];
    for Dependency { name, export, wasm } in &dependencies {
        parts.extend([name.as_bytes(), export.as_deref().unwrap_or("").as_bytes(), wasm]);
    }
    let cache = Cache::new(source.parent().unwrap_or(Path::new("")).join(CACHE));
    let name = source.file_stem().map_or_else(|| id.into(), |stem| stem.to_string_lossy());
    let composed = || {
        if dependencies.is_empty() {
            Ok(wasm.clone())
        } else {
            compose::compose(id, wasm.clone(), &dependencies, inherit)
        }
    };
    if perf_map {
        // `perf` would take the names of a file's code from that file, which has them cut short.
        return cache::compile(engine, &name, &composed()?);
    }
    cache.load(engine, &name, &parts, composed)
}

fn read(path: &PathBuf) -> Result<Vec<u8>> {
    std::fs::read(path).with_context(|| format!("cannot read the component {}", path.display()))
}

async fn http(
    manifest: &Manifest,
    components: &Components,
    address: &str,
) -> Result<Option<HttpTrigger>> {
    if manifest.triggers.http.is_empty() {
        return Ok(None);
    }
    let mut handlers = Vec::new();
    for trigger in &manifest.triggers.http {
        let component = components.get(&trigger.component).context("no such component")?;
        handlers.push(component.http_handler()?);
    }
    let routes = Routes::new(&manifest.triggers.http)?;
    HttpTrigger::listen(routes, handlers, address).await.map(Some)
}

async fn redis(
    manifest: &Manifest,
    components: &Components,
    variables: &Variables,
) -> Result<Vec<Subscriber>> {
    let mut addresses: BTreeMap<String, Channels> = BTreeMap::new();
    let default = manifest.application.triggers.redis.address.as_deref().unwrap_or_default();
    for trigger in &manifest.triggers.redis {
        let context = || format!("the Redis trigger of component `{}`", trigger.component);
        let address = variables
            .render(trigger.address.as_deref().unwrap_or(default))
            .with_context(context)?;
        let channel = variables.render(&trigger.channel).with_context(context)?;
        let component = components.get(&trigger.component).context("no such component")?;
        let handler = component.redis_handler()?;
        addresses.entry(address).or_default().entry(channel).or_default().push(handler);
    }
    let subscribers = addresses
        .into_iter()
        .map(async |(address, channels)| Subscriber::subscribe(&address, channels).await);
    try_join_all(subscribers).await
}
