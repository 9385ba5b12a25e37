//! The JSON that describes a task to be accepted: group, settings of its own, callback.

use http::Uri;
use saga::{Operation, Policy};
use serde::Deserialize;
use serde_json::{Map, Value};
use settings::{
    ApiSettings, FORWARD_ATTEMPTS_MAX, HostPattern, NODE_PARALLELISM_MAX, ROLLBACK_RETRIES_MAX,
    ROLLBACK_RETRY_DELAY_MS_MAX,
};

use crate::input::{bad_field, group_id_field};
use crate::limits::CALLBACK_URL_BYTES_MAX;
use crate::problem::Problem;

/// A task that a client submits. Fields that are not known are ignored.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "read field by field; this documents them")]
pub(crate) struct Submission {
    /// 1 to 256 bytes, no control characters.
    #[schemars(length(min = 1, max = 256))]
    group_id: String,
    settings: Option<TaskSettings>,
    /// Where to POST the task's end to. The settings callback_hosts and callback_secret must allow
    /// it.
    #[schemars(length(max = 2048))]
    callback_url: Option<String>,
}

/// Settings of one task, in place of the service's.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
struct TaskSettings {
    /// How often a node is tried before the task turns back.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 100)))]
    forward_max_attempts: Option<u32>,
    /// How often a failed undo is tried again.
    #[cfg_attr(feature = "openapi", schemars(range(max = 1000)))]
    rollback_max_retries: Option<u32>,
    /// Seconds before a failed undo is tried again; fractions are fine.
    #[cfg_attr(feature = "openapi", schemars(range(min = 0, max = 86400)))]
    rollback_retry_delay: Option<f64>,
    /// How many nodes are changed at once.
    #[cfg_attr(feature = "openapi", schemars(range(min = 1, max = 1000)))]
    node_parallelism: Option<u32>,
}

/// A submission that was read and found good.
pub(crate) struct SubmittedTask {
    pub(crate) operation: Operation,
    pub(crate) group_id: String,
    pub(crate) policy: Policy,
    pub(crate) callback_url: Option<String>,
}

impl SubmittedTask {
    /// Reads a submission's fields. What they leave out is as the service's settings say.
    pub(crate) fn read(
        operation: Operation,
        mut fields: Map<String, Value>,
        service: &ApiSettings,
    ) -> Result<Self, Problem> {
        let group_id = group_id_field(&mut fields)?;
        let policy = match fields.remove("settings") {
            None | Some(Value::Null) => service.policy.clone(),
            Some(settings) => {
                let settings: TaskSettings = serde_json::from_value(settings)
                    .map_err(|error| bad_field(&format!("settings: {error}.")))?;
                settings.policy(&service.policy)?
            }
        };
        let callback_url = match fields.remove("callback_url") {
            None | Some(Value::Null) => None,
            Some(Value::String(url)) => {
                check_callback_url(&url, service.callback_hosts.as_ref())?;
                Some(url)
            }
            Some(_) => return Err(bad_field("callback_url is not a string.")),
        };
        Ok(Self { operation, group_id, policy, callback_url })
    }
}

impl TaskSettings {
    fn policy(self, service: &Policy) -> Result<Policy, Problem> {
        let Self {
            forward_max_attempts,
            rollback_max_retries,
            rollback_retry_delay,
            node_parallelism,
        } = self;
        let mut policy = service.clone();
        if let Some(attempts) = forward_max_attempts {
            bounded("forward_max_attempts", attempts, 1, FORWARD_ATTEMPTS_MAX)?;
            policy.forward_max_attempts = attempts;
        }
        if let Some(retries) = rollback_max_retries {
            bounded("rollback_max_retries", retries, 0, ROLLBACK_RETRIES_MAX)?;
            policy.rollback_max_retries = retries;
        }
        if let Some(parallelism) = node_parallelism {
            bounded("node_parallelism", parallelism, 1, NODE_PARALLELISM_MAX)?;
            policy.node_parallelism = parallelism;
        }
        if let Some(delay_s) = rollback_retry_delay {
            policy.rollback_retry_delay_ms = milliseconds(delay_s).ok_or_else(|| {
                let max_s = ROLLBACK_RETRY_DELAY_MS_MAX / 1_000;
                bad_field(&format!("settings.rollback_retry_delay must be from 0 to {max_s}."))
            })?;
        }
        Ok(policy)
    }
}

fn bounded(name: &str, value: u32, min: u32, max: u32) -> Result<(), Problem> {
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(bad_field(&format!("settings.{name} must be from {min} to {max}.")))
}

/// Seconds as whole milliseconds, if they are within bounds.
fn milliseconds(seconds: f64) -> Option<u64> {
    let duration = std::time::Duration::try_from_secs_f64(seconds).ok()?;
    u64::try_from(duration.as_millis()).ok().filter(|ms| *ms <= ROLLBACK_RETRY_DELAY_MS_MAX)
}

/// That a task's end may be told to `url`.
fn check_callback_url(url: &str, hosts: Option<&HostPattern>) -> Result<(), Problem> {
    let hosts = hosts.ok_or_else(|| {
        bad_field("callback_url: this service makes no callbacks; its callback_secret is not set.")
    })?;
    let parsed = url.parse::<Uri>().ok().filter(|_| url.len() <= CALLBACK_URL_BYTES_MAX);
    let parts = parsed.as_ref().and_then(|uri| Some((uri.scheme_str()?, uri.authority()?)));
    let (scheme, authority) =
        parts.filter(|(_, authority)| !authority.as_str().contains('@')).ok_or_else(|| {
            bad_field(&format!(
                "callback_url must be an http or https URL of at most {CALLBACK_URL_BYTES_MAX} \
                 bytes, without a user name."
            ))
        })?;
    if hosts.allows(scheme, authority.host(), authority.port_u16()) {
        return Ok(());
    }
    Err(bad_field("callback_url: the setting callback_hosts does not allow this host."))
}
