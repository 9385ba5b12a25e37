//! Time through WASI's monotonic clock.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use drain::Clock;
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use wasi::clocks::monotonic_clock;

const NANOSECONDS_PER_MS: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub struct SpinClock;

impl Clock for SpinClock {
    fn now_ms(&self) -> u64 {
        monotonic_clock::now() / NANOSECONDS_PER_MS
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        let duration = ms.saturating_mul(NANOSECONDS_PER_MS);
        Sleep { until: monotonic_clock::now().saturating_add(duration), registered: None }
    }
}

/// Ends at an instant. Dropping it takes its registration back.
pub(crate) struct Sleep {
    until: monotonic_clock::Instant,
    registered: Option<(Waker, CancelOnDropToken)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if monotonic_clock::now() >= self.until {
            self.registered = None;
            return Poll::Ready(());
        }
        let waker = context.waker();
        let is_registered = self.registered.as_ref().is_some_and(|(own, _)| own.will_wake(waker));
        if !is_registered {
            let pollable = monotonic_clock::subscribe_instant(self.until);
            let token = push_waker_and_get_token(pollable, waker.clone());
            self.registered = Some((waker.clone(), token.into()));
        }
        Poll::Pending
    }
}
