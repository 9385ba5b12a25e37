//! What things cost, in round trips to Redis, and what is left behind.

use e2e::{Fault, Kind, Rule, Setup, World, eventually, state};

#[tokio::test(flavor = "multi_thread")]
async fn each_call_to_the_api_is_one_round_trip() {
    let world = World::with(Setup { components: &["api"], ..Setup::default() }).await;
    // The first call of a kind teaches Redis its script.
    let id = world.create("first").await;
    world.task(&id).await;
    let before = world.command_count("evalsha");
    for number in 0..10 {
        world.create(&format!("g{number}")).await;
    }
    assert_eq!(world.command_count("evalsha") - before, 10);
    for _ in 0..10 {
        world.task(&id).await;
    }
    assert_eq!(world.command_count("evalsha") - before, 20);
    assert_eq!(world.command_count("eval"), 2, "each script was sent whole once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_burst_leaves_few_wake_ups_and_nothing_behind() {
    let world = World::new().await;
    // So slow that a drain is at work for as long as the burst lasts.
    world.nodes[0].fault(Rule::always(Kind::Any, Fault::Delay { millis: 60 }));
    let mut tasks = Vec::new();
    for number in 0..200 {
        tasks.push(world.create(&format!("g{number}")).await);
    }
    let wake_ups = world.command_count("publish");
    assert!(wake_ups <= 5, "{wake_ups} wake-ups for 200 tasks: a live drain sees them without");
    for task in &tasks {
        assert_eq!(state(&world.ended(task).await), "SUCCESS");
    }
    let redis = world.redis.connect().unwrap();
    let drains = async || redis.ask::<i64>("ZCARD {muster}:drains").unwrap();
    eventually("the drains end", drains, |drains| *drains == 0).await;
    for key in ["queue", "rollback", "delayed", "leases", "dead-letter"] {
        let exists: i64 = redis.ask(&format!("EXISTS {{muster}}:{key}")).unwrap();
        assert_eq!(exists, 0, "{key}");
    }
    let waiting: i64 = redis.ask("HGET {muster}:counts waiting").unwrap();
    assert_eq!(waiting, 0);
}
