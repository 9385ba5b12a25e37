//! The native loop: the very drain, saga and scripts, with tokio and hyper in place of Wasm and a
//! host. What it reaches is the ceiling for the worker component.

use std::time::{Duration, Instant};

use drain::{
    Adapter, Clock, Drain, Finding, Limits, Log, NodeClient, NodeRequest, NodeResponse, Prepared,
    Report, SendError, Verdict,
};
use http_body_util::{BodyExt as _, Full};
use hyper::Request;
use hyper::body::Bytes;
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use saga::{Operation, Verb};
use store::Store;

use crate::resp::Connection;

/// Drains until nothing is left, on a thread of its own.
pub(crate) fn drain(redis_port: u16, limits: Limits) -> anyhow::Result<Report> {
    let thread = std::thread::Builder::new().name("native".to_owned()).spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(async {
            let drain = Drain {
                store: Store::new(Connection::open(redis_port).await?),
                client: HyperClient::new(),
                adapter: ClusterManager,
                clock: TokioClock(Instant::now()),
                log: Silence,
                limits,
            };
            anyhow::Ok(drain.run(&uuid::Uuid::new_v4().to_string()).await?)
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
        let mut builder = Request::builder().method(request.method.as_str()).uri(request.url);
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

/// What the default adapter component does, as plain code.
struct ClusterManager;

impl Adapter for ClusterManager {
    fn prepare(&self, verb: Verb, group_id: &str) -> Result<Prepared, String> {
        Ok(match verb {
            Verb::Inspect => Prepared {
                method: "GET".to_owned(),
                path_with_query: format!("/v1/group/{group_id}"),
                headers: Vec::new(),
                body: Vec::new(),
                reads_body: false,
            },
            Verb::Change(operation) => Prepared {
                method: if operation == Operation::Create { "POST" } else { "DELETE" }.to_owned(),
                path_with_query: "/v1/group/".to_owned(),
                headers: vec![("content-type".to_owned(), "application/json".to_owned())],
                body: serde_json::json!({ "groupId": group_id }).to_string().into_bytes(),
                reads_body: false,
            },
        })
    }

    fn interpret(&self, operation: Operation, status: u16, _body: &[u8]) -> Verdict {
        match (operation, status) {
            (Operation::Create, 200 | 201) | (Operation::Delete, 200 | 204) => Verdict::Applied,
            (_, 400 | 404 | 409) => Verdict::Inspect("the answer leaves it open".to_owned()),
            (_, 401..500) => Verdict::Refused("the node refuses".to_owned()),
            _ => Verdict::Unknown("the node is in trouble".to_owned()),
        }
    }

    fn interpret_inspection(&self, status: u16, _body: &[u8]) -> Finding {
        match status {
            200 => Finding::Present,
            404 => Finding::Absent,
            _ => Finding::Unclear("the node is in trouble".to_owned()),
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

/// A rollback storm writes a line a task, which is not what is compared.
struct Silence;

impl Log for Silence {
    fn line(&self, _event: &str, _fields: &[(&str, &str)]) {}
}
