//! Seeds that found something once, then a thousand more; and that a seed always goes one way.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops when something is amiss"
)]

use simulation::redis::Engine;
use simulation::report::Report;
use simulation::run::run;

/// How many seeds every `cargo test` runs.
const SEEDS: u64 = 1_000;

/// Runs seeds on both of two threads, and gives what they did.
fn run_all(seeds: &[u64]) -> Report {
    let reports = std::thread::scope(|scope| {
        let halves = seeds.chunks(seeds.len().div_ceil(2)).map(|seeds| {
            scope.spawn(move || {
                let engine = Engine::new(None);
                let mut report = Report::default();
                for seed in seeds {
                    let outcome = run(&engine, *seed, None, false);
                    assert!(
                        outcome.violations.is_empty(),
                        "{:?}; replay: cargo xtask simulate --seed {seed}",
                        outcome.violations
                    );
                    report.add(&outcome.report);
                }
                report
            })
        });
        let halves: Vec<_> = halves.collect();
        halves.into_iter().map(|half| half.join().unwrap()).collect::<Vec<_>>()
    });
    let mut report = Report::default();
    reports.iter().for_each(|half| report.add(half));
    report
}

#[test]
fn what_was_found_once_stays_mended() {
    let seeds: Vec<u64> = include_str!("../seeds.txt")
        .lines()
        .filter_map(|line| line.split('#').next().map(str::trim).filter(|seed| !seed.is_empty()))
        .map(|seed| seed.parse().expect("a seed"))
        .collect();
    run_all(&seeds);
}

#[test]
fn the_promises_hold_for_a_thousand_seeds() {
    let report = run_all(&(0..SEEDS).collect::<Vec<_>>());
    println!("{report}");
    report.is_telling().unwrap();
}

#[test]
fn a_seed_always_goes_the_same_way() {
    let (one, other) = (Engine::new(None), Engine::new(None));
    let mut digests = std::collections::BTreeSet::new();
    for seed in 0..50 {
        let first = run(&one, seed, None, false);
        // A fresh engine must not differ from one that ran other seeds before.
        let again = run(&Engine::new(None), seed, None, true);
        let third = run(&other, seed, None, false);
        assert_eq!(first.trace.digest(), again.trace.digest(), "seed {seed}");
        assert_eq!(first.trace.digest(), third.trace.digest(), "seed {seed}");
        assert_eq!(first.report, again.report, "seed {seed}");
        digests.insert(first.trace.digest());
    }
    assert!(digests.len() > 45, "seeds hardly differ");
}
