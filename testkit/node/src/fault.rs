//! Faults: which calls they hit, how often, and what happens to them.

use serde::{Deserialize, Serialize};

/// The kinds of calls a node takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    Create,
    Delete,
    Inspect,
    /// In a rule: every call. In the log: a call of no other kind.
    Any,
}

/// What happens to a call instead of the ordinary.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "kind")]
pub enum Fault {
    /// Answers `status` and changes nothing.
    Answer { status: u16 },
    /// Waits, then goes on as usual.
    Delay { millis: u64 },
    /// Closes the connection unanswered; changes nothing.
    Close,
    /// Does as asked, then closes the connection unanswered.
    ApplyThenClose,
    /// Does as asked, then answers `status`.
    ApplyThenAnswer { status: u16 },
    /// Something before the node answers `status` with a web page in its place; changes nothing.
    Page { status: u16 },
    /// Never answers; changes nothing.
    Hang,
    /// Does as asked, then never answers.
    ApplyThenHang,
    /// Hangs for so long and does as asked then, also when its caller has given up meanwhile.
    Late { millis: u64 },
}

impl Fault {
    pub(crate) fn applies(self) -> bool {
        matches!(
            self,
            Self::Delay { .. }
                | Self::Late { .. }
                | Self::ApplyThenClose
                | Self::ApplyThenAnswer { .. }
                | Self::ApplyThenHang
        )
    }
}

/// A fault for some calls. Of several rules that match, the first with times left counts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The calls it is for.
    pub on: Kind,
    /// Only calls for this group; `None` = for any.
    #[serde(default)]
    pub group_id: Option<String>,
    /// How many calls it hits; `None` = all.
    #[serde(default)]
    pub times: Option<u32>,
    pub fault: Fault,
}

impl Rule {
    /// `fault` for every call of this kind.
    #[must_use]
    pub fn always(on: Kind, fault: Fault) -> Self {
        Self { on, group_id: None, times: None, fault }
    }

    /// `fault` for the next `times` calls of this kind.
    #[must_use]
    pub fn times(on: Kind, times: u32, fault: Fault) -> Self {
        Self { times: Some(times), ..Self::always(on, fault) }
    }

    /// Only for one group.
    #[must_use]
    pub fn for_group(self, group_id: &str) -> Self {
        Self { group_id: Some(group_id.to_owned()), ..self }
    }

    /// Whether it is for such a call; if so, one of its times is used up.
    pub(crate) fn takes(&mut self, kind: Kind, group_id: Option<&str>) -> bool {
        let matches = (self.on == Kind::Any || self.on == kind)
            && (self.group_id.is_none() || self.group_id.as_deref() == group_id);
        if !matches || self.times == Some(0) {
            return false;
        }
        self.times = self.times.map(|times| times - 1);
        true
    }
}
