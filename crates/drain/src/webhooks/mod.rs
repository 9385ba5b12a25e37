//! Webhooks: the requests that tell somebody that a task has ended. The API and the store call one a
//! callback; on the wire it is a webhook as the Standard Webhooks specification has it, with the
//! headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
//!
//! Redis hands out what is due and is told the outcome; it decides when one is tried again or given
//! up.

mod signature;

use std::collections::BTreeMap;
use std::future::Future;

use clock::rfc3339;
use http_url::HttpUrl;
use serde_json::json;
use store::{CallbackOutcome, CallbackTurn, Delivery, DueCallback};

use crate::environment::{Environment, Log, NodeClient, NodeRequest, SendError};
use crate::limits::{Limits, WebhookLimits};
use crate::node_health::Health;
use crate::retry_after;

/// How many deliveries a drain has under way at most.
const DELIVERIES_MAX: usize = 128;
/// How many of them to one receiver at most, so that one that is slow takes no other's place.
const RECEIVER_PLACES: usize = 4;
/// The longest that a receiver's wish to be left alone is heeded, in milliseconds: a day.
const RETRY_AFTER_MS_MAX: u64 = 86_400_000;
/// The status of a receiver that is to be called no more.
const GONE: u16 = 410;

/// The deliveries of one drain.
pub(crate) struct Webhooks<'a, N, L> {
    client: &'a N,
    log: &'a L,
    limits: &'a Limits,
    /// How many are under way, by receiver.
    under_way: BTreeMap<String, usize>,
    outcomes: Vec<CallbackOutcome>,
}

/// A delivery that has come to its end.
pub(crate) struct CompletedDelivery {
    receiver: String,
    outcome: CallbackOutcome,
}

impl<'a, N: NodeClient, L: Log> Webhooks<'a, N, L> {
    pub(crate) fn new<R, A, C>(environment: &'a Environment<R, N, A, C, L>) -> Self {
        let Environment { client, log, limits, .. } = environment;
        Self { client, log, limits, under_way: BTreeMap::new(), outcomes: Vec::new() }
    }

    /// Delivers `callback`, at `now_ms` by Redis's clock. Nothing is sent before the result is polled.
    pub(crate) fn start(
        &mut self,
        callback: DueCallback,
        now_ms: u64,
    ) -> impl Future<Output = CompletedDelivery> + use<'a, N, L> {
        *self.under_way.entry(callback.receiver.clone()).or_default() += 1;
        let (client, log, limits) = (self.client, self.log, &self.limits.webhooks);
        async move {
            let delivery = deliver(client, limits, &callback, now_ms).await;
            let DueCallback { task_id, claim, receiver, group_id, .. } = callback;
            if let Delivery::Failed { reason, .. } | Delivery::Gone(reason) = &delivery {
                let fields =
                    [("task_id", task_id.as_str()), ("group_id", &group_id), ("reason", reason)];
                log.event("callback not delivered", &fields);
            }
            CompletedDelivery { receiver, outcome: CallbackOutcome { task_id, claim, delivery } }
        }
    }

    /// Takes in what came of a delivery.
    pub(crate) fn complete(&mut self, completed: CompletedDelivery) {
        let CompletedDelivery { receiver, outcome } = completed;
        if let Some(count) = self.under_way.get_mut(&receiver) {
            *count = count.saturating_sub(1);
        }
        self.under_way.retain(|_, count| *count > 0);
        self.outcomes.push(outcome);
    }

    /// Whether no delivery is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.is_empty()
    }

    /// Whether there are outcomes to tell Redis.
    pub(crate) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// What the next turn tells of webhooks, and how many it asks for.
    pub(crate) fn turn(&mut self, closing: bool) -> CallbackTurn {
        let Limits { lease_ms, webhooks, breaker, .. } = self.limits;
        let under_way: usize = self.under_way.values().sum();
        CallbackTurn {
            max: if closing { 0 } else { DELIVERIES_MAX.saturating_sub(under_way) },
            // Whoever holds one may take the whole time-out, and then has to tell what came of it.
            lease_ms: webhooks.timeout_ms.saturating_add(*lease_ms),
            receiver_places: RECEIVER_PLACES,
            retry_delay_ms: webhooks.retry_delay_ms,
            attempts_max: webhooks.attempts_max,
            failures_max: breaker.failures_max,
            open_ms: breaker.open_ms,
            under_way: self.under_way.clone(),
            outcomes: std::mem::take(&mut self.outcomes),
        }
    }
}

async fn deliver<N: NodeClient>(
    client: &N,
    limits: &WebhookLimits,
    callback: &DueCallback,
    now_ms: u64,
) -> Delivery {
    let WebhookLimits { keys, timeout_ms, .. } = limits;
    let unsent = |reason| Delivery::Failed { reason, is_trouble: false, retry_after_ms: 0 };
    if keys.is_empty() {
        return unsent("the setting callback_secret is not set".to_owned());
    }
    let url = match HttpUrl::parse(&callback.url) {
        Ok(url) => url,
        Err(reason) => return unsent(format!("its URL cannot be called: {reason}")),
    };
    let answer = client.send(request(keys, url, callback, now_ms), *timeout_ms).await;
    let is_trouble = Health::of(&answer) == Some(Health::Trouble);
    let mut retry_after_ms = 0;
    let reason = match answer {
        Ok(response) if (200..300).contains(&response.status) => return Delivery::Delivered,
        Ok(response) if response.status == GONE => {
            return Delivery::Gone("answered 410: it wants no more of them".to_owned());
        }
        Ok(response) => {
            retry_after_ms = retry_after::ms(&response).unwrap_or(0).min(RETRY_AFTER_MS_MAX);
            format!("answered {}", response.status)
        }
        Err(SendError::NotSent(reason) | SendError::Denied(reason) | SendError::Lost(reason)) => {
            reason
        }
        Err(SendError::TimedOut) => format!("no answer within {timeout_ms} ms"),
    };
    Delivery::Failed { reason, is_trouble, retry_after_ms }
}

fn request(keys: &[Vec<u8>], url: HttpUrl, callback: &DueCallback, now_ms: u64) -> NodeRequest {
    let finished_at = rfc3339(callback.finished_at_ms);
    let body = json!({
        "type": "task.ended",
        "timestamp": finished_at,
        "data": {
            "task_id": callback.task_id,
            "operation": callback.operation,
            "group_id": callback.group_id,
            "state": callback.state,
            "status": callback.state,
            "finished_at": finished_at,
        },
    });
    let body = body.to_string();
    let seconds = now_ms / 1_000;
    let signature = signature::sign(keys, &callback.task_id, seconds, &body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", callback.task_id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    NodeRequest {
        method: "POST".to_owned(),
        url,
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: body.into_bytes(),
        wanted: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use futures::executor::block_on;
    use node_adapter::NodeResponse;

    use super::*;
    use crate::limits::BreakerLimits;

    fn callback(receiver: &str, finished_at_ms: u64) -> DueCallback {
        let text = || String::from("x");
        DueCallback {
            task_id: text(),
            claim: 1,
            receiver: receiver.to_owned(),
            url: text(),
            group_id: text(),
            state: text(),
            operation: text(),
            finished_at_ms,
        }
    }

    /// The scripts hand out what stands in Redis, where somebody may have damaged it.
    #[test]
    fn no_time_is_too_late_to_be_told() {
        let callback = callback("x", u64::MAX);
        let url = HttpUrl::parse("http://client.test").unwrap();
        let body =
            String::from_utf8(request(&[b"key".to_vec()], url, &callback, u64::MAX).body).unwrap();
        assert!(body.contains("\"9999-12-31T23:59:59.999Z\""), "{body}");
    }

    struct Nobody;

    impl NodeClient for Nobody {
        async fn send(&self, _: NodeRequest, _: u64) -> Result<NodeResponse, SendError> {
            Err(SendError::TimedOut)
        }
    }

    impl Log for Nobody {
        fn write(&self, _: crate::environment::Level, _: &str, _: &[(&str, &str)]) {}
    }

    #[test]
    fn a_turn_tells_how_many_are_under_way_at_each_receiver() {
        let limits = Limits {
            concurrency: 1,
            node_timeout_ms: 1,
            lease_ms: 1_000,
            task_ttl_s: 1,
            run_ms: 1,
            stays: true,
            breaker: BreakerLimits::default(),
            webhooks: WebhookLimits { timeout_ms: 70, ..WebhookLimits::default() },
        };
        let (client, under_way, outcomes) = (&Nobody, BTreeMap::new(), Vec::new());
        let mut webhooks = Webhooks { client, log: &Nobody, limits: &limits, under_way, outcomes };
        let deliveries =
            ["r1", "r2", "r1"].map(|receiver| webhooks.start(callback(receiver, 0), 0));
        let turn = webhooks.turn(false);
        assert_eq!(turn.under_way, BTreeMap::from([("r1".to_owned(), 2), ("r2".to_owned(), 1)]));
        assert_eq!((turn.max, turn.lease_ms), (DELIVERIES_MAX - 3, 1_070));
        assert_eq!(webhooks.turn(true).max, 0, "it begins nothing more");
        for delivery in deliveries {
            assert!(!webhooks.is_idle());
            webhooks.complete(block_on(delivery));
        }
        assert!(webhooks.is_idle());
        let turn = webhooks.turn(false);
        assert_eq!((turn.under_way.len(), turn.outcomes.len()), (0, 3));
    }
}
