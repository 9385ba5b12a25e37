//! Callbacks: the request that tells somebody that a task has ended, signed as the Standard Webhooks
//! specification says (`webhook-id`, `webhook-timestamp`, `webhook-signature`), so that any of its
//! libraries can check it.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clock::rfc3339;
use hmac::{Hmac, Mac as _};
use serde_json::json;
use sha2::Sha256;
use store::DueCallback;

use crate::environment::{NodeClient, NodeRequest, SendError};

/// How callbacks are delivered.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct CallbackLimits {
    /// What they are signed with; `None` = none is delivered.
    pub key: Option<Vec<u8>>,
    /// The wait before the first is tried again, in milliseconds; each further wait is longer.
    pub retry_delay_ms: u64,
    /// After so many attempts a callback is given up.
    pub attempts_max: u32,
}

impl fmt::Debug for CallbackLimits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, retry_delay_ms, attempts_max } = self;
        let key = key.as_ref().map(|_| "…");
        write!(f, "CallbackLimits {{ {key:?}, {retry_delay_ms} ms, {attempts_max} }}")
    }
}

/// Delivers a callback, at `now_ms` by Redis's clock.
///
/// # Errors
/// Says why it was not delivered.
pub(crate) async fn deliver<N: NodeClient>(
    client: &N,
    limits: &CallbackLimits,
    callback: &DueCallback,
    now_ms: u64,
    timeout_ms: u64,
) -> Result<(), String> {
    let key = limits.key.as_ref().ok_or("the setting callback_secret is not set")?;
    match client.send(request(key, callback, now_ms), timeout_ms).await {
        Ok(response) if (200..300).contains(&response.status) => Ok(()),
        Ok(response) => Err(format!("answered {}", response.status)),
        Err(SendError::NotSent(reason) | SendError::Lost(reason)) => Err(reason),
        Err(SendError::TimedOut) => Err(format!("no answer within {timeout_ms} ms")),
    }
}

fn request(key: &[u8], callback: &DueCallback, now_ms: u64) -> NodeRequest {
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
    let signature = sign(key, &callback.task_id, seconds, &body);
    let headers = [
        ("content-type", "application/json".to_owned()),
        ("webhook-id", callback.task_id.clone()),
        ("webhook-timestamp", seconds.to_string()),
        ("webhook-signature", signature),
    ];
    NodeRequest {
        method: "POST".to_owned(),
        url: callback.url.clone(),
        headers: headers.map(|(name, value)| (name.to_owned(), value)).into(),
        body: body.into_bytes(),
        reads_body: false,
    }
}

/// `v1,` and the HMAC-SHA256, in base64, of id, time and body with dots between them.
fn sign(key: &[u8], id: &str, seconds: u64, body: &str) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.{body}").as_bytes());
    format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
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
        let body = String::from_utf8(request(b"key", &callback, u64::MAX).body).unwrap();
        assert!(body.contains("\"9999-12-31T23:59:59.999Z\""), "{body}");
    }

    /// The example of the Standard Webhooks specification's own libraries.
    #[test]
    fn the_signature_is_the_specifications() {
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let body = "{\"test\": 2432232314}";
        assert_eq!(
            sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, body),
            "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
        );
    }
}
