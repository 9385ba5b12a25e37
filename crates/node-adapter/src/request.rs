//! Requests as adapters build them.

use alloc::string::String;
use alloc::vec::Vec;

/// A request as an adapter builds it, relative to the node's base URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PreparedRequest {
    /// For example `POST`.
    pub method: String,
    /// Begins with a slash; escaped as URLs must be.
    pub path_with_query: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// What of the answer has to be seen beside its status; the rest need not be fetched.
    pub wanted: Vec<Wanted>,
}

/// What has to be seen of an answer whose status is in a range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    pub status_from: u16,
    /// The last status of the range.
    pub status_to: u16,
    /// Names of headers, in lower case.
    pub headers: Vec<String>,
    /// How many bytes of the body, at most; 0 = none.
    pub body_bytes: u32,
}

impl Wanted {
    /// Whether it is about answers of this status.
    #[must_use]
    pub fn covers(&self, status: u16) -> bool {
        (self.status_from..=self.status_to).contains(&status)
    }
}
