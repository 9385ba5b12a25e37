//! What operators read in the log.

use e2e::{Fault, Kind, Rule, Setup, World, eventually};
use serde_json::Value;

/// The lines of the log that are about a task's end.
fn ends(world: &World) -> Vec<Value> {
    let output = world.output();
    let lines = output.lines().filter_map(|line| {
        let json = line.find('{').and_then(|at| line.get(at..))?;
        serde_json::from_str::<Value>(json).ok()
    });
    lines
        .filter(|line| line["event"].as_str().is_some_and(|event| event.starts_with("task")))
        .collect()
}

/// A create that succeeds, one that fails, and one that is cancelled while it waits; then all lines.
async fn three_ends(world: &World, count: usize) -> Vec<Value> {
    world.nodes[1]
        .fault(Rule::always(Kind::Create, Fault::Answer { status: 400 }).for_group("bad"));
    world.created("good").await;
    world.created("bad").await;
    world.post("/maintenance/pause").await;
    let waiting = world.create("waiting").await;
    world.post(&format!("/groups/task/{waiting}/cancel")).await;
    eventually("the ends are logged", async || ends(world), |ends| ends.len() >= count).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_end_has_one_line_with_its_time_level_task_and_group() {
    let world = World::new().await;
    let ends = three_ends(&world, 3).await;
    let words = |line: &Value| {
        ["level", "event", "state", "group_id"].map(|name| line[name].as_str().unwrap().to_owned())
    };
    let mut all: Vec<_> = ends.iter().map(words).collect();
    all.sort_by_key(|[.., group]| group.clone());
    let expected = [
        ["warn", "task ended", "FAILURE", "bad"],
        ["info", "task ended", "SUCCESS", "good"],
        ["info", "task ended", "REVOKED", "waiting"],
    ];
    assert_eq!(all, expected);
    for line in &ends {
        assert!(line["time"].as_str().unwrap().ends_with('Z'), "{line}");
        let id = line["task_id"].as_str().unwrap();
        assert_eq!(world.task(id).await["group_id"], line["group_id"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_level_leaves_out_what_is_well() {
    let setup = Setup { settings: &[("log_level", "warn")], ..Setup::default() };
    let world = World::with(setup).await;
    let ends = three_ends(&world, 1).await;
    let groups: Vec<&str> = ends.iter().map(|line| line["group_id"].as_str().unwrap()).collect();
    assert_eq!(groups, ["bad"]);
}
