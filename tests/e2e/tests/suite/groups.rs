//! Everything goes well.

use e2e::{World, state};
use reqwest::Method;
use serde_json::{Value, json};

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_created_deleted_and_created_again_on_every_node() {
    let world = World::new().await;
    for (operation, there) in [("create", true), ("delete", false), ("create", true)] {
        let answer = world.submit(operation, "g").await;
        let task = world.ended(answer.json["task_id"].as_str().unwrap()).await;
        assert_eq!(state(&task), "SUCCESS");
        assert_eq!(world.holders("g"), [there; 3]);
    }
    let create = ["GET /v1/group/g → 404", "POST /v1/group/ → 201"];
    let delete = ["GET /v1/group/g → 200", "DELETE /v1/group/ → 200"];
    for node in 0..3 {
        assert_eq!(world.calls(node), [create, delete, create].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_accepted_task_says_where_to_look_and_when() {
    let world = World::new().await;
    let answer = world.submit("create", "g").await;
    assert_eq!(answer.status, 202);
    let id = answer.json["task_id"].as_str().unwrap();
    assert_eq!(answer.header("location"), format!("/groups/task/{id}"));
    assert_eq!(answer.header("retry-after"), "1");
    assert_eq!(answer.header("content-type"), "application/json");
    let time = answer.header("x-process-time");
    let seconds = time.strip_suffix(" sec").unwrap_or_default();
    assert!(seconds.split('.').nth(1).is_some_and(|places| places.len() == 4), "{time:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_finished_task_tells_its_whole_story() {
    let world = World::new().await;
    let id = world.create("g").await;
    let task = world.ended(&id).await;
    assert_eq!(task["task_id"], id.as_str());
    assert_eq!((&task["state"], &task["status"]), (&task["status"], &Value::from("SUCCESS")));
    assert_eq!(task["phase"], "succeeded");
    assert_eq!(task["operation"], "create");
    assert_eq!(task["group_id"], "g");
    assert_eq!(task["error"], Value::Null);
    let (created, finished) = (&task["created_at"], &task["finished_at"]);
    assert!(created.as_str() <= finished.as_str(), "{created} {finished}");
    for (node, told) in world.nodes.iter().zip(task["nodes"].as_array().unwrap()) {
        assert_eq!(told["node"], node.address().to_string());
        assert_eq!(told["state"], "applied");
        assert_eq!(told["attempts"], 1);
        assert_eq!(told["last_error"], Value::Null);
    }
    let history = task["history"].as_array().unwrap();
    let events: Vec<_> = history.iter().map(|entry| entry["event"].as_str().unwrap()).collect();
    assert_eq!(events, ["accepted", "started", "applied", "applied", "applied", "succeeded"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_hundred_tasks_on_different_groups_all_succeed() {
    let world = World::new().await;
    let mut tasks = Vec::new();
    for number in 0..200 {
        tasks.push(world.create(&format!("g{number}")).await);
    }
    for task in &tasks {
        assert_eq!(state(&world.ended(task).await), "SUCCESS");
    }
    for node in &world.nodes {
        assert_eq!(node.groups().len(), 200);
        assert_eq!(node.log().len(), 400, "one inspection and one create for each group");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_as_wanted_already_is_left_alone() {
    let world = World::new().await;
    world.nodes[1].set_groups(["g"]);
    let task = world.created("g").await;
    assert_eq!(state(&task), "SUCCESS");
    assert_eq!(task["nodes"][1]["state"], "unchanged");
    assert_eq!(world.calls(1), ["GET /v1/group/g → 200"]);
    let task = world.deleted("absent").await;
    assert_eq!(state(&task), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_group_ids_reach_exactly_the_right_url_and_body() {
    let world = World::new().await;
    let long = "ü".repeat(128);
    for (group, path) in [
        ("a/b", "a%2Fb"),
        ("%2f", "%252f"),
        ("a b?c#d&e", "a%20b%3Fc%23d%26e"),
        ("\"quoted\\\"", "%22quoted%5C%22"),
        ("../../etc", "..%2F..%2Fetc"),
        ("Gruppe-ß_~.1", "Gruppe-%C3%9F_~.1"),
        (long.as_str(), &"%C3%BC".repeat(128)),
    ] {
        assert_eq!(state(&world.created(group).await), "SUCCESS", "{group}");
        for node in &world.nodes {
            let log = node.log();
            let [.., inspect, create] = log.as_slice() else { panic!("{log:?}") };
            assert_eq!(inspect.path, format!("/v1/group/{path}"));
            let body: Value = serde_json::from_str(&create.body).unwrap();
            assert_eq!(body, json!({ "groupId": group }));
            assert!(node.holds(group));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_id_that_no_url_can_carry_is_refused_as_it_is_submitted() {
    let world = World::new().await;
    for group in [".", ".."] {
        let body = json!({ "group_id": group });
        let tasks = json!([
            { "operation": "create", "group_id": group },
            { "operation": "delete", "group_id": group },
            { "operation": "create", "group_id": "fine" },
        ]);
        for path in ["/groups/create", "/groups/delete", "/groups/create?dry_run=true"] {
            let answer = world.call(Method::POST, path, &body.to_string()).await;
            answer.assert_problem(422, "bad-group-id");
            let detail = answer.json["detail"].as_str().unwrap();
            assert!(detail.contains("cannot be part of a URL"), "the adapter's reason: {detail}");
        }
        let bulk = world.call(Method::POST, "/groups/bulk", &tasks.to_string()).await.json;
        let statuses: Vec<_> = bulk.as_array().unwrap().iter().map(|one| &one["status"]).collect();
        assert_eq!(statuses, [422, 422, 202]);
    }
    assert_eq!(world.submit("create", "...").await.status, 202);
}
