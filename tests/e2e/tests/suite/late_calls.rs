//! Nodes that carry out a call long after it was given up on.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use serde_json::Value;

/// Waits long enough for [`LATE`], and not much longer.
const SETTINGS: [(&str, &str); 2] = [("node_timeout", "300"), ("late_call_window", "3")];
/// After the time-out and all that follows from it, and well before the window is over.
const LATE: Fault = Fault::Late { millis: 1_500 };

async fn world() -> World {
    World::with(Setup { settings: &SETTINGS, ..Setup::default() }).await
}

/// The task once there is nothing left to do but to wait for a late call.
async fn awaiting(world: &World, id: &str) -> Value {
    let observe = async || world.task(id).await;
    let task = eventually("it waits for a late call", observe, |task| {
        task["phase"] == "awaiting_late_call" || !task["finished_at"].is_null()
    });
    let task = task.await;
    assert_eq!(task["phase"], "awaiting_late_call", "{task:#}");
    assert_eq!((state(&task), &task["finished_at"]), ("RETRY", &Value::Null));
    task
}

/// Where in a task's history an event stands first.
fn place(task: &Value, event: &str) -> Option<usize> {
    task["history"].as_array().unwrap().iter().position(|entry| entry["event"] == event)
}

/// The task once it has ended. Until then the next one of its group must not start.
async fn ended_before(world: &World, next: &str, id: &str) -> Value {
    // In this order: what has started by now must not have before the end.
    let observe = async || (world.task(next).await, world.task(id).await);
    let both = eventually("the task ends", observe, |(next, task)| {
        let is_over = !task["finished_at"].is_null();
        assert!(is_over || place(next, "started").is_none(), "{task:#} {next:#}");
        is_over
    });
    both.await.1
}

/// That it was rolled back, and that a call was found to be late in between.
fn assert_undone_again(task: &Value) {
    assert_eq!((state(task), task["phase"].as_str()), ("FAILURE", Some("rolled_back")));
    let events = ["awaiting_late_call", "late_call", "undone", "rolled_back"];
    let last = |event| {
        let history = task["history"].as_array().unwrap();
        history.iter().rposition(|entry| entry["event"] == event)
    };
    let places = events.map(last);
    assert!(places.iter().all(Option::is_some) && places.is_sorted(), "{places:?} in {task:#}");
}

/// That all late calls have come, one of them at this node.
fn assert_came_late(world: &World, node: usize) {
    assert_eq!(world.nodes.iter().map(e2e::Node::hanging).sum::<usize>(), 0, "one is to come");
    let log = world.nodes[node].log();
    assert!(log.iter().any(|call| call.late_status.is_some()), "none came: {log:#?}");
}

async fn metric(world: &World, line: &str) {
    let observe = async || world.get("/metrics").await.text;
    let is_so = |text: &String| text.lines().any(|other| other == line);
    eventually(line, observe, is_so).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_create_that_comes_late_is_undone_before_the_task_ends() {
    let world = world().await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, LATE));
    let id = world.create("g").await;
    awaiting(&world, &id).await;
    assert!(!world.nodes[0].holds("g"), "the other nodes are put back at once");
    metric(&world, "muster_tasks_awaiting_late_calls 1").await;
    let next = world.create("g").await;
    assert_eq!(state(&world.created("other").await), "SUCCESS", "other groups go on");

    let task = ended_before(&world, &next, &id).await;
    assert_came_late(&world, 1);
    assert_undone_again(&task);
    let next = world.ended(&next).await;
    assert_eq!(state(&next), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
    metric(&world, "muster_tasks_awaiting_late_calls 0").await;
    let late = format!("muster_late_calls_total{{node=\"{}\"}} 1", world.nodes[1].address());
    metric(&world, &late).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delete_that_comes_late_is_undone_before_the_task_ends() {
    let world = world().await;
    assert_eq!(state(&world.created("g").await), "SUCCESS");
    world.nodes[1].fault(Rule::times(Kind::Delete, 1, LATE));
    let id = world.delete("g").await;
    awaiting(&world, &id).await;
    let task = world.ended(&id).await;
    assert_came_late(&world, 1);
    assert_undone_again(&task);
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_undo_that_comes_late_undoes_nothing_of_the_next_task() {
    let world = world().await;
    world.nodes[2].fault(Rule::times(Kind::Create, 1, Fault::Answer { status: 403 }));
    world.nodes[0].fault(Rule::times(Kind::Delete, 1, LATE));
    let id = world.create("g").await;
    let next = world.create("g").await;
    awaiting(&world, &id).await;
    assert_eq!(world.holders("g"), [false; 3], "the undo was tried again meanwhile");

    let task = ended_before(&world, &next, &id).await;
    assert_came_late(&world, 0);
    assert_eq!((state(&task), task["phase"].as_str()), ("FAILURE", Some("rolled_back")));
    assert_eq!(place(&task, "late_call"), None, "it did no harm: {task:#}");
    let next = world.ended(&next).await;
    assert_eq!(state(&next), "SUCCESS");
    assert_eq!(world.holders("g"), [true; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_a_worker_that_was_killed_is_undone_when_it_comes_late() {
    // Long enough for another host to start and to take the task over before the call comes.
    let settings = [("late_call_window", "6")];
    let mut world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::Late { millis: 6_000 }));
    // Nobody can go on from there: the task goes back.
    world.nodes[1].fault(Rule::always(Kind::Create, Fault::Answer { status: 403 }));
    let id = world.create("g").await;
    let hanging = async || world.nodes[1].hanging();
    eventually("the call is under way", hanging, |hanging| *hanging == 1).await;
    world.kill_apps();
    world.start_app(&[]);
    let next = world.delete("g").await;
    let task = awaiting(&world, &id).await;
    assert!(place(&task, "recovered").is_some(), "{task:#}");
    assert!(!world.nodes[0].holds("g"));

    let task = ended_before(&world, &next, &id).await;
    assert_came_late(&world, 1);
    assert_undone_again(&task);
    let next = world.ended(&next).await;
    assert_eq!((state(&next), world.holders("g")), ("SUCCESS", vec![false; 3]));
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_window_a_task_does_not_wait_for_late_calls() {
    let settings = [("node_timeout", "300"), ("late_call_window", "0")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::Late { millis: 120_000 }));
    let task = world.created("g").await;
    assert_eq!((state(&task), task["phase"].as_str()), ("FAILURE", Some("rolled_back")));
    assert_eq!(place(&task, "awaiting_late_call"), None, "{task:#}");
    assert_eq!(world.nodes[1].hanging(), 1, "the call is still to come");
}
