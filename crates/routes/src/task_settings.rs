//! The settings that a task may have of its own, in place of the service's.

use saga::Policy;
use serde::Serialize;
use serde_json::Value;
use settings::table::{
    FORWARD_MAX_ATTEMPTS, NODE_PARALLELISM, ROLLBACK_MAX_RETRIES, ROLLBACK_RETRY_DELAY,
};
use settings::{Kind as _, Number as _, Setting, Whole};

use crate::input::bad_field;
use crate::problem::{Problem, shown};

/// Settings of one task, in place of the service's; what is left out is as those say.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(deny_unknown_fields))]
pub(crate) struct TaskSettings {
    /// How often a node is tried before the task turns back.
    #[cfg_attr(feature = "openapi", schemars(range(min = FORWARD_MAX_ATTEMPTS.kind.min, max = FORWARD_MAX_ATTEMPTS.kind.max)))]
    forward_max_attempts: Option<u32>,
    /// How often a failed undo is tried again.
    #[cfg_attr(feature = "openapi", schemars(range(min = ROLLBACK_MAX_RETRIES.kind.min, max = ROLLBACK_MAX_RETRIES.kind.max)))]
    rollback_max_retries: Option<u32>,
    /// Seconds before a failed undo is tried again; with up to three decimals.
    #[cfg_attr(feature = "openapi", schemars(extend("multipleOf" = 0.001), range(
        min = ROLLBACK_RETRY_DELAY.kind.min_ms / 1_000,
        max = ROLLBACK_RETRY_DELAY.kind.max_ms / 1_000
    )))]
    rollback_retry_delay: Option<f64>,
    /// How many nodes are changed at once.
    #[cfg_attr(feature = "openapi", schemars(range(min = NODE_PARALLELISM.kind.min, max = NODE_PARALLELISM.kind.max)))]
    node_parallelism: Option<u32>,
}

impl TaskSettings {
    /// Reads the member `settings` of a body. An unknown one is refused, because it would be
    /// overlooked.
    pub(crate) fn read(settings: Option<Value>) -> Result<Self, Problem> {
        let mut own = Self::default();
        let given = match settings {
            None | Some(Value::Null) => return Ok(own),
            Some(Value::Object(given)) => given,
            Some(_) => return Err(bad_field("settings must be an object.")),
        };
        for (name, value) in &given {
            let value = Some(value).filter(|value| !value.is_null());
            if name == FORWARD_MAX_ATTEMPTS.facts.name {
                own.forward_max_attempts = whole(&FORWARD_MAX_ATTEMPTS, value)?;
            } else if name == ROLLBACK_MAX_RETRIES.facts.name {
                own.rollback_max_retries = whole(&ROLLBACK_MAX_RETRIES, value)?;
            } else if name == NODE_PARALLELISM.facts.name {
                own.node_parallelism = whole(&NODE_PARALLELISM, value)?;
            } else if name == ROLLBACK_RETRY_DELAY.facts.name {
                own.rollback_retry_delay = value.map(delay_s).transpose()?;
            } else {
                return Err(bad_field(&format!("A task has no setting {}.", shown(name))));
            }
        }
        Ok(own)
    }

    pub(crate) fn policy(&self, service: &Policy) -> Policy {
        let or = |own: Option<u32>, service| own.unwrap_or(service);
        let delay_ms = self.rollback_retry_delay.and_then(milliseconds);
        Policy {
            forward_max_attempts: or(self.forward_max_attempts, service.forward_max_attempts),
            rollback_max_retries: or(self.rollback_max_retries, service.rollback_max_retries),
            node_parallelism: or(self.node_parallelism, service.node_parallelism),
            rollback_retry_delay_ms: delay_ms.unwrap_or(service.rollback_retry_delay_ms),
            ..service.clone()
        }
    }
}

/// A whole number within its bounds. One without a fraction is whole, however it is written.
fn whole(setting: &Setting<Whole>, value: Option<&Value>) -> Result<Option<u32>, Problem> {
    let Some(value) = value else { return Ok(None) };
    let Whole { min, max, .. } = setting.kind;
    let is_whole =
        |number: &f64| number.fract() == 0.0 && (f64::from(min)..=f64::from(max)).contains(number);
    // Within the bounds, and whole.
    let number = value.as_f64().filter(is_whole).map(|number| number as u32);
    number.map(Some).ok_or_else(|| {
        let name = setting.facts.name;
        bad_field(&format!("settings.{name} must be a whole number from {min} to {max}."))
    })
}

/// A task's own `rollback_retry_delay`, in seconds.
fn delay_s(value: &Value) -> Result<f64, Problem> {
    let Setting { facts, kind } = &ROLLBACK_RETRY_DELAY;
    let seconds = value.as_f64().filter(|seconds| milliseconds(*seconds).is_some());
    seconds
        .ok_or_else(|| bad_field(&format!("settings.{} must be {}.", facts.name, kind.allowed())))
}

/// Seconds as the service's own setting is read, which a number in JSON prints as it is meant.
fn milliseconds(seconds: f64) -> Option<u64> {
    ROLLBACK_RETRY_DELAY.kind.parse(&seconds.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn taken(settings: Value) -> Option<Policy> {
        Some(TaskSettings::read(Some(settings)).ok()?.policy(&Policy::default()))
    }

    #[test]
    fn what_is_given_replaces_the_service_s_own() {
        let service = Policy::default();
        assert_eq!(taken(Value::Null), Some(service.clone()));
        assert_eq!(taken(json!({})), Some(service.clone()));
        assert_eq!(taken(json!({ "node_parallelism": null })), Some(service.clone()));
        let own = taken(json!({
            "forward_max_attempts": 2, "rollback_max_retries": 0, "node_parallelism": 3.0,
            "rollback_retry_delay": 0.25,
        }));
        let expected = Policy {
            forward_max_attempts: 2,
            rollback_max_retries: 0,
            node_parallelism: 3,
            rollback_retry_delay_ms: 250,
            ..service
        };
        assert_eq!(own, Some(expected));
    }

    #[test]
    fn what_cannot_be_used_is_refused() {
        for settings in [
            json!([1, 0, 0, 1]),
            json!("x"),
            json!(7),
            json!(false),
            json!({ "rollback_backoff": 2 }),
            json!({ "node_parallelism": 0 }),
            json!({ "node_parallelism": -1 }),
            json!({ "node_parallelism": 1.5 }),
            json!({ "node_parallelism": "1" }),
            json!({ "node_parallelism": true }),
            json!({ "node_parallelism": [1] }),
            json!({ "rollback_max_retries": 4_294_967_296_u64 }),
            json!({ "rollback_retry_delay": -1 }),
            json!({ "rollback_retry_delay": 1e308 }),
            json!({ "rollback_retry_delay": "1" }),
        ] {
            assert_eq!(taken(settings.clone()), None, "{settings}");
        }
    }

    #[test]
    fn a_delay_of_its_own_is_taken_as_it_is_given_or_refused() {
        for (seconds, ms) in
            [(0.0, 0), (0.05, 50), (1.0, 1_000), (2.125, 2_125), (86_400.0, 86_400_000)]
        {
            assert_eq!(milliseconds(seconds), Some(ms), "{seconds}");
        }
        for seconds in [-1.0, 0.0004, 0.0005, 1.000_1, 86_400.001, 1e300] {
            let detail = delay_s(&seconds.into()).unwrap_err().answer().detail;
            assert!(detail.contains("settings.rollback_retry_delay must be seconds"), "{detail}");
        }
    }
}
