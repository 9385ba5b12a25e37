//! One task at a time on a group, in the order accepted.

use e2e::{Fault, Kind, Rule, World, state};

#[tokio::test(flavor = "multi_thread")]
async fn tasks_on_one_group_run_one_after_another_in_the_order_accepted() {
    let world = World::new().await;
    // Slow at its last node, so that the others would overtake it if they could.
    world.nodes[2].fault(Rule::always(Kind::Any, Fault::Delay { millis: 60 }));
    let mut tasks = Vec::new();
    for _ in 0..2 {
        tasks.push(world.create("g").await);
        tasks.push(world.delete("g").await);
    }
    let mut finished_before = String::new();
    for task in &tasks {
        let task = world.ended(task).await;
        assert_eq!(state(&task), "SUCCESS");
        let started = task["history"][1]["at"].as_str().unwrap();
        assert!(started >= finished_before.as_str(), "{started} is before {finished_before}");
        finished_before = task["finished_at"].as_str().unwrap().to_owned();
    }
    let create = ["GET /v1/group/g → 404", "POST /v1/group/ → 201"];
    let delete = ["GET /v1/group/g → 200", "DELETE /v1/group/ → 200"];
    for node in 0..3 {
        assert_eq!(world.calls(node), [create, delete, create, delete].concat());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_group_holds_up_no_other() {
    let world = World::new().await;
    world.nodes[0].fault(Rule::always(Kind::Create, Fault::Hang).for_group("slow"));
    let slow = world.create("slow").await;
    assert_eq!(state(&world.created("quick").await), "SUCCESS");
    let order: Vec<_> = world.nodes[0].log().into_iter().filter_map(|call| call.group_id).collect();
    assert!(order.contains(&"quick".to_owned()), "{order:?}");
    assert_eq!(state(&world.ended(&slow).await), "FAILURE");
}
