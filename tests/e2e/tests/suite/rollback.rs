//! Rollbacks that do not go through at once, and what is left for a person.

use e2e::{Fault, Kind, Rule, World, eventually, state};
use reqwest::Method;
use serde_json::Value;

const REFUSE: Fault = Fault::Answer { status: 503 };

/// A create that fails at node 3 while node 1 cannot be undone.
async fn with_a_dead_letter() -> (World, String, Value) {
    let world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, REFUSE));
    let id = world.create("g").await;
    assert_eq!(state(&world.ended(&id).await), "FAILURE");
    let mut dead_letters = world.dead_letters().await;
    assert_eq!(dead_letters.len(), 1, "{dead_letters:?}");
    (world, id, dead_letters.remove(0))
}

fn path(dead_letter: &Value) -> String {
    format!("/dead-letters/{}", dead_letter["id"].as_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_is_retried_until_the_node_is_well_again() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[1].fault(Rule::times(Kind::Delete, 3, REFUSE));
    let task = world.created("g").await;
    assert_eq!((state(&task), task["phase"].as_str()), ("FAILURE", Some("rolled_back")));
    assert_eq!(task["nodes"][1]["rollback_attempts"], 3);
    assert_eq!(world.holders("g"), [false; 3]);
    assert!(world.dead_letters().await.is_empty());
    let undos = world.calls(0).iter().filter(|call| call.starts_with("DELETE")).count();
    assert_eq!(undos, 1, "the other nodes are undone once, meanwhile");
}

#[tokio::test(flavor = "multi_thread")]
async fn while_it_waits_to_retry_a_task_reads_retry_and_others_go_on() {
    let setup = e2e::Setup { settings: &[("rollback_retry_delay", "600")], ..Default::default() };
    let world = World::with(setup).await;
    world.nodes[2].fault(Rule::times(Kind::Create, 1, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::times(Kind::Delete, 1, REFUSE));
    let id = world.create("g").await;
    let observe = async || world.task(&id).await;
    let waiting = |task: &Value| task["nodes"][0]["rollback_attempts"] == 1;
    let task = eventually("its undo fails", observe, waiting).await;
    assert_eq!((state(&task), task["phase"].as_str()), ("RETRY", Some("rollback")));
    assert_eq!(state(&world.created("other").await), "SUCCESS");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spent_budget_leaves_a_dead_letter_that_names_exactly_what_is_left() {
    let (world, task, dead_letter) = with_a_dead_letter().await;
    assert_eq!(world.holders("g"), [true, false, false]);
    assert_eq!(dead_letter["task_id"], task.as_str());
    assert_eq!(dead_letter["group_id"], "g");
    assert_eq!(dead_letter["node"], world.nodes[0].address().to_string());
    assert_eq!(
        (&dead_letter["operation"], &dead_letter["before"]),
        (&"create".into(), &"absent".into())
    );
    assert_eq!(dead_letter["attempts"], 4, "one try and three retries");
    assert_eq!(dead_letter["last_error"], "delete answered 503: the node is in trouble");
    let undos = world.calls(0).iter().filter(|call| call.starts_with("DELETE")).count();
    assert_eq!(undos, 4);
    let told = world.task(&task).await;
    assert_eq!(told["phase"], "dead_lettered");
    let states: Vec<_> = (0..3).map(|node| told["nodes"][node]["state"].clone()).collect();
    assert_eq!(states, ["dead", "undone", "undone"]);
    let read = world.get(&path(&dead_letter)).await;
    assert_eq!((read.status.as_u16(), &read.json), (200, &dead_letter));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_retried_once_the_node_is_well() {
    let (world, task, dead_letter) = with_a_dead_letter().await;
    // Not yet: the dead letter stays, and counts the tries.
    let retry = world.post(&format!("{}/retry", path(&dead_letter))).await;
    assert_eq!(retry.status, 202);
    let failed = world.ended(retry.json["task_id"].as_str().unwrap()).await;
    assert_eq!(state(&failed), "FAILURE");
    let dead_letters = world.dead_letters().await;
    assert_eq!(
        (&dead_letters[0]["id"], &dead_letters[0]["attempts"]),
        (&dead_letter["id"], &8.into())
    );

    world.nodes[0].heal();
    let retry = world.post(&format!("{}/retry", path(&dead_letter))).await;
    let done = world.ended(retry.json["task_id"].as_str().unwrap()).await;
    assert_eq!(state(&done), "SUCCESS");
    assert_eq!(done["retry_of"], dead_letter["id"]);
    assert_eq!(world.holders("g"), [false; 3]);
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(world.get(&path(&dead_letter)).await.status, 404);
    let told = world.task(&task).await;
    assert_eq!(state(&told), "FAILURE", "a reported end never changes");
    let history = told["history"].as_array().unwrap();
    assert!(history.iter().any(|entry| entry["event"] == "dead_letter_retried"), "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_can_be_discarded() {
    let (world, task, dead_letter) = with_a_dead_letter().await;
    assert_eq!(world.call(Method::DELETE, &path(&dead_letter), "").await.status, 204);
    assert_eq!(world.call(Method::DELETE, &path(&dead_letter), "").await.status, 404);
    assert!(world.dead_letters().await.is_empty());
    let told = world.task(&task).await;
    let history = told["history"].as_array().unwrap();
    assert!(history.iter().any(|entry| entry["event"] == "dead_letter_discarded"), "{told:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_later_success_on_the_group_supersedes_a_dead_letter() {
    let (world, _, dead_letter) = with_a_dead_letter().await;
    world.nodes.iter().for_each(e2e::Node::heal);
    let later = world.created("g").await;
    assert_eq!(state(&later), "SUCCESS", "a dead letter does not block its group");
    let read = world.get(&path(&dead_letter)).await;
    assert_eq!(read.json["superseded_by"], later["task_id"]);
    let retry = world.post(&format!("{}/retry", path(&dead_letter))).await;
    assert_eq!(retry.status, 409);
    assert_eq!(retry.json["type"], "/docs#problem-dead-letter-superseded");
    assert_eq!(world.holders("g"), [true; 3]);
    assert_eq!(world.call(Method::DELETE, &path(&dead_letter), "").await.status, 204);
}

#[tokio::test(flavor = "multi_thread")]
async fn forward_attempts_can_be_raised() {
    let setup = e2e::Setup { settings: &[("forward_max_attempts", "2")], ..Default::default() };
    let world = World::with(setup).await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, REFUSE));
    let task = world.created("g").await;
    assert_eq!(state(&task), "SUCCESS");
    assert_eq!(task["nodes"][1]["attempts"], 2);
    assert_eq!(world.holders("g"), [true; 3]);
}
