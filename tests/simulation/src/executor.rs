//! A single-threaded executor with a virtual clock. Time passes only when nothing can run, and which
//! of the ready tasks runs next is drawn at random, so every interleaving has its seed.

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

use futures::channel::oneshot;

use crate::random::Random;

/// Names a task of the executor.
pub type TaskId = u64;

type Job = Pin<Box<dyn Future<Output = ()>>>;
type Ready = Arc<Mutex<BTreeSet<TaskId>>>;

struct TaskWaker {
    id: TaskId,
    ready: Ready,
}

impl Wake for TaskWaker {
    fn wake(self: Arc<Self>) {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(self.id);
    }
}

/// The executor; clones are the same one.
#[derive(Clone)]
pub struct Executor(Rc<Inner>);

struct Inner {
    now_ms: Cell<u64>,
    next_id: Cell<u64>,
    /// `None` while the task is being polled.
    jobs: RefCell<BTreeMap<TaskId, Option<Job>>>,
    ready: Ready,
    timers: RefCell<BTreeMap<(u64, u64), Waker>>,
    frozen_until: RefCell<BTreeMap<TaskId, u64>>,
    random: RefCell<Random>,
}

impl Executor {
    /// An executor at time 0 whose order of events is that of `seed`.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(Rc::new(Inner {
            now_ms: Cell::new(0),
            next_id: Cell::new(0),
            jobs: RefCell::new(BTreeMap::new()),
            ready: Arc::new(Mutex::new(BTreeSet::new())),
            timers: RefCell::new(BTreeMap::new()),
            frozen_until: RefCell::new(BTreeMap::new()),
            random: RefCell::new(Random::new(seed)),
        }))
    }

    /// Virtual milliseconds since the start.
    #[must_use]
    pub fn now_ms(&self) -> u64 {
        self.0.now_ms.get()
    }

    /// Starts a task.
    pub fn spawn(&self, job: impl Future<Output = ()> + 'static) -> TaskId {
        let id = self.fresh();
        self.0.jobs.borrow_mut().insert(id, Some(Box::pin(job)));
        self.wake(id);
        id
    }

    /// Drops a task wherever it stands, as a process that is killed. A task may do it to itself: it
    /// is then dropped at its next await.
    pub fn kill(&self, id: TaskId) {
        self.0.frozen_until.borrow_mut().remove(&id);
        // The borrow has to be over before the job is dropped, for dropping it may wake others.
        let job = self.0.jobs.borrow_mut().remove(&id);
        drop(job);
    }

    /// Drops every task, for tasks hold on to what holds the executor.
    pub fn stop(&self) {
        loop {
            let job = self.0.jobs.borrow_mut().pop_first();
            if job.is_none() {
                return;
            }
        }
    }

    /// Lets a task not run for `ms` milliseconds, whatever it waits for.
    pub fn freeze(&self, id: TaskId, ms: u64) {
        let until = self.now_ms() + ms;
        self.0.frozen_until.borrow_mut().insert(id, until);
        let (executor, thaws) = (self.clone(), self.sleep(ms));
        self.spawn(async move {
            thaws.await;
            executor.wake(id);
        });
    }

    /// Lets a task not run until `thawed` is sent or dropped.
    pub fn hold(&self, id: TaskId, thawed: oneshot::Receiver<()>) {
        self.0.frozen_until.borrow_mut().insert(id, u64::MAX);
        let executor = self.clone();
        self.spawn(async move {
            let _ = thawed.await;
            executor.0.frozen_until.borrow_mut().remove(&id);
            executor.wake(id);
        });
    }

    /// Ends after `ms` milliseconds of virtual time.
    #[must_use]
    pub fn sleep(&self, ms: u64) -> Sleep {
        Sleep { executor: self.clone(), key: (self.now_ms() + ms, self.fresh()), is_set: false }
    }

    /// Runs until `until` is done. Gives whether it came to that before virtual time `deadline_ms`.
    pub fn run(&self, deadline_ms: u64, until: impl Fn() -> bool) -> bool {
        loop {
            while let Some(id) = self.next_ready() {
                self.poll(id);
                if until() {
                    return true;
                }
            }
            let next_ms = self.0.timers.borrow().first_key_value().map(|(key, _)| key.0);
            let Some(next_ms) = next_ms.filter(|next_ms| *next_ms <= deadline_ms) else {
                self.0.now_ms.set(deadline_ms.max(self.now_ms()));
                return until();
            };
            self.0.now_ms.set(next_ms);
            let Some((_, waker)) = self.0.timers.borrow_mut().pop_first() else { continue };
            waker.wake();
        }
    }

    fn fresh(&self) -> u64 {
        let id = self.0.next_id.get();
        self.0.next_id.set(id + 1);
        id
    }

    fn wake(&self, id: TaskId) {
        self.0.ready.lock().unwrap_or_else(PoisonError::into_inner).insert(id);
    }

    fn next_ready(&self) -> Option<TaskId> {
        let mut ready = self.0.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let mut frozen = self.0.frozen_until.borrow_mut();
        let now_ms = self.now_ms();
        frozen.retain(|_, until| *until > now_ms);
        // A frozen task is woken when it thaws.
        ready.retain(|id| !frozen.contains_key(id));
        let place = self.0.random.borrow_mut().index(ready.len());
        let id = ready.iter().nth(place).copied()?;
        ready.remove(&id);
        Some(id)
    }

    fn poll(&self, id: TaskId) {
        let Some(mut job) = self.0.jobs.borrow_mut().get_mut(&id).and_then(Option::take) else {
            return;
        };
        let waker = Waker::from(Arc::new(TaskWaker { id, ready: Arc::clone(&self.0.ready) }));
        let done = job.as_mut().poll(&mut Context::from_waker(&waker)) == Poll::Ready(());
        let mut jobs = self.0.jobs.borrow_mut();
        match jobs.get_mut(&id) {
            Some(slot) if !done => *slot = Some(job),
            _ => {
                jobs.remove(&id);
                drop(jobs);
                drop(job);
            }
        }
    }
}

/// See [`Executor::sleep`].
pub struct Sleep {
    executor: Executor,
    key: (u64, u64),
    is_set: bool,
}

impl Future for Sleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        // Even a sleep of no length gives way to others once.
        if self.is_set && self.executor.now_ms() >= self.key.0 {
            return Poll::Ready(());
        }
        self.is_set = true;
        self.executor.0.timers.borrow_mut().insert(self.key, context.waker().clone());
        Poll::Pending
    }
}

impl Drop for Sleep {
    fn drop(&mut self) {
        let waker = self.executor.0.timers.borrow_mut().remove(&self.key);
        drop(waker);
    }
}
