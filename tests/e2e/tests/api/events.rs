//! A task's timeline as server-sent events.

use e2e::{Fault, Kind, Rule, World};
use reqwest::Method;

/// The events of a stream: id, name and data.
fn events(text: &str) -> Vec<(String, String, String)> {
    let field = |event: &str, name: &str| {
        let line = event.lines().find_map(|line| line.strip_prefix(&format!("{name}: ")));
        line.unwrap_or_default().to_owned()
    };
    text.split("\n\n")
        .filter(|event| event.contains("event: "))
        .map(|event| (field(event, "id"), field(event, "event"), field(event, "data")))
        .collect()
}

fn names(events: &[(String, String, String)]) -> Vec<&str> {
    events.iter().map(|(_, name, _)| name.as_str()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_timeline_is_streamed_until_the_task_ends() {
    let world = World::new().await;
    world.nodes[2].fault(Rule::times(Kind::Create, 1, Fault::Delay { millis: 50 }));
    let id = world.create("g").await;
    let answer = world.get(&format!("/groups/task/{id}/events")).await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-type"), "text/event-stream");
    let events = events(&answer.text);
    let expected = ["accepted", "started", "applied", "applied", "applied", "succeeded", "end"];
    assert_eq!(names(&events), expected);
    let (_, _, end) = events.last().unwrap();
    assert_eq!(end, "{\"state\":\"SUCCESS\",\"phase\":\"succeeded\"}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_was_cut_off_goes_on_where_it_was() {
    let world = World::new().await;
    let id = world.create("g").await;
    world.ended(&id).await;
    let path = format!("/groups/task/{id}/events");
    let all = events(&world.get(&path).await.text);
    let headers = [("last-event-id", all[2].0.as_str())];
    let rest = events(&world.call_with(Method::GET, &path, "", &headers).await.text);
    assert_eq!(rest, all[3..]);
    // An id that this stream never gave begins anew rather than fails.
    let headers = [("last-event-id", "nonsense")];
    let anew = events(&world.call_with(Method::GET, &path, "", &headers).await.text);
    assert_eq!(anew, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_has_had_the_end_is_told_not_to_come_back() {
    let world = World::new().await;
    let id = world.create("g").await;
    world.ended(&id).await;
    let path = format!("/groups/task/{id}/events");
    let first = world.get(&path).await;
    assert_eq!(first.header("x-accel-buffering"), "no");
    let all = events(&first.text);
    let after = async |event: usize| {
        let headers = [("last-event-id", all[event].0.as_str())];
        world.call_with(Method::GET, &path, "", &headers).await
    };
    let (last, end) = (all.len() - 2, all.len() - 1);
    assert_eq!(names(&events(&after(last).await.text)), ["end"], "it was cut off before the end");
    let answer = after(end).await;
    assert_eq!((answer.status.as_u16(), answer.text.as_str()), (204, ""));
    let unknown = "/groups/task/00000000-0000-4000-8000-000000000000/events";
    let headers = [("last-event-id", all[end].0.as_str())];
    world.call_with(Method::GET, unknown, "", &headers).await.assert_problem(404, "no-such-task");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_people_do_is_among_the_events() {
    let world = World::new().await;
    world.nodes[0].fault(Rule::times(Kind::Create, 1, Fault::Delay { millis: 50 }));
    let id = world.create("g").await;
    world.post(&format!("/groups/task/{id}/cancel")).await;
    let events = events(&world.get(&format!("/groups/task/{id}/events")).await.text);
    let (_, _, asked) = events.iter().find(|(_, name, _)| name == "cancel_requested").unwrap();
    assert!(asked.contains("\"by\":\"anybody\""), "{asked}");
    assert_eq!(names(&events).last(), Some(&"end"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_task_has_no_stream() {
    let world = World::new().await;
    let unknown = "/groups/task/00000000-0000-4000-8000-000000000000/events";
    world.get(unknown).await.assert_problem(404, "no-such-task");
}
