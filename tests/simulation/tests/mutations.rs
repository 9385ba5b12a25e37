//! The checker bites: each deliberate bug is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use simulation::mutation::{MUTATIONS, Mutation, SEEDS_MAX};
use simulation::run::run;

/// The first seed that finds a bug, and what it says.
fn found(mutation: &Mutation) -> Option<(u64, String)> {
    let engine = mutation.engine();
    (0..SEEDS_MAX).find_map(|seed| {
        let outcome = run(&engine, seed, mutation.sabotage(), false);
        outcome.violations.first().map(|violation| (seed, violation.clone()))
    })
}

#[test]
fn every_deliberate_bug_is_found() {
    let missed = std::thread::scope(|scope| {
        let halves = MUTATIONS.chunks(MUTATIONS.len().div_ceil(2)).map(|mutations| {
            scope.spawn(move || {
                let missed = mutations.iter().filter(|mutation| {
                    let found = found(mutation);
                    println!("{}: {found:?}", mutation.name);
                    found.is_none()
                });
                missed.map(|mutation| mutation.name).collect::<Vec<_>>()
            })
        });
        let halves: Vec<_> = halves.collect();
        halves.into_iter().flat_map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    assert!(missed.is_empty(), "not found in {SEEDS_MAX} seeds: {missed:?}");
}
