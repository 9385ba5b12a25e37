//! Dead letters: filtered, retried many at once, discarded with a reason, and who did it.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use reqwest::Method;
use serde_json::Value;

/// Two groups with a dead letter each, at node 1, which is well again.
async fn with_two_dead_letters() -> World {
    let setup = Setup { settings: &[("rollback_max_retries", "0")], ..Setup::default() };
    let world = World::with(setup).await;
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    for group in ["g", "h"] {
        world.created(group).await;
    }
    world.nodes[0].heal();
    assert_eq!(world.dead_letters().await.len(), 2);
    world
}

async fn groups(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/dead-letters?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    let dead_letters = answer.json["dead_letters"].as_array().unwrap().clone();
    dead_letters
        .iter()
        .map(|dead_letter| dead_letter["group_id"].as_str().unwrap().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_are_filtered_and_paged() {
    let world = with_two_dead_letters().await;
    assert_eq!(groups(&world, "").await, ["g", "h"]);
    assert_eq!(groups(&world, "group_id=h").await, ["h"]);
    assert_eq!(groups(&world, "operation=create").await, ["g", "h"]);
    assert!(groups(&world, "operation=delete").await.is_empty());
    let node = world.nodes[0].address();
    assert_eq!(groups(&world, &format!("node={node}")).await, ["g", "h"]);
    assert!(groups(&world, "node=elsewhere:1").await.is_empty());
    let task = world.dead_letters().await[1]["task_id"].as_str().unwrap().to_owned();
    assert_eq!(groups(&world, &format!("task_id={task}")).await, ["h"]);
    let first = world.get("/dead-letters?limit=1").await.json;
    assert_eq!(
        (first["total"].as_u64(), first["dead_letters"].as_array().unwrap().len()),
        (Some(2), 1)
    );
    let cursor = first["next_cursor"].as_str().unwrap();
    assert_eq!(groups(&world, &format!("limit=1&cursor={cursor}")).await, ["h"]);
    for (query, total) in [("group_id=nope", 0), ("group_id=g", 1), ("operation=create", 2)] {
        let answer = world.get(&format!("/dead-letters?limit=1&{query}")).await;
        assert_eq!(answer.json["total"], total, "{query}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn all_that_match_are_retried_at_once() {
    let world = with_two_dead_letters().await;
    let none = world.post("/dead-letters/retry?group_id=nobody").await.json;
    assert_eq!(none["retried"], 0);
    let node = world.nodes[0].address();
    let answer = world.post(&format!("/dead-letters/retry?node={node}")).await;
    assert_eq!((answer.status.as_u16(), answer.json["retried"].as_u64()), (200, Some(2)));
    for task in answer.json["task_ids"].as_array().unwrap() {
        assert_eq!(state(&world.ended(task.as_str().unwrap()).await), "SUCCESS");
    }
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(world.holders("g"), [false; 3]);
    assert_eq!(world.holders("h"), [false; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_tasks_that_leave_one_node_behind_have_one_letter() {
    let setup = Setup { settings: &[("rollback_max_retries", "0")], ..Setup::default() };
    let world = World::with(setup).await;
    // A create leaves its group on node 1, which held nothing before.
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    let first = world.created("g").await["task_id"].clone();
    world.nodes[0].heal();
    // A delete takes it from there, fails at node 3 (where somebody else has put it meanwhile) and
    // cannot put it back.
    world.nodes[2].heal();
    world.nodes[2].set_groups(["g"]);
    world.nodes[0].fault(Rule::always(Kind::Create, Fault::Answer { status: 503 }));
    world.nodes[2].fault(Rule::always(Kind::Delete, Fault::Answer { status: 500 }));
    let second = world.deleted("g").await["task_id"].clone();
    let dead_letters = world.dead_letters().await;
    assert_eq!(dead_letters.len(), 1);
    assert_eq!(dead_letters[0]["task_ids"], serde_json::json!([first, second]));
    assert_eq!(
        (&dead_letters[0]["before"], &dead_letters[0]["task_id"]),
        (&"absent".into(), &first)
    );
    for node in &world.nodes {
        node.heal();
    }
    // Either task's id of it will do.
    let id = format!("{}-0", second.as_str().unwrap());
    assert_eq!(world.get(&format!("/dead-letters/{id}")).await.json, dead_letters[0]);
    let answer = world.post(&format!("/dead-letters/{id}/retry")).await;
    let task_id = answer.json["task_id"].as_str().unwrap();
    assert_eq!(state(&world.ended(task_id).await), "SUCCESS");
    assert!(world.dead_letters().await.is_empty());
    assert_eq!(world.holders("g"), [false, false, true], "as before the tasks");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_operators_do_is_in_the_timeline_with_who_and_why() {
    const TOKENS: &str = "olga:operate:olgas-long-secret";
    let setup = Setup {
        settings: &[("api_tokens", TOKENS), ("rollback_max_retries", "0")],
        ..Setup::default()
    };
    let world = World::with(setup).await;
    let call = async |method: Method, path: &str, body: &str| {
        let headers = [("authorization", "Bearer olgas-long-secret")];
        world.call_with(method, path, body, &headers).await
    };
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    let accepted = call(Method::POST, "/groups/create", "{\"group_id\": \"g\"}").await;
    let task = accepted.header("location").to_owned();
    let observe = async || call(Method::GET, &task, "").await.json;
    eventually("the task ends", observe, |task| !task["finished_at"].is_null()).await;
    let dead_letters = call(Method::GET, "/dead-letters", "").await.json;
    let dead_letter =
        format!("/dead-letters/{}", dead_letters["dead_letters"][0]["id"].as_str().unwrap());
    let retry = call(Method::POST, &format!("{dead_letter}/retry"), "").await;
    let retry = retry.header("location").to_owned();
    let observe = async || call(Method::GET, &retry, "").await.json;
    eventually("the retry ends", observe, |task| !task["finished_at"].is_null()).await;
    let discard = format!("{dead_letter}?reason=replaced%20the%20disk");
    assert_eq!(call(Method::DELETE, &discard, "").await.status, 204);
    let history = call(Method::GET, &task, "").await.json["history"].clone();
    let did = |event: &str| {
        let entry = history.as_array().unwrap().iter().find(|entry| entry["event"] == event);
        entry.unwrap_or_else(|| panic!("no {event} in {history:#}")).clone()
    };
    assert_eq!(did("dead_letter_retried")["by"], "olga");
    let discarded = did("dead_letter_discarded");
    assert_eq!(discarded["by"], "olga");
    assert!(discarded["detail"].as_str().unwrap().ends_with(": replaced the disk"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_letter_hides_no_other() {
    let world = with_two_dead_letters().await;
    let id = world.dead_letters().await[0]["id"].as_str().unwrap().to_owned();
    let redis = world.redis.connect().unwrap();
    let _: i64 = redis.ask(&format!("HSET {{muster}}:letter:{id} json broken")).unwrap();
    let dead_letters = world.dead_letters().await;
    assert_eq!(dead_letters.len(), 2);
    assert_eq!(dead_letters[0]["kind"], "unreadable_record");
    assert_eq!(dead_letters[0]["id"], id.as_str());
    let path = format!("/dead-letters/{id}");
    world.post(&format!("{path}/retry")).await.assert_problem(409, "dead-letter-not-retriable");
    assert_eq!(world.call(Method::DELETE, &path, "").await.status, 204);
    assert_eq!(
        world.dead_letters().await.iter().map(|l| &l["group_id"]).collect::<Vec<_>>(),
        [&Value::from("h")]
    );
}
