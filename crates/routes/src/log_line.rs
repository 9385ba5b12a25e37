//! What a component is to log of a request. Routes have no log: the line travels among the reply's
//! extensions, and whoever sends the reply writes it.

use drain::Level;

/// One event for the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    pub level: Level,
    /// In a few words.
    pub event: &'static str,
    /// Of what is about a task, `task_id` and `group_id`; never a secret.
    pub fields: Vec<(&'static str, String)>,
}
