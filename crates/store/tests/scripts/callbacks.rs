//! Callbacks: due when their task ends, handed to one drain at a time, tried again, given up.

use std::collections::BTreeMap;

use futures::executor::block_on;
use saga::{ClientState, Event};
use store::{
    Admission, CallbackChange, CallbackOutcome, CallbackTurn, CallbackView, Cancelled, Delivery,
    DeliveryStatus, DueCallback, Instruction,
};

use crate::world::{ADMISSION, TTL_S, TestTurn, World, finish, task};

const URL: &str = "http://127.0.0.1:1/hook";

/// A turn that hands out one callback at most, with what came of an earlier one.
fn turn(world: &World, outcomes: Vec<CallbackOutcome>, lease_ms: u64) -> Option<DueCallback> {
    let callbacks = CallbackTurn {
        max: 1,
        lease_ms,
        receiver_places: 1,
        retry_delay_ms: 1,
        attempts_max: 2,
        outcomes,
        ..CallbackTurn::default()
    };
    world.turn(TestTurn { slots: 0, callbacks, ..TestTurn::default() }).callbacks.pop()
}

fn outcome(due: &DueCallback, failure: Option<&str>) -> Vec<CallbackOutcome> {
    let (task_id, claim) = (due.task_id.clone(), due.claim);
    let delivery = failure.map_or(Delivery::Delivered, |reason| Delivery::Failed {
        reason: reason.to_owned(),
        is_trouble: true,
        retry_after_ms: 0,
    });
    vec![CallbackOutcome { task_id, claim, delivery }]
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

/// Cancels a task with a callback to `url`, so that the callback is due.
fn due(world: &World, id: &str, url: &str) {
    let admission = Admission { callback: Some(url), ..ADMISSION };
    block_on(world.store.accept(&task(id, id), admission)).unwrap();
    let cancelled = block_on(world.store.cancel(id, TTL_S, "eve")).unwrap();
    assert!(matches!(cancelled, Cancelled::Revoked { .. }));
}

const DEFAULTS: CallbackTurn = CallbackTurn {
    max: 10,
    lease_ms: 60_000,
    receiver_places: 2,
    retry_delay_ms: 1,
    attempts_max: 9,
    failures_max: 3,
    open_ms: 300,
    under_way: BTreeMap::new(),
    outcomes: Vec::new(),
};

fn hand_out(world: &World, callbacks: CallbackTurn) -> Vec<DueCallback> {
    world.turn(TestTurn { slots: 0, callbacks, ..TestTurn::default() }).callbacks
}

fn receivers(handed: &[DueCallback]) -> Vec<&str> {
    handed.iter().map(|due| due.receiver.as_str()).collect()
}

fn failed(due: &DueCallback, is_trouble: bool, retry_after_ms: u64) -> CallbackOutcome {
    let delivery = Delivery::Failed { reason: "no".to_owned(), is_trouble, retry_after_ms };
    CallbackOutcome { task_id: due.task_id.clone(), claim: due.claim, delivery }
}

#[test]
fn many_for_one_receiver_hold_up_no_other() {
    let world = World::new();
    for number in 0..300 {
        due(&world, &format!("slow{number}"), "http://slow.test/hook");
    }
    for number in 0..2 {
        due(&world, &format!("well{number}"), &format!("HTTP://Well{number}.test:81/hook?x"));
    }
    let handed = hand_out(&world, DEFAULTS);
    let expected =
        ["http://slow.test", "http://slow.test", "http://well0.test:81", "http://well1.test:81"];
    assert_eq!(receivers(&handed), expected);
    // The places of a receiver are the drain's own.
    let under_way = || BTreeMap::from([("http://slow.test".to_owned(), 1)]);
    let more = hand_out(&world, CallbackTurn { under_way: under_way(), ..DEFAULTS });
    assert_eq!(receivers(&more), ["http://slow.test"]);
    due(&world, "late", "http://late.test/");
    let under_way = BTreeMap::from([("http://slow.test".to_owned(), 2)]);
    let more = hand_out(&world, CallbackTurn { max: 1, under_way, ..DEFAULTS });
    assert_eq!(receivers(&more), ["http://late.test"], "whoever is full is passed over");
}

#[test]
fn a_receiver_in_trouble_is_left_alone_and_then_tried_with_one() {
    let world = World::new();
    for number in 0..9 {
        due(&world, &format!("t{number}"), "http://down.test/");
    }
    let outcomes = |handed: &[DueCallback], is_trouble| -> Vec<CallbackOutcome> {
        handed.iter().map(|due| failed(due, is_trouble, 0)).collect()
    };
    let first = hand_out(&world, CallbackTurn { receiver_places: 3, ..DEFAULTS });
    assert_eq!(first.len(), 3);
    let left = hand_out(&world, CallbackTurn { outcomes: outcomes(&first, true), ..DEFAULTS });
    assert_eq!(left, [], "three failures in a row");
    let mut trial = Vec::new();
    world.eventually("one is tried", || {
        trial = hand_out(&world, DEFAULTS);
        !trial.is_empty()
    });
    assert_eq!(trial.len(), 1);
    assert_eq!(hand_out(&world, DEFAULTS), [], "one at a time");
    let left = hand_out(&world, CallbackTurn { outcomes: outcomes(&trial, true), ..DEFAULTS });
    assert_eq!(left, [], "it is left alone again");
    trial.clear();
    world.eventually("one is tried again", || {
        trial = hand_out(&world, DEFAULTS);
        !trial.is_empty()
    });
    // It answers, even if it says no.
    let more = hand_out(&world, CallbackTurn { outcomes: outcomes(&trial, false), ..DEFAULTS });
    assert_eq!(more.len(), 2, "as many as it has places");
}

#[test]
fn none_waits_for_a_receiver_that_is_left_alone_in_a_circle_of_turns() {
    let world = World::new();
    due(&world, "t", "http://down.test/");
    let turn = |callbacks| world.turn(TestTurn { slots: 0, callbacks, ..TestTurn::default() });
    let handed = turn(CallbackTurn { failures_max: 1, open_ms: 60_000, ..DEFAULTS }).callbacks;
    let outcomes = vec![failed(&handed[0], true, 0)];
    let settings = CallbackTurn { failures_max: 1, open_ms: 60_000, outcomes, ..DEFAULTS };
    let instruction = turn(settings).instruction;
    let Instruction::Wait { ms } = instruction else { panic!("{instruction:?}") };
    assert!(ms > 50_000, "{ms}");
    // With its last callback goes all that is kept of a receiver.
    assert_eq!(world.ask("HLEN {muster}:receivers-held"), 1);
    block_on(world.store.discard_callback("t", "olga")).unwrap();
    for key in ["receivers", "receivers-held", "receiver-failures", "receiver:http://down.test"] {
        assert_eq!(world.ask(&format!("EXISTS {{muster}}:{key}")), 0, "{key}");
    }
}

#[test]
fn what_0_1_0_let_wait_is_handed_out() {
    let world = ended();
    // It knew one queue for all.
    world.ask(
        "DEL {muster}:callbacks-waiting {muster}:receivers {muster}:receiver:http://127.0.0.1:1",
    );
    world.ask("ZADD {muster}:callbacks 5 t");
    let due = turn(&world, Vec::new(), 60_000).unwrap();
    assert_eq!((due.task_id.as_str(), due.url.as_str()), ("t", URL));
    assert_eq!(world.ask("EXISTS {muster}:callbacks"), 0);
    turn(&world, outcome(&due, None), 60_000);
    assert_eq!((view(&world).status, waiting(&world)), (DeliveryStatus::Delivered, 0));
}

#[test]
fn a_receiver_that_wants_no_more_gets_no_more() {
    let world = ended();
    let due = turn(&world, Vec::new(), 60_000).unwrap();
    let delivery = Delivery::Gone("answered 410".to_owned());
    let outcome = CallbackOutcome { task_id: due.task_id, claim: due.claim, delivery };
    assert_eq!(turn(&world, vec![outcome], 60_000), None);
    let view = view(&world);
    assert_eq!((view.status, view.attempts), (DeliveryStatus::GivenUp, 1));
}

#[test]
fn it_is_not_tried_before_the_receiver_asked_for() {
    let world = ended();
    let due = turn(&world, Vec::new(), 60_000).unwrap();
    let outcomes = vec![failed(&due, false, 50_000)];
    let callbacks = CallbackTurn { outcomes, ..DEFAULTS };
    let now_ms = world.turn(TestTurn { slots: 0, callbacks, ..TestTurn::default() }).now_ms;
    assert_eq!(view(&world).due_at_ms, Some(now_ms + 50_000));
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
