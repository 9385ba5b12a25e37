//! The checker bites: each deliberate bug is found.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::rc::Rc;

use simulation::mutation::{Bug, LOSS_IS_NOT_TOLD, MUTATIONS, Mutation, SEEDS_MAX};
use simulation::redis::Engine;
use simulation::run::run;

/// The first seed that finds a bug, and what it says.
fn found(mutation: &Mutation) -> Option<(u64, String)> {
    let engine = mutation.engine();
    (0..SEEDS_MAX).find_map(|seed| {
        let outcome = run(&engine, seed, mutation.sabotage(), false);
        outcome.violations.first().map(|violation| (seed, violation.clone()))
    })
}

/// A text that the scripts do not hold any more would be a bug that is never there.
#[test]
fn every_deliberate_bug_changes_a_script() {
    let loaded = Rc::new(RefCell::new(BTreeSet::new()));
    let seen = Rc::clone(&loaded);
    let engine = Engine::new(Some(Rc::new(move |source: &str| {
        seen.borrow_mut().insert(source.to_owned());
        source.to_owned()
    })));
    for seed in 0..60 {
        let _ = run(&engine, seed, None, false);
    }
    let loaded = loaded.borrow();
    for mutation in MUTATIONS.iter().chain([&LOSS_IS_NOT_TOLD]) {
        let Bug::Script(changes) = mutation.bug else { continue };
        for (from, _) in changes {
            let is_there = loaded.iter().any(|source| source.contains(from));
            assert!(is_there, "{}: no script has {from:?}", mutation.name);
        }
    }
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
