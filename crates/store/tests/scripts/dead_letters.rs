//! Dead letters: written, retried, superseded, discarded.

use futures::executor::block_on;
use saga::{Answer, ChangeAnswer, ClientState, Event, Policy, Presence, Starting, Task};
use store::{Commit, CommitKind, DeadLetterFilter, DeadLetterRetry, Discarded, Flag};

use crate::world::{World, finish, read};

/// A task that failed at its second node and could not be undone at its first.
fn with_a_dead_letter(world: &World) -> saga::DeadLetter {
    world.accept("t1", "g");
    let claimed = world.claim("a");
    world.commit("a", vec![finish(&claimed, Some(1))]);
    assert_eq!(world.state("t1"), ClientState::Failure);
    let page = block_on(world.store.dead_letters(DeadLetterFilter::default(), None, 10)).unwrap();
    assert_eq!(page.total, 1);
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
    let again = || block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test")).unwrap();
    assert_eq!(again(), DeadLetterRetry::Accepted);
    assert_eq!(again(), DeadLetterRetry::Accepted, "the same task: idempotent");
    let other = Task::retry("r2".into(), dead_letter.clone(), Policy::default());
    let other = block_on(world.store.retry_dead_letter(&dead_letter, &other, "a test")).unwrap();
    assert_eq!(other, DeadLetterRetry::Retrying("r1".into()));
    let discard = || {
        block_on(world.store.discard_dead_letter(&dead_letter.id, "t1", "a test", None)).unwrap()
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
        0
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
    block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test")).unwrap();
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
        block_on(world.store.retry_dead_letter(&dead_letter, &retry, "a test")).unwrap(),
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
    let again = block_on(world.store.retry_dead_letter(&dead_letter, &again, "a test")).unwrap();
    assert_eq!(again, DeadLetterRetry::Superseded("t2".into()));
    let discarded =
        block_on(world.store.discard_dead_letter(&dead_letter.id, "t1", "a test", None)).unwrap();
    assert_eq!(discarded, Discarded::Yes);
    assert_eq!(world.ask("EXISTS {muster}:group-letters:g {muster}:dead-letter"), 0);
}
