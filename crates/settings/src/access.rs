//! Who may call, from where, and what they may do.

use crate::parse::{Reader, SettingError};
use crate::table::{API_TOKENS, CORS_ORIGINS};
use crate::{NONE, Source};

/// Who may call: all that has to be known before a request is let in. Either part may be refused
/// without the other, so that a bad setting does not keep what the others say from a caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The bearer tokens of those who may call; empty = anybody may do anything.
    pub tokens: Result<Vec<Token>, SettingError>,
    /// Web pages' origins that may call; `*` = any.
    pub origins: Result<Vec<String>, SettingError>,
}

/// Reads who may call.
pub fn access(source: &impl Source) -> Access {
    let reader = Reader(source);
    Access {
        tokens: reader.text(&API_TOKENS, tokens),
        origins: reader.text(&CORS_ORIGINS, origins),
    }
}

/// What a caller may do. Each role may do what the ones before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Read tasks, groups, dead letters and metrics.
    Read,
    /// Submit tasks and cancel them.
    Submit,
    /// Retry and discard dead letters, pause the queue, sweep.
    Operate,
}

impl Role {
    /// The word in the settings: `read`, `submit` or `operate`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Submit => "submit",
            Self::Operate => "operate",
        }
    }

    fn from_name(name: &str) -> Option<Self> {
        [Self::Read, Self::Submit, Self::Operate].into_iter().find(|role| role.name() == name)
    }
}

/// A bearer token.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    /// Who bears it, for the audit trail.
    pub name: String,
    pub role: Role,
    /// Never to be logged or answered.
    pub secret: String,
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Token({}, {:?})", self.name, self.role)
    }
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    if text == NONE {
        return Some(Vec::new());
    }
    text.split(',').enumerate().map(|(index, token)| parse_token(index, token.trim())).collect()
}

fn parse_token(index: usize, text: &str) -> Option<Token> {
    let mut parts = text.splitn(3, ':');
    let (name, role, secret) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(role), Some(secret)) => (name.to_owned(), Role::from_name(role)?, secret),
        (Some(secret), None, None) => (format!("token-{}", index + 1), Role::Operate, secret),
        _ => return None,
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    let is_usable =
        !name.is_empty() && name.chars().all(is_plain) && API_TOKENS.kind.holds(secret.len());
    is_usable.then(|| Token { name, role, secret: secret.to_owned() })
}

/// Reads a list of origins; `None` when one is none.
fn origins(text: &str) -> Option<Vec<String>> {
    let is_origin = |origin: &str| {
        origin == "*" || (origin.contains("://") && !origin.ends_with('/') && !origin.contains(' '))
    };
    match text {
        NONE => Some(Vec::new()),
        text => {
            let origins = text.split(',').map(str::trim);
            origins.map(|origin| is_origin(origin).then(|| origin.to_owned())).collect()
        }
    }
}
