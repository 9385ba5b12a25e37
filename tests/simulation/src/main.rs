//! `simulate`: runs seeds, and says what they did.

use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use simulation::redis::Engine;
use simulation::report::Report;
use simulation::run::run;

#[derive(Parser)]
#[command(name = "simulate", about = "Runs Muster under seeded faults and virtual time")]
struct Options {
    /// Run this seed alone, and print all that happens.
    #[arg(long, conflicts_with_all = ["seeds", "from"])]
    seed: Option<u64>,
    /// How many seeds to run.
    #[arg(long, default_value_t = 1_000)]
    seeds: u64,
    /// The first of them.
    #[arg(long, default_value_t = 0)]
    from: u64,
}

fn main() -> ExitCode {
    let options = Options::parse();
    match options.seed {
        Some(seed) => replay(seed),
        None => batch(options.from, options.seeds),
    }
}

fn replay(seed: u64) -> ExitCode {
    let outcome = run(&Engine::new(None), seed, None, true);
    for line in outcome.trace.lines() {
        println!("{line}");
    }
    println!("digest {:016x}", outcome.trace.digest());
    for violation in &outcome.violations {
        println!("BROKEN: {violation}");
    }
    if outcome.violations.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn batch(from: u64, seeds: u64) -> ExitCode {
    let engine = Engine::new(None);
    let started = Instant::now();
    let mut report = Report::default();
    let mut broken = 0_u64;
    for seed in from..from.saturating_add(seeds) {
        let outcome = run(&engine, seed, None, false);
        report.add(&outcome.report);
        if let Some(violation) = outcome.violations.first() {
            broken += 1;
            println!("seed {seed} BROKEN: {violation}");
            println!("  replay: cargo xtask simulate --seed {seed}");
        }
    }
    let seconds = started.elapsed().as_secs_f64();
    print!("{report}");
    #[allow(clippy::cast_precision_loss, reason = "a rate for people")]
    let rate = seeds as f64 / seconds;
    println!("{rate:.0} seeds a second, {seconds:.1} s; {broken} broken");
    // A handful of seeds cannot meet every fault.
    if let Err(missing) = report.is_telling()
        && seeds >= 1_000
    {
        println!("these runs say too little: {missing}");
        return ExitCode::FAILURE;
    }
    if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
