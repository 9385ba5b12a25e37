//! The options that are handed to the node adapter, which alone knows what they mean.

use crate::parse::{Reader, SettingError};
use crate::table::ADAPTER_OPTIONS;
use crate::{NONE, Source};

/// What `configure` makes of the options: the node adapter, ready for use.
///
/// # Errors
/// When they are not `NAME=VALUE` each, or `configure` does not take them; with its reason.
pub fn adapter<A>(
    source: &impl Source,
    configure: impl FnOnce(Vec<(String, String)>) -> Result<A, String>,
) -> Result<A, SettingError> {
    Reader(source).text_or_reason(&ADAPTER_OPTIONS, |text| configure(options(text)?))
}

fn options(text: &str) -> Result<Vec<(String, String)>, String> {
    if text == NONE {
        return Ok(Vec::new());
    }
    let options: Vec<_> = text.split(',').map(option).collect::<Result<_, _>>()?;
    if !ADAPTER_OPTIONS.kind.holds(options.len()) {
        return Err(format!("{} are too many", options.len()));
    }
    Ok(options)
}

fn option(text: &str) -> Result<(String, String), String> {
    let is_name = |name: &str| {
        let is_sign = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        !name.is_empty() && name.bytes().all(is_sign)
    };
    match text.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
        Some((name, value)) if is_name(name) => Ok((name.to_owned(), value.to_owned())),
        _ => Err(format!("{text:?} is not NAME=VALUE")),
    }
}
