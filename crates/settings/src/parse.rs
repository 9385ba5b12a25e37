//! Reading one setting, and saying what is wrong with it.

use std::fmt;

use crate::Source;
use crate::kind::{Kind, Number, Text};
use crate::setting::{Facts, Setting};

/// The longest value that the log shows.
const NUMBER_BYTES_MAX: usize = 20;

/// A setting that is not as it should be. Shown, it holds no value of any setting, for there may be
/// a secret in the wrong place: it may be answered to a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    name: &'static str,
    /// What is allowed, and what is wrong.
    allowed: String,
    /// More about it, for the operator's log.
    for_log: Option<String>,
}

impl SettingError {
    /// Says what is allowed instead. No value may be in that.
    pub(crate) fn refused(facts: &Facts, allowed: String) -> Self {
        Self { name: facts.name, allowed, for_log: None }
    }

    /// Says for the log what `value` is: not in words, which may be a secret in the wrong place.
    fn with_number(self, value: &str) -> Self {
        let is_number_like = value.len() <= NUMBER_BYTES_MAX
            && value.bytes().all(|byte| byte.is_ascii_digit() || b"+-.".contains(&byte));
        let for_log = is_number_like.then(|| format!("it is {value:?}"));
        Self { for_log, ..self }
    }

    /// The error with what an operator may see of the value, for the log.
    #[must_use]
    pub fn for_log(&self) -> String {
        let more = self.for_log.as_ref().map(|more| format!(" ({more})"));
        format!("{self}{}", more.unwrap_or_default())
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, allowed, .. } = self;
        write!(f, "setting {name} is refused; allowed: {allowed}")
    }
}

impl std::error::Error for SettingError {}

pub(crate) struct Reader<'a, S>(pub(crate) &'a S);

impl<'a, S: Source> Reader<'a, S> {
    /// The text of a setting, without the white space around it.
    pub(crate) fn raw<K>(&self, setting: &Setting<K>) -> Result<&'a str, SettingError> {
        self.untrimmed(setting).map(str::trim)
    }

    fn untrimmed<K>(&self, setting: &Setting<K>) -> Result<&'a str, SettingError> {
        let name = setting.facts.name;
        self.0.get(name).map_err(|reason| SettingError {
            name,
            allowed: "a value; the host gives none".to_owned(),
            for_log: Some(reason),
        })
    }

    /// The value of a number.
    pub(crate) fn number<K: Number>(&self, setting: &Setting<K>) -> Result<K::Value, SettingError> {
        let text = self.raw(setting)?;
        let value = setting.kind.parse(text);
        value.ok_or_else(|| self.refused_number(setting, setting.kind.allowed()))
    }

    /// Says that a number is not allowed, though it may be one.
    pub(crate) fn refused_number<K>(&self, setting: &Setting<K>, allowed: String) -> SettingError {
        let error = SettingError::refused(&setting.facts, allowed);
        self.raw(setting).map_or_else(|missing| missing, |text| error.with_number(text))
    }

    /// What `read` makes of a text; `None` = it is not allowed.
    pub(crate) fn text<T>(
        &self,
        setting: &Setting<Text>,
        read: impl FnOnce(&'a str) -> Option<T>,
    ) -> Result<T, SettingError> {
        let text = self.raw(setting)?;
        read(text).ok_or_else(|| SettingError::refused(&setting.facts, setting.kind.allowed()))
    }

    /// What `read` makes of a text, or why it is not allowed, with no part of the text in the reason.
    pub(crate) fn text_or_reason<T, E: fmt::Display>(
        &self,
        setting: &Setting<Text>,
        read: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Result<T, SettingError> {
        with_reason(setting, read(self.raw(setting)?))
    }

    /// The same for a text that others read with the spaces around it. Line breaks, which files end
    /// with, are nobody's.
    pub(crate) fn exact_text_or_reason<T, E: fmt::Display>(
        &self,
        setting: &Setting<Text>,
        read: impl FnOnce(&'a str) -> Result<T, E>,
    ) -> Result<T, SettingError> {
        with_reason(setting, read(self.untrimmed(setting)?.trim_matches(['\r', '\n'])))
    }
}

fn with_reason<T, E: fmt::Display>(
    setting: &Setting<Text>,
    read: Result<T, E>,
) -> Result<T, SettingError> {
    read.map_err(|reason| {
        let allowed = format!("{}; {reason}", setting.kind.allowed());
        SettingError::refused(&setting.facts, allowed)
    })
}
