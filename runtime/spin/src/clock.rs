//! Time through WASI's monotonic clock.
//!
//! A drain with 64 calls under way holds 64 deadlines. To the host each thing that is waited for
//! costs something every time anything is waited for, so all deadlines of an instance share one
//! registration, for the earliest of them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use clock::Clock;
use spin_executor::{CancelOnDropToken, push_waker_and_get_token};
use wasi::clocks::monotonic_clock::{self, Instant};

const NANOSECONDS_PER_MS: u64 = 1_000_000;

#[derive(Clone, Copy, Debug)]
pub struct SpinClock;

impl Clock for SpinClock {
    fn now_ms(&self) -> u64 {
        monotonic_clock::now() / NANOSECONDS_PER_MS
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        let duration = ms.saturating_mul(NANOSECONDS_PER_MS);
        Sleep { until: monotonic_clock::now().saturating_add(duration), key: None }
    }
}

/// The deadlines of this instance, which has one thread.
#[derive(Default)]
struct Deadlines {
    /// By time, and by a number that tells equal times apart.
    wakers: BTreeMap<(Instant, u64), Waker>,
    /// The number of the next one.
    next: u64,
    /// The registration with the executor, and for when.
    armed: Option<(Instant, CancelOnDropToken)>,
}

thread_local! {
    static DEADLINES: RefCell<Deadlines> = RefCell::default();
}

impl Deadlines {
    /// Registers for the earliest deadline unless that is done. Never to be called from a waker:
    /// the executor forgets what is registered while it wakes.
    fn arm(&mut self) {
        let Some((&(earliest, _), _)) = self.wakers.first_key_value() else { return };
        if self.armed.as_ref().is_none_or(|(armed, _)| *armed > earliest) {
            let waker = Waker::from(Arc::new(Expired));
            let pollable = monotonic_clock::subscribe_instant(earliest);
            let token = push_waker_and_get_token(pollable, waker).into();
            self.armed = Some((earliest, token));
        }
    }

    /// Takes out every deadline that has passed, and names the next one too: nothing can be
    /// registered now, so whoever waits for that has to be polled to do it.
    fn take_expired(&mut self) -> Vec<Waker> {
        self.armed = None;
        let now = monotonic_clock::now();
        let mut expired = Vec::new();
        while let Some(first) = self.wakers.first_entry()
            && first.key().0 <= now
        {
            expired.push(first.remove());
        }
        expired.extend(self.wakers.values().next().cloned());
        expired
    }
}

/// Woken at the earliest deadline.
struct Expired;

impl Wake for Expired {
    fn wake(self: Arc<Self>) {
        let expired = DEADLINES.with_borrow_mut(Deadlines::take_expired);
        expired.into_iter().for_each(Waker::wake);
    }
}

/// Ends at an instant. Dropping it takes its deadline back.
pub(crate) struct Sleep {
    until: Instant,
    /// Its place among the deadlines, once it was waited for. It is gone from there when it passed.
    key: Option<(Instant, u64)>,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        DEADLINES.with_borrow_mut(|deadlines| {
            match self.key {
                None => {
                    let key = (self.until, deadlines.next);
                    deadlines.next += 1;
                    deadlines.wakers.insert(key, context.waker().clone());
                    self.key = Some(key);
                }
                Some(key) => match deadlines.wakers.get_mut(&key) {
                    Some(waker) => waker.clone_from(context.waker()),
                    None => {
                        deadlines.arm();
                        return Poll::Ready(());
                    }
                },
            }
            deadlines.arm();
            Poll::Pending
        })
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            DEADLINES.with_borrow_mut(|deadlines| {
                if deadlines.wakers.remove(&key).is_none() {
                    // It passed, and whoever was to arm the next one may have been this.
                    deadlines.arm();
                }
            });
        }
    }
}
