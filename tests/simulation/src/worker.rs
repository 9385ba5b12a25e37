//! The workers: the real drain, and hosts that start it for each message they get.

use std::rc::Rc;

use clock::Clock;
use drain::{Environment, Level, Log, NodeResponse};
use futures::StreamExt as _;
use futures::channel::{mpsc, oneshot};
use node_adapter::{
    Adapter, ClusterManager, Failure, Finding, Operation, PreparedRequest, Retry, Verdict,
};
use store::Store;

use crate::connection::Connection;
use crate::fault::Fault;
use crate::network::{Network, UNREACHABLE_PATH};
use crate::report::RECORDS_LEFT;
use crate::world::{Sabotage, World};

impl World {
    /// Starts a host: it takes its messages one at a time, and runs a drain for each.
    pub(crate) fn start_host(self: &Rc<Self>, host: usize) {
        let world = Rc::clone(self);
        self.executor.spawn(async move {
            loop {
                let (messages, mut inbox) = mpsc::unbounded();
                world.hosts.borrow_mut()[host].messages = Some(messages);
                while inbox.next().await.is_some() {
                    if world.fires(Fault::HostRestart) || !world.run_drain(host, true).await {
                        break;
                    }
                }
                // What had come in meanwhile is lost with the host.
                world.hosts.borrow_mut()[host].messages = None;
                let ms = world.between(1, world.limits.lease_ms);
                world.executor.sleep(ms).await;
            }
        });
    }

    /// Runs a drain to its end. Gives whether it came to one.
    pub(crate) async fn run_drain(self: &Rc<Self>, host: usize, stays: bool) -> bool {
        let (tell, told) = oneshot::channel();
        let world = Rc::clone(self);
        let name = format!("d{}", self.fresh());
        self.say(&format!("w{host} starts {name}"));
        let drain = self.executor.spawn(async move {
            let mut limits = world.limits.clone();
            limits.stays = stays;
            let environment = Environment {
                store: Store::new(Connection::open(&world, Some(host))),
                client: Network { world: Rc::clone(&world), host },
                adapter: Sabotaged::new(world.sabotage),
                clock: WorkerClock::new(&world, host),
                log: Lines { world: Rc::clone(&world), host },
                limits,
            };
            let ended = match drain::run(&environment, &name).await {
                Ok(_) => "ends".to_owned(),
                Err(error) => format!("gives up: {error}"),
            };
            world.say(&format!("w{host} {ended}"));
            let _ = tell.send(());
        });
        self.hosts.borrow_mut()[host].drain = Some(drain);
        self.hosts.borrow_mut()[host].frozen_ms = 0;
        let ended = told.await.is_ok();
        self.hosts.borrow_mut()[host].drain = None;
        ended
    }

    /// Lets a drain stand still, longer than its lease as often as not.
    pub(crate) fn freeze(&self, host: usize) {
        let Some(drain) = self.hosts.borrow()[host].drain else { return };
        // Often about as long as a lease: it then goes on while another has just taken over.
        let lease_ms = self.limits.lease_ms;
        let ms = match self.between(0, 1) {
            0 => self.between(lease_ms * 6 / 10, lease_ms * 12 / 10),
            _ => self.between(lease_ms / 4, 3 * lease_ms),
        };
        self.note(Fault::WorkerFrozen);
        self.say(&format!("w{host} is frozen for {ms} ms"));
        self.hosts.borrow_mut()[host].frozen_ms += ms;
        self.executor.freeze(drain, ms);
    }
}

/// A clock that began at any time and is off by up to half a per cent, as cheap ones are.
struct WorkerClock {
    world: Rc<World>,
    started_ms: u64,
    zero_ms: u64,
    per_mille: u64,
    host: usize,
}

impl WorkerClock {
    fn new(world: &Rc<World>, host: usize) -> Self {
        Self {
            world: Rc::clone(world),
            started_ms: world.executor.now_ms(),
            zero_ms: world.between(0, 1_000_000),
            per_mille: world.between(995, 1_005),
            host,
        }
    }
}

impl Clock for WorkerClock {
    fn now_ms(&self) -> u64 {
        let passed_ms = self.world.executor.now_ms() - self.started_ms;
        let frozen_ms = match self.world.sabotage {
            Some(Sabotage::ClockFreezes) => self.world.hosts.borrow()[self.host].frozen_ms,
            _ => 0,
        };
        self.zero_ms + passed_ms.saturating_sub(frozen_ms) * self.per_mille / 1_000
    }

    fn sleep(&self, ms: u64) -> impl Future<Output = ()> {
        self.world.executor.sleep(ms)
    }
}

/// The adapter that ships, with deliberate bugs.
struct Sabotaged {
    adapter: ClusterManager,
    sabotage: Option<Sabotage>,
}

impl Sabotaged {
    fn new(sabotage: Option<Sabotage>) -> Self {
        let trust: &[_] = match sabotage {
            Some(Sabotage::StatusProves) => &[("trust".to_owned(), "status".to_owned())],
            _ => &[],
        };
        Self { adapter: ClusterManager::with(trust).expect("an option there is"), sabotage }
    }
}

impl Sabotaged {
    /// What was prepared, or, if that is the bug, a request that no node understands.
    fn or_unreachable(
        &self,
        prepared: Result<PreparedRequest, String>,
        any: impl FnOnce() -> Result<PreparedRequest, String>,
    ) -> Result<PreparedRequest, String> {
        if prepared.is_ok() || self.sabotage != Some(Sabotage::UnwordableIsTrouble) {
            return prepared;
        }
        let path_with_query = UNREACHABLE_PATH.to_owned();
        any().map(|any| PreparedRequest { path_with_query, ..any })
    }
}

impl Adapter for Sabotaged {
    fn check_group_id(&self, group_id: &str) -> Result<(), String> {
        self.adapter.check_group_id(group_id)
    }

    fn is_conclusive(&self, operation: Operation) -> bool {
        self.adapter.is_conclusive(operation)
    }

    fn prepare(&self, operation: Operation, group_id: &str) -> Result<PreparedRequest, String> {
        let prepare = |group_id: &str| self.adapter.prepare(operation, group_id);
        self.or_unreachable(prepare(group_id), || prepare("any"))
    }

    fn prepare_inspection(&self, group_id: &str) -> Result<PreparedRequest, String> {
        let prepare = |group_id: &str| self.adapter.prepare_inspection(group_id);
        self.or_unreachable(prepare(group_id), || prepare("any"))
    }

    fn interpret(&self, operation: Operation, group: &str, answer: NodeResponse) -> Verdict {
        match (self.sabotage, operation, answer.status) {
            (Some(Sabotage::TroubleIsRefusal), _, 500..) => {
                Verdict::Refused(Failure::new("sabotaged", Retry::Never))
            }
            (Some(Sabotage::NoInspection), Operation::Create, 400)
            | (Some(Sabotage::UndoAlwaysWorks), Operation::Delete, _) => Verdict::Applied,
            _ => self.adapter.interpret(operation, group, answer),
        }
    }

    fn interpret_inspection(&self, group: &str, answer: NodeResponse) -> Finding {
        match (self.sabotage, answer.status) {
            (Some(Sabotage::NoInspection), 200) | (Some(Sabotage::InspectedStatusProves), 404) => {
                Finding::Absent
            }
            (sabotage, _) => match self.adapter.interpret_inspection(group, answer) {
                Finding::SeemsAbsent(_) if sabotage == Some(Sabotage::SeemingProves) => {
                    Finding::Absent
                }
                finding => finding,
            },
        }
    }
}

/// Log lines go into the trace.
struct Lines {
    world: Rc<World>,
    host: usize,
}

impl Log for Lines {
    fn write(&self, _: Level, event: &str, fields: &[(&str, &str)]) {
        if event == "illegal answer" {
            self.world.checker.borrow_mut().violate(format!("illegal answer: {fields:?}"));
        }
        // Nobody damages a record here: it can only be a newer one.
        if event == "unreadable record quarantined" {
            self.world.checker.borrow_mut().violate(format!("ended unread: {fields:?}"));
        }
        if event == "newer record left to a newer worker" {
            self.world.report.borrow_mut().count(RECORDS_LEFT, 1);
        }
        if event.starts_with("task ended") {
            let field =
                |name| fields.iter().find(|(other, _)| *other == name).map(|(_, text)| *text);
            let (id, state) = (field("task_id"), field("state"));
            let mut checker = self.world.checker.borrow_mut();
            checker.end_is_logged(id.unwrap_or_default(), state.unwrap_or_default());
        }
        self.world.say(&format!("w{} logs: {event} {fields:?}", self.host));
    }
}
