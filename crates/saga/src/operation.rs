//! What can be done with a group, and what a node can hold.

use serde::{Deserialize, Serialize};

/// What is done with a group on every node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    Create,
    Delete,
}

impl Operation {
    /// The operation that takes this one back.
    #[must_use]
    pub fn reverse(self) -> Self {
        match self {
            Self::Create => Self::Delete,
            Self::Delete => Self::Create,
        }
    }

    /// What a node holds once the operation has taken effect there.
    #[must_use]
    pub fn desired(self) -> Presence {
        match self {
            Self::Create => Presence::Present,
            Self::Delete => Presence::Absent,
        }
    }

    /// The name clients and operators read: `create` or `delete`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::Delete => "delete",
        }
    }

    /// The operation of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Create, Self::Delete].into_iter().find(|operation| operation.name() == name)
    }
}

/// Whether a node holds the group.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "snake_case")]
pub enum Presence {
    Present,
    Absent,
}

impl Presence {
    /// The name clients and operators read: `present` or `absent`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Present => "present",
            Self::Absent => "absent",
        }
    }

    /// The presence of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Present, Self::Absent].into_iter().find(|presence| presence.name() == name)
    }

    /// The operation that makes it so.
    #[must_use]
    pub fn operation(self) -> Operation {
        match self {
            Self::Present => Operation::Create,
            Self::Absent => Operation::Delete,
        }
    }
}
