//! Redis stands still: its process is stopped, and its connections stay.
//!
//! Spin's outbound Redis has no time-out of its own, and a call stops the whole instance, its timers
//! too: see "When something fails" in `docs/operations.md`.

use std::pin::pin;
use std::time::Duration;

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};
use tokio::time::timeout;

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_redis_that_stands_still_goes_on_with_it() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::times(Kind::Create, 1, Fault::ApplyThenHang));
    let under_way = world.create("under way").await;
    let observe = async || world.calls(1).len();
    eventually("a call is under way", observe, |calls| *calls == 2).await;

    world.redis.freeze();
    let mut submit = pin!(world.submit("create", "meanwhile"));
    let early = timeout(Duration::from_secs(4), &mut submit).await;
    assert!(early.is_err(), "it is answered though Redis is not, so the docs are wrong: {early:?}");
    world.redis.thaw();

    let accepted = submit.await;
    assert_eq!(accepted.status, 202, "{accepted:?}");
    let meanwhile = accepted.json["task_id"].as_str().unwrap().to_owned();
    for id in [under_way, meanwhile] {
        assert_eq!(state(&world.ended(&id).await), "SUCCESS");
    }
}

/// Whoever watches over Redis kills one that stands still.
#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_redis_that_is_killed_is_answered_503() {
    let mut world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    world.redis.freeze();
    let url = format!("{}/groups/create", world.base());
    let submit = reqwest::Client::new().post(url).body("{\"group_id\": \"g\"}").send();
    let mut submit = tokio::spawn(submit);
    assert!(timeout(Duration::from_secs(1), &mut submit).await.is_err());
    world.redis.kill();
    assert_eq!(submit.await.unwrap().unwrap().status(), 503);
}
