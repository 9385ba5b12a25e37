//! Clients: they ask for tasks, poll and cancel. What they do about dead letters is in
//! [`crate::operator`].

use std::collections::BTreeMap;
use std::rc::Rc;

use saga::{Operation, Policy, Task};
use store::{Accepted, Admission, Cancelled, Idempotency, Store, StoreError};

use crate::checker::Submitted;
use crate::connection::Connection;
use crate::fault::Fault;
use crate::world::World;

/// How long an ended task is kept; longer than any simulation.
pub(crate) const TASK_TTL_S: u64 = 86_400;
/// How often a client repeats a request whose answer was lost, when it has an idempotency key.
const REPEATS: usize = 3;
/// Groups that the adapter cannot word a request for, and how many tasks on them one client submits at
/// once, at most. The API refuses them, too; a task may be older than that.
pub(crate) const UNWORDABLE: [&str; 2] = [".", ".."];
const UNWORDABLE_MAX: u64 = 30;

/// What clients share with each other.
#[derive(Default)]
pub(crate) struct Desk {
    /// Tasks that were accepted, and the state that a client was last told.
    pub(crate) tasks: Vec<(String, Option<String>)>,
    keys: BTreeMap<String, Job>,
    pub(crate) groups: Vec<String>,
    pub(crate) max_queue: u64,
    pub(crate) is_closed: bool,
    /// Nobody sees to dead letters before all is well, so that they pile up.
    pub(crate) is_unattended: bool,
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
                if let Err(StoreError::Answer { script, reason }) = world.act().await {
                    let what = format!("{script} answers what nobody can read: {reason}");
                    world.checker.borrow_mut().violate(what);
                }
                let ms = world.between(0, pause_ms);
                world.executor.sleep(ms).await;
            }
            world.desk.borrow_mut().at_work -= 1;
        });
    }

    pub(crate) fn store(self: &Rc<Self>) -> Store<Connection> {
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
            75..92 if self.desk.borrow().is_unattended => self.submit().await,
            75..92 => self.see_to_dead_letters().await,
            92..94 => self.pause().await,
            94 => self.submit_unwordable().await,
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
        let receiver = if self.between(0, 1) == 0 { Some(self.any_receiver()) } else { None };
        let Some(key) = key else { return self.accept(&mut job, None, receiver).await };
        let known = self.desk.borrow().keys.get(&key).cloned();
        job = known.unwrap_or(job);
        self.desk.borrow_mut().keys.insert(key.clone(), job.clone());
        for _ in 0..REPEATS {
            if self.accept(&mut job, Some(&key), receiver).await.is_ok() {
                break;
            }
        }
        Ok(())
    }

    /// Submits a heap of tasks that no node is ever called for.
    async fn submit_unwordable(self: &Rc<Self>) -> Result<(), StoreError> {
        self.report.borrow_mut().count("group ids that no node can be asked for", 1);
        // Whoever submits them all wants to be told of them all.
        let receiver = Some(self.any_receiver());
        for _ in 0..self.between(1, UNWORDABLE_MAX) {
            let mut job = Job {
                operation: self.pick(&[Operation::Create, Operation::Delete]),
                group: self.pick(&UNWORDABLE).to_owned(),
                told: None,
            };
            self.accept(&mut job, None, receiver).await?;
        }
        Ok(())
    }

    fn any_group(&self) -> String {
        let desk = self.desk.borrow();
        let place = self.index(desk.groups.len());
        desk.groups[place].clone()
    }

    /// Submits a task, whose end `receiver` is to be told of.
    async fn accept(
        self: &Rc<Self>,
        job: &mut Job,
        key: Option<&str>,
        receiver: Option<usize>,
    ) -> Result<(), StoreError> {
        let id = format!("t{}", self.fresh());
        let mut nodes: Vec<usize> = (0..self.nodes.borrow().len()).collect();
        if self.draws(250) {
            // Somebody has changed the setting, or has changed it back.
            nodes.truncate(self.index(nodes.len()) + 1);
        }
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
        let callback = receiver.map(|number| format!("http://r{number}/{id}"));
        let callback = callback.as_deref();
        let admission = Admission { max_queue, idempotency, callback, ..Admission::default() };
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
    pub(crate) fn policy(&self) -> Policy {
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
            Cancelled::Revoked { .. } => actual.as_deref() == Some("REVOKED"),
            Cancelled::RollingBack | Cancelled::Retrying => true,
        };
        if !is_true {
            let what = format!("a client is told {cancelled:?} of {id}, which is {actual:?}");
            self.checker.borrow_mut().violate(what);
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

    /// Lets the queue go on, in case an operator was cut off before doing so.
    pub(crate) async fn resume(self: &Rc<Self>) {
        let paused = format!("{}paused", store::PREFIX);
        if self.server.borrow().keyspace.peek_hash(&paused).is_empty() {
            return;
        }
        let _ = self.store().pause(false, "an operator").await;
    }
}
