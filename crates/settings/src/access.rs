//! Who may call, from where, and what they may do.

use sha2::{Digest as _, Sha256};

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
        tokens: reader.text_or_reason(&API_TOKENS, tokens),
        origins: reader.text(&CORS_ORIGINS, origins),
    }
}
/// How many bytes of its digest name a token that has no name.
const NAME_DIGEST_BYTES: usize = 4;

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

fn tokens(text: &str) -> Result<Vec<Token>, String> {
    if text == NONE {
        return Ok(Vec::new());
    }
    let texts: Vec<&str> = text.split(',').map(str::trim).collect();
    let mut tokens: Vec<Token> = Vec::with_capacity(texts.len());
    for text in &texts {
        let refused = |reason| format!("token {} of {}: {reason}", tokens.len() + 1, texts.len());
        let token = parse_token(text).map_err(refused)?;
        // It would not be clear who calls.
        if tokens.iter().any(|other| other.secret == token.secret) {
            return Err(refused("each token once"));
        }
        tokens.push(token);
    }
    Ok(tokens)
}

fn parse_token(text: &str) -> Result<Token, &'static str> {
    let mut parts = text.splitn(3, ':');
    let (name, role, secret) = match (parts.next(), parts.next(), parts.next()) {
        (Some(name), Some(role), Some(secret)) => {
            let role = Role::from_name(role).ok_or("its role is none of these")?;
            (name.to_owned(), role, secret)
        }
        (Some(secret), None, None) => (name_of(secret), Role::Operate, secret),
        _ => return Err("it is neither NAME:ROLE:TOKEN nor TOKEN"),
    };
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if name.is_empty() || !name.chars().all(is_plain) {
        return Err("its name is not of letters, digits, - and _");
    }
    if secret.chars().any(char::is_control) {
        return Err("it has a character that no header can hold");
    }
    if !API_TOKENS.kind.holds(secret.len()) {
        return Err("it has too few bytes");
    }
    Ok(Token { name, role, secret: secret.to_owned() })
}

/// The name of a token that is given none: it stays the same wherever in the list the token stands,
/// and tells nothing of it.
fn name_of(secret: &str) -> String {
    let digest = Sha256::digest(secret);
    let start = digest.iter().take(NAME_DIGEST_BYTES).map(|byte| format!("{byte:02x}"));
    format!("token-{}", start.collect::<String>())
}

/// Reads a list of origins; `None` when one is none.
fn origins(text: &str) -> Option<Vec<String>> {
    let is_origin = |origin: &str| {
        origin == "*"
            || (origin.contains("://")
                && !origin.ends_with('/')
                && !origin.contains(|c: char| c.is_whitespace() || c.is_control()))
    };
    match text {
        NONE => Some(Vec::new()),
        text => {
            let origins = text.split(',').map(str::trim);
            origins.map(|origin| is_origin(origin).then(|| origin.to_owned())).collect()
        }
    }
}
