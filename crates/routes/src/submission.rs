//! The JSON that describes a task to be accepted: group, settings of its own, callback.

use http_url::HttpUrl;
use saga::{Operation, Policy};
use serde_json::{Map, Value};
use settings::{ApiSettings, HostPattern};

use crate::input::{bad_field, group_id_field};
use crate::limits::CALLBACK_URL_BYTES_MAX;
use crate::problem::Problem;
use crate::task_settings::TaskSettings;
#[cfg(feature = "openapi")]
use crate::{limits::GROUP_ID_CHARS_MAX, query::TEXT_PATTERN};

/// A task that a client submits. Fields that are not known are ignored.
#[cfg(feature = "openapi")]
#[derive(schemars::JsonSchema)]
#[allow(dead_code, reason = "read field by field; this documents them")]
pub(crate) struct Submission {
    /// 1 to 256 characters, none of them a control character.
    #[schemars(length(min = 1, max = GROUP_ID_CHARS_MAX), regex(pattern = TEXT_PATTERN))]
    group_id: String,
    settings: Option<TaskSettings>,
    /// Where to POST the task's end to. The settings callback_hosts and callback_secret must allow
    /// it.
    #[schemars(length(max = CALLBACK_URL_BYTES_MAX), regex(pattern = "^https?://[^/?#@]+([/?][!-~]*)?$"))]
    callback_url: Option<String>,
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
        let own_settings = TaskSettings::read(fields.remove("settings"))?;
        let policy = own_settings.policy(&service.policy);
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
}
