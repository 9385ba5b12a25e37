//! Callbacks: telling whoever asked for it that a task has ended.

use std::collections::BTreeMap;

use crate::page::Cursor;
use crate::redis::Redis;
use crate::script::{self, Answer, Arguments};
use crate::{Store, StoreError, WAKE_CHANNEL};

/// What a drain tells and asks about callbacks in one turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallbackTurn {
    /// How many to hand out at most.
    pub max: usize,
    /// After this many milliseconds without an outcome they are handed to somebody else.
    pub lease_ms: u64,
    /// How many of one receiver this drain may have under way at once.
    pub receiver_places: usize,
    /// The wait before the first is tried again, in milliseconds; each further wait is longer.
    pub retry_delay_ms: u64,
    /// After so many attempts a callback is given up.
    pub attempts_max: u32,
    /// After so many failures in a row a receiver is left alone; 0 = never.
    pub failures_max: u32,
    /// For how long it is left alone, in milliseconds.
    pub open_ms: u64,
    /// How many this drain has under way, by receiver.
    pub under_way: BTreeMap<String, usize>,
    pub outcomes: Vec<CallbackOutcome>,
}

/// What came of a callback.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackOutcome {
    pub task_id: String,
    /// As it was handed out.
    pub claim: u64,
    pub delivery: Delivery,
}

/// How an attempt to deliver a callback went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    Delivered,
    Failed {
        /// Why, for people.
        reason: String,
        /// The receiver is in trouble: it cannot be reached, is silent, or says so itself.
        is_trouble: bool,
        /// How long the receiver asked to be left alone, in milliseconds.
        retry_after_ms: u64,
    },
    /// The receiver wants no more of it; with the reason.
    Gone(String),
}

/// A callback that is to be delivered now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DueCallback {
    pub task_id: String,
    /// Tells this handing out from another.
    pub claim: u64,
    /// Scheme, host and port of the URL.
    pub receiver: String,
    pub url: String,
    pub group_id: String,
    /// The task's state, as clients read it.
    pub state: String,
    pub operation: String,
    /// Milliseconds since the epoch.
    pub finished_at_ms: u64,
}

/// How far a callback has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryStatus {
    /// Its task has not ended.
    NotDue,
    /// It is to be delivered, perhaps not for the first time.
    Waiting,
    Delivered,
    /// It was tried too often, and waits for a person.
    GivenUp,
}

impl DeliveryStatus {
    /// The word in Redis and in the API.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::NotDue => "not_due",
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::GivenUp => "given_up",
        }
    }

    /// The delivery status of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::NotDue, Self::Waiting, Self::Delivered, Self::GivenUp]
            .into_iter()
            .find(|status| status.name() == name)
    }
}

/// A callback as it stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackView {
    pub task_id: String,
    pub url: String,
    pub status: DeliveryStatus,
    pub attempts: u64,
    pub last_error: Option<String>,
    /// When it is tried next, in milliseconds since the epoch; only while it waits.
    pub due_at_ms: Option<u64>,
}

/// A callback in a list, with what it is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackSummary {
    pub callback: CallbackView,
    pub group_id: String,
    /// The task's state, as clients read it.
    pub state: String,
}

/// Some callbacks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackPage {
    /// How many there are in all.
    pub total: u64,
    pub callbacks: Vec<CallbackSummary>,
    /// Where the next page begins; `None` at the end.
    pub next: Option<Cursor>,
}

/// What became of a wish to retry or discard a callback.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallbackChange {
    Done,
    UnknownCallback,
    /// It was delivered: there is nothing left to do.
    Delivered,
}

impl CallbackTurn {
    pub(crate) fn push(self, arguments: Arguments) -> Arguments {
        let mut arguments = arguments
            .number(self.max as u64)
            .number(self.lease_ms)
            .number(self.receiver_places as u64)
            .number(self.retry_delay_ms)
            .number(self.attempts_max.into())
            .number(self.failures_max.into())
            .number(self.open_ms)
            .number(self.under_way.len() as u64);
        for (receiver, count) in &self.under_way {
            arguments = arguments.text(receiver).number(*count as u64);
        }
        arguments = arguments.number(self.outcomes.len() as u64);
        for CallbackOutcome { task_id, claim, delivery } in self.outcomes {
            let (result, reason, retry_after_ms) = match delivery {
                Delivery::Delivered => ("delivered", String::new(), 0),
                Delivery::Failed { reason, is_trouble, retry_after_ms } => {
                    (if is_trouble { "trouble" } else { "failed" }, reason, retry_after_ms)
                }
                Delivery::Gone(reason) => ("gone", reason, 0),
            };
            arguments = arguments.text(&task_id).number(claim).text(result).text(&reason);
            arguments = arguments.number(retry_after_ms);
        }
        arguments
    }
}

impl DueCallback {
    pub(crate) fn read(answer: &mut Answer) -> Result<Self, StoreError> {
        Ok(Self {
            task_id: answer.text()?,
            claim: answer.count()?,
            receiver: answer.text()?,
            url: answer.text()?,
            group_id: answer.text()?,
            state: answer.text()?,
            operation: answer.text()?,
            finished_at_ms: answer.optional_count()?.unwrap_or_default(),
        })
    }
}

impl CallbackView {
    /// Reads what follows the task's id in the answers of scripts.
    pub(crate) fn read(task_id: String, answer: &mut Answer) -> Result<Self, StoreError> {
        let (url, status) = (answer.text()?, answer.text()?);
        Ok(Self {
            task_id,
            url,
            status: DeliveryStatus::from_name(&status)
                .ok_or_else(|| StoreError::Record(format!("{status:?} is no delivery status")))?,
            attempts: answer.count()?,
            last_error: answer.optional_text()?,
            due_at_ms: answer.optional_count()?,
        })
    }
}

impl<R: Redis> Store<R> {
    /// Lists up to `count` callbacks after `cursor`: those that wait, the next due first, or those
    /// that were given up, oldest first.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn callbacks(
        &self,
        given_up: bool,
        cursor: Option<&Cursor>,
        count: u64,
    ) -> Result<CallbackPage, StoreError> {
        let status = if given_up { DeliveryStatus::GivenUp } else { DeliveryStatus::Waiting };
        let arguments = Cursor::push(cursor, Arguments::default())
            .number(count)
            .text(status.name())
            .text(WAKE_CHANNEL);
        let mut answer = self.run(&script::CALLBACKS_LIST, arguments).await?;
        let total = answer.count()?;
        let next = Cursor::read(&mut answer)?;
        let mut callbacks = Vec::new();
        while !answer.is_empty() {
            let task_id = answer.text()?;
            callbacks.push(CallbackSummary {
                callback: CallbackView::read(task_id, &mut answer)?,
                group_id: answer.text()?,
                state: answer.text()?,
            });
        }
        Ok(CallbackPage { total, callbacks, next })
    }

    /// Has a callback tried again for `by`, at once and with a fresh budget.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn retry_callback(
        &self,
        task_id: &str,
        by: &str,
    ) -> Result<CallbackChange, StoreError> {
        let arguments = Arguments::default().text(task_id).text(WAKE_CHANNEL).text(by);
        read_change(self.run(&script::CALLBACK_RETRY, arguments).await?, "ACCEPTED")
    }

    /// Discards a callback that was not delivered, for `by`.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn discard_callback(
        &self,
        task_id: &str,
        by: &str,
    ) -> Result<CallbackChange, StoreError> {
        let arguments = Arguments::default().text(task_id).text(WAKE_CHANNEL).text(by);
        read_change(self.run(&script::CALLBACK_DISCARD, arguments).await?, "DISCARDED")
    }
}

fn read_change(mut answer: Answer, done: &str) -> Result<CallbackChange, StoreError> {
    match answer.text()?.as_str() {
        "UNKNOWN" => Ok(CallbackChange::UnknownCallback),
        "DELIVERED" => Ok(CallbackChange::Delivered),
        other if other == done => Ok(CallbackChange::Done),
        _ => Err(answer.unexpected("a word that the script answers", None)),
    }
}
