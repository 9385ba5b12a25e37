//! Everything that one simulation shares.

use std::cell::{Cell, RefCell};
use std::collections::BTreeSet;
use std::future::pending;
use std::rc::Rc;

use drain::Limits;
use futures::channel::mpsc::UnboundedSender;
use futures::channel::oneshot;
use saga::{Policy, Verb};

use crate::checker::{Checker, Spot};
use crate::client::Desk;
use crate::executor::{Executor, TaskId};
use crate::fault::{Fault, Rates};
use crate::network::NodeFault;
use crate::random::Random;
use crate::receiver::{Receiver, Receivers};
use crate::redis::Engine;
use crate::report::Report;
use crate::rings::Rings;
use crate::server::Server;
use crate::stranger::Stranger;
use crate::trace::Trace;
use crate::upgrade::Upgrade;

/// A worker's host.
#[derive(Default)]
pub struct Host {
    /// Where its messages go; `None` while it does not listen.
    pub(crate) messages: Option<UnboundedSender<()>>,
    /// The drain that runs in it.
    pub(crate) drain: Option<TaskId>,
    /// How long that drain has stood still.
    pub(crate) frozen_ms: u64,
    /// Until then its subscription is dead, and Redis does not know it.
    pub(crate) deaf_until_ms: u64,
}

/// A node as the network sees it.
#[derive(Clone, Debug, Default)]
pub struct NodeHealth {
    /// It refuses connections until then.
    pub away_until_ms: u64,
    /// It answers 200 to the deletion of what it does not hold, rather than 404.
    pub lenient: bool,
    /// Something before it answers in its place, until then.
    pub stranger: Option<(Stranger, u64)>,
    /// It refuses every other change until then.
    pub moody_until_ms: u64,
}

impl NodeHealth {
    /// What answers in its place now.
    pub(crate) fn stranger_now(&self, now_ms: u64) -> Option<Stranger> {
        self.stranger.filter(|(_, until_ms)| *until_ms > now_ms).map(|(stranger, _)| stranger)
    }
}

/// Faults that are scripted rather than drawn: which fault a call to a node meets.
pub type Script = Box<dyn Fn(usize, Verb) -> NodeFault>;

/// Deliberate bugs in what surrounds the scripts; see [`crate::mutation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sabotage {
    /// The client says that a request that timed out was never sent.
    TimeoutIsNotSent,
    /// The client says that the node answered 500 to a call of a task's own operation that got no answer,
    /// so nobody reckons with its being carried out later.
    LostApplyIsTrouble,
    /// The same for an undo.
    LostUndoIsTrouble,
    /// The adapter takes a 5xx for a refusal.
    TroubleIsRefusal,
    /// The adapter inspections at no node and takes "exists already" for "created".
    NoInspection,
    /// The worker's clock stands still while the worker is frozen.
    ClockFreezes,
    /// The adapter takes any answer to an undo for a success.
    UndoAlwaysWorks,
    /// What the adapter cannot word looks like a node that cannot be reached.
    UnwordableIsTrouble,
    /// The adapter goes by an answer's status, whoever gave it.
    StatusProves,
    /// The adapter goes by an answer's status when it inspects, whoever gave it.
    InspectedStatusProves,
    /// The adapter takes what only seems absent for absent.
    SeemingProves,
    /// The client sends whatever was lost once more, changes too.
    SendsChangesAgain,
    /// A worker of an older version takes a record of a newer one for damaged.
    EndsWhatIsNewer,
}

/// All that the parts of a simulation share.
pub struct World {
    pub executor: Executor,
    pub engine: Rc<Engine>,
    pub server: RefCell<Server>,
    pub checker: RefCell<Checker>,
    pub report: RefCell<Report>,
    pub(crate) random: RefCell<Random>,
    pub(crate) rates: RefCell<Rates>,
    pub(crate) trace: RefCell<Trace>,
    pub(crate) hosts: RefCell<Vec<Host>>,
    pub(crate) nodes: RefCell<Vec<NodeHealth>>,
    pub(crate) receivers: RefCell<Receivers>,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) sabotage: Option<Sabotage>,
    /// The longest that a command, an answer or a request takes on its way.
    pub(crate) latency_ms: u64,
    pub(crate) script: RefCell<Option<Script>>,
    /// Effects of workers so far, and those at which they are lost.
    pub effects: Cell<u64>,
    pub crash_at: RefCell<BTreeSet<u64>>,
    /// After how long a call is carried out over which a worker was lost so; `None` = never.
    pub(crate) carried_out_after_ms: Cell<Option<u64>>,
    /// The effect at which a worker stands still, and how it is let go again.
    pub freeze_at: Cell<Option<u64>>,
    pub frozen: RefCell<Option<oneshot::Sender<()>>>,
    /// The effect at which the lease of a task lapses, and the task's id.
    pub(crate) lapse_at: RefCell<Option<(u64, String)>>,
    numbers: Cell<u64>,
    /// Tasks that kill their workers.
    pub(crate) poison: RefCell<BTreeSet<String>>,
    /// Until then Redis's clock does not step forward again.
    pub(crate) steady_at_ms: Cell<u64>,
    pub(crate) upgrade: RefCell<Upgrade>,
    /// Wake-ups that were sent.
    pub(crate) rings: RefCell<Rings>,
    /// What clients share with each other.
    pub(crate) desk: RefCell<Desk>,
}

/// The faults by which a task's worker is lost, or does not get through to Redis.
const WORKER_LOSSES: [Fault; 9] = [
    Fault::UndoCrash,
    Fault::WorkerCrash,
    Fault::WorkerKilled,
    Fault::WorkerFrozen,
    Fault::HostRestart,
    Fault::RedisLostBefore,
    Fault::RedisLostAfter,
    Fault::RedisAway,
    Fault::RedisRestart,
];

/// What a world is made with.
pub struct Setup {
    pub seed: u64,
    pub rates: Rates,
    pub nodes: Vec<NodeHealth>,
    /// Receivers of callbacks.
    pub receivers: Vec<Receiver>,
    pub hosts: usize,
    pub limits: Limits,
    pub policy: Policy,
    pub latency_ms: u64,
    pub sabotage: Option<Sabotage>,
    pub keep_trace: bool,
}

impl World {
    /// A world in which nothing has happened yet.
    #[must_use]
    pub fn new(engine: &Rc<Engine>, setup: Setup) -> Rc<Self> {
        let mut order = Random::new(setup.seed);
        let executor = Executor::new(order.number());
        Rc::new(Self {
            executor,
            engine: Rc::clone(engine),
            server: RefCell::new(Server::default()),
            checker: RefCell::new(Checker::new(&setup.policy)),
            report: RefCell::new(Report { seeds: 1, ..Report::default() }),
            random: RefCell::new(Random::new(order.number())),
            rates: RefCell::new(setup.rates),
            trace: RefCell::new(Trace::new(setup.keep_trace)),
            hosts: RefCell::new((0..setup.hosts).map(|_| Host::default()).collect()),
            nodes: RefCell::new(setup.nodes),
            receivers: RefCell::new(Receivers::new(setup.receivers)),
            limits: setup.limits,
            policy: setup.policy,
            sabotage: setup.sabotage,
            latency_ms: setup.latency_ms,
            script: RefCell::new(None),
            effects: Cell::new(0),
            crash_at: RefCell::new(BTreeSet::new()),
            carried_out_after_ms: Cell::new(None),
            freeze_at: Cell::new(None),
            frozen: RefCell::new(None),
            lapse_at: RefCell::new(None),
            numbers: Cell::new(0),
            poison: RefCell::new(BTreeSet::new()),
            steady_at_ms: Cell::new(0),
            upgrade: RefCell::new(Upgrade::default()),
            rings: RefCell::new(Rings::default()),
            desk: RefCell::new(Desk::default()),
        })
    }

    /// A number that nothing else in this world has.
    pub fn fresh(&self) -> u64 {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// Draws whether `fault` happens, and counts it.
    pub(crate) fn fires(&self, fault: Fault) -> bool {
        let rate = self.rates.borrow().of(fault);
        let happens = self.random.borrow_mut().happens(rate);
        if happens {
            self.note(fault);
        }
        happens
    }

    /// Counts a fault that happens now.
    pub(crate) fn note(&self, fault: Fault) {
        *self.report.borrow_mut().faults.entry(fault).or_default() += 1;
        if fault.may_fail_a_task() {
            self.checker.borrow_mut().went_wrong();
        }
        if fault.may_disturb_a_callback() {
            self.checker.borrow_mut().disturbs_callbacks();
        }
        self.say(&format!("FAULT {}", fault.text()));
    }

    /// Adds a line to the trace.
    pub fn say(&self, what: &str) {
        self.trace.borrow_mut().line(self.executor.now_ms(), what);
    }

    /// A number from `low` to `high`.
    pub(crate) fn between(&self, low: u64, high: u64) -> u64 {
        self.random.borrow_mut().between(low, high)
    }

    /// Waits as long as something takes on its way.
    pub(crate) async fn travel(&self) {
        let ms = self.between(0, self.latency_ms);
        self.executor.sleep(ms).await;
    }

    /// An index into something of length `len`.
    pub(crate) fn index(&self, len: usize) -> usize {
        self.random.borrow_mut().index(len)
    }

    /// One of `choices`.
    pub(crate) fn pick<T: Copy>(&self, choices: &[T]) -> T {
        self.random.borrow_mut().pick(choices)
    }

    /// Draws for something that happens so often in a thousand times.
    pub(crate) fn draws(&self, per_mille: u64) -> bool {
        self.random.borrow_mut().happens(per_mille)
    }

    /// An effect of the worker in `host` is about to be, or has just been: it may be lost here.
    pub(crate) async fn effect(&self, host: Option<usize>) {
        let Some(host) = host else { return };
        self.effects.set(self.effects.get() + 1);
        self.lapse();
        let is_planned = self.crash_at.borrow().contains(&self.effects.get());
        if is_planned || self.fires(Fault::WorkerCrash) {
            self.crash(host);
            pending::<()>().await;
        }
        if self.freeze_at.get() == Some(self.effects.get()) {
            self.freeze_at.set(None);
            self.stand_still(host).await;
        }
    }

    /// Lets a lease lapse that is to do so now.
    fn lapse(&self) {
        let mut lapse = self.lapse_at.borrow_mut();
        if let Some((_, id)) = lapse.take_if(|(effect, _)| *effect <= self.effects.get()) {
            let lapsed = [format!("{}leases", store::PREFIX), "0".to_owned(), id];
            let lapsed = lapsed.map(String::into_bytes);
            self.server.borrow_mut().keyspace.command("ZADD", &lapsed).expect("a sorted set");
        }
    }

    /// The whole worker in `host` stands still until [`World::frozen`] lets it go.
    async fn stand_still(&self, host: usize) {
        let (thaw, thawed) = oneshot::channel();
        *self.frozen.borrow_mut() = Some(thaw);
        self.say(&format!("w{host} stands still"));
        let drain = self.hosts.borrow()[host].drain;
        if let Some(drain) = drain {
            self.executor.hold(drain, thawed);
        }
        self.executor.sleep(0).await;
    }

    /// The worker in `host` has just been told something, and may stand still before it applies on it.
    pub(crate) async fn told(&self, host: Option<usize>) {
        self.effect(host).await;
        let rate = self.rates.borrow().of(Fault::WorkerFrozen);
        if let Some(host) = host
            && self.draws(rate)
        {
            self.freeze(host);
            self.executor.sleep(0).await;
        }
    }

    /// Kills the drain in a host, if one runs.
    pub(crate) fn crash(&self, host: usize) {
        let drain = self.hosts.borrow_mut()[host].drain.take();
        if let Some(drain) = drain {
            self.say(&format!("w{host} is lost"));
            self.executor.kill(drain);
        }
    }

    /// Whether the task of this group that runs now kills its worker.
    pub(crate) fn is_poison(&self, group: &str) -> bool {
        let checker = self.checker.borrow();
        checker.running_id(group).is_some_and(|id| self.poison.borrow().contains(id))
    }

    /// Whether only poison, and no other trouble, has cost this world any worker.
    pub(crate) fn loses_no_worker(&self) -> bool {
        let report = self.report.borrow();
        !WORKER_LOSSES.iter().any(|fault| report.faults.contains_key(fault))
    }

    /// What goes wrong with a call to a node.
    pub(crate) fn node_fault(&self, node: usize, verb: Verb) -> NodeFault {
        let script = self.script.borrow();
        let Some(script) = &*script else { return NodeFault::draw(self) };
        let fault = script(node, verb);
        if fault != NodeFault::Nothing {
            self.checker.borrow_mut().went_wrong();
        }
        fault
    }

    /// Something else than Muster makes a node hold a group, or not.
    pub(crate) fn meddle(&self, (node, group): &Spot, held: bool) {
        self.say(&format!("n{node} now {} {group}", if held { "holds" } else { "lacks" }));
        self.checker.borrow_mut().changed_by_others(*node, group, held);
    }

    /// Wakes every host that listens, unless the message is lost on its way.
    pub(crate) fn wake_all(&self) {
        for host in 0..self.hosts.borrow().len() {
            if !self.fires(Fault::WakeLost) {
                self.wake(host);
            }
        }
    }

    /// Brings a host a message.
    pub(crate) fn wake(&self, host: usize) {
        let hosts = self.hosts.borrow();
        let host = &hosts[host];
        if let Some(messages) = &host.messages
            && host.deaf_until_ms <= self.executor.now_ms()
        {
            let _ = messages.unbounded_send(());
        }
    }

    /// From now on nothing goes wrong; what went wrong and lasts is mended, and every host is of the same
    /// version.
    pub(crate) fn heal(&self) {
        *self.rates.borrow_mut() = Rates::none();
        for node in self.nodes.borrow_mut().iter_mut() {
            node.away_until_ms = 0;
            node.moody_until_ms = 0;
            node.stranger = None;
        }
        self.hosts.borrow_mut().iter_mut().for_each(|host| host.deaf_until_ms = 0);
        self.server.borrow_mut().heal();
        self.receivers.borrow_mut().mend();
        self.upgrade.borrow_mut().finish();
        self.checker.borrow_mut().disturbs_callbacks();
        self.say("HEALED");
    }
}
