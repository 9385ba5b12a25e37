//! Waiting for what must come, however long it takes within reason.

use std::fmt::Debug;
use std::time::{Duration, Instant};

/// Far longer than anything takes on a slow machine.
const DEADLINE: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(10);

/// Observes again and again until `is_so` holds of what `observe` gives, and gives that.
///
/// # Panics
/// When it does not come about in time; the message shows what was seen last.
pub async fn eventually<T: Debug>(
    what: &str,
    mut observe: impl AsyncFnMut() -> T,
    is_so: impl Fn(&T) -> bool,
) -> T {
    let started = Instant::now();
    loop {
        let seen = observe().await;
        if is_so(&seen) {
            return seen;
        }
        assert!(started.elapsed() < DEADLINE, "never came about: {what}; last seen: {seen:#?}");
        tokio::time::sleep(POLL).await;
    }
}
