//! Answers, and what adapters make of them.

/// What a node, or something between it and us, answered: as much of it as was asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NodeResponse {
    pub status: u16,
    /// Names in lower case.
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Whether `body` is all of it; false where it was cut off or not asked for.
    pub body_is_whole: bool,
}

impl NodeResponse {
    /// The first value of a header, by its name in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// Why a node did not do as asked, or did not say what it holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// For people.
    pub reason: String,
    pub retry: Retry,
}

impl Failure {
    #[must_use]
    pub fn new(reason: impl Into<String>, retry: Retry) -> Self {
        Self { reason: reason.into(), retry }
    }
}

/// Whether the same request may well succeed later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// After 429 and 503, and not before the answer's `Retry-After`.
    ByStatus,
    /// It would fail again.
    Never,
    /// It may succeed at any time.
    Later,
    /// It may succeed after so many seconds.
    After(u32),
}

/// What an answer to a create or delete means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The node changed as asked: it was not so before, and is so now.
    Applied,
    /// The node is as asked now; whether it was so before, the answer does not tell.
    AsAsked,
    /// It already was as asked; nothing changed.
    Unchanged,
    /// A definite no; nothing changed.
    Refused(Failure),
    /// Nothing changed: it already was as asked, or the node refuses. Inspecting it tells which.
    Inspect(Failure),
    /// Not the node's own answer, so it proves nothing; it counts as a lost one.
    Foreign(Failure),
    /// The node is in trouble and may have changed.
    Unknown(Failure),
}

/// What an answer to an inspection means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    Present,
    Absent,
    /// The status says so, but the node itself may not have been asked: enough to begin a create, whose
    /// own answer then tells, and never enough to call a delete or an undo done.
    SeemsAbsent(Failure),
    /// The node did not say.
    Unclear(Failure),
}
