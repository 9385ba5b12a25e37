//! Many tasks against a node that is down.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use reqwest::Method;
use serde_json::json;

/// Failures in a row that open a breaker in this test.
const FAILURES: usize = 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_tasks_do_not_hammer_a_node_that_is_down() {
    const TASKS: usize = 1_000;
    // Longer than the test, so that the breaker stays open once it is.
    let settings = [("breaker_open", "600"), ("rollback_max_retries", "0")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    world.nodes[1].fault(Rule::always(Kind::Any, Fault::Answer { status: 503 }));
    for batch in 0..TASKS / 100 {
        let tasks: Vec<_> = (0..100)
            .map(|number| json!({ "operation": "create", "group_id": format!("{batch}-{number}") }))
            .collect();
        let answer = world.call(Method::POST, "/groups/bulk", &json!(tasks).to_string()).await;
        assert!(answer.json.as_array().unwrap().iter().all(|result| result["status"] == 202));
    }
    let ended = async || {
        let metrics = world.get("/metrics").await.text;
        let line = "muster_tasks_ended_total{state=\"FAILURE\"} ";
        let count = metrics.lines().find_map(|text| text.strip_prefix(line)).unwrap().to_owned();
        (count.parse::<usize>().unwrap(), metrics)
    };
    let (_, metrics) = eventually("all have ended", ended, |(count, _)| *count == TASKS).await;
    let node = world.nodes[1].address().to_string();
    assert!(metrics.contains(&format!("muster_breaker_open{{node=\"{node}\"}} 1")), "{metrics}");
    assert_eq!(world.get("/readyz").await.json["open_circuits"][0]["node"], node.as_str());
    assert!(metrics.contains("result=\"withheld\""), "{metrics}");
    // Calls that were under way when the breaker opened come on top; a second drain, should one
    // have been called in, learns for itself.
    let calls = world.calls(1).len();
    assert!((FAILURES..=4 * (FAILURES + 64)).contains(&calls), "{calls} calls");
    assert!(world.nodes.iter().all(|node| node.groups().is_empty()), "all was rolled back");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_is_well_again_is_called_again() {
    let settings = [("breaker_failures", "1"), ("breaker_open", "0.05")];
    let world = World::with(Setup { settings: &settings, ..Setup::default() }).await;
    world.nodes[2].fault(Rule::times(Kind::Inspect, 1, Fault::Answer { status: 500 }));
    assert_eq!(state(&world.created("g").await), "FAILURE");
    let again = async || state(&world.created("g").await).to_owned();
    eventually("the breaker lets a call through", again, |state| state == "SUCCESS").await;
    assert_eq!(world.holders("g"), [true; 3]);
}
