//! Who may call, and what they may do.

use crate::parse::{Reader, SettingError};
use crate::table::API_TOKENS;
use crate::{NONE, Source};

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

pub(crate) fn read(reader: &Reader<'_, impl Source>) -> Result<Vec<Token>, SettingError> {
    reader.text(&API_TOKENS, parse)
}

fn parse(text: &str) -> Option<Vec<Token>> {
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
