//! Reading one setting, and saying what is wrong with it.

use std::fmt;

use crate::Source;
use crate::kind::{Kind, Number, Text};
use crate::setting::{Facts, Setting};

/// A setting that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    pub name: String,
    /// What was given; `None` for a secret.
    pub value: Option<String>,
    pub allowed: String,
}

impl SettingError {
    /// Says what is allowed instead of `value`, which is not kept if it is a secret.
    pub(crate) fn refused(facts: &Facts, value: &str, allowed: String) -> Self {
        let value = if facts.secret { None } else { Some(value.to_owned()) };
        Self { name: facts.name.to_owned(), value, allowed }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, value, allowed } = self;
        match value {
            Some(value) => write!(f, "setting {name} is {value:?}; allowed: {allowed}"),
            None => write!(f, "setting {name} is refused; allowed: {allowed}"),
        }
    }
}

impl std::error::Error for SettingError {}

pub(crate) struct Reader<'a, S>(pub(crate) &'a S);

impl<'a, S: Source> Reader<'a, S> {
    /// The text of a setting, as it is given.
    pub(crate) fn raw<K>(&self, setting: &Setting<K>) -> Result<&'a str, SettingError> {
        let name = setting.facts.name;
        self.0.get(name).map(str::trim).map_err(|reason| SettingError {
            name: name.to_owned(),
            value: None,
            allowed: format!("a value; the host gives none: {reason}"),
        })
    }

    /// The value of a number.
    pub(crate) fn number<K: Number>(&self, setting: &Setting<K>) -> Result<K::Value, SettingError> {
        let text = self.raw(setting)?;
        let value = setting.kind.parse(text);
        value.ok_or_else(|| SettingError::refused(&setting.facts, text, setting.kind.allowed()))
    }

    /// What `read` makes of a text; `None` = it is not allowed.
    pub(crate) fn text<T>(
        &self,
        setting: &Setting<Text>,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, SettingError> {
        let text = self.raw(setting)?;
        read(text)
            .ok_or_else(|| SettingError::refused(&setting.facts, text, setting.kind.allowed()))
    }

    /// What `read` makes of a text, or why it is not allowed.
    pub(crate) fn text_or_reason<T, E: fmt::Display>(
        &self,
        setting: &Setting<Text>,
        read: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Result<T, SettingError> {
        let text = self.raw(setting)?;
        read(text).map_err(|reason| {
            let allowed = format!("{}; {reason}", setting.kind.allowed());
            SettingError::refused(&setting.facts, text, allowed)
        })
    }
}
