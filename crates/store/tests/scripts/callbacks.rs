//! Callbacks: due when their task ends, handed to one drain at a time, tried again, given up.

use futures::executor::block_on;
use saga::{ClientState, Event};
use store::{
    Admission, CallbackChange, CallbackOutcome, CallbackTurn, CallbackView, Cancelled,
    DeliveryStatus, DueCallback,
};

use crate::world::{ADMISSION, TTL_S, TestTurn, World, finish, task};

const URL: &str = "http://127.0.0.1:1/hook";

/// A turn that hands out one callback at most, with what came of an earlier one.
fn turn(world: &World, outcomes: Vec<CallbackOutcome>, lease_ms: u64) -> Option<DueCallback> {
    let callbacks = CallbackTurn { max: 1, lease_ms, retry_delay_ms: 1, attempts_max: 2, outcomes };
    world.turn(TestTurn { slots: 0, callbacks, ..TestTurn::default() }).callbacks.pop()
}

fn outcome(due: &DueCallback, failure: Option<&str>) -> Vec<CallbackOutcome> {
    let (task_id, claim) = (due.task_id.clone(), due.claim);
    vec![CallbackOutcome { task_id, claim, failure: failure.map(str::to_owned) }]
}

fn view(world: &World) -> CallbackView {
    block_on(world.store.poll("t")).unwrap().unwrap().callback.unwrap()
}

/// A task that has ended, with a callback.
fn ended() -> World {
    let world = World::new();
    let admission = Admission { callback: Some(URL), ..ADMISSION };
    block_on(world.store.accept(&task("t", "g"), admission)).unwrap();
    assert_eq!(turn(&world, Vec::new(), 60_000), None, "its task has not ended");
    assert_eq!(view(&world).status, DeliveryStatus::NotDue);
    let claimed = world.claim("drain");
    world.commit("drain", vec![finish(&claimed, None)]);
    world
}

fn waiting(world: &World) -> u64 {
    block_on(world.store.callbacks(false, None, 10)).unwrap().total
}

#[test]
fn it_is_due_when_its_task_ends_and_is_done_when_delivered() {
    let world = ended();
    let due = turn(&world, Vec::new(), 60_000).unwrap();
    assert_eq!((due.url.as_str(), due.group_id.as_str()), (URL, "g"));
    assert_eq!((due.state.as_str(), due.operation.as_str()), ("SUCCESS", "create"));
    assert!(due.finished_at_ms > 0);
    assert_eq!(turn(&world, Vec::new(), 60_000), None, "somebody has it");
    assert_eq!(waiting(&world), 1);
    assert_eq!(turn(&world, outcome(&due, None), 60_000), None);
    assert_eq!((view(&world).status, waiting(&world)), (DeliveryStatus::Delivered, 0));
    let ttl = world.ask("TTL {muster}:callback:t");
    assert!(ttl > 0 && ttl <= TTL_S.try_into().unwrap());
    let again = block_on(world.store.retry_callback("t", "olga")).unwrap();
    assert_eq!(again, CallbackChange::Delivered);
}

#[test]
fn it_is_tried_again_and_at_last_given_up_until_a_person_acts() {
    let world = ended();
    let first = turn(&world, Vec::new(), 60_000).unwrap();
    let mut second = turn(&world, outcome(&first, Some("no")), 60_000);
    world.eventually("it is due again", || {
        second = second.take().or_else(|| turn(&world, Vec::new(), 60_000));
        second.is_some()
    });
    let second = second.unwrap();
    assert_eq!(view(&world).last_error.as_deref(), Some("no"));
    assert_eq!(turn(&world, outcome(&second, Some("still no")), 60_000), None);
    let given_up = view(&world);
    assert_eq!((given_up.status, given_up.attempts), (DeliveryStatus::GivenUp, 2));
    let listed = block_on(world.store.callbacks(true, None, 10)).unwrap();
    assert_eq!((listed.total, listed.callbacks[0].group_id.as_str()), (1, "g"));
    assert_eq!(world.ask("TTL {muster}:callback:t"), -1, "it stays");

    let again = block_on(world.store.retry_callback("t", "olga")).unwrap();
    assert_eq!(again, CallbackChange::Done);
    assert!(turn(&world, Vec::new(), 60_000).is_some());
    let gone = block_on(world.store.discard_callback("t", "olga")).unwrap();
    assert_eq!(gone, CallbackChange::Done);
    assert_eq!(waiting(&world), 0);
    let unknown = block_on(world.store.discard_callback("t", "olga")).unwrap();
    assert_eq!(unknown, CallbackChange::UnknownCallback);
    let notes = block_on(world.store.poll("t")).unwrap().unwrap().notes;
    let events: Vec<Event> = notes.iter().map(|note| note.event).collect();
    assert_eq!(events, [Event::CallbackRetried, Event::CallbackDiscarded]);
}

#[test]
fn one_whose_drain_was_lost_is_handed_out_again_and_the_old_outcome_counts_for_nothing() {
    let world = ended();
    let lost = turn(&world, Vec::new(), 1).unwrap();
    let mut again = None;
    world.eventually("it is handed out again", || {
        again = turn(&world, Vec::new(), 60_000);
        again.is_some()
    });
    turn(&world, outcome(&lost, None), 60_000);
    assert_eq!(view(&world).status, DeliveryStatus::Waiting);
    turn(&world, outcome(&again.unwrap(), None), 60_000);
    assert_eq!(view(&world).status, DeliveryStatus::Delivered);
}

#[test]
fn a_revoked_task_calls_back_too() {
    let world = World::new();
    let admission = Admission { callback: Some(URL), ..ADMISSION };
    block_on(world.store.accept(&task("t", "g"), admission)).unwrap();
    let cancelled = block_on(world.store.cancel("t", TTL_S, "eve")).unwrap();
    assert!(matches!(cancelled, Cancelled::Revoked { .. }));
    assert_eq!(turn(&world, Vec::new(), 60_000).unwrap().state, ClientState::Revoked.name());
}
