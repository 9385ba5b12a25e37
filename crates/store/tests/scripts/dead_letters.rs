//! Dead letters: written, retried, superseded, discarded.

use futures::executor::block_on;
use saga::{
    Answer, Call, CallKind, ChangeAnswer, ClientState, DeadLetter, Event, Failure, Inspection,
    Operation, Policy, Presence, Starting, Task,
};
use store::{
    Claimed, Commit, CommitKind, DeadLetterFilter, DeadLetterRetry, DeadLetterView, Discarded, Flag,
};

use crate::world::{ADMISSION, TTL_S, World, finish, read};

/// A task that failed at its second node and could not be undone at its first.
fn with_a_dead_letter(world: &World) -> saga::DeadLetter {
    world.accept("t1", "g");
    let claimed = world.claim("a");
    world.commit("a", vec![finish(&claimed, Some(1))]);
    assert_eq!(world.state("t1"), ClientState::Failure);
    let page = block_on(world.store.dead_letters(DeadLetterFilter::default(), None, 10)).unwrap();
    assert_eq!(page.total, Some(1));
    page.dead_letters.into_iter().next().unwrap().dead_letter
}

#[test]
fn a_dead_letter_says_what_is_left_and_blocks_nothing() {
    let world = World::new();
    let dead_letter = with_a_dead_letter(&world);
    assert_eq!((dead_letter.node.as_str(), dead_letter.group_id.as_str()), ("n1", "g"));
    assert_eq!(dead_letter.before, Some(Presence::Absent));
    world.accept("t2", "g");
    assert_eq!(world.claim("a").task_id, "t2");
}

#[test]
fn a_retried_letter_stays_until_its_task_succeeds() {
    let world = World::new();
    let dead_letter = with_a_dead_letter(&world);
    let retry = Task::retry("r1".into(), dead_letter.clone(), Policy::default());
    let again =
        || block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test", TTL_S)).unwrap();
    assert_eq!(again(), DeadLetterRetry::Accepted);
    assert_eq!(again(), DeadLetterRetry::Accepted, "the same task: idempotent");
    let other = Task::retry("r2".into(), dead_letter.clone(), Policy::default());
    let other =
        block_on(world.store.retry_dead_letter(&dead_letter, &other, "a test", TTL_S)).unwrap();
    assert_eq!(other, DeadLetterRetry::Retrying("r1".into()));
    let discard = || {
        block_on(world.store.discard_dead_letter(&dead_letter.id, "a test", None, TTL_S)).unwrap()
    };
    assert_eq!(discard(), Discarded::Retrying("r1".into()));

    let claimed = world.claim("a");
    let mut task = read(&claimed);
    let call = task.plan(1, Starting::Allowed).calls.remove(0);
    task.answer(call, Answer::Change(ChangeAnswer::Applied), 1).unwrap();
    task.plan(1, Starting::Allowed);
    let commit = Commit::new(&task, claimed.epoch, CommitKind::Finish, 1).unwrap();
    world.commit("a", vec![commit]);
    assert_eq!(world.state("r1"), ClientState::Success);
    assert_eq!(
        block_on(world.store.dead_letters(DeadLetterFilter::default(), None, 10)).unwrap().total,
        Some(0)
    );
    assert_eq!(again(), DeadLetterRetry::UnknownDeadLetter);
    assert_eq!(discard(), Discarded::UnknownDeadLetter);
    let notes = block_on(world.store.poll("t1")).unwrap().unwrap().notes;
    assert!(notes.iter().any(|note| note.event == Event::DeadLetterRetried), "{notes:?}");
}

#[test]
fn a_retry_that_fails_leaves_the_same_letter_brought_up_to_date() {
    let world = World::new();
    let dead_letter = with_a_dead_letter(&world);
    let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
    let retry = Task::retry("r1".into(), dead_letter.clone(), policy);
    block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test", TTL_S)).unwrap();
    let claimed = world.claim("a");
    world.commit("a", vec![finish(&claimed, None)]);
    assert_eq!(world.state("r1"), ClientState::Failure);
    let after = block_on(world.store.dead_letter(&dead_letter.id)).unwrap().unwrap();
    assert_eq!(after.dead_letter.attempts, dead_letter.attempts + 1);
    assert_eq!(after.dead_letter.created_at_ms, dead_letter.created_at_ms);
    assert_eq!(after.retry_task_id, None);
}

#[test]
fn a_later_success_supersedes_a_dead_letter() {
    let world = World::new();
    let dead_letter = with_a_dead_letter(&world);
    world.accept("t2", "g");
    let second = world.claim("a");
    // Queued behind the task that will supersede it.
    let retry = Task::retry("r1".into(), dead_letter.clone(), Policy::default());
    assert_eq!(
        block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test", TTL_S)).unwrap(),
        DeadLetterRetry::Accepted
    );
    let next = world.commit("a", vec![finish(&second, None)]).claimed.remove(0);
    assert_eq!((next.task_id.as_str(), next.flag), ("r1", Some(Flag::Superseded)));
    let mut task = next.task().unwrap();
    task.cancel("superseded", 1);
    let commit = Commit::new(&task, next.epoch, CommitKind::Finish, 1).unwrap();
    world.commit("a", vec![commit]);
    assert_eq!(world.state("r1"), ClientState::Revoked);
    let view = block_on(world.store.dead_letter(&dead_letter.id)).unwrap().unwrap();
    assert_eq!((view.superseded_by.as_deref(), view.retry_task_id), (Some("t2"), None));
    let registry: String = world.redis.ask("HGET {muster}:group:g n1").unwrap();
    assert_eq!(registry, "1", "a retry that did nothing says nothing of its node");
    let again = Task::retry("r2".into(), dead_letter.clone(), Policy::default());
    let again =
        block_on(world.store.retry_dead_letter(&dead_letter, &again, "a test", TTL_S)).unwrap();
    assert_eq!(again, DeadLetterRetry::Superseded("t2".into()));
    let discarded =
        block_on(world.store.discard_dead_letter(&dead_letter.id, "a test", None, TTL_S)).unwrap();
    assert_eq!(discarded, Discarded::Yes);
    assert_eq!(world.ask("EXISTS {muster}:group-dead-letters:g {muster}:dead-letter"), 0);
}

impl World {
    fn accept_on(&self, id: &str, operation: Operation, nodes: &[&str]) {
        let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
        let nodes = nodes.iter().map(|node| (*node).to_owned()).collect();
        let task = Task::new(id.into(), operation, "g".into(), nodes, policy);
        block_on(self.store.accept(&task, ADMISSION)).unwrap();
    }

    /// A task that changes n1, is refused by n2, and cannot undo n1.
    fn leave_behind(&self, id: &str, operation: Operation) {
        self.accept_on(id, operation, &["n1", "n2"]);
        let claimed = self.claim("a");
        assert_eq!(claimed.task_id, id);
        self.end(&claimed, &[("n2", false)], false);
        assert_eq!(self.state(id), ClientState::Failure);
    }

    /// Carries a claimed task to its end. The nodes are otherwise than it desires; the named ones, and
    /// every undo, answer as told.
    fn end(&self, claimed: &Claimed, changes: &[(&str, bool)], undoes: bool) {
        let mut task = read(claimed);
        let answer = |is_fine| match is_fine {
            true => Answer::Change(ChangeAnswer::Applied),
            false => Answer::Change(ChangeAnswer::Refused(Failure::new("no", false))),
        };
        loop {
            let calls = task.plan(1, Starting::Allowed).calls;
            if calls.is_empty() {
                break;
            }
            for call in calls {
                let node = task.nodes().get(call.node).unwrap().address();
                let told = changes.iter().find(|(other, _)| *other == node);
                let answer = match call {
                    Call { kind: CallKind::Inspect | CallKind::Confirm, .. } => {
                        let held = task.operation().reverse().desired();
                        Answer::Inspection(Inspection::Holds(held))
                    }
                    Call { kind: CallKind::Apply, .. } => answer(told.is_none_or(|told| told.1)),
                    Call { kind: CallKind::Undo, .. } => answer(undoes),
                };
                task.answer(call, answer, 1).unwrap();
            }
        }
        let commit = Commit::new(&task, claimed.epoch, CommitKind::Finish, 1).unwrap();
        // No place is free, so that nothing is claimed.
        self.turn(crate::world::TestTurn {
            drain: "a",
            slots: 0,
            commits: vec![commit],
            ..Default::default()
        });
    }

    fn dead_letters(&self) -> Vec<DeadLetterView> {
        let page = block_on(self.store.dead_letters(DeadLetterFilter::default(), None, 100));
        page.unwrap().dead_letters
    }

    /// Retries a dead letter by one of its names, as task `task_id`.
    fn retry(&self, task_id: &str, name: &str) -> DeadLetterRetry {
        for _ in 0..9 {
            let Some(view) = block_on(self.store.dead_letter(name)).unwrap() else {
                return DeadLetterRetry::UnknownDeadLetter;
            };
            let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
            let task = Task::retry(task_id.to_owned(), view.dead_letter.clone(), policy);
            let retry = self.store.retry_dead_letter(&view.dead_letter, &task, "a test", TTL_S);
            match block_on(retry).unwrap() {
                DeadLetterRetry::Changed => {}
                retried => return retried,
            }
        }
        panic!("it changes without end");
    }

    fn discard(&self, name: &str) -> Discarded {
        block_on(self.store.discard_dead_letter(name, "a test", None, TTL_S)).unwrap()
    }

    /// What the registry says of a node; it forgets a group that is gone everywhere.
    fn known(&self, node: &str) -> String {
        let known: Option<String> =
            self.redis.ask(&format!("HGET {{muster}}:group:g {node}")).unwrap();
        known.unwrap_or_else(|| "0".to_owned())
    }
}

#[test]
fn a_node_has_one_open_letter_and_it_is_the_oldest() {
    let world = World::new();
    world.leave_behind("t1", Operation::Create);
    world.leave_behind("t2", Operation::Delete);
    world.leave_behind("t3", Operation::Create);
    let all = world.dead_letters();
    let [view] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(view.names, ["t1-0", "t2-0", "t3-0"]);
    assert_eq!((view.tasks_total, view.dead_letter.attempts), (3, 3));
    let letter = &view.dead_letter;
    assert_eq!((letter.id.as_str(), letter.before), ("t1-0", Some(Presence::Absent)));
    for name in ["t1-0", "t2-0", "t3-0"] {
        assert_eq!(block_on(world.store.dead_letter(name)).unwrap().as_ref(), Some(view));
        let task_id = name.split_once('-').map(|(task, _)| task);
        let filter = DeadLetterFilter { task_id, ..DeadLetterFilter::default() };
        let page = block_on(world.store.dead_letters(filter, None, 9)).unwrap();
        assert_eq!(
            (page.dead_letters.as_slice(), page.total),
            ([view.clone()].as_slice(), Some(1))
        );
    }
    // Whichever of them it is retried by.
    assert_eq!(world.retry("r1", "t2-0"), DeadLetterRetry::Accepted);
    assert_eq!(world.retry("r2", "t3-0"), DeadLetterRetry::Retrying("r1".into()));
    assert_eq!(world.discard("t1-0"), Discarded::Retrying("r1".into()));
    let claimed = world.claim("a");
    let calls = claimed.task().unwrap();
    assert_eq!(calls.operation(), Operation::Create, "so its undo deletes");
    world.end(&claimed, &[], true);
    assert_eq!(world.state("r1"), ClientState::Success);
    assert_eq!((world.dead_letters().len(), world.known("n1").as_str()), (0, "0"));
    for name in ["t1-0", "t2-0", "t3-0"] {
        assert_eq!(world.retry("r3", name), DeadLetterRetry::UnknownDeadLetter);
    }
    let left = "EXISTS {muster}:open-dead-letters:g {muster}:group-dead-letters:g \
        {muster}:task-dead-letters:t1 {muster}:task-dead-letters:t2 {muster}:letter:t1-0";
    assert_eq!(world.ask(left), 0);
    for task in ["t1", "t2", "t3"] {
        let notes = block_on(world.store.poll(task)).unwrap().unwrap().notes;
        assert!(notes.iter().any(|note| note.event == Event::DeadLetterRetried), "{task}");
    }
}

#[test]
fn a_task_is_added_to_a_letter_whose_retry_waits() {
    let world = World::new();
    world.leave_behind("t1", Operation::Create);
    world.accept_on("t2", Operation::Delete, &["n1", "n2"]);
    let second = world.claim("a");
    assert_eq!(world.retry("r1", "t1-0"), DeadLetterRetry::Accepted);
    world.end(&second, &[("n2", false)], false);
    let view = &world.dead_letters()[0];
    assert_eq!(view.names, ["t1-0", "t2-0"]);
    assert_eq!(view.retry_task_id.as_deref(), Some("r1"));
    // A retry that fails takes nothing away from it.
    let retry = world.claim("a");
    assert_eq!((retry.task_id.as_str(), retry.flag), ("r1", None));
    world.end(&retry, &[], false);
    let view = &world.dead_letters()[0];
    assert_eq!((view.names.len(), view.tasks_total, view.dead_letter.attempts), (2, 2, 3));
    assert_eq!(view.retry_task_id, None);
    assert_eq!(world.retry("r2", "t2-0"), DeadLetterRetry::Accepted);
    world.end(&world.claim("a"), &[], true);
    assert_eq!((world.dead_letters().len(), world.known("n1").as_str()), (0, "0"));
}

#[test]
fn a_success_supersedes_what_it_touched_and_the_next_failure_begins_anew() {
    let world = World::new();
    world.leave_behind("t1", Operation::Create);
    // n1 is no longer among the nodes.
    world.accept_on("t2", Operation::Create, &["n2", "n3"]);
    world.end(&world.claim("a"), &[], true);
    assert_eq!(world.state("t2"), ClientState::Success);
    assert_eq!(world.dead_letters()[0].superseded_by, None);
    world.accept_on("t3", Operation::Delete, &["n1"]);
    world.end(&world.claim("a"), &[], true);
    assert_eq!(world.dead_letters()[0].superseded_by.as_deref(), Some("t3"));
    assert_eq!(world.known("n1"), "0");
    world.leave_behind("t4", Operation::Create);
    let all = world.dead_letters();
    assert_eq!(all.len(), 2);
    assert_eq!(
        (all[1].names.as_slice(), &all[1].superseded_by),
        (["t4-0".to_owned()].as_slice(), &None)
    );
    assert_eq!(world.known("n1"), "?");
    assert_eq!(world.retry("r1", "t1-0"), DeadLetterRetry::Superseded("t3".into()));
    // To discard the old one is nothing to the new one.
    assert_eq!(world.discard("t1-0"), Discarded::Yes);
    world.leave_behind("t5", Operation::Delete);
    assert_eq!(world.dead_letters()[0].names, ["t4-0", "t5-0"]);
    assert_eq!(world.retry("r2", "t5-0"), DeadLetterRetry::Accepted);
    world.end(&world.claim("a"), &[], true);
    assert_eq!((world.dead_letters().len(), world.known("n1").as_str()), (0, "0"));
}

/// However many tasks leave a node behind, its dead letter stays small, and names the latest.
#[test]
fn a_letter_names_its_first_task_and_the_latest() {
    let world = World::new();
    for task in 0..120 {
        let operation = if task % 2 == 0 { Operation::Create } else { Operation::Delete };
        world.leave_behind(&format!("t{task}"), operation);
    }
    let view = &world.dead_letters()[0];
    assert_eq!((view.tasks_total, view.names.len()), (120, 100));
    assert_eq!((view.names[0].as_str(), view.names[99].as_str()), ("t0-0", "t119-0"));
    assert_eq!(block_on(world.store.dead_letter("t1-0")).unwrap(), None);
    assert!(world.ask("TTL {muster}:ended:t1") > 0, "it is no longer kept");
    assert_eq!(world.ask("TTL {muster}:ended:t119"), -1);
}

/// What a dead letter names can be read as long as it is there.
#[test]
fn ended_tasks_stay_as_long_as_their_dead_letters() {
    let world = World::new();
    let ttl = |key: &str| world.ask(&format!("TTL {{muster}}:{key}"));
    world.leave_behind("t1", Operation::Create);
    world.leave_behind("t2", Operation::Delete);
    for key in ["ended:t1", "ended:t2", "group-tasks:g"] {
        assert_eq!(ttl(key), -1, "{key}");
    }
    assert_eq!(world.retry("r1", "t1-0"), DeadLetterRetry::Accepted);
    assert_eq!(ttl("notes:t1"), -1);
    world.end(&world.claim("a"), &[], false);
    assert_eq!(ttl("group-tasks:g"), -1, "its retry is not the last of the group's tasks");
    assert_eq!(world.discard("t2-0"), Discarded::Yes);
    for key in ["ended:t1", "ended:t2", "notes:t1", "notes:t2", "group-tasks:g"] {
        assert!((1..=60).contains(&ttl(key)), "{key}");
    }
}

/// A dead letter as 0.1.0 wrote it.
fn first(world: &World, task: &str, operation: Operation, at_ms: u64) {
    let letter = DeadLetter {
        id: format!("{task}-0"),
        kind: saga::DeadLetterKind::Compensation,
        task_id: task.to_owned(),
        group_id: "g".to_owned(),
        node: "n1".to_owned(),
        operation,
        before: Some(operation.reverse().desired()),
        attempts: 4,
        last_error: Some("no".to_owned()),
        created_at_ms: at_ms,
        updated_at_ms: at_ms,
    };
    let json = serde_json::to_string(&letter).unwrap();
    world.ask(&format!("HSET {{muster}}:letter:{task}-0 group g json {json}"));
    world.ask(&format!("ZADD {{muster}}:dead-letter {at_ms} {task}-0"));
    world.ask(&format!("SADD {{muster}}:group-letters:g {task}-0"));
}

#[test]
fn letters_of_0_1_0_for_one_node_become_one() {
    let world = World::new();
    first(&world, "b", Operation::Delete, 2);
    first(&world, "a", Operation::Create, 1);
    first(&world, "c", Operation::Create, 3);
    let filter = DeadLetterFilter { group_id: Some("g"), ..DeadLetterFilter::default() };
    let page = block_on(world.store.dead_letters(filter, None, 9)).unwrap();
    assert_eq!((page.total, page.dead_letters.len()), (Some(3), 3), "they are shown as they are");
    assert_eq!(block_on(world.store.group("g")).unwrap().dead_letters, ["a-0", "b-0", "c-0"]);
    assert_eq!(world.discard("c-0"), Discarded::Yes);
    assert_eq!(world.retry("r1", "b-0"), DeadLetterRetry::Accepted);
    let all = world.dead_letters();
    let [view] = all.as_slice() else { panic!("{all:?}") };
    assert_eq!(view.names, ["a-0", "b-0"]);
    let letter = &view.dead_letter;
    assert_eq!((letter.before, letter.attempts), (Some(Presence::Absent), 8));
    assert_eq!(world.ask("EXISTS {muster}:group-letters:g"), 0);
    let claimed = world.claim("a");
    assert_eq!(claimed.task().unwrap().operation(), Operation::Create);
    world.end(&claimed, &[], true);
    assert_eq!((world.dead_letters().len(), world.known("n1").as_str()), (0, "0"));
}

#[test]
fn a_retry_that_0_1_0_accepted_adds_to_its_letter_when_it_fails() {
    let world = World::new();
    first(&world, "a", Operation::Create, 1);
    let view = block_on(world.store.dead_letter("a-0")).unwrap().unwrap();
    let policy = Policy { rollback_max_retries: 0, ..Policy::default() };
    let retry = Task::retry("r1".into(), view.dead_letter, policy);
    block_on(world.store.accept(&retry, ADMISSION)).unwrap();
    world.ask("HSET {muster}:task:r1 letter a-0");
    world.end(&world.claim("a"), &[], false);
    let view = &world.dead_letters()[0];
    assert_eq!(
        (view.dead_letter.attempts, view.names.as_slice()),
        (5, ["a-0".to_owned()].as_slice())
    );
    assert_eq!(view.dead_letter.created_at_ms, 1);
}

/// Two retries that 0.1.0 had accepted for one node, whichever comes first.
#[test]
fn retries_that_0_1_0_accepted_leave_the_node_as_before_the_first() {
    for newer_first in [true, false] {
        let world = World::new();
        first(&world, "a", Operation::Create, 1);
        first(&world, "b", Operation::Delete, 2);
        let names = if newer_first { ["b-0", "a-0"] } else { ["a-0", "b-0"] };
        let views = names.map(|name| block_on(world.store.dead_letter(name)).unwrap().unwrap());
        for (task, view) in ["r1", "r2"].iter().zip(&views) {
            let record = Task::retry((*task).into(), view.dead_letter.clone(), Policy::default());
            block_on(world.store.accept(&record, ADMISSION)).unwrap();
            let id = &view.dead_letter.id;
            world.ask(&format!("HSET {{muster}}:task:{task} letter {id}"));
            world.ask(&format!("HSET {{muster}}:letter:{id} retry_task_id {task}"));
        }
        world.end(&world.claim("a"), &[], true);
        let second = world.claim("a");
        assert_eq!(second.flag, (!newer_first).then_some(Flag::Superseded));
        if newer_first {
            world.end(&second, &[], true);
        } else {
            let mut task = second.task().unwrap();
            task.cancel("superseded", 1);
            let commit = Commit::new(&task, second.epoch, CommitKind::Finish, 1).unwrap();
            world.commit("a", vec![commit]);
        }
        assert_eq!((world.dead_letters().len(), world.known("n1").as_str()), (0, "0"));
    }
}
