//! Where callbacks may go, and what they are signed with.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::parse::{Reader, SettingError};
use crate::{NONE, Source};

/// The bytes of a key, as the Standard Webhooks specification bounds them.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;
const KEY_ALLOWED: &str = "`none`, or 24 to 64 random bytes in base64, as `openssl rand -base64 32` \
                           prints them; whsec_ may stand before them";
const HOSTS_ALLOWED: &str = "SCHEME://HOST:PORT, where SCHEME is http, https or *, HOST a name, an \
                             address, *.DOMAIN or *, and PORT a number or *";

/// Which URLs may be called, in the form that `allowed_outbound_hosts` of `spin.toml` has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostPattern {
    /// `None` = any of http and https.
    scheme: Option<String>,
    host: HostName,
    /// `None` = any.
    port: Option<u16>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum HostName {
    Any,
    /// Anything that ends with this text, which begins with a dot.
    Within(String),
    One(String),
}

impl HostPattern {
    fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme {
            "*" => None,
            "http" | "https" => Some(scheme.to_owned()),
            _ => return None,
        };
        let (host, port) = match rest.rsplit_once(':') {
            Some((host, "*")) => (host, None),
            Some((host, port)) => (host, Some(port.parse().ok()?)),
            None => (rest, Some(default_port(scheme.as_deref()?))),
        };
        let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
        let host = match host {
            "*" => HostName::Any,
            host => match host.strip_prefix('*') {
                Some(within) if within.len() > 1 && within.starts_with('.') => {
                    HostName::Within(within.to_ascii_lowercase())
                }
                Some(_) => return None,
                None => HostName::One(host.to_ascii_lowercase()),
            },
        };
        let name = match &host {
            HostName::Any => "",
            HostName::Within(name) | HostName::One(name) => name,
        };
        let is_usable = name.chars().all(is_plain) && host != HostName::One(String::new());
        is_usable.then_some(Self { scheme, host, port })
    }

    /// Whether a URL of this scheme, host and port (`None` = the scheme's own) may be called.
    #[must_use]
    pub fn allows(&self, scheme: &str, host: &str, port: Option<u16>) -> bool {
        let host = host.to_ascii_lowercase();
        matches!(scheme, "http" | "https")
            && self.scheme.as_ref().is_none_or(|allowed| allowed == scheme)
            && self.port.is_none_or(|allowed| allowed == port.unwrap_or(default_port(scheme)))
            && match &self.host {
                HostName::Any => true,
                HostName::Within(domain) => host.ends_with(domain.as_str()),
                HostName::One(name) => host == *name,
            }
    }
}

fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

/// The key; `None` when there is none.
pub(crate) fn key(reader: &Reader<'_, impl Source>) -> Result<Option<Vec<u8>>, SettingError> {
    let text = reader
        .secret("callback_secret", KEY_ALLOWED, |text| text == NONE || decode(text).is_some())?;
    Ok(decode(text))
}

fn decode(text: &str) -> Option<Vec<u8>> {
    let text = text.strip_prefix("whsec_").unwrap_or(text);
    STANDARD.decode(text).ok().filter(|key| KEY_BYTES.contains(&key.len()))
}

/// Where callbacks may go; `None` when there is no key to sign them with.
pub(crate) fn hosts(reader: &Reader<'_, impl Source>) -> Result<Option<HostPattern>, SettingError> {
    let text =
        reader.text("callback_hosts", HOSTS_ALLOWED, |text| HostPattern::parse(text).is_some())?;
    Ok(key(reader)?.and_then(|_| HostPattern::parse(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_allows_what_it_names_and_nothing_else() {
        for (pattern, scheme, host, port, allowed) in [
            ("http://127.0.0.1:*", "http", "127.0.0.1", Some(9), true),
            ("http://127.0.0.1:*", "https", "127.0.0.1", Some(9), false),
            ("http://127.0.0.1:*", "http", "127.0.0.10", None, false),
            ("https://hooks.example.com", "https", "HOOKS.example.com", None, true),
            ("https://hooks.example.com", "https", "hooks.example.com", Some(444), false),
            ("https://*.example.com:443", "https", "a.b.example.com", None, true),
            ("https://*.example.com:443", "https", "example.com", None, false),
            ("https://*.example.com:443", "https", "evilexample.com", None, false),
            ("*://*:*", "http", "anything", Some(1), true),
            ("*://*:*", "redis", "anything", Some(1), false),
        ] {
            let parsed = HostPattern::parse(pattern).unwrap();
            assert_eq!(parsed.allows(scheme, host, port), allowed, "{pattern} {scheme} {host}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for text in ["", "host", "ftp://h:1", "*://h", "http://:1", "http://*x:1", "http://a/b:1"] {
            assert_eq!(HostPattern::parse(text), None, "{text}");
        }
    }
}
