//! Breakers: told by drains, read by people.

use futures::executor::block_on;
use store::BreakerChange;

use crate::world::{TestTurn, World};

fn tell(world: &World, open_until_ms: Option<u64>) {
    let breakers = vec![BreakerChange { node: "n1".to_owned(), open_until_ms }];
    world.turn(TestTurn { breakers, ..TestTurn::default() });
}

#[test]
fn an_open_breaker_is_shown_until_it_closes_or_its_time_is_over() {
    let world = World::new();
    let open = || block_on(world.store.overview()).unwrap().open_breakers;
    let now_ms = block_on(world.store.overview()).unwrap().now_ms;
    tell(&world, Some(now_ms + 60_000));
    assert_eq!(open().get("n1"), Some(&(now_ms + 60_000)));
    tell(&world, None);
    assert!(open().is_empty());
    tell(&world, Some(now_ms));
    assert!(open().is_empty(), "its time is over");
}
