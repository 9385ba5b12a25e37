//! Events as JSON on standard error, a line each; the host puts them where operators find them.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use clock::rfc3339;
use drain::{Level, Log};

use crate::settings::Variables;

#[derive(Clone, Copy, Debug)]
pub struct JsonLog {
    /// Which component speaks.
    component: &'static str,
    /// Events that matter less are left out.
    level: Level,
}

impl JsonLog {
    /// The log of a component, as the setting `log_level` has it. One that cannot be used is told to
    /// whoever asks for anything else; here everything is written then.
    #[must_use]
    pub fn new(component: &'static str, variables: &Variables) -> Self {
        Self { component, level: settings::log_level(variables).unwrap_or(Level::Info) }
    }
}

impl Log for JsonLog {
    fn write(&self, level: Level, event: &str, fields: &[(&str, &str)]) {
        if level > self.level {
            return;
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        let mut line = serde_json::Map::new();
        line.insert("time".to_owned(), rfc3339(now_ms).into());
        line.insert("level".to_owned(), level.name().into());
        line.insert("component".to_owned(), self.component.into());
        line.insert("event".to_owned(), event.into());
        for (name, value) in fields.iter().filter(|(_, value)| !value.is_empty()) {
            line.insert((*name).to_owned(), (*value).into());
        }
        let mut text = serde_json::Value::Object(line).to_string();
        text.push('\n');
        // Written at once: standard error has no buffer, and each write is a call of the host. Where
        // it cannot be written, there is nowhere to say so.
        let _ = std::io::stderr().write_all(text.as_bytes());
    }
}
