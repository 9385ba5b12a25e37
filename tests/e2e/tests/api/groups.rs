//! Groups: what is known of them, what the nodes say, and how to put them right.

use e2e::{Fault, Kind, Rule, Setup, World, state};
use reqwest::Method;
use serde_json::{Value, json};

fn known(group: &Value) -> Vec<&Value> {
    group["nodes"].as_array().unwrap().iter().map(|node| &node["known"]).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn groups_are_listed_by_name_as_long_as_a_node_holds_them() {
    let world = World::new().await;
    for group in ["b", "a/ü", "c"] {
        world.created(group).await;
    }
    world.deleted("c").await;
    let list = world.get("/groups").await.json;
    let present = json!({ "group_id": "a/ü", "present": 3, "absent": 0, "unknown": 0 });
    assert_eq!(list["groups"][0], present);
    assert_eq!(list["groups"][1]["group_id"], "b");
    assert_eq!(list["groups"].as_array().unwrap().len(), 2);
    assert_eq!(list["next_after"], Value::Null);
    let first = world.get("/groups?limit=1").await.json;
    assert_eq!(first["next_after"], "a/ü");
    let second = world.get("/groups?limit=1&after=a%2F%C3%BC").await.json;
    assert_eq!(second["groups"][0]["group_id"], "b");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_tells_its_nodes_tasks_and_dead_letters() {
    let setup = Setup { settings: &[("rollback_max_retries", "0")], ..Setup::default() };
    let world = World::with(setup).await;
    world.nodes[1].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    world.nodes[0].fault(Rule::always(Kind::Delete, Fault::Answer { status: 503 }));
    world.created("g").await;
    let group = world.get("/groups/by-id/g").await.json;
    assert_eq!(known(&group), [&Value::Null, &json!("absent"), &json!("absent")]);
    assert_eq!(group["dead_letters_total"], 1);
    assert_eq!(group["tasks_total"], 0);
    assert!(group.get("drift").is_none());

    world.nodes[0].heal();
    world.nodes[0].fault(Rule::always(Kind::Any, Fault::Hang));
    let running = world.create("g").await;
    let waiting = world.delete("g").await;
    let group = world.get("/groups/by-id/g").await.json;
    assert_eq!(group["tasks"][0]["task_id"], running.as_str());
    assert_eq!(group["tasks"][1]["task_id"], waiting.as_str());
    assert_eq!(group["tasks"][1]["operation"], "delete");
    let unknown = world.get("/groups/by-id/nobody%2Fknows").await.json;
    assert_eq!(unknown["group_id"], "nobody/knows");
    assert_eq!(known(&unknown), [&Value::Null; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_asks_the_nodes_and_shows_drift() {
    let world = World::new().await;
    world.created("g").await;
    let check = async || world.get("/groups/by-id/g?check=true").await.json;
    let all = check().await;
    assert_eq!((&all["drift"], &all["unanswered"]), (&json!(false), &json!(0)));
    world.nodes[2].fault(Rule::always(Kind::Inspect, Fault::Answer { status: 500 }));
    let some = check().await;
    assert_eq!((&some["drift"], &some["unanswered"]), (&Value::Null, &json!(1)));
    assert!(some.as_object().unwrap().contains_key("drift"), "not known is said, not left out");
    world.nodes[1].set_groups([""; 0]);
    let group = check().await;
    assert_eq!((&group["drift"], &group["unanswered"]), (&json!(true), &json!(1)));
    assert_eq!(group["nodes"][0]["actual"], "present");
    assert_eq!(group["nodes"][1]["actual"], "absent");
    assert_eq!(group["nodes"][1]["known"], "present");
    assert_eq!(group["nodes"][2]["actual"], Value::Null);
    assert!(group["nodes"][2]["error"].as_str().unwrap().contains("500"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_hangs_holds_up_a_check_for_its_time_out_only() {
    let world = World::new().await;
    world.created("g").await;
    world.nodes[1].fault(Rule::always(Kind::Inspect, Fault::Hang));
    let group = world.get("/groups/by-id/g?check=true").await.json;
    assert_eq!(group["nodes"][0]["actual"], "present");
    assert_eq!(group["nodes"][1]["error"], "no answer within 500 ms");
    assert_eq!(group["nodes"][2]["actual"], "present");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repair_brings_every_node_to_what_is_wanted() {
    let world = World::new().await;
    world.nodes[1].set_groups(["g".to_owned()]);
    for (wanted, holders) in [("present", [true; 3]), ("absent", [false; 3])] {
        let answer = world.post(&format!("/groups/by-id/g/repair?wanted={wanted}")).await;
        assert_eq!(answer.status, 202, "{answer:?}");
        let task = world.ended(answer.json["task_id"].as_str().unwrap()).await;
        assert_eq!(state(&task), "SUCCESS");
        assert_eq!(world.holders("g"), holders);
    }
    let body = "{\"wanted\": \"present\"}";
    let answer = world.call(Method::POST, "/groups/by-id/g/repair", body).await;
    assert_eq!(answer.status, 202);
    world.post("/groups/by-id/g/repair").await.assert_problem(422, "bad-field");
    let both = "/groups/by-id/g/repair?wanted=absent";
    world.call(Method::POST, both, body).await.assert_problem(422, "bad-field");
    world.post("/groups/by-id/g/repair?wanted=x").await.assert_problem(422, "bad-query");
    world
        .post("/groups/by-id/a%00b/repair?wanted=present")
        .await
        .assert_problem(422, "bad-group-id");
}
