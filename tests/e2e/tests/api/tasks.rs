//! Tasks: listed, and waited for.

use std::time::{Duration, Instant};

use e2e::{Fault, Kind, Rule, Setup, World, state};
use reqwest::Method;
use serde_json::Value;

fn ids(answer: &Value) -> Vec<String> {
    let tasks = answer["tasks"].as_array().unwrap().iter();
    tasks.map(|task| task["task_id"].as_str().unwrap().to_owned()).collect()
}

async fn listed(world: &World, query: &str) -> Vec<String> {
    let answer = world.get(&format!("/tasks?{query}")).await;
    assert_eq!(answer.status, 200, "{answer:?}");
    ids(&answer.json)
}

#[tokio::test(flavor = "multi_thread")]
async fn tasks_are_listed_newest_first_and_filtered() {
    let world = World::new().await;
    world.nodes[1]
        .fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }).for_group("bad"));
    let mut tasks = Vec::new();
    for (operation, group) in
        [("create", "g"), ("create", "bad"), ("delete", "g"), ("create", "a b/ü")]
    {
        let answer = world.submit(operation, group).await;
        let id = answer.json["task_id"].as_str().unwrap().to_owned();
        world.ended(&id).await;
        tasks.push(id);
    }
    let [first, bad, delete, odd] = tasks.try_into().unwrap();
    assert_eq!(listed(&world, "").await, [&odd, &delete, &bad, &first].map(String::as_str));
    assert_eq!(listed(&world, "state=FAILURE").await, [bad.as_str()]);
    let both = listed(&world, "state=FAILURE,SUCCESS&limit=2").await;
    assert_eq!(both, [&odd, &delete].map(String::as_str));
    assert_eq!(listed(&world, "phase=rolled_back").await, [bad.as_str()]);
    assert_eq!(listed(&world, "phase=rolled_back,succeeded&limit=2").await.len(), 2);
    assert!(listed(&world, "phase=dead_lettered&state=FAILURE").await.is_empty());
    let all = world.get("/tasks").await.json;
    for task in all["tasks"].as_array().unwrap() {
        let shown = world.task(task["task_id"].as_str().unwrap()).await;
        for field in ["state", "phase", "error", "finished_at"] {
            assert_eq!(task[field], shown[field], "{field} of {task}");
        }
    }
    assert!(all["tasks"][2]["error"].as_str().unwrap().contains("500"), "{all}");
    assert_eq!(listed(&world, "operation=delete").await, [delete.as_str()]);
    assert_eq!(listed(&world, "group_id=g").await, [&delete, &first].map(String::as_str));
    assert_eq!(listed(&world, "group_id=a%20b%2F%C3%BC").await, [odd.as_str()]);
    assert_eq!(listed(&world, "group_id=g&operation=create").await, [first.as_str()]);
    let node = world.nodes[0].address().to_string();
    assert_eq!(listed(&world, &format!("node={node}")).await.len(), 4);
    assert!(listed(&world, "node=elsewhere:1").await.is_empty());

    let accepted = world.task(&delete).await["created_at"].as_str().unwrap().to_owned();
    let since = listed(&world, &format!("since={accepted}")).await;
    assert_eq!(since, [&odd, &delete].map(String::as_str));
    let before = listed(&world, &format!("before={accepted}")).await;
    assert_eq!(before, [&bad, &first].map(String::as_str));
    for query in [
        "state=DONE",
        "phase=done",
        "since=2026-01-31T12:00:00",
        "since=yesterday",
        "limit=0",
        "cursor=x",
        "colour=red",
    ] {
        world.get(&format!("/tasks?{query}")).await.assert_problem(422, "bad-query");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn pages_follow_one_another_while_new_tasks_come_in() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let mut tasks = Vec::new();
    for number in 0..7 {
        tasks.push(world.create(&format!("g{number}")).await);
    }
    tasks.reverse();
    let mut seen = Vec::new();
    let mut path = "/tasks?limit=3".to_owned();
    loop {
        let answer = world.get(&path).await.json;
        seen.extend(ids(&answer));
        world.create("new").await;
        let Some(cursor) = answer["next_cursor"].as_str() else { break };
        path = format!("/tasks?limit=3&cursor={cursor}");
    }
    assert_eq!(seen, tasks);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_ends_when_the_task_does() {
    let world = World::new().await;
    world.nodes[0].fault(Rule::times(Kind::Create, 1, Fault::Delay { millis: 50 }));
    let id = world.create("g").await;
    let answer = world.get(&format!("/groups/task/{id}?wait=20")).await;
    assert_eq!(state(&answer.json), "SUCCESS");
    let id = world.delete("g").await;
    let path = format!("/groups/task/{id}");
    let prefer = [("prefer", "respond-async, wait=20")];
    let answer = world.call_with(Method::GET, &path, "", &prefer).await;
    assert_eq!(state(&answer.json), "SUCCESS");
    assert_eq!(answer.header("preference-applied"), "wait=20");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wait_that_is_over_tells_how_the_task_stands() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let id = world.create("g").await;
    let started = Instant::now();
    let answer = world.get(&format!("/groups/task/{id}?wait=1")).await;
    assert_eq!(state(&answer.json), "PENDING");
    assert!(started.elapsed() >= Duration::from_secs(1), "it answered too soon");
    world.get(&format!("/groups/task/{id}?wait=26")).await.assert_problem(422, "bad-query");
    let unknown = "/groups/task/00000000-0000-4000-8000-000000000000?wait=5";
    world.get(unknown).await.assert_problem(404, "no-such-task");
}

#[tokio::test(flavor = "multi_thread")]
async fn expired_tasks_leave_no_trace_in_the_lists() {
    let settings = [("task_ttl", "1"), ("idempotency_ttl", "1")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    let id = world.create("g").await;
    world.ended(&id).await;
    let gone = async || world.get(&format!("/groups/task/{id}")).await.status;
    e2e::eventually("the task expires", gone, |status| *status == 404).await;
    // What ends later clears the indexes of what has expired.
    let redis = world.redis.connect().unwrap();
    let clear = async || {
        world.created("h").await;
        redis.ask::<i64>("EXISTS {muster}:group-tasks:g").unwrap()
    };
    e2e::eventually("its traces are cleared", clear, |left| *left == 0).await;
    assert!(!listed(&world, "").await.contains(&id));
    assert!(listed(&world, "group_id=g").await.is_empty());
}
