//! Groups as operators meet them: what each node holds, as far as Muster knows.

use saga::{ClientState, Operation, Presence};

use crate::redis::Redis;
use crate::script::{self, Arguments};
use crate::tasks::client_state;
use crate::{Store, StoreError, WAKE_CHANNEL};

/// The most unfinished tasks and dead letters that are told of one group.
pub const GROUP_ENTRIES_MAX: u64 = 100;

/// The most nodes that are read for a page of groups, but for those of the last of them.
const PAGE_NODES_MAX: u64 = 10_000;

/// A group in a list, with how many nodes hold it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupSummary {
    pub group_id: String,
    pub present: u64,
    pub absent: u64,
    pub unknown: u64,
}

/// Some groups, by name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupPage {
    pub groups: Vec<GroupSummary>,
    /// Whether there are groups after these.
    pub more: bool,
}

/// What is known of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GroupView {
    /// Each node that a task has dealt with, and what it holds; `None` = not known.
    pub holdings: Vec<(String, Option<Presence>)>,
    /// How many tasks have not ended.
    pub tasks_total: u64,
    /// The first of them, in the order they run.
    pub tasks: Vec<GroupTask>,
    /// How many dead letters there are.
    pub dead_letters_total: u64,
    /// The ids of some of them.
    pub dead_letters: Vec<String>,
}

/// An unfinished task of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupTask {
    pub task_id: String,
    pub state: ClientState,
    pub operation: Option<Operation>,
    /// Milliseconds since the epoch.
    pub created_at_ms: u64,
}

impl<R: Redis> Store<R> {
    /// Lists up to `count` groups that some node holds, by name, after the name `after`. The work is
    /// bounded, so a page may be short and still have more after it.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn groups(&self, after: Option<&str>, count: u64) -> Result<GroupPage, StoreError> {
        let arguments = Arguments::default()
            .text(after.unwrap_or_default())
            .number(count)
            .number(PAGE_NODES_MAX)
            .text(WAKE_CHANNEL);
        let mut answer = self.run(&script::GROUPS_LIST, arguments).await?;
        let more = answer.count()? == 1;
        let mut groups = Vec::new();
        while !answer.is_empty() {
            groups.push(GroupSummary {
                group_id: answer.text()?,
                present: answer.count()?,
                absent: answer.count()?,
                unknown: answer.count()?,
            });
        }
        Ok(GroupPage { groups, more })
    }

    /// Reads what is known of a group; of one that nobody ever dealt with, nothing is.
    ///
    /// # Errors
    /// When Redis fails.
    pub async fn group(&self, group_id: &str) -> Result<GroupView, StoreError> {
        let arguments = Arguments::default()
            .text(group_id)
            .text(WAKE_CHANNEL)
            .number(GROUP_ENTRIES_MAX)
            .number(GROUP_ENTRIES_MAX);
        let mut answer = self.run(&script::GROUP_READ, arguments).await?;
        let mut view = GroupView::default();
        for _ in 0..answer.count()? {
            let (node, held) = (answer.text()?, answer.text()?);
            view.holdings.push((node, Presence::from_name(&held)));
        }
        view.holdings.sort();
        view.tasks_total = answer.count()?;
        for _ in 0..answer.count()? {
            view.tasks.push(GroupTask {
                task_id: answer.text()?,
                state: client_state(&answer.text()?)?,
                operation: Operation::from_name(&answer.text()?),
                created_at_ms: answer.optional_count()?.unwrap_or_default(),
            });
        }
        view.dead_letters_total = answer.count()?;
        while !answer.is_empty() {
            view.dead_letters.push(answer.text()?);
        }
        view.dead_letters.sort();
        Ok(view)
    }
}
