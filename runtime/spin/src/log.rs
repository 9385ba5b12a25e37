//! Events as JSON on standard error, a line each; the host puts them where operators find them.

use std::io::Write as _;

use drain::Log;

#[derive(Clone, Copy, Debug)]
pub struct JsonLog {
    /// Which component speaks.
    pub component: &'static str,
}

impl Log for JsonLog {
    fn event(&self, event: &str, fields: &[(&str, &str)]) {
        let mut line = serde_json::Map::new();
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
