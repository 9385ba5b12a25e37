//! Each kind of failure, at each node, for create and delete: how the task ends, what every node
//! holds then, and the exact calls each node saw.

use e2e::{Fault, Kind, Rule, World, state};

const GROUP: &str = "g";

#[derive(Clone, Copy, Debug, PartialEq)]
enum Failure {
    /// The node answers 500 and has done nothing.
    Answers500,
    /// The node answers 403.
    Answers403,
    /// Nobody listens.
    RefusesConnections,
    /// The node never answers and does nothing.
    Hangs,
    /// The connection is closed unanswered; nothing was done.
    Closes,
    /// It was done, and then the connection is closed.
    AppliesAndCloses,
    /// It was done, and no answer comes.
    AppliesAndHangs,
    /// It was done, and the answer is 500.
    AppliesAndAnswers500,
}

impl Failure {
    fn fault(self) -> Option<Fault> {
        Some(match self {
            Self::RefusesConnections => return None,
            Self::Answers500 => Fault::Answer { status: 500 },
            Self::Answers403 => Fault::Answer { status: 403 },
            Self::Hangs => Fault::Hang,
            Self::Closes => Fault::Close,
            Self::AppliesAndCloses => Fault::ApplyThenClose,
            Self::AppliesAndHangs => Fault::ApplyThenHang,
            Self::AppliesAndAnswers500 => Fault::ApplyThenAnswer { status: 500 },
        })
    }

    /// An inspection tells what a lost call did, and all is well.
    fn turns_out_well(self) -> bool {
        matches!(self, Self::AppliesAndCloses | Self::AppliesAndHangs)
    }
}

/// The calls of one operation, and what inspections of a node say.
struct Calls {
    operation: &'static str,
    kind: Kind,
    apply: &'static str,
    applied: &'static str,
    undone: &'static str,
    /// An inspection of a node that is as before, and of one that is as desired.
    before: &'static str,
    after: &'static str,
}

const CREATE: Calls = Calls {
    operation: "create",
    kind: Kind::Create,
    apply: "POST /v1/group/",
    applied: "POST /v1/group/ → 201",
    undone: "DELETE /v1/group/ → 200",
    before: "GET /v1/group/g → 404",
    after: "GET /v1/group/g → 200",
};

const DELETE: Calls = Calls {
    operation: "delete",
    kind: Kind::Delete,
    apply: "DELETE /v1/group/",
    applied: "DELETE /v1/group/ → 200",
    undone: "POST /v1/group/ → 201",
    before: "GET /v1/group/g → 200",
    after: "GET /v1/group/g → 404",
};

/// The calls that the failing node sees.
fn calls_at_failing_node(calls: &Calls, failure: Failure) -> Vec<String> {
    let apply = |status: &str| format!("{} → {status}", calls.apply);
    // Undoing what was not done: a delete finds nothing, and a create is told that the group
    // exists, which an inspection confirms.
    let undo_of_nothing = match calls.kind {
        Kind::Create => vec![calls.undone.to_owned()],
        _ => vec!["POST /v1/group/ → 400".to_owned(), calls.before.to_owned()],
    };
    let inspect = calls.before.to_owned();
    match failure {
        Failure::RefusesConnections => Vec::new(),
        Failure::Answers403 => vec![inspect, apply("403")],
        Failure::Answers500 => [vec![inspect, apply("500")], undo_of_nothing].concat(),
        // It may still be carried out, so the node is inspected once more when that can no longer be.
        Failure::Hangs | Failure::Closes => [
            vec![inspect.clone(), apply("no answer"), inspect.clone()],
            undo_of_nothing,
            vec![inspect],
        ]
        .concat(),
        Failure::AppliesAndCloses | Failure::AppliesAndHangs => {
            vec![inspect, apply("no answer"), calls.after.to_owned()]
        }
        Failure::AppliesAndAnswers500 => vec![inspect, apply("500"), calls.undone.to_owned()],
    }
}

async fn verify(calls: Calls, failure: Failure) {
    for failing in 0..3 {
        let mut world = World::new().await;
        let held_before = calls.kind == Kind::Delete;
        if held_before {
            world.nodes.iter().for_each(|node| node.set_groups([GROUP]));
        }
        match failure.fault() {
            Some(fault) => world.nodes[failing].fault(Rule::times(calls.kind, 1, fault)),
            None => world.nodes[failing].stop().await,
        }
        let answer = world.submit(calls.operation, GROUP).await;
        let task = world.ended(answer.json["task_id"].as_str().unwrap()).await;

        let at = format!("{} {failure:?} at node {}", calls.operation, failing + 1);
        let well = failure.turns_out_well();
        assert_eq!(state(&task), if well { "SUCCESS" } else { "FAILURE" }, "{at}: {task:#}");
        assert_eq!(world.holders(GROUP), [held_before != well; 3], "{at}");
        assert!(world.dead_letters().await.is_empty(), "{at}");
        // All nodes are inspected before any is changed.
        let is_seen_in_time = failure == Failure::RefusesConnections;
        for node in 0..3 {
            let ordinary = [calls.before.to_owned(), calls.applied.to_owned()];
            let expected = match node {
                _ if node == failing => calls_at_failing_node(&calls, failure),
                _ if well => ordinary.to_vec(),
                _ if node < failing && !is_seen_in_time => {
                    [&ordinary[..], &[calls.undone.to_owned()]].concat()
                }
                _ => vec![calls.before.to_owned()],
            };
            assert_eq!(world.calls(node), expected, "{at}: calls of node {}", node + 1);
        }
    }
}

/// One test for each kind of failure, for create and for delete.
macro_rules! each_failure {
    ($($name:ident => $failure:ident;)*) => {
        mod creating {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { verify(CREATE, Failure::$failure).await; })*
        }
        mod deleting {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() { verify(DELETE, Failure::$failure).await; })*
        }
    };
}

each_failure! {
    a_node_answers_500 => Answers500;
    a_node_answers_403 => Answers403;
    a_node_refuses_connections => RefusesConnections;
    a_node_hangs => Hangs;
    a_node_closes_the_connection => Closes;
    a_node_applies_and_closes_the_connection => AppliesAndCloses;
    a_node_applies_and_hangs => AppliesAndHangs;
    a_node_applies_and_answers_500 => AppliesAndAnswers500;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rollback_leaves_every_node_as_it_was_before() {
    let world = World::new().await;
    world.nodes[0].set_groups([GROUP]);
    world.nodes[2].fault(Rule::always(Kind::Create, Fault::Answer { status: 500 }));
    assert_eq!(state(&world.created(GROUP).await), "FAILURE");
    assert_eq!(world.holders(GROUP), [true, false, false]);
    world.nodes[2].heal();
    world.nodes[2].set_groups([GROUP]);
    world.nodes[2].fault(Rule::always(Kind::Delete, Fault::Answer { status: 500 }));
    assert_eq!(state(&world.deleted(GROUP).await), "FAILURE");
    assert_eq!(world.holders(GROUP), [true, false, true]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_cannot_be_looked_at_is_not_changed() {
    let world = World::new().await;
    world.nodes[1].fault(Rule::always(Kind::Inspect, Fault::Answer { status: 500 }));
    let task = world.created(GROUP).await;
    assert_eq!(state(&task), "FAILURE");
    assert_eq!(task["nodes"][1]["state"], "refused");
    assert_eq!(world.calls(1), ["GET /v1/group/g → 500"]);
    assert_eq!(world.holders(GROUP), [false; 3]);
}
