//! Reading one setting, and saying what is wrong with it.

use std::fmt;

use crate::Source;

/// A setting that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SettingError {
    pub name: String,
    /// What was given; `None` for a secret.
    pub value: Option<String>,
    pub allowed: String,
}

impl SettingError {
    pub(crate) fn shown(name: &str, value: &str, allowed: &str) -> Self {
        Self { name: name.into(), value: Some(value.into()), allowed: allowed.into() }
    }

    pub(crate) fn hidden(name: &str, allowed: &str) -> Self {
        Self { name: name.into(), value: None, allowed: allowed.into() }
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
    pub(crate) fn raw(&self, name: &str) -> Result<&'a str, SettingError> {
        self.0.get(name).map(str::trim).map_err(|reason| {
            SettingError::hidden(name, &format!("a value; the host gives none: {reason}"))
        })
    }

    pub(crate) fn text(
        &self,
        name: &str,
        allowed: &str,
        is_allowed: impl Fn(&str) -> bool,
    ) -> Result<&'a str, SettingError> {
        let value = self.raw(name)?;
        if is_allowed(value) { Ok(value) } else { Err(SettingError::shown(name, value, allowed)) }
    }

    /// Like [`Self::text`], and the value is never shown.
    pub(crate) fn secret(
        &self,
        name: &str,
        allowed: &str,
        is_allowed: impl Fn(&str) -> bool,
    ) -> Result<&'a str, SettingError> {
        let value = self.raw(name)?;
        if is_allowed(value) { Ok(value) } else { Err(SettingError::hidden(name, allowed)) }
    }

    pub(crate) fn number(&self, name: &str, min: u64, max: u64) -> Result<u64, SettingError> {
        let value = self.raw(name)?;
        let number = value.parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| {
            SettingError::shown(name, value, &format!("a whole number from {min} to {max}"))
        })
    }

    pub(crate) fn small_number(&self, name: &str, min: u32, max: u32) -> Result<u32, SettingError> {
        let number = self.number(name, min.into(), max.into())?;
        Ok(u32::try_from(number).unwrap_or(max))
    }

    /// Seconds, fractions allowed, as whole milliseconds.
    pub(crate) fn seconds_as_ms(
        &self,
        name: &str,
        min_ms: u64,
        max_ms: u64,
    ) -> Result<u64, SettingError> {
        let value = self.raw(name)?;
        let number = thousandths(value).filter(|ms| (min_ms..=max_ms).contains(ms));
        number.ok_or_else(|| {
            let allowed = format!("seconds from {} to {}", in_units(min_ms), in_units(max_ms));
            SettingError::shown(name, value, &allowed)
        })
    }

    /// A factor such as 1.5, as a whole number of percent.
    pub(crate) fn factor_as_percent(
        &self,
        name: &str,
        min: u32,
        max: u32,
    ) -> Result<u32, SettingError> {
        let value = self.raw(name)?;
        let percent = thousandths(value).and_then(|n| u32::try_from(n / 10).ok());
        percent.filter(|percent| (min..=max).contains(percent)).ok_or_else(|| {
            let hundredths = |percent| f64::from(percent) / 100.0;
            let allowed = format!("a number from {} to {}", hundredths(min), hundredths(max));
            SettingError::shown(name, value, &allowed)
        })
    }
}

/// A plain decimal number of up to three places, in thousandths.
fn thousandths(value: &str) -> Option<u64> {
    let (whole, fraction) = value.split_once('.').unwrap_or((value, "0"));
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) {
        return None;
    }
    let scale = match fraction.len() {
        1 => 100,
        2 => 10,
        3 => 1,
        _ => return None,
    };
    let whole: u64 = whole.parse().ok()?;
    let fraction: u64 = fraction.parse().ok()?;
    whole.checked_mul(1_000)?.checked_add(fraction * scale)
}

/// Thousandths as a person writes them: `0.2`, `3600`.
fn in_units(thousandths: u64) -> String {
    let (whole, rest) = (thousandths / 1_000, thousandths % 1_000);
    if rest == 0 {
        whole.to_string()
    } else {
        format!("{whole}.{rest:03}").trim_end_matches('0').to_owned()
    }
}
