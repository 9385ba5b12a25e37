//! The native loop: the very drain, saga and scripts, with tokio and hyper in place of Wasm and a
//! host. What it reaches is the ceiling for the worker component.

use std::time::{Duration, Instant};

use clock::Clock;
use drain::{
    Environment, Level, Limits, Log, NodeClient, NodeRequest, NodeResponse, Report, SendError,
};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use node_adapter::ClusterManager;
use store::Store;

use crate::resp::Connection;

/// Drains until nothing is left, on a thread of its own.
pub(crate) fn drain(redis_port: u16, limits: Limits) -> anyhow::Result<Report> {
    let thread = std::thread::Builder::new().name("native".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let environment = Environment {
                store: Store::new(Connection::open(redis_port).await?),
                client: HyperClient::new(),
                adapter: ClusterManager::default(),
                clock: TokioClock(Instant::now()),
                log: Silence,
                limits,
            };
            anyhow::Ok(drain::run(&environment, &uuid::Uuid::new_v4().to_string()).await?)
        })
    })?;
    thread.join().expect("the native loop")
}

struct HyperClient(legacy::Client<HttpConnector, Full<Bytes>>);

impl HyperClient {
    fn new() -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        Self(legacy::Client::builder(TokioExecutor::new()).build(connector))
    }

    async fn call(&self, mut request: NodeRequest) -> Result<NodeResponse, legacy::Error> {
        let mut builder =
            Request::builder().method(request.method.as_str()).uri(request.url.to_string());
        for (name, value) in std::mem::take(&mut request.headers) {
            builder = builder.header(name, value);
        }
        let body = Full::<Bytes>::from(std::mem::take(&mut request.body));
        let response = self.0.request(builder.body(body).expect("a request")).await?;
        let status = response.status().as_u16();
        let (names, body_bytes_max) = request.wanted(status);
        let text = |name: &str| Some(response.headers().get(name)?.to_str().ok()?.to_owned());
        let header = |name: &&str| Some(((*name).to_owned(), text(name)?));
        let headers = names.iter().filter_map(header).collect();
        if body_bytes_max == 0 {
            return Ok(NodeResponse { status, headers, ..NodeResponse::default() });
        }
        let body = response.into_body().collect().await;
        let mut body = body.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let body_is_whole = body.len() <= body_bytes_max;
        body.truncate(body_bytes_max);
        Ok(NodeResponse { status, headers, body, body_is_whole })
    }
}

impl NodeClient for HyperClient {
    async fn send(&self, request: NodeRequest, timeout_ms: u64) -> Result<NodeResponse, SendError> {
        match tokio::time::timeout(Duration::from_millis(timeout_ms), self.call(request)).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) if error.is_connect() => Err(SendError::NotSent(error.to_string())),
            Ok(Err(error)) => Err(SendError::Lost(error.to_string())),
            Err(_) => Err(SendError::TimedOut),
        }
    }
}

struct TokioClock(Instant);

impl Clock for TokioClock {
    fn now_ms(&self) -> u64 {
        u64::try_from(self.0.elapsed().as_millis()).unwrap_or(u64::MAX)
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        tokio::time::sleep(Duration::from_millis(ms))
    }
}

/// A worker writes an event a task, which is not what is compared.
struct Silence;

impl Log for Silence {
    fn write(&self, _: Level, _event: &str, _fields: &[(&str, &str)]) {}
}
