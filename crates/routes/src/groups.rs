//! Groups: `GET /groups` and `GET /groups/by-id/{group_id}`.

use clock::{Clock, rfc3339};
use futures::StreamExt as _;
use futures::stream::iter;
use http::{Method, StatusCode};
use saga::{ClientState, Operation, Presence};
use serde::Serialize;
use settings::Role;
use store::{GroupView, Redis};

use crate::api::Api;
use crate::call::Call;
use crate::endpoint::Endpoint;
use crate::input;
use crate::limits::GROUP_ID_CHARS_MAX;
use crate::nodes::Nodes;
#[cfg(feature = "openapi")]
use crate::openapi::Description;
use crate::page::{self, LIMIT};
use crate::problem::Problem;
use crate::problem_kinds;
use crate::query::{Param, ParamKind};
use crate::reply::Reply;
use crate::success::json;

/// How many nodes are inspected at once.
const INSPECTIONS_AT_ONCE: usize = 64;
/// How long an inspection of all nodes may take, in milliseconds; hosts give a request 30 seconds.
const CHECK_MS_MAX: u64 = 15_000;

static AFTER: Param = Param {
    name: "after",
    kind: ParamKind::Text { chars_max: GROUP_ID_CHARS_MAX },
    about: "Begin after this group: the `next_after` of the page before.",
};
static CHECK: Param =
    Param { name: "check", kind: ParamKind::Flag, about: "Inspect every node: what it holds now." };
/// A page of groups.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct GroupList {
    /// By name; groups that no node holds any more are left out.
    groups: Vec<GroupSummary>,
    /// Where the next page begins; `null` at the end. About 10,000 nodes are read for a page, so it may be
    /// short and still have a next one.
    next_after: Option<String>,
}

/// A group in a list, and on how many nodes it is as far as Muster knows.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct GroupSummary {
    group_id: String,
    present: u64,
    absent: u64,
    /// Nodes of which it is not known.
    unknown: u64,
}

/// What is known of a group.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
#[cfg_attr(feature = "openapi", schemars(rename = "Group"))]
struct GroupAnswer {
    group_id: String,
    /// With `check`: whether some node holds something else than Muster thought, or than the
    /// others; `null` when nothing tells so and `unanswered` is not 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<Option<bool>>,
    /// With `check`: how many nodes did not say what they hold; `error` says why.
    #[serde(skip_serializing_if = "Option::is_none")]
    unanswered: Option<usize>,
    nodes: Vec<GroupNode>,
    /// Unfinished tasks in the order they run, the first 100.
    tasks: Vec<GroupTask>,
    tasks_total: u64,
    /// Dead letters of this group, up to 100.
    dead_letters: Vec<String>,
    dead_letters_total: u64,
}

/// What one node holds.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct GroupNode {
    node: String,
    /// As far as Muster knows; `null` when it does not.
    known: Option<Presence>,
    /// With `check`: what the node says; `null` when it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    actual: Option<Option<Presence>>,
    /// With `check`: why the node does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

/// An unfinished task of a group.
#[derive(Serialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
struct GroupTask {
    task_id: String,
    state: ClientState,
    operation: Option<Operation>,
    created_at: String,
}

pub(crate) struct ListGroups;

impl Endpoint for ListGroups {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/groups";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let query = call.query(&[&AFTER, &LIMIT])?;
        let page = api.store.groups(query.text(&AFTER)?, page::limit(&query)?).await?;
        let groups: Vec<GroupSummary> = page
            .groups
            .into_iter()
            .map(|group| GroupSummary {
                group_id: group.group_id,
                present: group.present,
                absent: group.absent,
                unknown: group.unknown,
            })
            .collect();
        let last = groups.last().map(|group| group.group_id.clone());
        let answer = GroupList { groups, next_after: last.filter(|_| page.more) };
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ListGroups", "Groups that some node holds, by name")
            .query(&[&AFTER, &LIMIT])
            .answer::<GroupList>(200, "A page of groups.")
            .link(200, "ShowGroup", &[("group_id", "$response.body#/groups/0/group_id")])
    }
}

pub(crate) struct ShowGroup;

impl Endpoint for ShowGroup {
    const METHOD: Method = Method::GET;
    const PATH: &'static str = "/groups/by-id/{group_id}";
    const ROLE: Option<Role> = Some(Role::Read);

    async fn answer<R, C, N>(api: Api<R, C, N>, call: &Call<'_>) -> Result<Reply, Problem>
    where
        R: Redis + 'static,
        C: Clock + 'static,
        N: Nodes,
    {
        let inspect = call.query(&[&CHECK])?.flag(&CHECK)?;
        let group_id = input::group_id(call.parameter.clone())?;
        let view = api.store.group(&group_id).await?;
        let nodes = api.known_nodes(&view);
        let mut answer = GroupAnswer {
            drift: None,
            unanswered: None,
            nodes,
            tasks: view.tasks.into_iter().map(group_task).collect(),
            tasks_total: view.tasks_total,
            dead_letters: view.dead_letters,
            dead_letters_total: view.dead_letters_total,
            group_id,
        };
        if inspect {
            api.inspect_nodes(&mut answer).await?;
        }
        json(StatusCode::OK, &answer, &[])
    }

    #[cfg(feature = "openapi")]
    fn describe(route: Description<'_>) -> Description<'_> {
        route
            .named("ShowGroup", "What is known of a group")
            .about(
                "With check, every node is inspected, and drift says whether some node holds \
                 something else than Muster thought, or than the others; null when it is not \
                 known, because some node did not answer. It changes nothing, and takes 15 seconds \
                 at most: what a node did not say by then is not known.",
            )
            .query(&[&CHECK])
            .answer::<GroupAnswer>(200, "The group, its unfinished tasks and its dead letters.")
            .link(200, "RepairGroup", &[("group_id", "$response.body#/group_id")])
            .problems(&[&problem_kinds::BAD_GROUP_ID, &problem_kinds::NO_NODE_ACCESS])
    }
}

impl<R, C: Clock, N: Nodes> Api<R, C, N> {
    /// The nodes of the settings, in their order, then those that older tasks dealt with.
    fn known_nodes(&self, view: &GroupView) -> Vec<GroupNode> {
        let known = |node: &str| {
            let holding = view.holdings.iter().find(|(other, _)| other == node);
            holding.and_then(|(_, held)| *held)
        };
        let current = &self.settings.nodes;
        let former =
            view.holdings.iter().map(|(node, _)| node).filter(|node| !current.contains(node));
        current
            .iter()
            .chain(former)
            .map(|node| GroupNode {
                node: node.clone(),
                known: known(node),
                actual: None,
                error: None,
            })
            .collect()
    }

    /// Inspects every node, several at once, as far as there is time.
    async fn inspect_nodes(&self, answer: &mut GroupAnswer) -> Result<(), Problem> {
        let group_id = answer.group_id.as_str();
        let inspections = iter(answer.nodes.iter().enumerate())
            .map(async |(index, node)| (index, self.nodes.inspect(&node.node, group_id).await))
            .buffer_unordered(INSPECTIONS_AT_ONCE)
            .take_until(self.clock.sleep(CHECK_MS_MAX));
        let inspected: Vec<_> = inspections.collect().await;
        for (index, held) in inspected {
            let Some(node) = answer.nodes.get_mut(index) else { continue };
            match held {
                None => return Err(Problem::plain(&problem_kinds::NO_NODE_ACCESS)),
                Some(Ok(held)) => node.actual = Some(Some(held)),
                Some(Err(reason)) => {
                    node.actual = Some(None);
                    node.error = Some(reason);
                }
            }
        }
        for node in answer.nodes.iter_mut().filter(|node| node.actual.is_none()) {
            node.actual = Some(None);
            let seconds = CHECK_MS_MAX / 1_000;
            node.error =
                Some(format!("it did not say within the {seconds} s that a check may take"));
        }
        let unanswered = answer.nodes.iter().filter(|node| node.error.is_some()).count();
        answer.unanswered = Some(unanswered);
        // What one node shows is not undone by another that is silent.
        let has_drifted = has_drifted(&answer.nodes);
        answer.drift =
            Some(Some(has_drifted).filter(|has_drifted| *has_drifted || unanswered == 0));
        Ok(())
    }
}

/// Whether a node that answered holds something else than was known, or than another node.
fn has_drifted(nodes: &[GroupNode]) -> bool {
    let answered: Vec<_> =
        nodes.iter().filter_map(|node| Some((node.known, node.actual.flatten()?))).collect();
    let differs_from_known =
        answered.iter().any(|(known, actual)| known.is_some_and(|known| known != *actual));
    let differs_from_others = answered.windows(2).any(|pair| match pair {
        [(_, one), (_, other)] => one != other,
        _ => false,
    });
    differs_from_known || differs_from_others
}

fn group_task(task: store::GroupTask) -> GroupTask {
    GroupTask {
        task_id: task.task_id,
        state: task.state,
        operation: task.operation,
        created_at: rfc3339(task.created_at_ms),
    }
}
