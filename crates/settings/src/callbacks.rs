//! Where callbacks may go, and what they are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::host_pattern::HostPattern;
use crate::parse::{Reader, SettingError};
use crate::table::{CALLBACK_HOSTS, CALLBACK_SECRET};
use crate::{NONE, Source};

/// How many keys may sign side by side. More than two are no rotation any more.
const KEYS_MAX: usize = 4;

/// The keys; none when there are no callbacks.
pub(crate) fn keys(reader: &Reader<'_, impl Source>) -> Result<Vec<Vec<u8>>, SettingError> {
    reader.text(&CALLBACK_SECRET, |text| match text {
        NONE => Some(Vec::new()),
        text => {
            let keys: Vec<_> =
                text.split(',').map(|text| decode(text.trim())).collect::<Option<_>>()?;
            Some(keys).filter(|keys| keys.len() <= KEYS_MAX)
        }
    })
}

/// Reads a key of as many bytes as the Standard Webhooks specification wants.
fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    STANDARD.decode(text).ok().filter(|key| CALLBACK_SECRET.kind.holds(key.len()))
}

/// Where callbacks may go; `None` when there is no key to sign them with.
pub(crate) fn hosts(reader: &Reader<'_, impl Source>) -> Result<Option<HostPattern>, SettingError> {
    let keys = keys(reader)?;
    let hosts = reader.text_or_reason(&CALLBACK_HOSTS, HostPattern::parse)?;
    Ok(Some(hosts).filter(|_| !keys.is_empty()))
}
