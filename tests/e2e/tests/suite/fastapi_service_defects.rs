//! The thirteen defects of the service that Muster replaces, each by its number.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use serde_json::Value;

const FAIL: Fault = Fault::Answer { status: 500 };

#[tokio::test(flavor = "multi_thread")]
async fn defect_01_a_node_that_may_have_applied_the_call_is_rolled_back_too() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::always(Kind::Create, Fault::ApplyThenAnswer { status: 500 }));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    assert_eq!(world.holders("g"), [false; 3]);
    // Time-outs on both the call and the inspection that was to confirm it.
    world.nodes[1].heal();
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::ApplyThenHang));
    world.nodes[1]
        .fault(Rule { times: Some(1), ..Rule::always(Kind::Inspect, Fault::Delay { millis: 0 }) });
    world.nodes[1].fault(Rule::times(Kind::Inspect, 1, Fault::Hang));
    assert_eq!(state(&world.created("h").await), "FAILURE");
    assert_eq!(world.holders("h"), [false; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_02_a_rolled_back_create_leaves_a_group_it_did_not_make() {
    let world = World::new().await;
    world.nodes[0].set_groups(["g"]);
    world.nodes[2].fault(Rule::always(Kind::Create, FAIL));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    assert_eq!(world.holders("g"), [true, false, false]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_03_a_rolled_back_delete_re_creates_only_what_was_there() {
    let world = World::new().await;
    world.nodes[0].set_groups(["g"]);
    world.nodes[2].set_groups(["g"]);
    world.nodes[2].fault(Rule::always(Kind::Delete, FAIL));
    assert_eq!(state(&world.deleted("g").await), "FAILURE");
    assert_eq!(world.holders("g"), [true, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_04_an_undo_whose_answer_was_lost_is_no_dead_letter() {
    let world = World::new().await;
    world.nodes.iter().for_each(|node| node.set_groups(["g"]));
    world.nodes[2].fault(Rule::always(Kind::Delete, FAIL));
    world.nodes[0].fault(Rule::times(Kind::Create, 1, Fault::ApplyThenAnswer { status: 500 }));
    let task = world.deleted("g").await;
    assert_eq!(task["phase"], "rolled_back");
    assert_eq!(world.holders("g"), [true; 3]);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_05_a_time_out_ends_the_task_and_leaves_no_lock() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::Hang));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    assert_eq!(state(&world.created("g").await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3], "and SUCCESS means that it is there");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_06_no_4xx_counts_as_success() {
    let world = World::new().await;
    for status in [401, 403, 404, 409, 418, 422, 429] {
        let group = format!("g{status}");
        let rule = Rule::always(Kind::Create, Fault::Answer { status }).for_group(&group);
        world.nodes[2].fault(rule);
        assert_eq!(state(&world.created(&group).await), "FAILURE", "{status}");
        assert_eq!(world.holders(&group), [false; 3], "{status}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_07_dead_letters_can_be_listed_retried_and_discarded() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, FAIL));
    world.nodes[0].fault(Rule::always(Kind::Delete, FAIL));
    world.nodes[1].fault(Rule::always(Kind::Delete, FAIL));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    let dead_letters = world.dead_letters().await;
    assert_eq!(dead_letters.len(), 2, "{dead_letters:?}");
    world.nodes.iter().for_each(e2e::Node::heal);
    let path =
        |dead_letter: &Value| format!("/dead-letters/{}", dead_letter["id"].as_str().unwrap());
    let retry = world.post(&format!("{}/retry", path(&dead_letters[0]))).await;
    let task = world.ended(retry.json["task_id"].as_str().unwrap()).await;
    assert_eq!(state(&task), "SUCCESS");
    let discard = world.call(reqwest::Method::DELETE, &path(&dead_letters[1]), "").await;
    assert_eq!(discard.status, 204);
    assert!(world.dead_letters().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_08_nothing_that_a_rollback_needs_expires() {
    let setup = Setup { settings: &[("rollback_retry_delay", "600")], ..Setup::default() };
    let world = World::with(setup).await;
    world.nodes[2].fault(Rule::always(Kind::Create, FAIL));
    world.nodes[0].fault(Rule::always(Kind::Delete, FAIL));
    let id = world.create("g").await;
    let observe = async || world.task(&id).await;
    let waiting = |task: &Value| task["nodes"][0]["rollback_attempts"] == 1;
    eventually("its undo fails", observe, waiting).await;
    let redis = world.redis.connect().unwrap();
    for key in redis.ask::<Vec<String>>("KEYS {muster}:*").unwrap() {
        let is_count = key.contains(":node-calls:");
        let ttl: i64 = redis.ask(&format!("TTL {key}")).unwrap();
        assert!(is_count || ttl == -1, "{key} expires in {ttl} s");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_09_two_tasks_on_one_group_do_not_run_at_once() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::times(Kind::Create, 1, FAIL));
    world.nodes[1].fault(Rule::always(Kind::Any, Fault::Delay { millis: 50 }));
    let first = world.create("g").await;
    let second = world.create("g").await;
    assert_eq!(state(&world.ended(&first).await), "FAILURE");
    assert_eq!(state(&world.ended(&second).await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3], "the first one's rollback ended before");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_10_a_rolled_back_task_reads_failure_and_an_unknown_one_is_not_found() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, FAIL));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    let unknown = world.get("/groups/task/4fa1c2a0-0000-4000-8000-000000000000").await;
    assert_eq!(unknown.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_11_a_worker_that_dies_loses_no_task() {
    let mut world = World::new().await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::Hang));
    let id = world.create("g").await;
    let observe = async || world.calls(1);
    eventually("node 2 is called", observe, |calls| calls.len() == 2).await;
    world.kill_apps();
    world.start_app(&[]);
    assert_eq!(state(&world.ended(&id).await), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_12_a_group_id_is_escaped_in_urls() {
    let world = World::new().await;
    world.nodes.iter().for_each(|node| node.set_groups(["victim"]));
    let group = "x/../victim?y=1#z";
    assert_eq!(state(&world.created(group).await), "SUCCESS");
    assert_eq!(world.holders(group), [true; 3]);
    assert_eq!(world.calls(0)[0], "GET /v1/group/x%2F..%2Fvictim%3Fy%3D1%23z → 404");
}

#[tokio::test(flavor = "multi_thread")]
async fn defect_13_the_status_route_answers_for_real_tasks() {
    let world = World::new().await;
    let id = world.create("g").await;
    let answer = world.get(&format!("/groups/task/{id}")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json["task_id"], id.as_str());
    assert_eq!(answer.json["state"], answer.json["status"]);
}
