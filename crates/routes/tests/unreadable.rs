//! What is told of a task whose record this version cannot read.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

mod support;

use futures::StreamExt as _;
use futures::executor::block_on;
use http::{Method, Request};
use routes::{Api, Body, Incoming, Problem};
use saga::{Operation, Policy, Task};
use serde_json::{Value, json};
use settings::Access;
use store::{Admission, Store};
use testkit_redis::{Client, Server};

use support::{Still, Unreached};

const ID: &str = "00000000-0000-4000-8000-000000000000";
const NEWER: &str = r#"{"v":99,"p":"dancing","n":{}}"#;
const DAMAGED: &str = r#"{"v":2,"p":"forw"#;

struct World {
    server: Server,
    redis: Client,
}

impl World {
    /// With one task, whose hash in Redis then has this record and these other fields.
    fn new(record: &str, fields: &str) -> Self {
        let server = Server::start().unwrap();
        let redis = server.connect().unwrap();
        let policy = Policy::default();
        let nodes = vec!["n1:80".to_owned()];
        let task = Task::new(ID.into(), Operation::Create, "g".into(), nodes, policy);
        let admission = Admission { max_queue: 10, ..Admission::default() };
        let store = Store::new(server.connect().unwrap());
        block_on(store.accept(&task, admission)).unwrap();
        let key = format!("{{muster}}:task:{ID}");
        let _: i64 = redis.ask(&format!("HSET {key} record {record} {fields}")).unwrap();
        Self { server, redis }
    }

    fn api(&self) -> Result<Api<Client, Still, Unreached>, Problem> {
        Ok(support::api(self.server.connect().unwrap(), Still))
    }

    fn send(&self, method: Method, path: &str) -> (u16, Body) {
        let request = Request::builder().method(method).uri(path).header("host", "muster.example");
        let request = request.body(Vec::new()).unwrap();
        let access = Access { tokens: Ok(Vec::new()), origins: Ok(Vec::new()) };
        let incoming = Incoming { request, unread: None };
        let reply = block_on(routes::answer(incoming, &access, || self.api()));
        (reply.status().as_u16(), reply.into_body())
    }

    fn json(&self, method: Method, path: &str) -> (u16, Value) {
        let (status, body) = self.send(method, path);
        let Body::Whole(body) = body else { panic!("{path} is a stream") };
        (status, serde_json::from_slice(&body).unwrap())
    }

    fn task(&self) -> Value {
        let (status, task) = self.json(Method::GET, &format!("/groups/task/{ID}"));
        assert_eq!(status, 200, "{task}");
        task
    }
}

#[test]
fn what_is_known_without_the_record_is_told() {
    let states = [("PENDING", json!("queued")), ("STARTED", json!(null)), ("RETRY", json!(null))];
    for (record, reason) in [(NEWER, "A newer Muster wrote"), (DAMAGED, "The record is damaged")] {
        for (state, phase) in &states {
            let world = World::new(record, &format!("state {state}"));
            let task = world.task();
            assert_eq!((&task["state"], &task["status"]), (&json!(state), &json!(state)));
            assert_eq!((&task["phase"], &task["nodes"]), (phase, &json!([])));
            assert_eq!((&task["operation"], &task["group_id"]), (&json!("create"), &json!("g")));
            assert!(task["created_at"].is_string() && task["finished_at"].is_null(), "{task}");
            assert_eq!(task["history"][0]["event"], "accepted");
            assert!(task["unreadable"].as_str().unwrap().starts_with(reason), "{task}");

            let (status, list) = world.json(Method::GET, "/tasks");
            assert_eq!(status, 200);
            assert_eq!(
                (&list["tasks"][0]["state"], &list["tasks"][0]["phase"]),
                (&json!(state), phase)
            );
            let (status, group) = world.json(Method::GET, "/groups/by-id/g");
            assert_eq!((status, &group["tasks"][0]["task_id"]), (200, &json!(ID)));
        }
    }
}

#[test]
fn it_can_be_cancelled() {
    for record in [NEWER, DAMAGED] {
        let world = World::new(record, "state PENDING");
        let cancel = format!("/groups/task/{ID}/cancel");
        assert_eq!(world.json(Method::POST, &cancel).0, 202);
        let task = world.task();
        assert_eq!((&task["state"], &task["phase"]), (&json!("REVOKED"), &json!("cancelled")));
        let events: Vec<_> = task["history"].as_array().unwrap().iter().collect();
        assert_eq!(events[1]["event"], "cancel_requested");
        assert!(task["unreadable"].is_string());
        assert_eq!(world.json(Method::POST, &cancel).0, 409);

        let world = World::new(record, "state RETRY started 1 where running");
        assert_eq!(world.json(Method::POST, &cancel).0, 202);
        assert_eq!(world.task()["state"], "RETRY");
    }
}

#[test]
fn its_stream_of_events_says_so_and_goes_on_to_the_end() {
    let world = World::new(NEWER, "state RETRY");
    let (status, body) = world.send(Method::GET, &format!("/groups/task/{ID}/events"));
    let Body::Stream(mut stream) = body else { panic!("no stream") };
    assert_eq!(status, 200);
    let first = String::from_utf8(block_on(stream.next()).unwrap()).unwrap();
    assert!(first.starts_with(": A newer Muster wrote the record"), "{first}");
    assert!(first.contains("event: accepted\n"), "{first}");
    // A worker that can read it ends it.
    let key = format!("{{muster}}:task:{ID}");
    let _: i64 = world.redis.ask(&format!("HSET {key} state FAILURE finished_at 5")).unwrap();
    let last = String::from_utf8(block_on(stream.next()).unwrap()).unwrap();
    assert!(
        last.ends_with("event: end\ndata: {\"state\":\"FAILURE\",\"phase\":null}\n\n"),
        "{last}"
    );
    assert!(!last.contains("accepted") && !last.contains(": A newer"), "{last}");
    assert_eq!(block_on(stream.next()), None);
}

#[test]
fn readiness_and_metrics_tell_that_records_wait_for_a_newer_worker() {
    let world = World::new(NEWER, "state STARTED");
    let told = || {
        let (status, ready) = world.json(Method::GET, "/readyz");
        assert_eq!((status, &ready["ready"]), (200, &json!(true)));
        (ready["newer_records"].clone(), ready["warnings"].clone())
    };
    assert_eq!(told(), (json!(0), json!([])));
    let _: i64 = world.redis.ask(&format!("ZADD {{muster}}:newer-records 9e12 {ID}")).unwrap();
    assert_eq!(told(), (json!(1), json!(["newer_records"])));
    let (_, body) = world.send(Method::GET, "/metrics");
    let Body::Whole(body) = body else { panic!("a stream") };
    assert!(String::from_utf8(body).unwrap().contains("\nmuster_newer_records 1\n"));
    let _: i64 = world.redis.ask(&format!("ZADD {{muster}}:newer-records 1 {ID}")).unwrap();
    assert_eq!(told(), (json!(0), json!([])));
}
