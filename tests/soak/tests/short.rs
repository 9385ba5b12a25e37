//! A soak short enough for every run of the tests.

use std::time::Duration;

use soak::{Options, run};

#[tokio::test(flavor = "multi_thread")]
async fn every_promise_is_kept_while_everything_is_killed_frozen_and_cut_off() {
    let options = Options { duration: Duration::from_secs(15), hosts: 2, seed: 7 };
    let report = run(options).await.unwrap_or_else(|error| panic!("{error:#}"));
    println!("{report}");
    report.is_worth_something().unwrap_or_else(|missing| panic!("{missing:#}\n{report}"));
}
