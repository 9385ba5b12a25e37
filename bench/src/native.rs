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
                adapter: ClusterManager,
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

    async fn call(&self, request: NodeRequest) -> Result<NodeResponse, legacy::Error> {
        let mut builder =
            Request::builder().method(request.method.as_str()).uri(request.url.to_string());
        for (name, value) in request.headers {
            builder = builder.header(name, value);
        }
        let body = Full::<Bytes>::from(request.body);
        let reads_body = request.reads_body;
        let request = builder.body(body).expect("a request");
        let response = self.0.request(request).await?;
        let status = response.status().as_u16();
        if !reads_body {
            return Ok(NodeResponse { status, body: Vec::new() });
        }
        let body = response.into_body().collect().await.map(|body| body.to_bytes().to_vec());
        Ok(NodeResponse { status, body: body.unwrap_or_default() })
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
