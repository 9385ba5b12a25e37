//! Cancelling.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};

#[tokio::test(flavor = "multi_thread")]
async fn a_queued_task_ends_at_once_and_calls_nobody() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    let id = world.create("g").await;
    let next = world.create("g").await;
    let answer = world.post(&format!("/groups/task/{id}/cancel")).await;
    assert_eq!((answer.status.as_u16(), &answer.json["state"]), (202, &"REVOKED".into()));
    let task = world.task(&id).await;
    assert_eq!((state(&task), task["phase"].as_str()), ("REVOKED", Some("cancelled")));
    let again = world.post(&format!("/groups/task/{id}/cancel")).await;
    assert_eq!(again.status, 409);
    world.kill_apps();
    world.start_app(&[]);
    assert_eq!(state(&world.ended(&next).await), "SUCCESS");
    assert_eq!(state(&world.task(&id).await), "REVOKED");
    assert_eq!(world.calls(0).len(), 2, "only the second task's");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_running_task_is_rolled_back() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::always(Kind::Create, Fault::Delay { millis: 300 }));
    let id = world.create("g").await;
    let observe = async || world.calls(1);
    let called = |calls: &Vec<String>| calls.iter().any(|call| call.starts_with("POST"));
    eventually("node 2 is being called", observe, called).await;
    let answer = world.post(&format!("/groups/task/{id}/cancel")).await;
    assert_eq!(answer.status, 202);
    let task = world.ended(&id).await;
    assert_eq!((state(&task), task["phase"].as_str()), ("REVOKED", Some("cancelled")));
    assert_eq!(world.holders("g"), [false; 3]);
    let calls = world.calls(2);
    assert!(!calls.iter().any(|call| call.starts_with("POST")), "it went on: {calls:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_task_cannot_be_cancelled() {
    let world = World::new().await;
    let id = "00000000-0000-4000-8000-000000000000";
    assert_eq!(world.post(&format!("/groups/task/{id}/cancel")).await.status, 404);
}
