//! The whole at a glance, and the pause.

use std::collections::BTreeMap;

use crate::redis::{Redis, RedisError};
use crate::script::{self, Arguments};
use crate::{Store, StoreError, WAKE_CHANNEL};

/// The most nodes whose counts one script reads.
const METRICS_NODES_MAX: u64 = 200;

/// How things stand as a whole.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overview {
    /// Redis's time, in milliseconds since the epoch.
    pub now_ms: u64,
    /// Tasks that have not been started.
    pub waiting: u64,
    /// Tasks that have begun, go forward and are ready to go on.
    pub begun: u64,
    /// Compensations that are ready to go on.
    pub rollback: u64,
    /// Tasks put down until they are due.
    pub delayed: u64,
    /// Those of them that wait for calls which were given up on and may still be carried out.
    pub awaiting_late_calls: u64,
    /// Tasks that workers of an older version leave alone, since a newer Muster wrote their records.
    pub newer_records: u64,
    /// Tasks that a worker has in hand.
    pub running: u64,
    pub dead_letters: u64,
    /// Drains that are alive.
    pub drains: u64,
    /// Callbacks that are yet to be delivered.
    pub callbacks: u64,
    /// Callbacks that were tried too often, and wait for a person.
    pub callbacks_given_up: u64,
    /// When the first task of the queue was accepted, in milliseconds since the epoch.
    pub oldest_ms: Option<u64>,
    pub paused: Option<Paused>,
    /// Since when wake-ups are heard and no worker answers them, in milliseconds since the epoch.
    pub unanswered_since_ms: Option<u64>,
    /// Since when Redis does not let wake-ups be sent, in milliseconds since the epoch.
    pub refused_since_ms: Option<u64>,
    /// Why Redis stores nothing now, in its own words.
    pub refusal: Option<RedisError>,
    /// Nodes that a circuit breaker keeps from being called, with until when, in milliseconds since
    /// the epoch.
    pub open_breakers: BTreeMap<String, u64>,
    /// `ended:<STATE>`, `recovered`, `stale` and others, counted since Redis was new.
    pub counts: BTreeMap<String, u64>,
    /// What `metrics.lua` and the drains count, by name. Empty until [`Store::metrics`] was asked.
    pub metrics: BTreeMap<String, u64>,
}

/// A pause of the queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Paused {
    pub by: String,
    /// Milliseconds since the epoch.
    pub at_ms: u64,
}

impl<R: Redis> Store<R> {
    /// Reads how things stand.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn overview(&self) -> Result<Overview, StoreError> {
        let arguments = Arguments::default().text(WAKE_CHANNEL);
        let mut answer = self.run(&script::OVERVIEW, arguments).await?;
        let mut overview = Overview {
            now_ms: answer.count()?,
            waiting: answer.shown_count()?,
            begun: answer.count()?,
            rollback: answer.count()?,
            delayed: answer.count()?,
            awaiting_late_calls: answer.count()?,
            newer_records: answer.count()?,
            running: answer.count()?,
            dead_letters: answer.count()?,
            drains: answer.count()?,
            callbacks: answer.count()?,
            callbacks_given_up: answer.count()?,
            oldest_ms: answer.optional_count()?,
            ..Overview::default()
        };
        let (by, at_ms) = (answer.text()?, answer.optional_count()?);
        overview.paused = at_ms.map(|at_ms| Paused { by, at_ms });
        overview.unanswered_since_ms = answer.optional_count()?;
        overview.refused_since_ms = answer.optional_count()?;
        overview.refusal = answer.optional_text()?.map(RedisError::Refused);
        for _ in 0..answer.count()? {
            let node = answer.text()?;
            overview.open_breakers.insert(node, answer.shown_count()?);
        }
        while !answer.is_empty() {
            let name = answer.text()?;
            overview.counts.insert(name, answer.shown_count()?);
        }
        Ok(overview)
    }

    /// Reads what is counted, by name, in as many round trips as there are nodes for.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn metrics(&self) -> Result<BTreeMap<String, u64>, StoreError> {
        let (mut metrics, mut after) = (BTreeMap::new(), String::new());
        loop {
            let arguments = Arguments::default().text(&after).number(METRICS_NODES_MAX);
            let mut answer = self.run(&script::METRICS_READ, arguments).await?;
            let next = answer.text()?;
            while !answer.is_empty() {
                let name = answer.text()?;
                metrics.insert(name, answer.shown_count()?);
            }
            // Each page is after the one before, so this ends.
            if next <= after {
                return Ok(metrics);
            }
            after = next;
        }
    }

    /// Pauses the queue for `by`, or lets it go on. Gives how many tasks wait.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn pause(&self, pause: bool, by: &str) -> Result<u64, StoreError> {
        let wish = if pause { "pause" } else { "resume" };
        let arguments = Arguments::default().text(wish).text(by).text(WAKE_CHANNEL);
        self.run(&script::PAUSE, arguments).await?.shown_count()
    }
}
