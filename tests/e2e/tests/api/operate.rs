//! Running the service: health, metrics, the pause.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use serde_json::Value;

#[tokio::test(flavor = "multi_thread")]
async fn health_needs_nothing_and_readiness_needs_redis() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let ready = world.get("/readyz").await;
    assert_eq!((ready.status.as_u16(), &ready.json["ready"]), (200, &Value::Bool(true)));
    assert_eq!(ready.json["access"], "open");
    world.create("g").await;
    assert_eq!(world.get("/readyz").await.json["waiting"], 1);
    world.redis.kill();
    assert_eq!(world.get("/healthz").await.status, 200);
    world.get("/readyz").await.assert_problem(503, "redis-away");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_setting_of_the_worker_makes_the_service_unready() {
    let settings = [("node_timeout", "1500"), ("lease", "2")];
    let world =
        World::with(Setup { settings: &settings, components: &["api"], ..Setup::default() }).await;
    let answer = world.get("/readyz").await;
    answer.assert_problem(500, "bad-setting");
    assert!(answer.json["detail"].as_str().unwrap().contains("node_timeout"));
    assert_eq!(world.get("/healthz").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn metrics_count_what_was_done() {
    let world = World::new().await;
    world.created("g").await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.created("h").await;
    let node = world.nodes[2].address();
    let observe = async || world.get("/metrics").await.text;
    let counted = |text: &String| text.contains("result=\"unknown\"");
    let text = eventually("the drain's counts are in", observe, counted).await;
    for line in [
        "muster_tasks_ended_total{state=\"SUCCESS\"} 1".to_owned(),
        "muster_tasks_ended_total{state=\"FAILURE\"} 1".to_owned(),
        format!("muster_node_calls_total{{node=\"{node}\",verb=\"create\",result=\"applied\"}} 1"),
        format!("muster_node_calls_total{{node=\"{node}\",verb=\"create\",result=\"unknown\"}} 1"),
        format!("muster_node_calls_total{{node=\"{node}\",verb=\"inspect\",result=\"absent\"}} 2"),
        "muster_task_seconds_count 2".to_owned(),
        "muster_dead_letters 0".to_owned(),
        "muster_paused 0".to_owned(),
    ] {
        assert!(text.lines().any(|other| other == line), "{line} is missing from\n{text}");
    }
    let calls: u64 = text
        .lines()
        .filter(|line| line.starts_with("muster_node_calls_total"))
        .filter_map(|line| line.rsplit_once(' ')?.1.parse::<u64>().ok())
        .sum();
    let seen: usize = world.nodes.iter().map(|node| node.log().len()).sum();
    assert_eq!(calls, u64::try_from(seen).unwrap(), "each call is counted once");
    assert!(text.contains(&format!("muster_node_call_seconds_count {calls}")), "{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_queue_starts_nothing_and_goes_on_where_it_was() {
    let world = World::new().await;
    world.created("before").await;
    assert_eq!(world.post("/maintenance/pause").await.json["paused"], true);
    let id = world.create("g").await;
    let answer = world.post("/maintenance/sweep").await.json;
    assert_eq!(answer["claimed"], 0, "not even a sweep starts it");
    assert_eq!(state(&world.task(&id).await), "PENDING");
    assert_eq!(world.get("/readyz").await.json["paused"]["by"], "anybody");
    assert!(world.get("/metrics").await.text.contains("muster_paused 1"));
    assert_eq!(world.post("/maintenance/resume").await.json["waiting"], 1);
    assert_eq!(state(&world.ended(&id).await), "SUCCESS");
    assert_eq!(world.get("/readyz").await.json["paused"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_goes_on_while_the_queue_is_paused() {
    let setup = Setup { settings: &[("rollback_retry_delay", "0.3")], ..Setup::default() };
    let world = World::with(setup).await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::times(Kind::Delete, 1, Fault::Answer { status: 503 }));
    let id = world.create("g").await;
    let observe = async || world.task(&id).await;
    eventually("it waits to retry", observe, |task| task["nodes"][0]["rollback_attempts"] == 1)
        .await;
    world.post("/maintenance/pause").await;
    assert_eq!(world.ended(&id).await["phase"], "rolled_back");
}
