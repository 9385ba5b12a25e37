//! A task that kills its workers is given up, and takes no other along.

#![allow(clippy::unwrap_used, reason = "a test stops when something is amiss")]

use std::rc::Rc;

use simulation::poison;
use simulation::redis::Engine;

const BESIDE: usize = 8;

#[test]
fn poison_takes_nobody_along() {
    let mut ends = poison::run(&Engine::new(None), BESIDE);
    assert_eq!(ends.remove("poison").as_deref(), Some("FAILURE"));
    assert_eq!(ends.len(), BESIDE);
    assert!(ends.values().all(|end| end == "SUCCESS"), "{ends:?}");
}

#[test]
fn poison_that_is_taken_beside_others_takes_them_along() {
    let alone = "if (tonumber(recoveries) or 0) >= ALONE_FROM then list = 'alone' end";
    let engine = Engine::new(Some(Rc::new(move |source: &str| source.replace(alone, ""))));
    let ends = poison::run(&engine, BESIDE);
    assert!(ends.values().any(|end| end != "SUCCESS"), "{ends:?}");
    assert!(ends.values().filter(|end| *end == "FAILURE").count() > 1, "{ends:?}");
}
