//! How to reach Redis.

use std::fmt;

use http_url::Host;
use percent_encoding::percent_decode_str;

use crate::parse::{Reader, SettingError};
use crate::table::{REDIS_DB, REDIS_HOST, REDIS_PASSWORD, REDIS_PORT, REDIS_USER};
use crate::{NONE, Source};

/// How to reach Redis.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisSettings {
    /// `redis://…`, with the password in it: never to be logged or answered.
    pub url: String,
    /// As it is set; `None` = Redis wants none.
    password: Option<String>,
}

/// Without the password.
impl fmt::Debug for RedisSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RedisSettings { … }")
    }
}

impl RedisSettings {
    /// `message` as it may be logged: not at all if the address or the password is in it.
    #[must_use]
    pub fn without_secrets(&self, message: String) -> String {
        let password = self.password.as_deref();
        let decoded = password.map(|password| percent_decode_str(password).decode_utf8_lossy());
        let is_open = message.contains(&self.url)
            || password.is_some_and(|password| message.contains(password))
            || decoded.is_some_and(|password| message.contains(password.as_ref()));
        if is_open { "the reason holds the address, and is not shown".to_owned() } else { message }
    }
}

/// Reads how to reach Redis.
///
/// # Errors
/// Names the first setting that is not as it should be.
pub fn redis(source: &impl Source) -> Result<RedisSettings, SettingError> {
    let reader = Reader(source);
    let host = reader.text(&REDIS_HOST, |host| Host::parse(host).ok().map(|_| host))?;
    let port = reader.number(&REDIS_PORT)?;
    let db = reader.number(&REDIS_DB)?;
    let user = reader.exact_text_or_reason(&REDIS_USER, part_of_url)?;
    let password = reader.exact_text_or_reason(&REDIS_PASSWORD, part_of_url)?;
    let password = Some(password).filter(|password| *password != NONE);
    let credentials = password.map(|password| format!("{user}:{password}@")).unwrap_or_default();
    Ok(RedisSettings {
        url: format!("redis://{credentials}{host}:{port}/{db}"),
        password: password.map(str::to_owned),
    })
}

/// `text`, if a URL can hold it as a user's name or password and means the same to all who read it.
/// It cannot be encoded here: the manifest puts the very text into the address that the worker
/// listens at.
fn part_of_url(text: &str) -> Result<&str, &'static str> {
    let bytes = text.as_bytes();
    if bytes.is_empty() {
        return Err("it is empty");
    }
    let mut escapes = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    let is_escape = |at: usize| {
        bytes.get(at + 1..at + 3).is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
    };
    if !escapes.all(|(at, _)| is_escape(at)) {
        return Err("a % must be written as %25");
    }
    // What RFC 3986 allows there, without the colon, which parts the two.
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=%".contains(byte);
    if !bytes.iter().all(is_plain) {
        return Err("it has a character that must be percent-encoded, as # is by %23");
    }
    match percent_decode_str(text).decode_utf8() {
        Ok(_) => Ok(text),
        Err(_) => Err("decoded, it is no UTF-8"),
    }
}
