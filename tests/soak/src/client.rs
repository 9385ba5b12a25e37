//! A client: submits, sometimes polls, sometimes cancels, and never forgets what it was told.

use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use reqwest::{Method, RequestBuilder, StatusCode};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::cluster::Cluster;

/// Groups that all clients work on, so that tasks meet.
const GROUPS: usize = 150;
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
const AGAIN: Duration = Duration::from_millis(50);
/// Far longer than anything takes once the cluster is well.
const PATIENCE: Duration = Duration::from_secs(120);

/// A task that was accepted.
#[derive(Clone, Debug)]
pub(crate) struct Accepted {
    pub(crate) task_id: String,
    pub(crate) group_id: String,
    pub(crate) operation: &'static str,
}

#[derive(Clone, Debug)]
pub(crate) struct Client {
    cluster: Arc<Cluster>,
    http: reqwest::Client,
    random: Rng,
}

impl Client {
    pub(crate) fn new(cluster: Arc<Cluster>, seed: u64) -> anyhow::Result<Self> {
        let http = reqwest::Client::builder().timeout(REQUEST_TIMEOUT).build()?;
        Ok(Self { cluster, http, random: Rng::with_seed(seed) })
    }

    /// Submits tasks until `deadline`; gives those that were accepted.
    pub(crate) async fn work(mut self, deadline: Instant) -> anyhow::Result<Vec<Accepted>> {
        let mut accepted = Vec::new();
        while Instant::now() < deadline {
            let task = self.submit().await?;
            match self.random.u32(..10) {
                0 => {
                    let path = format!("/groups/task/{}/cancel", task.task_id);
                    // Whether it comes through or not, the task must end well.
                    let _ = self.send(Method::POST, &path, |request| request).await;
                }
                1..4 => {
                    let path = format!("/groups/task/{}", task.task_id);
                    let _ = self.send(Method::GET, &path, |request| request).await;
                }
                _ => {}
            }
            accepted.push(task);
            let pause = Duration::from_millis(self.random.u64(1..40));
            sleep(pause).await;
        }
        Ok(accepted)
    }

    /// Submits one task, and again with the same key for as long as there is no answer.
    async fn submit(&mut self) -> anyhow::Result<Accepted> {
        let group_id = format!("group-{}", self.random.usize(..GROUPS));
        let operation = if self.random.u32(..3) == 0 { "delete" } else { "create" };
        let key = uuid::Uuid::new_v4().to_string();
        let body = json!({ "group_id": group_id }).to_string();
        let answer = self
            .insist(
                Method::POST,
                &format!("/groups/{operation}"),
                StatusCode::ACCEPTED,
                |request| request.header("idempotency-key", &key).body(body.clone()),
            )
            .await?;
        let task_id = answer["task_id"].as_str().unwrap_or_default().to_owned();
        Ok(Accepted { task_id, group_id, operation })
    }

    /// Sends until it is answered with `wanted`.
    pub(crate) async fn insist(
        &mut self,
        method: Method,
        path: &str,
        wanted: StatusCode,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let answer = self.send(method.clone(), path, &with).await;
            match answer {
                Ok((status, body)) if status == wanted => return Ok(body),
                // Anything but trouble would stay as it is.
                Ok((status, body)) if !status.is_server_error() => {
                    anyhow::bail!("{method} {path} answered {status}: {body}");
                }
                other if Instant::now() > deadline => {
                    let words = self.cluster.last_words();
                    anyhow::bail!("{method} {path} never answered {wanted}: {other:?}\n{words}");
                }
                _ => sleep(AGAIN).await,
            }
        }
    }

    /// Sends once, to some host.
    async fn send(
        &mut self,
        method: Method,
        path: &str,
        with: impl Fn(RequestBuilder) -> RequestBuilder,
    ) -> anyhow::Result<(StatusCode, Value)> {
        let base = self.cluster.base(self.random.u64(..));
        let base = base.ok_or_else(|| anyhow::anyhow!("no host is up"))?;
        let response = with(self.http.request(method, format!("{base}{path}"))).send().await?;
        Ok((response.status(), response.json().await.unwrap_or(Value::Null)))
    }

    /// A task, however often it must be asked for.
    pub(crate) async fn task(&mut self, task_id: &str) -> anyhow::Result<Value> {
        self.insist(Method::GET, &format!("/groups/task/{task_id}"), StatusCode::OK, |r| r).await
    }

    /// A task once it has ended.
    pub(crate) async fn ended(&mut self, task_id: &str) -> anyhow::Result<Value> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let path = format!("/groups/task/{task_id}?wait=1");
            let task = self.insist(Method::GET, &path, StatusCode::OK, |request| request).await?;
            if !task["finished_at"].is_null() {
                return Ok(task);
            }
            anyhow::ensure!(Instant::now() < deadline, "it never ends: {task:#}");
        }
    }
}
