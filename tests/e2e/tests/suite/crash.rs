//! Hosts, connections and Redis die; what was accepted goes on.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use serde_json::Value;

/// The create is under way at node 2, which does not answer it.
async fn stuck_at_node_2(world: &World) -> String {
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::ApplyThenHang));
    let id = world.create("g").await;
    let observe = async || world.calls(1);
    eventually("node 2 is called", observe, |calls| calls.len() == 2).await;
    id
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_whose_host_is_killed_is_finished_by_the_next_one() {
    let mut world = World::new().await;
    let id = stuck_at_node_2(&world).await;
    world.kill_apps();
    world.start_app(&[]);
    let task = world.ended(&id).await;
    assert_eq!(state(&task), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
    let inspected =
        ["GET /v1/group/g → 404", "POST /v1/group/ → no answer", "GET /v1/group/g → 200"];
    assert_eq!(world.calls(1), inspected, "an inspection tells what the lost call did");
    let done = world.calls(0).into_iter().filter(|call| call.starts_with("POST")).count();
    assert_eq!(done, 1, "what was done is not done again");
    let history = task["history"].as_array().unwrap();
    assert!(history.iter().any(|entry| entry["event"] == "recovered"), "{task:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_whose_host_is_killed_is_finished_by_the_next_one() {
    let mut world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::times(Kind::Delete, 1, Fault::Hang));
    let id = world.create("g").await;
    let observe = async || world.calls(0);
    eventually("node 1 is being undone", observe, |calls| calls.len() == 3).await;
    world.kill_apps();
    world.start_app(&[]);
    let task = world.ended(&id).await;
    assert_eq!((state(&task), task["phase"].as_str()), ("FAILURE", Some("rolled_back")));
    assert_eq!(world.holders("g"), [false; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_wake_up_is_made_good_by_the_next_poll() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    // Nobody hears the wake-up: it is lost.
    let id = world.create("g").await;
    world.kill_apps();
    world.start_app(&[]);
    let task = world.ended(&id).await;
    assert_eq!(state(&task), "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_lost_wake_up_is_made_good_by_a_sweep() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let id = world.create("g").await;
    world.kill_apps();
    // Without a worker: the sweep itself does the work.
    world.start_app(&["api", "maintenance"]);
    let swept = world.post("/maintenance/sweep").await;
    assert_eq!(swept.status, 200, "{swept:?}");
    assert_eq!((&swept.json["claimed"], &swept.json["ended"]), (&1.into(), &1.into()));
    assert_eq!(state(&world.task(&id).await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_redis_has_lost_nothing() {
    let mut world = World::new().await;
    let id = stuck_at_node_2(&world).await;
    world.redis.kill();
    let ended = async || world.app_has_ended();
    eventually("the host ends without Redis", ended, |ended| *ended).await;
    world.kill_apps();
    world.redis.restart().unwrap();
    world.start_app(&[]);
    assert_eq!(state(&world.ended(&id).await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hosts_share_the_work_and_nothing_is_done_twice() {
    let mut world = World::new().await;
    world.start_app(&[]);
    let mut tasks = Vec::new();
    for number in 0..100 {
        tasks.push(world.create(&format!("g{number}")).await);
    }
    for task in &tasks {
        assert_eq!(state(&world.ended(task).await), "SUCCESS");
    }
    for node in &world.nodes {
        assert_eq!(node.groups().len(), 100);
        assert_eq!(node.log().len(), 200, "one inspection and one create for each group");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_task_that_is_lost_again_and_again_is_given_up_with_a_dead_letter() {
    let world = World::new().await;
    let id = stuck_at_node_2(&world).await;
    let observe = async || world.task(&id).await;
    let is_told = |task: &Value| task["nodes"][2]["state"] == "pending";
    eventually("the record tells which nodes were called", observe, is_told).await;
    // As if its worker had been lost that often.
    let redis = world.redis.connect().unwrap();
    let _: i64 = redis.ask(&format!("HSET {{muster}}:task:{id} recoveries 99 epoch 99")).unwrap();
    let _: i64 = redis.ask(&format!("ZADD {{muster}}:leases 1 {id}")).unwrap();
    let task = world.ended(&id).await;
    assert_eq!((state(&task), task["phase"].as_str()), ("FAILURE", Some("dead_lettered")));
    let dead_letters = world.dead_letters().await;
    let nodes: Vec<&Value> = dead_letters.iter().map(|dead_letter| &dead_letter["node"]).collect();
    let touched: Vec<Value> =
        world.nodes[..2].iter().map(|node| node.address().to_string().into()).collect();
    assert_eq!(nodes, touched.iter().collect::<Vec<_>>());
}

/// As while hosts are replaced by newer ones, one after another.
#[tokio::test(flavor = "multi_thread")]
async fn a_record_of_a_later_version_is_left_to_a_worker_that_can_read_it() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let newer = world.create("g").await;
    let other = world.create("h").await;
    let redis = world.redis.connect().unwrap();
    let key = format!("{{muster}}:task:{newer}");
    let record: String = redis.ask(&format!("HGET {key} record")).unwrap();
    let _: i64 = redis.ask(&format!("HSET {key} record {{\"v\":3}}")).unwrap();
    world.kill_apps();
    world.start_app(&[]);
    assert_eq!(state(&world.ended(&other).await), "SUCCESS");
    let left = async || redis.ask::<i64>("ZCARD {muster}:delayed").unwrap();
    eventually("it is left", left, |left| *left == 1).await;
    assert!(world.dead_letters().await.is_empty());
    assert!(world.calls(0).iter().all(|call| !call.contains("/g ")), "{:?}", world.calls(0));
    // A worker that can read it comes along.
    let _: i64 = redis.ask(&format!("HSET {key} record {record}")).unwrap();
    let _: i64 = redis.ask(&format!("ZADD {{muster}}:delayed 1 {newer}")).unwrap();
    assert_eq!(state(&world.ended(&newer).await), "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_record_that_cannot_be_read_is_quarantined_and_blocks_nothing() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let broken = world.create("g").await;
    let next = world.create("g").await;
    let redis = world.redis.connect().unwrap();
    let _: i64 = redis.ask(&format!("HSET {{muster}}:task:{broken} record {{broken")).unwrap();
    world.kill_apps();
    world.start_app(&[]);
    assert_eq!(state(&world.ended(&next).await), "SUCCESS");
    let dead_letters = world.dead_letters().await;
    assert_eq!(dead_letters.len(), 1, "{dead_letters:?}");
    assert_eq!(dead_letters[0]["kind"], "unreadable_record");
    assert_eq!(dead_letters[0]["task_id"], broken.as_str());
    let id = dead_letters[0]["id"].as_str().unwrap();
    assert_eq!(world.post(&format!("/dead-letters/{id}/retry")).await.status, 409);
}
