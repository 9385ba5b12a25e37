//! One test's own Redis, nodes and app.

use std::net::SocketAddr;

use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tempfile::TempDir;
use testkit_app::{App, Launch, Manifest};
use testkit_node::Node;
use testkit_redis::Server;

use crate::eventually::eventually;

/// How a world differs from the usual.
#[derive(Clone, Copy, Debug, Default)]
pub struct Setup<'a> {
    /// Settings beside [`SETTINGS`], or instead of them.
    pub settings: &'a [(&'a str, &'a str)],
    /// The components to run; none = all.
    pub components: &'a [&'a str],
    /// The file of the node adapter, beside the components that ship; none = the one that ships.
    pub adapter: Option<&'a str>,
}

/// Short times, so that tests are quick, in the proportions of the real ones.
const SETTINGS: [(&str, &str); 4] = [
    ("rollback_retry_delay", "0.1"),
    ("node_timeout", "500"),
    ("late_call_window", "1.5"),
    ("lease", "2"),
];

/// How many nodes a world has.
const NODES: usize = 3;

/// Everything one test needs. Dropping it ends it all, and says what happened when the test failed.
#[derive(Debug)]
pub struct World {
    apps: Vec<App>,
    pub nodes: Vec<Node>,
    pub redis: Server,
    launch: Launch,
    http: reqwest::Client,
    folder: TempDir,
}

/// What the API answered.
#[derive(Clone, Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// The body as JSON; null when it is none.
    pub json: Value,
    pub text: String,
}

impl Answer {
    /// That it is a problem of this status and type, with everything a problem has.
    #[track_caller]
    pub fn assert_problem(&self, status: u16, slug: &str) {
        assert_eq!(self.status, status, "{self:?}");
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(self.json["type"], format!("/docs#problem-{slug}"));
        assert_eq!(self.json["status"], status);
        for field in ["title", "detail", "next"] {
            let text = self.json[field].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{field} is missing: {self:?}");
        }
        assert!(self.header("x-process-time").ends_with(" sec"), "{self:?}");
    }

    /// One header as text; empty when it is not there.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }
}

impl World {
    /// Three nodes that hold nothing, and the whole app.
    pub async fn new() -> Self {
        Self::with(Setup::default()).await
    }

    pub async fn with(setup: Setup<'_>) -> Self {
        let redis = Server::start().unwrap();
        let mut nodes = Vec::new();
        for _ in 0..NODES {
            nodes.push(Node::start(SocketAddr::from(([127, 0, 0, 1], 0))).await.unwrap());
        }
        let addresses: Vec<String> = nodes.iter().map(|node| node.address().to_string()).collect();
        let own = [("redis_port", redis.port().to_string()), ("nodes", addresses.join(","))];
        let mut settings: Vec<(String, String)> =
            own.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        for (name, value) in SETTINGS.iter().chain(setup.settings) {
            settings.retain(|(other, _)| other != name);
            settings.push(((*name).to_owned(), (*value).to_owned()));
        }
        let folder = tempfile::Builder::new().prefix("muster-e2e").tempdir().unwrap();
        let mut launch = Launch::new(testkit_app::host(), testkit_app::shipped_manifest());
        launch.settings = settings;
        if let Some(adapter) = setup.adapter {
            let mut manifest = Manifest::shipped().unwrap();
            manifest.set_adapter(adapter).unwrap();
            launch.manifest = folder.path().join("spin.toml");
            manifest.write(&launch.manifest, &testkit_app::built()).unwrap();
        }
        let http = reqwest::Client::new();
        let mut world = Self { apps: Vec::new(), nodes, redis, launch, http, folder };
        world.start_app(setup.components);
        world
    }

    /// Starts one more host.
    pub fn start_app(&mut self, components: &[&str]) {
        let state_dir = self.folder.path().join(format!("state-{}", self.apps.len()));
        let app = self.launch.start(components, &state_dir);
        self.apps.push(app.unwrap_or_else(|reason| panic!("{reason:#}")));
    }

    /// Kills every host, as a power cut would.
    pub fn kill_apps(&mut self) {
        self.apps.clear();
    }

    /// Whether the first host has ended by itself.
    pub fn app_has_ended(&mut self) -> bool {
        self.apps[0].ended().is_some()
    }

    /// What the hosts have printed.
    #[must_use]
    pub fn output(&self) -> String {
        self.apps.iter().map(App::output).collect()
    }

    /// Where the API is.
    #[must_use]
    pub fn base(&self) -> &str {
        self.apps.last().expect("an app runs").base()
    }

    /// Calls the API.
    pub async fn call(&self, method: Method, path: &str, body: &str) -> Answer {
        self.call_with(method, path, body, &[]).await
    }

    /// Calls the API with headers.
    pub async fn call_with(
        &self,
        method: Method,
        path: &str,
        body: &str,
        headers: &[(&str, &str)],
    ) -> Answer {
        let url = format!("{}{path}", self.base());
        let mut request = self.http.request(method, url).body(body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let text = response.text().await.unwrap();
        let json = serde_json::from_str(&text).unwrap_or(Value::Null);
        Answer { status, headers, json, text }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.call(Method::GET, path, "").await
    }

    pub async fn post(&self, path: &str) -> Answer {
        self.call(Method::POST, path, "").await
    }

    pub async fn submit(&self, operation: &str, group_id: &str) -> Answer {
        let body = json!({ "group_id": group_id }).to_string();
        self.call(Method::POST, &format!("/groups/{operation}"), &body).await
    }

    /// Has a group created and gives the task's id.
    pub async fn create(&self, group_id: &str) -> String {
        task_id(&self.submit("create", group_id).await)
    }

    /// Has a group deleted and gives the task's id.
    pub async fn delete(&self, group_id: &str) -> String {
        task_id(&self.submit("delete", group_id).await)
    }

    /// A task as it stands.
    pub async fn task(&self, task_id: &str) -> Value {
        let answer = self.get(&format!("/groups/task/{task_id}")).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json
    }

    /// A task once it has ended.
    pub async fn ended(&self, task_id: &str) -> Value {
        let observe = async || self.task(task_id).await;
        eventually("the task ends", observe, |task| !task["finished_at"].is_null()).await
    }

    /// Creates a group and waits for the end.
    pub async fn created(&self, group_id: &str) -> Value {
        self.ended(&self.create(group_id).await).await
    }

    /// Deletes a group and waits for the end.
    pub async fn deleted(&self, group_id: &str) -> Value {
        self.ended(&self.delete(group_id).await).await
    }

    /// The dead letters there are.
    pub async fn dead_letters(&self) -> Vec<Value> {
        let answer = self.get("/dead-letters").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json["dead_letters"].as_array().unwrap().clone()
    }

    /// The calls a node saw, as lines such as `POST /v1/group/ → 201`.
    #[must_use]
    pub fn calls(&self, node: usize) -> Vec<String> {
        let line = |call: &testkit_node::Call| {
            let status = call.status.map_or("no answer".to_owned(), |status| status.to_string());
            format!("{} {} → {status}", call.method, call.path)
        };
        self.nodes[node].log().iter().map(line).collect()
    }

    /// Which of the nodes hold a group.
    #[must_use]
    pub fn holders(&self, group_id: &str) -> Vec<bool> {
        self.nodes.iter().map(|node| node.holds(group_id)).collect()
    }

    /// How often Redis has carried out each command, by name in lower case.
    #[must_use]
    pub fn command_count(&self, command: &str) -> u64 {
        let stats: String = self.redis.connect().unwrap().ask("INFO commandstats").unwrap();
        let prefix = format!("cmdstat_{command}:calls=");
        let calls = stats.lines().find_map(|line| line.strip_prefix(&prefix)?.split(',').next());
        calls.map_or(0, |calls| calls.parse().unwrap())
    }
}

/// The id in the answer to an accepted task.
fn task_id(answer: &Answer) -> String {
    assert_eq!(answer.status, 202, "{answer:?}");
    answer.json["task_id"].as_str().unwrap().to_owned()
}

/// A task's state.
#[must_use]
pub fn state(task: &Value) -> &str {
    task["state"].as_str().unwrap_or_default()
}

impl Drop for World {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            return;
        }
        for app in &self.apps {
            eprintln!("--- app at {}\n{}", app.base(), app.output());
        }
        for (index, node) in self.nodes.iter().enumerate() {
            eprintln!("--- node {} at {} saw", index + 1, node.address());
            for call in self.calls(index) {
                eprintln!("    {call}");
            }
        }
    }
}
