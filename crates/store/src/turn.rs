//! One turn of a drain: everything it tells Redis and everything it gets, in one round trip.

use std::collections::BTreeMap;

use saga::{DeadLetter, Phase, Presence, RecordError, Task};
use serde::Serialize;

use crate::callbacks::{CallbackTurn, DueCallback};
use crate::redis::Redis;
use crate::script::{self, Answer, Arguments, to_json};
use crate::tasks::read_task;
use crate::{Store, StoreError, WAKE_CHANNEL};

/// What a drain tells Redis in one turn.
#[derive(Debug)]
pub struct Turn<'a> {
    pub drain_id: &'a str,
    /// How long the drain counts as alive after this turn, in milliseconds.
    pub registration_ms: u64,
    /// How long a claim holds without renewal, in milliseconds.
    pub lease_ms: u64,
    /// How many tasks to claim at most.
    pub slots: usize,
    /// It holds no task once these commits are in.
    pub holds_none: bool,
    /// Nor has it anything else under way.
    pub idle: bool,
    /// It claims nothing more and ends when idle.
    pub closing: bool,
    /// It stays for retries and leases that are due soon, rather than leave them to others.
    pub stays: bool,
    /// How long an ended task is kept, in seconds.
    pub task_ttl_s: u64,
    /// Claims to renew: task id and epoch.
    pub renewals: Vec<(String, u64)>,
    pub commits: Vec<Commit>,
    pub callbacks: CallbackTurn,
    pub breakers: Vec<BreakerChange>,
    /// What the drain did since its last turn: names in the metrics and how much to add.
    pub metrics: Vec<(String, u64)>,
}

/// A node's circuit breaker has opened or closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakerChange {
    pub node: String,
    /// Milliseconds since the epoch, by Redis's clock; `None` = it is closed.
    pub open_until_ms: Option<u64>,
}

/// What one task's record becomes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    task_id: String,
    epoch: u64,
    kind: CommitKind,
    state: &'static str,
    queue: &'static str,
    /// The task waits for calls that were given up on.
    is_awaiting: bool,
    /// A node has come further since the task was claimed.
    progressed: bool,
    /// JSON; empty = leave the stored record as it is.
    record: Vec<u8>,
    /// JSON of an [`Outcome`]; empty unless the task has ended.
    outcome: Vec<u8>,
}

/// What a commit does with the task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitKind {
    /// Stores the record; the claim goes on.
    Journal,
    /// Puts the task down until this time, in milliseconds since the epoch. Whether it waits for calls
    /// that were given up on, and for nothing else, is told by the task's phase.
    Delay { due_at_ms: u64 },
    /// Hands the task back, to be claimed again.
    Release,
    /// Leaves the task as it stands, and nobody claims it before this time, in milliseconds since
    /// the epoch.
    Leave { due_at_ms: u64 },
    /// The task has ended.
    Finish,
}

/// What an ended task leaves behind. `commit.lua` reads it.
#[derive(Debug, Default, Serialize)]
struct Outcome<'a> {
    holdings: BTreeMap<&'a str, &'static str>,
    dead_letters: Vec<WrittenDeadLetter>,
}

/// A dead letter as `dead_letters.lua` takes it in: what it reads of it, beside the JSON that it keeps.
#[derive(Debug, Serialize)]
struct WrittenDeadLetter {
    id: String,
    /// Empty when it is about no node.
    node: String,
    before: &'static str,
    /// Undo calls that this task made.
    attempts: u32,
    last_error: String,
    json: String,
}

impl WrittenDeadLetter {
    fn new(dead_letter: DeadLetter) -> Result<Self, StoreError> {
        let json = serde_json::to_string(&dead_letter)
            .map_err(|error| StoreError::Record(error.to_string()))?;
        Ok(Self {
            id: dead_letter.id,
            node: dead_letter.node,
            before: held_code(dead_letter.before),
            attempts: dead_letter.attempts,
            last_error: dead_letter.last_error.unwrap_or_default(),
            json,
        })
    }
}

impl Commit {
    /// What became of a task that was read and understood. `now_ms` dates its dead letters.
    ///
    /// # Errors
    /// When the record cannot be written as JSON.
    pub fn new(task: &Task, epoch: u64, kind: CommitKind, now_ms: u64) -> Result<Self, StoreError> {
        let outcome = match kind {
            CommitKind::Finish => {
                let holdings = task
                    .holdings()
                    .into_iter()
                    .map(|(node, held)| (node, held_code(held)))
                    .collect();
                let dead_letters =
                    task.dead_letters(now_ms).into_iter().map(WrittenDeadLetter::new);
                to_json(&Outcome {
                    holdings,
                    dead_letters: dead_letters.collect::<Result<_, _>>()?,
                })?
            }
            _ => Vec::new(),
        };
        let phase = task.phase();
        Ok(Self {
            task_id: task.id().to_owned(),
            epoch,
            kind,
            state: task.client_state().name(),
            queue: match phase {
                // What has gone so far must end, whether or not new tasks may begin.
                Phase::Rollback | Phase::AwaitingLateCall => "rollback",
                _ => "queue",
            },
            is_awaiting: phase == Phase::AwaitingLateCall,
            progressed: false,
            record: task.to_record()?,
            outcome,
        })
    }

    /// Leaves a task whose record is of a later version to a worker of that version. Nobody claims it
    /// before `due_at_ms`, in milliseconds since the epoch.
    #[must_use]
    pub fn leave(claimed: &Claimed, due_at_ms: u64) -> Self {
        Self::unread(claimed, CommitKind::Leave { due_at_ms })
    }

    /// Quarantines a task whose record cannot be read: it ends as FAILURE with a dead letter, and
    /// the record stays as it is for a person to see.
    ///
    /// # Errors
    /// When the dead letter cannot be written as JSON.
    pub fn quarantine(claimed: &Claimed, dead_letter: DeadLetter) -> Result<Self, StoreError> {
        let outcome = Outcome {
            dead_letters: vec![WrittenDeadLetter::new(dead_letter)?],
            ..Outcome::default()
        };
        Ok(Self {
            state: saga::ClientState::Failure.name(),
            outcome: to_json(&outcome)?,
            ..Self::unread(claimed, CommitKind::Finish)
        })
    }

    /// A commit that says nothing of the task, whose record stays as it is.
    fn unread(claimed: &Claimed, kind: CommitKind) -> Self {
        Self {
            task_id: claimed.task_id.clone(),
            epoch: claimed.epoch,
            kind,
            state: "",
            queue: "",
            is_awaiting: false,
            progressed: false,
            record: Vec::new(),
            outcome: Vec::new(),
        }
    }

    /// Says whether a node has come further since the task was claimed: then the workers that were lost
    /// with it are counted anew.
    #[must_use]
    pub fn progressed(self, progressed: bool) -> Self {
        Self { progressed, ..self }
    }

    /// The claim it belongs to: task id and epoch.
    #[must_use]
    pub fn claim(&self) -> (String, u64) {
        (self.task_id.clone(), self.epoch)
    }

    #[must_use]
    pub fn task_id(&self) -> &str {
        &self.task_id
    }

    fn push(self, arguments: Arguments) -> Arguments {
        let (kind, due_at_ms) = match self.kind {
            CommitKind::Journal => ("journal", 0),
            CommitKind::Delay { due_at_ms } if self.is_awaiting => ("await", due_at_ms),
            CommitKind::Delay { due_at_ms } => ("delay", due_at_ms),
            CommitKind::Release => ("release", 0),
            CommitKind::Leave { due_at_ms } => ("leave", due_at_ms),
            CommitKind::Finish => ("finish", 0),
        };
        arguments
            .text(&self.task_id)
            .number(self.epoch)
            .text(kind)
            .text(self.state)
            .text(self.queue)
            .number(due_at_ms)
            .flag(self.progressed)
            .bytes(self.record)
            .bytes(self.outcome)
    }
}

/// What a drain gets in one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TurnAnswer {
    /// Redis's time, in milliseconds since the epoch.
    pub now_ms: u64,
    pub instruction: Instruction,
    /// Tasks whose claim is no longer this drain's: it must drop them.
    pub stale: Vec<String>,
    /// Tasks that a client wants cancelled.
    pub cancelled: Vec<String>,
    /// Callbacks to deliver.
    pub callbacks: Vec<DueCallback>,
    pub claimed: Vec<Claimed>,
}

/// What a drain does next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Instruction {
    /// There is, or may be, something to do.
    Work,
    /// Nothing now, and something in this many milliseconds.
    Wait { ms: u64 },
    /// It is deregistered and must end.
    End,
}

/// A task that this drain now holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub task_id: String,
    /// The fencing token: commits are good only with it.
    pub epoch: u64,
    /// How many workers in a row were lost while holding the task, without any progress.
    pub recoveries: u32,
    /// The last worker to hold it was lost: calls of its may be under way.
    pub was_lost: bool,
    pub flag: Option<Flag>,
    /// The drain is to hold no other task beside it until it has progressed.
    pub is_alone: bool,
    pub group_id: String,
    /// `create` or `delete`.
    pub operation: String,
    pub record: Vec<u8>,
}

impl Claimed {
    /// The task that was claimed.
    ///
    /// # Errors
    /// When its record cannot be read.
    pub fn task(&self) -> Result<Task, RecordError> {
        read_task(&self.task_id, &self.operation, self.group_id.clone(), &self.record)
    }
}

/// What a node holds, as `registry.lua` stores it.
fn held_code(held: Option<Presence>) -> &'static str {
    match held {
        Some(Presence::Present) => "1",
        Some(Presence::Absent) => "0",
        None => "?",
    }
}

/// Why a claimed task is not to be carried out as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flag {
    /// A client cancelled it.
    Cancel,
    /// It retries a dead letter that a later task has superseded.
    Superseded,
}

impl<R: Redis> Store<R> {
    /// Takes one turn.
    ///
    /// # Errors
    /// When Redis fails: the turn may have been taken all the same, so the drain must end and
    /// leave its tasks to be reclaimed.
    pub async fn turn(&self, turn: Turn<'_>) -> Result<TurnAnswer, StoreError> {
        let mut arguments = Arguments::default()
            .text(turn.drain_id)
            .text(WAKE_CHANNEL)
            .number(turn.registration_ms)
            .number(turn.lease_ms)
            .number(turn.slots as u64)
            .flag(turn.holds_none)
            .flag(turn.idle)
            .flag(turn.closing)
            .flag(turn.stays)
            .number(turn.task_ttl_s)
            .number(turn.renewals.len() as u64);
        for (task_id, epoch) in &turn.renewals {
            arguments = arguments.text(task_id).number(*epoch);
        }
        arguments = arguments.number(turn.commits.len() as u64);
        for commit in turn.commits {
            arguments = commit.push(arguments);
        }
        arguments = turn.callbacks.push(arguments).number(turn.breakers.len() as u64);
        for BreakerChange { node, open_until_ms } in &turn.breakers {
            arguments = arguments.text(node).number(open_until_ms.unwrap_or_default());
        }
        for (name, more) in &turn.metrics {
            arguments = arguments.text(name).number(*more);
        }
        read_turn(self.run(&script::TURN, arguments).await?)
    }
}

impl<R: Redis> Store<R> {
    /// Puts down the tasks of a drain that Redis refused a turn, until their leases would have ended.
    /// Gives how many it still held.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn put_down(
        &self,
        drain_id: &str,
        claims: &[(String, u64)],
    ) -> Result<u64, StoreError> {
        let mut arguments = Arguments::default().text(drain_id);
        for (task_id, epoch) in claims {
            arguments = arguments.text(task_id).number(*epoch);
        }
        self.run(&script::PUT_DOWN, arguments).await?.count()
    }
}

fn read_turn(mut answer: Answer) -> Result<TurnAnswer, StoreError> {
    let now_ms = answer.count()?;
    let instruction = answer.text()?;
    let wait_ms = answer.number()?;
    let instruction = match instruction.as_str() {
        "WORK" => Instruction::Work,
        "WAIT" => Instruction::Wait { ms: u64::try_from(wait_ms).unwrap_or_default() },
        "END" => Instruction::End,
        _ => return Err(answer.unexpected("WORK, WAIT or END", None)),
    };
    let stale = read_ids(&mut answer)?;
    let cancelled = read_ids(&mut answer)?;
    let callbacks =
        (0..answer.count()?).map(|_| DueCallback::read(&mut answer)).collect::<Result<_, _>>()?;
    let mut claimed = Vec::new();
    while !answer.is_empty() {
        claimed.push(Claimed {
            task_id: answer.text()?,
            epoch: answer.count()?,
            recoveries: u32::try_from(answer.count()?).unwrap_or(u32::MAX),
            was_lost: answer.count()? > 0,
            flag: match answer.text()?.as_str() {
                "cancel" => Some(Flag::Cancel),
                "superseded" => Some(Flag::Superseded),
                _ => None,
            },
            is_alone: answer.text()? == "1",
            group_id: answer.text()?,
            operation: answer.text()?,
            record: answer.bytes()?,
        });
    }
    Ok(TurnAnswer { now_ms, instruction, stale, cancelled, callbacks, claimed })
}

fn read_ids(answer: &mut Answer) -> Result<Vec<String>, StoreError> {
    (0..answer.count()?).map(|_| answer.text()).collect()
}
