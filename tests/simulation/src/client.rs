//! Clients and operators: they ask for tasks, poll, cancel, and see to dead letters.

use std::collections::BTreeMap;
use std::rc::Rc;

use saga::{DeadLetter, Operation, Policy, Task};
use store::{
    Accepted, Admission, Cancelled, DeadLetterFilter, DeadLetterRetry, Discarded, Idempotency,
    Store, StoreError,
};

use crate::checker::Submitted;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::world::World;

/// How long an ended task is kept; longer than any simulation.
pub(crate) const TASK_TTL_S: u64 = 86_400;
/// How often a client repeats a request whose answer was lost, when it has an idempotency key.
const REPEATS: usize = 3;

/// What clients share with each other.
#[derive(Default)]
pub(crate) struct Desk {
    /// Tasks that were accepted, and the state that a client was last told.
    tasks: Vec<(String, Option<String>)>,
    keys: BTreeMap<String, Job>,
    pub(crate) groups: Vec<String>,
    pub(crate) max_queue: u64,
    pub(crate) is_closed: bool,
    /// The queue is paused, and stays so until it is let go on.
    pub(crate) is_paused: bool,
    pub(crate) at_work: usize,
}

/// What a client asks for.
#[derive(Clone)]
struct Job {
    operation: Operation,
    group: String,
    /// The task it became, once a client was told.
    told: Option<String>,
}

impl World {
    /// Starts a client that does `actions` things, `pause_ms` apart at most.
    pub(crate) fn start_client(self: &Rc<Self>, actions: u64, pause_ms: u64) {
        let world = Rc::clone(self);
        self.desk.borrow_mut().at_work += 1;
        self.executor.spawn(async move {
            for _ in 0..actions {
                if world.desk.borrow().is_closed {
                    break;
                }
                // An answer that was lost is for the next request to make up for.
                let _ = world.act().await;
                let ms = world.between(0, pause_ms);
                world.executor.sleep(ms).await;
            }
            world.desk.borrow_mut().at_work -= 1;
        });
    }

    fn store(self: &Rc<Self>) -> Store<Connection> {
        Store::new(Connection::open(self, None))
    }

    async fn act(self: &Rc<Self>) -> Result<(), StoreError> {
        match self.between(0, 99) {
            0..40 => self.submit().await,
            40..60 => self.poll_one().await,
            60..65 => {
                self.probe().await;
                Ok(())
            }
            65..75 => self.cancel_one().await,
            75..92 => self.see_to_dead_letters().await,
            92..95 => self.pause().await,
            _ => {
                self.sweep().await;
                Ok(())
            }
        }
    }

    async fn submit(self: &Rc<Self>) -> Result<(), StoreError> {
        let key = (self.between(0, 2) == 0).then(|| format!("k{}", self.between(0, 5)));
        let mut job = Job {
            operation: self.pick(&[Operation::Create, Operation::Delete]),
            group: self.any_group(),
            told: None,
        };
        let Some(key) = key else { return self.accept(&mut job, None).await };
        let known = self.desk.borrow().keys.get(&key).cloned();
        job = known.unwrap_or(job);
        self.desk.borrow_mut().keys.insert(key.clone(), job.clone());
        for _ in 0..REPEATS {
            if self.accept(&mut job, Some(&key)).await.is_ok() {
                break;
            }
        }
        Ok(())
    }

    fn any_group(&self) -> String {
        let desk = self.desk.borrow();
        let place = self.index(desk.groups.len());
        desk.groups[place].clone()
    }

    async fn accept(self: &Rc<Self>, job: &mut Job, key: Option<&str>) -> Result<(), StoreError> {
        let id = format!("t{}", self.fresh());
        let nodes: Vec<usize> = (0..self.nodes.borrow().len()).collect();
        let addresses = nodes.iter().map(|node| format!("n{node}")).collect();
        let policy = self.policy();
        let task = Task::new(id.clone(), job.operation, job.group.clone(), addresses, policy);
        self.checker.borrow_mut().submits(Submitted {
            id: id.clone(),
            group: job.group.clone(),
            operation: job.operation,
            nodes,
            dead_letter: None,
            key: key.map(str::to_owned),
        });
        if self.fires(Fault::Poison) {
            self.poison.borrow_mut().insert(id.clone());
        }
        let digest = format!("{}:{}", job.operation.name(), job.group);
        let idempotency = key.map(|key| Idempotency { key, digest: &digest, ttl_s: TASK_TTL_S });
        let max_queue = self.desk.borrow().max_queue;
        let admission = Admission { max_queue, idempotency, ..Admission::default() };
        let accepted = self.store().accept(&task, admission).await?;
        self.say(&format!(
            "a client asks for {id}, {} {}: {accepted:?}",
            job.operation.name(),
            job.group
        ));
        let told = match accepted {
            Accepted::Yes => Some(id),
            Accepted::Repeated { task_id } => {
                self.report.borrow_mut().count("idempotent repeats", 1);
                Some(task_id)
            }
            Accepted::Full { .. } => {
                self.report.borrow_mut().count("refused, the queue was full", 1);
                None
            }
            other => {
                self.checker.borrow_mut().violate(format!("a client is told {other:?}"));
                None
            }
        };
        let Some(told) = told else { return Ok(()) };
        if job.told.as_ref().is_some_and(|before| *before != told) {
            self.checker.borrow_mut().violate(format!("{key:?} is {:?} and {told}", job.told));
        }
        job.told = Some(told.clone());
        if let Some(key) = key {
            self.desk.borrow_mut().keys.insert(key.to_owned(), job.clone());
        }
        self.checker.borrow_mut().promised(&told);
        self.desk.borrow_mut().tasks.push((told, None));
        Ok(())
    }

    /// The seed's settings, some of them as a client may wish for one task.
    fn policy(&self) -> Policy {
        let mut policy = self.policy.clone();
        policy.node_parallelism = u32::try_from(self.between(1, 3)).unwrap_or(1);
        policy.forward_max_attempts = u32::try_from(self.between(1, 3)).unwrap_or(1);
        policy
    }

    fn any_task(&self) -> Option<(usize, String, Option<String>)> {
        let desk = self.desk.borrow();
        let place = self.index(desk.tasks.len());
        let (id, told) = desk.tasks.get(place)?.clone();
        Some((place, id, told))
    }

    pub(crate) async fn poll_one(self: &Rc<Self>) -> Result<(), StoreError> {
        let Some((place, id, before)) = self.any_task() else {
            // Any request will do to notice work that nobody inspections after.
            return self.store().poll("nobody").await.map(|_| ());
        };
        let view = self.store().poll(&id).await?;
        let state = view.as_ref().map(|view| view.state.name());
        self.checker.borrow_mut().told(&id, before.as_deref(), state);
        if let Some((Ok(task), state)) = view.map(|view| (view.task, view.state))
            && task.phase().is_end()
            && task.client_state() != state
        {
            self.checker.borrow_mut().violate(format!("{id} is {state:?}, and {:?}", task.phase()));
        }
        let told = &mut self.desk.borrow_mut().tasks[place].1;
        // Another client may have been told more meanwhile.
        if *told == before {
            *told = state.map(str::to_owned);
        }
        Ok(())
    }

    async fn cancel_one(self: &Rc<Self>) -> Result<(), StoreError> {
        let Some((_, id, _)) = self.any_task() else { return Ok(()) };
        let cancelled = self.store().cancel(&id, TASK_TTL_S, "a client").await?;
        self.say(&format!("a client cancels {id}: {cancelled:?}"));
        self.report.borrow_mut().count("cancels", 1);
        let actual = self.checker.borrow().state(&id).map(str::to_owned);
        if cancelled == Cancelled::RollingBack {
            self.checker.borrow_mut().cancelled(&id);
        }
        let is_true = match cancelled {
            Cancelled::UnknownTask => false,
            Cancelled::Ended(state) => actual.as_deref() == Some(state.name()),
            Cancelled::Revoked => actual.as_deref() == Some("REVOKED"),
            Cancelled::RollingBack | Cancelled::Retrying => true,
        };
        if !is_true {
            let what = format!("a client is told {cancelled:?} of {id}, which is {actual:?}");
            self.checker.borrow_mut().violate(what);
        }
        Ok(())
    }

    async fn see_to_dead_letters(self: &Rc<Self>) -> Result<(), StoreError> {
        let page = self.store().dead_letters(DeadLetterFilter::default(), None, 20).await?;
        let place = self.index(page.dead_letters.len());
        let Some(view) = page.dead_letters.get(place) else { return Ok(()) };
        let dead_letter = &view.dead_letter;
        if self.between(0, 3) == 0 {
            self.checker.borrow_mut().discards(&dead_letter.id);
            let (id, task_id) = (&dead_letter.id, &dead_letter.task_id);
            let discarded =
                self.store().discard_dead_letter(id, task_id, "an operator", None).await?;
            self.say(&format!("an operator discards {id}: {discarded:?}"));
            if discarded == Discarded::Yes {
                self.report.borrow_mut().count("dead letters discarded", 1);
            }
            return Ok(());
        }
        self.retry(dead_letter).await
    }

    async fn retry(self: &Rc<Self>, dead_letter: &DeadLetter) -> Result<(), StoreError> {
        let id = format!("t{}", self.fresh());
        let task = Task::retry(id.clone(), dead_letter.clone(), self.policy());
        self.checker.borrow_mut().submits(Submitted {
            id: id.clone(),
            group: dead_letter.group_id.clone(),
            operation: dead_letter.operation,
            nodes: vec![dead_letter.node.trim_start_matches('n').parse().expect("a node of ours")],
            dead_letter: Some(dead_letter.id.clone()),
            key: None,
        });
        let retried = self.store().retry_dead_letter(dead_letter, &task, "an operator").await?;
        self.say(&format!("an operator retries {} as {id}: {retried:?}", dead_letter.id));
        if retried == DeadLetterRetry::Accepted {
            self.report.borrow_mut().count("dead letters retried", 1);
            self.checker.borrow_mut().promised(&id);
            self.desk.borrow_mut().tasks.push((id, None));
        }
        Ok(())
    }

    async fn pause(self: &Rc<Self>) -> Result<(), StoreError> {
        self.say("an operator pauses the queue");
        self.store().pause(true, "an operator").await?;
        let ms = self.between(1, 500);
        self.executor.sleep(ms).await;
        self.store().pause(false, "an operator").await.map(|_| ())
    }

    /// Pauses the queue and leaves it so.
    pub(crate) async fn pause_for_good(self: &Rc<Self>) {
        self.say("an operator pauses the queue for good");
        let _ = self.store().pause(true, "an operator").await;
        self.desk.borrow_mut().is_paused = true;
    }

    /// A cron job's request: a drain that does what can be done now, and stays for nothing.
    pub(crate) async fn sweep(self: &Rc<Self>) {
        self.hosts.borrow_mut().push(crate::world::Host::default());
        let host = self.hosts.borrow().len() - 1;
        self.report.borrow_mut().count("sweeps", 1);
        self.run_drain(host, false).await;
    }

    /// Starts an operator who retries every dead letter there is, and watches what comes of it.
    pub(crate) fn start_retrying_all(self: &Rc<Self>) {
        let world = Rc::clone(self);
        self.desk.borrow_mut().at_work += 1;
        self.executor.spawn(async move {
            let page = world.store().dead_letters(DeadLetterFilter::default(), None, 100).await;
            for view in page.map(|page| page.dead_letters).unwrap_or_default() {
                let _ = world.retry(&view.dead_letter).await;
            }
            world.desk.borrow_mut().at_work -= 1;
            // As clients do. A drain that died within its registration still counts as one that sees
            // what is accepted, so that the acceptance itself wakes nobody.
            while !world.checker.borrow().is_at_rest() {
                world.executor.sleep(500).await;
                let _ = world.poll_one().await;
            }
        });
    }

    /// Lets the queue go on, in case an operator was cut off before doing so.
    pub(crate) async fn resume(self: &Rc<Self>) {
        let paused = format!("{}paused", store::PREFIX);
        if self.server.borrow().keyspace.peek_hash(&paused).is_empty() {
            return;
        }
        let _ = self.store().pause(false, "an operator").await;
    }
}
