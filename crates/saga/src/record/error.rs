//! Why a record cannot be read.

use std::fmt;

/// The version of the format that is written.
pub(super) const VERSION: u64 = 2;

/// A record that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RecordError {
    /// A later Muster wrote it, in this version of the format.
    Newer(u64),
    /// It is not a record; with the reason.
    Damaged(String),
}

impl fmt::Display for RecordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Newer(version) => write!(
                f,
                "it has version {version}, and this Muster reads versions up to {VERSION}"
            ),
            Self::Damaged(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for RecordError {}

impl From<serde_json::Error> for RecordError {
    fn from(error: serde_json::Error) -> Self {
        Self::Damaged(error.to_string())
    }
}
