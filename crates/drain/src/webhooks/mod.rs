//! Webhooks: the requests that tell somebody that a task has ended. The API and the store call one a
//! callback; on the wire it is a webhook as the Standard Webhooks specification has it, with the
//! headers `webhook-id`, `webhook-timestamp` and `webhook-signature`.
//!
//! Redis hands out what is due and is told the outcome; it decides when one is tried again or given
//! up.

mod signature;

use std::future::Future;

use clock::rfc3339;
use http_url::HttpUrl;
use serde_json::json;
use store::{CallbackOutcome, CallbackTurn, DueCallback};

use crate::environment::{Environment, Log, NodeClient, NodeRequest, SendError};
use crate::limits::{Limits, WebhookLimits};

/// How many deliveries a drain has under way at most.
const DELIVERIES_MAX: usize = 16;

/// The deliveries of one drain.
pub(crate) struct Webhooks<'a, N, L> {
    client: &'a N,
    log: &'a L,
    limits: &'a Limits,
    under_way: usize,
    outcomes: Vec<CallbackOutcome>,
}

impl<'a, N: NodeClient, L: Log> Webhooks<'a, N, L> {
    pub(crate) fn new<R, A, C>(environment: &'a Environment<R, N, A, C, L>) -> Self {
        let Environment { client, log, limits, .. } = environment;
        Self { client, log, limits, under_way: 0, outcomes: Vec::new() }
    }

    /// Delivers `callback`, at `now_ms` by Redis's clock. Nothing is sent before the result is polled.
    pub(crate) fn start(
        &mut self,
        callback: DueCallback,
        now_ms: u64,
    ) -> impl Future<Output = CallbackOutcome> + use<'a, N, L> {
        self.under_way += 1;
        let (client, log, timeout_ms) = (self.client, self.log, self.limits.node_timeout_ms);
        let limits = &self.limits.webhooks;
        async move {
            let delivered = deliver(client, limits, &callback, now_ms, timeout_ms).await;
            let DueCallback { task_id, claim, group_id, .. } = callback;
            if let Err(reason) = &delivered {
                let fields =
                    [("task_id", task_id.as_str()), ("group_id", &group_id), ("reason", reason)];
                log.event("callback not delivered", &fields);
            }
            CallbackOutcome { task_id, claim, failure: delivered.err() }
        }
    }

    /// Takes in what came of a delivery.
    pub(crate) fn complete(&mut self, outcome: CallbackOutcome) {
        self.under_way = self.under_way.saturating_sub(1);
        self.outcomes.push(outcome);
    }

    /// Whether no delivery is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way == 0
    }

    /// Whether there are outcomes to tell Redis.
    pub(crate) fn has_outcomes(&self) -> bool {
        !self.outcomes.is_empty()
    }

    /// What the next turn tells of webhooks, and how many it asks for.
    pub(crate) fn turn(&mut self, closing: bool) -> CallbackTurn {
        CallbackTurn {
            max: if closing { 0 } else { DELIVERIES_MAX.saturating_sub(self.under_way) },
            lease_ms: self.limits.lease_ms,
            retry_delay_ms: self.limits.webhooks.retry_delay_ms,
            attempts_max: self.limits.webhooks.attempts_max,
            outcomes: std::mem::take(&mut self.outcomes),
        }
    }
}

/// # Errors
/// Says why it was not delivered.
async fn deliver<N: NodeClient>(
    client: &N,
    limits: &WebhookLimits,
    callback: &DueCallback,
    now_ms: u64,
    timeout_ms: u64,
) -> Result<(), String> {
    let key = limits.key.as_ref().ok_or("the setting callback_secret is not set")?;
    let url = HttpUrl::parse(&callback.url)
        .map_err(|reason| format!("its URL cannot be called: {reason}"))?;
    match client.send(request(key, url, callback, now_ms), timeout_ms).await {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("answered {}", response.status)),
        Err(SendError::NotSent(reason) | SendError::Lost(reason)) => Err(reason),
        Err(SendError::TimedOut) => Err(format!("no answer within {timeout_ms} ms")),
    }
}

fn request(key: &[u8], url: HttpUrl, callback: &DueCallback, now_ms: u64) -> NodeRequest {
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
    let signature = signature::sign(key, &callback.task_id, seconds, &body);
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
        reads_body: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scripts hand out what stands in Redis, where somebody may have damaged it.
    #[test]
    fn no_time_is_too_late_to_be_told() {
        let text = || String::from("x");
        let callback = DueCallback {
            task_id: text(),
            claim: 1,
            url: text(),
            group_id: text(),
            state: text(),
            operation: text(),
            finished_at_ms: u64::MAX,
        };
        let url = HttpUrl::parse("http://client.test").unwrap();
        let body = String::from_utf8(request(b"key", url, &callback, u64::MAX).body).unwrap();
        assert!(body.contains("\"9999-12-31T23:59:59.999Z\""), "{body}");
    }
}
