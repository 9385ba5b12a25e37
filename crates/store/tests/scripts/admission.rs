//! What stands against a task: a key that was used, a caller who is too fast.

use futures::executor::block_on;
use store::{Accepted, Admission, Idempotency, Rate};

use crate::world::{ADMISSION, TestTurn, World, finish, task};

fn accept(world: &World, id: &str, key: &str, digest: &str) -> Accepted {
    let idempotency = Some(Idempotency { key, digest, ttl_s: 60 });
    let admission = Admission { idempotency, ..ADMISSION };
    block_on(world.store.accept(&task(id, "g"), admission)).unwrap()
}

#[test]
fn a_key_stands_for_one_request() {
    let world = World::new();
    assert_eq!(accept(&world, "t1", "k", "d"), Accepted::Yes);
    let first = Accepted::Repeated { task_id: "t1".to_owned() };
    assert_eq!(accept(&world, "t2", "k", "d"), first);
    assert_eq!(accept(&world, "t3", "k", "another"), Accepted::KeyReused);
    assert_eq!(accept(&world, "t4", "l", "d"), Accepted::Yes);
    let waiting: String = world.redis.ask("HGET {muster}:counts waiting").unwrap();
    assert_eq!(waiting, "2");
    let ttl = world.ask("TTL {muster}:idempotency:k");
    assert!((1..=60).contains(&ttl), "{ttl}");
}

#[test]
fn a_key_whose_task_has_expired_stands_for_nothing() {
    let world = World::new();
    assert_eq!(accept(&world, "t1", "k", "d"), Accepted::Yes);
    let claimed = world.claim("drain");
    let commits = vec![finish(&claimed, None)];
    world.turn(TestTurn { commits, ..TestTurn::default() });
    let first = Accepted::Repeated { task_id: "t1".to_owned() };
    assert_eq!(accept(&world, "t2", "k", "d"), first, "an ended task is there");
    assert_eq!(world.ask("DEL {muster}:ended:t1"), 1);
    assert_eq!(accept(&world, "t3", "k", "another"), Accepted::Yes);
    let third = Accepted::Repeated { task_id: "t3".to_owned() };
    assert_eq!(accept(&world, "t4", "k", "another"), third);
}

#[test]
fn a_key_that_the_first_version_kept_gets_its_answer() {
    let world = World::new();
    world.accept("t1", "g");
    world.ask("HSET {muster}:idempotency:k digest of-bytes task t1");
    let first = Accepted::Repeated { task_id: "t1".to_owned() };
    assert_eq!(accept(&world, "t2", "k", "d"), first);
}

#[test]
fn a_refused_task_leaves_its_key_unused() {
    let world = World::new();
    let idempotency = Some(Idempotency { key: "k", digest: "d", ttl_s: 60 });
    let full = Admission { max_queue: 0, idempotency, ..ADMISSION };
    let accepted = block_on(world.store.accept(&task("t1", "g"), full)).unwrap();
    assert_eq!(accepted, Accepted::Full { waiting: 0 });
    assert_eq!(accept(&world, "t2", "k", "d"), Accepted::Yes);
}

#[test]
fn each_caller_has_a_rate_of_their_own() {
    let world = World::new();
    let mut number = 0;
    let mut ask = |caller| {
        number += 1;
        let admission = Admission { rate: Some(Rate { caller, per_second: 2 }), ..ADMISSION };
        block_on(world.store.accept(&task(&format!("t{number}"), "g"), admission)).unwrap()
    };
    // A second may end between any two of them, so that one more is let through; not so twice.
    let answers: Vec<Accepted> = (0..6).map(|_| ask("eve")).collect();
    assert!(answers.contains(&Accepted::TooFast), "{answers:?}");
    assert_eq!(ask("bob"), Accepted::Yes);
    world.eventually("eve may ask again", || ask("eve") == Accepted::Yes);
}
