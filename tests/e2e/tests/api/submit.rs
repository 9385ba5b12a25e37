//! Submitting: once for the same key, with settings of its own, without doing it, many at once.

use e2e::{Answer, Fault, Kind, Rule, Setup, World, state};
use reqwest::Method;
use serde_json::{Value, json};

const GROUP: &str = "{\"group_id\": \"g\"}";

async fn submit_with_key(world: &World, path: &str, body: &str, key: &str) -> Answer {
    world.call_with(Method::POST, path, body, &[("idempotency-key", key)]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_and_body_get_the_first_answer_again() {
    let world = World::new().await;
    let first = submit_with_key(&world, "/groups/create", GROUP, "k1").await;
    assert_eq!(first.status, 202);
    assert_eq!(first.header("idempotent-replayed"), "");
    let again = submit_with_key(&world, "/groups/create", GROUP, "k1").await;
    assert_eq!((again.status, &again.json), (first.status, &first.json));
    assert_eq!(again.header("location"), first.header("location"));
    assert_eq!(again.header("idempotent-replayed"), "true");
    let other = submit_with_key(&world, "/groups/create", GROUP, "k2").await;
    assert_ne!(other.json, first.json);
    let tasks = world.get("/tasks").await.json;
    assert_eq!(tasks["tasks"].as_array().unwrap().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_for_something_else_is_refused() {
    let world = World::new().await;
    assert_eq!(submit_with_key(&world, "/groups/create", GROUP, "k").await.status, 202);
    let other = "{\"group_id\": \"other\"}";
    let answer = submit_with_key(&world, "/groups/create", other, "k").await;
    answer.assert_problem(422, "idempotency-key-reused");
    let answer = submit_with_key(&world, "/groups/delete", GROUP, "k").await;
    answer.assert_problem(422, "idempotency-key-reused");
    let long = "k".repeat(256);
    for bad in ["", "a b", "\"k", long.as_str()] {
        let answer = submit_with_key(&world, "/groups/create", GROUP, bad).await;
        answer.assert_problem(422, "bad-idempotency-key");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_and_a_request_have_one_meaning_however_they_are_written() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let body = json!({ "group_id": "g", "settings": { "rollback_retry_delay": 1 } }).to_string();
    let first = submit_with_key(&world, "/groups/create", &body, "k").await;
    for (key, body) in [
        ("\"k\"", body.as_str()),
        ("k", "{\"settings\":{\"rollback_retry_delay\":1.0},\n \"group_id\":\"\\u0067\"}"),
        ("k", "{\"group_id\":\"g\",\"settings\":{\"rollback_retry_delay\":1},\"unknown\":7}"),
    ] {
        let again = submit_with_key(&world, "/groups/create", body, key).await;
        assert_eq!((again.status.as_u16(), &again.json), (202, &first.json), "{key} {body}");
    }
    let lines = [("idempotency-key", "k"), ("idempotency-key", "k")];
    let twice = world.call_with(Method::POST, "/groups/create", &body, &lines).await;
    twice.assert_problem(422, "bad-idempotency-key");
    // A repair is a task like any other, and one of many is none of its own.
    let repair = "/groups/by-id/r/repair?wanted=present";
    let world =
        World::with(Setup { components: &["api", "maintenance"], ..Setup::default() }).await;
    let first = submit_with_key(&world, repair, "", "k").await;
    let again = submit_with_key(&world, repair, "", "k").await;
    assert_eq!((again.json, again.status.as_u16()), (first.json, 202));
    let many = json!([{ "operation": "create", "group_id": "b" }]).to_string();
    for key in ["k", "k/0"] {
        let answer = submit_with_key(&world, "/groups/bulk", &many, key).await;
        assert_eq!(answer.json[0]["status"], 202, "{answer:?}");
    }
    assert_eq!(submit_with_key(&world, "/groups/create", GROUP, "k/0").await.status, 202);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_remembered_for_its_time_to_live() {
    let world = World::with(Setup { settings: &[("idempotency_ttl", "600")], ..Setup::default() });
    let world = world.await;
    submit_with_key(&world, "/groups/create", GROUP, "k").await;
    let redis = world.redis.connect().unwrap();
    let ttl: i64 = redis.ask("TTL {muster}:idempotency:anybody:k").unwrap();
    assert!((590..=600).contains(&ttl), "{ttl}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_may_have_settings_of_its_own() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    let body = json!({ "group_id": "g", "settings": {
        "rollback_max_retries": 1, "rollback_retry_delay": 0.05, "node_parallelism": 1,
    } });
    let answer = world.call(Method::POST, "/groups/create", &body.to_string()).await;
    let task = world.ended(answer.json["task_id"].as_str().unwrap()).await;
    assert_eq!(state(&task), "FAILURE");
    assert_eq!(task["nodes"][0]["rollback_attempts"], 2, "one try and one retry");
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_out_of_bounds_are_refused_by_name() {
    let world = World::new().await;
    for (settings, named) in [
        (json!({ "rollback_max_retries": 1001 }), "settings.rollback_max_retries"),
        (json!({ "forward_max_attempts": 0 }), "settings.forward_max_attempts"),
        (json!({ "node_parallelism": 0 }), "settings.node_parallelism"),
        (json!({ "rollback_retry_delay": -1 }), "settings.rollback_retry_delay"),
        (json!({ "rollback_retry_delay": 1e300 }), "settings.rollback_retry_delay"),
        (json!({ "rollback_max_retries": "3" }), "settings.rollback_max_retries"),
        (json!({ "no_such": 3 }), "no_such"),
        (json!([]), "settings must be an object"),
    ] {
        let body = json!({ "group_id": "g", "settings": settings }).to_string();
        let answer = world.call(Method::POST, "/groups/create", &body).await;
        answer.assert_problem(422, "bad-field");
        assert!(answer.json["detail"].as_str().unwrap().contains(named), "{answer:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_tells_the_calls_and_stores_nothing() {
    let world = World::new().await;
    let answer = world.call(Method::POST, "/groups/create?dry_run=true", GROUP).await;
    assert_eq!(answer.status, 200);
    let nodes: Vec<String> = world.nodes.iter().map(|node| node.address().to_string()).collect();
    let calls = |key: &str| -> Vec<(String, String)> {
        let calls = answer.json[key].as_array().unwrap().iter();
        let text = |call: &Value, field: &str| call[field].as_str().unwrap().to_owned();
        calls.map(|call| (text(call, "node"), text(call, "call"))).collect()
    };
    let all = |call: &'static str| nodes.iter().map(move |node| (node.clone(), call.to_owned()));
    assert_eq!(calls("calls"), all("inspect").chain(all("create")).collect::<Vec<_>>());
    let back = nodes.iter().rev().map(|node| (node.clone(), "delete".to_owned()));
    assert_eq!(calls("rollback"), back.collect::<Vec<_>>());
    assert!(world.get("/tasks").await.json["tasks"].as_array().unwrap().is_empty());
    assert!(world.calls(0).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn many_are_submitted_at_once_each_by_itself() {
    let world = World::new().await;
    let body = json!([
        { "operation": "create", "group_id": "a" },
        { "operation": "create", "group_id": "" },
        { "operation": "rename", "group_id": "b" },
        "not a task",
        { "operation": "delete", "group_id": "c", "settings": { "node_parallelism": 2 } },
    ]);
    let key = [("idempotency-key", "bulk-1")];
    let send =
        async || world.call_with(Method::POST, "/groups/bulk", &body.to_string(), &key).await;
    let answer = send().await;
    assert_eq!(answer.status, 200);
    let results = answer.json.as_array().unwrap();
    let statuses: Vec<_> =
        results.iter().map(|result| result["status"].as_u64().unwrap()).collect();
    assert_eq!(statuses, [202, 422, 422, 422, 202]);
    assert_eq!(results[1]["problem"]["type"], "/docs#problem-bad-group-id");
    assert_eq!(results[2]["problem"]["type"], "/docs#problem-bad-field");
    for index in [0, 4] {
        let task = world.ended(results[index]["task_id"].as_str().unwrap()).await;
        assert_eq!(state(&task), "SUCCESS");
    }
    assert_eq!(world.holders("a"), [true; 3]);
    assert_eq!(send().await.json, answer.json, "sent again with its key, it does nothing more");
}

#[tokio::test(flavor = "multi_thread")]
async fn too_many_or_none_at_once_are_refused() {
    let world = World::new().await;
    let many: Vec<Value> =
        (0..101).map(|n| json!({ "operation": "create", "group_id": format!("g{n}") })).collect();
    for body in [json!([]), json!(many), json!({})] {
        let answer = world.call(Method::POST, "/groups/bulk", &body.to_string()).await;
        answer.assert_problem(422, "bad-field");
    }
    world.call(Method::POST, "/groups/bulk", "[").await.assert_problem(400, "not-json");
}
