//! The JSON that describes a task to be accepted: group, settings of its own, callback.

use http_url::HttpUrl;
use saga::{Operation, Policy};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use settings::table::{
    FORWARD_MAX_ATTEMPTS, NODE_PARALLELISM, ROLLBACK_MAX_RETRIES, ROLLBACK_RETRY_DELAY,
};
use settings::{ApiSettings, HostPattern, Kind as _, Number as _, Setting, Whole};

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
#[derive(Clone, Debug, Default, PartialEq, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields)]
pub(crate) struct TaskSettings {
    /// How often a node is tried before the task turns back.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(min = FORWARD_MAX_ATTEMPTS.kind.min, max = FORWARD_MAX_ATTEMPTS.kind.max))
    )]
    forward_max_attempts: Option<u32>,
    /// How often a failed undo is tried again.
    #[cfg_attr(feature = "openapi", schemars(range(max = ROLLBACK_MAX_RETRIES.kind.max)))]
    rollback_max_retries: Option<u32>,
    /// Seconds before a failed undo is tried again; fractions are fine.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(
            min = ROLLBACK_RETRY_DELAY.kind.min_ms / 1_000,
            max = ROLLBACK_RETRY_DELAY.kind.max_ms / 1_000
        ))
    )]
    rollback_retry_delay: Option<f64>,
    /// How many nodes are changed at once.
    #[cfg_attr(
        feature = "openapi",
        schemars(range(min = NODE_PARALLELISM.kind.min, max = NODE_PARALLELISM.kind.max))
    )]
    node_parallelism: Option<u32>,
}

/// A submission that was read and found good.
pub(crate) struct SubmittedTask {
    pub(crate) operation: Operation,
    pub(crate) group_id: String,
    /// With the settings of its own.
    pub(crate) policy: Policy,
    pub(crate) own_settings: TaskSettings,
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
        let own_settings: TaskSettings = match fields.remove("settings") {
            None | Some(Value::Null) => TaskSettings::default(),
            Some(settings) => serde_json::from_value(settings)
                .map_err(|error| bad_field(&format!("settings: {error}.")))?,
        };
        let policy = own_settings.policy(&service.policy)?;
        let callback_url = match fields.remove("callback_url") {
            None | Some(Value::Null) => None,
            Some(Value::String(url)) => {
                check_callback_url(&url, service.callback_hosts.as_ref())?;
                Some(url)
            }
            Some(_) => return Err(bad_field("callback_url is not a string.")),
        };
        Ok(Self { operation, group_id, policy, own_settings, callback_url })
    }
}

impl TaskSettings {
    fn policy(&self, service: &Policy) -> Result<Policy, Problem> {
        let &Self {
            forward_max_attempts,
            rollback_max_retries,
            rollback_retry_delay,
            node_parallelism,
        } = self;
        let mut policy = service.clone();
        if let Some(attempts) = forward_max_attempts {
            bounded(&FORWARD_MAX_ATTEMPTS, attempts)?;
            policy.forward_max_attempts = attempts;
        }
        if let Some(retries) = rollback_max_retries {
            bounded(&ROLLBACK_MAX_RETRIES, retries)?;
            policy.rollback_max_retries = retries;
        }
        if let Some(parallelism) = node_parallelism {
            bounded(&NODE_PARALLELISM, parallelism)?;
            policy.node_parallelism = parallelism;
        }
        if let Some(delay_s) = rollback_retry_delay {
            policy.rollback_retry_delay_ms = milliseconds(delay_s)?;
        }
        Ok(policy)
    }
}

/// That a task's own setting is within the bounds of the service's.
fn bounded(setting: &Setting<Whole>, value: u32) -> Result<(), Problem> {
    let Whole { min, max, .. } = setting.kind;
    if (min..=max).contains(&value) {
        return Ok(());
    }
    Err(bad_field(&format!("settings.{} must be from {min} to {max}.", setting.facts.name)))
}

/// A task's own `rollback_retry_delay` in milliseconds.
fn milliseconds(seconds: f64) -> Result<u64, Problem> {
    let Setting { facts, kind } = &ROLLBACK_RETRY_DELAY;
    // As the service's own is read, which a number in JSON prints as it is meant.
    kind.parse(&seconds.to_string())
        .ok_or_else(|| bad_field(&format!("settings.{} must be {}.", facts.name, kind.allowed())))
}

/// That a task's end may be told to `url`, which is read as it will be when it is called.
fn check_callback_url(url: &str, hosts: Option<&HostPattern>) -> Result<(), Problem> {
    let hosts = hosts.ok_or_else(|| {
        bad_field("callback_url: this service makes no callbacks; its callback_secret is not set.")
    })?;
    let refused = |reason: &str| {
        bad_field(&format!(
            "callback_url must be an http or https URL of at most {CALLBACK_URL_BYTES_MAX} bytes: {reason}."
        ))
    };
    if url.len() > CALLBACK_URL_BYTES_MAX {
        return Err(refused(&format!("it has {}", url.len())));
    }
    let url = HttpUrl::parse(url).map_err(|error| refused(&error.to_string()))?;
    if hosts.allows(&url) {
        return Ok(());
    }
    Err(bad_field("callback_url: the setting callback_hosts does not allow this host."))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The pattern that the service allows by default.
    fn check(url: &str) -> Result<(), String> {
        let hosts = HostPattern::parse("http://127.0.0.1:*").unwrap();
        check_callback_url(url, Some(&hosts)).map_err(|problem| problem.answer().detail)
    }

    #[test]
    fn what_can_be_called_and_is_allowed_is_accepted() {
        for url in [
            "http://127.0.0.1",
            "HTTP://127.0.0.1:9000/hook",
            "http://127.0.0.1:9000?token=abc",
            "http://127.0.0.1:9000/hook?token=abc&to=http://example.com:99999/",
        ] {
            assert_eq!(check(url), Ok(()), "{url}");
        }
    }

    #[test]
    fn what_is_refused_is_refused_with_the_reason_and_without_the_url() {
        for (url, reason) in [
            ("http://127.0.0.1:99999/?token=abc", "from 1 to 65535"),
            ("http://127.0.0.1:0/?token=abc", "from 1 to 65535"),
            ("http://token:abc@127.0.0.1/", "user name"),
            ("http://127.0.0.1/?token=abc#top", "fragment"),
            ("127.0.0.1:9000?token=abc", "http://"),
            ("http://127.1:9000/?token=abc", "four numbers"),
            ("http://?token=abc", "not a URL"),
            ("https://127.0.0.1/?token=abc", "callback_hosts"),
            ("http://127.0.0.1.example.com/?token=abc", "callback_hosts"),
            ("http://[::1]/?token=abc", "callback_hosts"),
        ] {
            let detail = check(url).unwrap_err();
            assert!(
                detail.starts_with("callback_url") && detail.contains(reason),
                "{url}: {detail}"
            );
            assert!(!detail.contains("abc"), "{detail}");
        }
        let long = format!("http://127.0.0.1/{}", "x".repeat(CALLBACK_URL_BYTES_MAX));
        assert!(check(&long).unwrap_err().contains("2048"));
    }

    #[test]
    fn a_delay_of_its_own_is_taken_as_it_is_given_or_refused() {
        for (seconds, ms) in
            [(0.0, 0), (0.05, 50), (1.0, 1_000), (2.125, 2_125), (86_400.0, 86_400_000)]
        {
            assert_eq!(milliseconds(seconds).ok(), Some(ms), "{seconds}");
        }
        for seconds in [-1.0, 0.0004, 0.0005, 1.000_1, 86_400.001, 1e300, f64::INFINITY] {
            let detail = milliseconds(seconds).unwrap_err().answer().detail;
            assert!(detail.contains("settings.rollback_retry_delay must be seconds"), "{detail}");
        }
    }
}
