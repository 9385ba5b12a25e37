//! Lists: filtered, paged, bounded, and cleared of what has expired.

use futures::executor::block_on;
use saga::{ClientState, Operation, Phase};
use store::{Cursor, DeadLetterFilter, Instruction, TaskFilter};

use crate::world::{TestTurn, World, finish};

fn ids(world: &World, filter: TaskFilter<'_>) -> Vec<String> {
    let page = block_on(world.store.tasks(filter, None, 100)).unwrap();
    page.tasks.into_iter().map(|line| line.task_id).collect()
}

#[test]
fn tasks_are_found_by_what_they_are() {
    let world = World::new();
    for (id, group) in [("t1", "g"), ("t2", "h"), ("t3", "g")] {
        world.accept(id, group);
    }
    let claimed = world.claim("drain");
    world.commit("drain", vec![finish(&claimed, None)]);
    let any = TaskFilter::default();
    let mut all = ids(&world, any);
    all.sort();
    assert_eq!(all, ["t1", "t2", "t3"]);
    assert_eq!(ids(&world, TaskFilter { group_id: Some("h"), ..any }), ["t2"]);
    assert_eq!(ids(&world, TaskFilter { states: &[ClientState::Success], ..any }), ["t1"]);
    assert_eq!(ids(&world, TaskFilter { node: Some("n1"), ..any }).len(), 3);
    assert!(ids(&world, TaskFilter { node: Some("n9"), ..any }).is_empty());
    assert!(ids(&world, TaskFilter { operation: Some(Operation::Delete), ..any }).is_empty());
    assert!(ids(&world, TaskFilter { before_ms: Some(1), ..any }).is_empty());
    assert_eq!(ids(&world, TaskFilter { since_ms: Some(1), ..any }).len(), 3);
}

/// Puts an ended task where it is kept.
fn write_ended(world: &World, id: &str, text: &str) {
    let script = "redis.call('SET', '{muster}:ended:' .. ARGV[1], ARGV[2]) \
                  return redis.call('ZADD', '{muster}:tasks', 5, ARGV[1])";
    assert_eq!(world.redis.eval::<i64>(script, &[id, text]).unwrap(), 1);
}

#[test]
fn a_list_tells_phase_and_error() {
    let world = World::new();
    let why = "n1: create answered 500: \"no\\\", \"],\"e\":\"it says\n\u{e4}";
    let record = |phase: &str, error: &str| {
        let error = serde_json::to_string(error).unwrap();
        format!(
            "{{\"v\":2,\"p\":{phase:?},\"n\":[{{\"a\":\"n1\",\"s\":\"r\",\"e\":\"the node's own\"}}],\"e\":{error}}}"
        )
    };
    let first = "{\"id\":\"t3\",\"group_id\":\"\\\",\\\"phase\\\":\\\"x\",\"phase\":\"dead_lettered\",\"nodes\":[{\"address\":\"n1\",\"last_error\":\"x\"}],\"course\":{},\"error\":\"of old\"}";
    let ended = |id: &str, state: &str, record: &str| {
        write_ended(&world, id, &format!("{state} create 5 6\ng\n{record}"));
    };
    ended("t1", "SUCCESS", "{\"v\":2,\"p\":\"succeeded\",\"n\":[{\"a\":\"n1\"}]}");
    ended("t2", "FAILURE", &record("rolled_back", why));
    ended("t3", "FAILURE", first);
    ended("t4", "REVOKED", &record("queued", "cancelled by a client"));
    ended("t5", "FAILURE", "{damaged");
    world.accept("t6", "g");
    let tasks = |phases: &[Phase]| {
        let filter = TaskFilter { phases, ..TaskFilter::default() };
        let page = block_on(world.store.tasks(filter, None, 100)).unwrap();
        let mut tasks: Vec<_> =
            page.tasks.into_iter().map(|task| (task.task_id, task.phase, task.error)).collect();
        tasks.sort_by_key(|(id, ..)| id.clone());
        tasks
    };
    let task =
        |id: &str, phase, error: Option<&str>| (id.to_owned(), phase, error.map(str::to_owned));
    let expected = [
        task("t1", Some(Phase::Succeeded), None),
        task("t2", Some(Phase::RolledBack), Some(why)),
        task("t3", Some(Phase::DeadLettered), Some("of old")),
        task("t4", Some(Phase::Cancelled), Some("cancelled by a client")),
        task("t5", None, None),
        task("t6", Some(Phase::Queued), None),
    ];
    assert_eq!(tasks(&[]), expected);
    assert_eq!(
        tasks(&[Phase::RolledBack, Phase::Queued]),
        [&expected[1], &expected[5]].map(Clone::clone)
    );
    assert_eq!(tasks(&[Phase::DeadLettered]), expected[2..3]);
}

#[test]
fn a_page_reads_no_more_than_a_megabyte_of_records_and_one_more() {
    let world = World::new();
    let record = format!(
        "{{\"v\":2,\"p\":\"rolled_back\",\"n\":[{{\"a\":\"{}\"}}],\"e\":\"why\"}}",
        "x".repeat(300_000)
    );
    for number in 0..9 {
        write_ended(&world, &format!("t{number}"), &format!("FAILURE create 5 6\ng\n{record}"));
    }
    for filter in
        [TaskFilter::default(), TaskFilter { node: Some("nowhere"), ..TaskFilter::default() }]
    {
        let (mut pages, mut listed, mut cursor) = (0, 0, None);
        loop {
            let page = block_on(world.store.tasks(filter, cursor.as_ref(), 100)).unwrap();
            (pages, listed) = (pages + 1, listed + page.tasks.len());
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
        }
        assert_eq!((pages, listed), (3, if filter.node.is_none() { 9 } else { 0 }));
    }
}

#[test]
fn pages_follow_each_other_without_gap_or_repeat() {
    let world = World::new();
    for number in 0..25 {
        world.accept(&format!("t{number:02}"), "g");
    }
    let mut seen: Vec<String> = Vec::new();
    let mut cursor: Option<Cursor> = None;
    loop {
        let page = block_on(world.store.tasks(TaskFilter::default(), cursor.as_ref(), 10)).unwrap();
        assert!(page.tasks.len() <= 10);
        seen.extend(page.tasks.into_iter().map(|line| line.task_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    seen.sort();
    let expected: Vec<String> = (0..25).map(|number| format!("t{number:02}")).collect();
    assert_eq!(seen, expected);
}

/// Ids that a language would sort otherwise than Redis does.
const IDS: [&str; 6] = ["T-2", "t-1", "t-10", "t-2", "t1", "t_1"];

/// Goes down a list, an entry a page. Whatever `meddle` does to the entry that a page ended with, no other
/// is passed over.
fn go_down<'a>(
    world: &World,
    list: impl Fn(Option<&Cursor>) -> (Vec<String>, Option<Cursor>),
    meddle: impl Fn(&World, &str),
    order: impl IntoIterator<Item = &'a str>,
) {
    let (mut seen, mut cursor) = (Vec::new(), None);
    loop {
        let (ids, next) = list(cursor.as_ref());
        for id in &ids {
            meddle(world, id);
        }
        seen.extend(ids);
        cursor = next;
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!(seen, order.into_iter().collect::<Vec<_>>());
}

#[test]
fn tasks_that_are_gone_take_no_others_along() {
    let world = World::new();
    for id in IDS {
        world.accept(id, "g");
        world.ask(&format!("ZADD {{muster}}:tasks 1700000000000 {id}"));
        world.ask(&format!("ZADD {{muster}}:group-tasks:g 1700000000000 {id}"));
    }
    for group_id in [None, Some("g")] {
        let list = |cursor: Option<&Cursor>| {
            let filter = TaskFilter { group_id, ..TaskFilter::default() };
            let page = block_on(world.store.tasks(filter, cursor, 1)).unwrap();
            (page.tasks.into_iter().map(|task| task.task_id).collect(), page.next)
        };
        let forget = |world: &World, id: &str| {
            let index = if group_id.is_some() { "group-tasks:g" } else { "tasks" };
            world.ask(&format!("ZREM {{muster}}:{index} {id}"));
        };
        go_down(&world, list, forget, IDS.into_iter().rev());
    }
}

#[test]
fn dead_letters_that_are_gone_take_no_others_along() {
    let world = World::new();
    for group_id in [None, Some("g")] {
        for id in IDS {
            for list in ["dead-letter", "group-dead-letters:g"] {
                world.ask(&format!("ZADD {{muster}}:{list} 1700000000000 {id}"));
            }
            world.ask(&format!(r#"HSET {{muster}}:letter:{id} group g json {{"id":"{id}"}}"#));
        }
        let list = |cursor: Option<&Cursor>| {
            let filter = DeadLetterFilter { group_id, ..DeadLetterFilter::default() };
            let page = block_on(world.store.dead_letters(filter, cursor, 1)).unwrap();
            let ids = page.dead_letters.into_iter().map(|view| view.dead_letter.id);
            (ids.collect(), page.next)
        };
        let discard = |world: &World, id: &str| {
            block_on(world.store.discard_dead_letter(id, "a test", None, 60)).unwrap();
        };
        go_down(&world, list, discard, IDS);
    }
}

#[test]
fn callbacks_that_are_gone_or_put_off_take_no_others_along() {
    let world = World::new();
    for (given_up, index) in [(false, "callbacks-waiting"), (true, "callbacks-given-up")] {
        let status = if given_up { "given_up" } else { "waiting" };
        for id in IDS {
            world.ask(&format!("ZADD {{muster}}:{index} 1700000000000 {id}"));
            let fields = format!("url u standing {status} attempts 1 group g state SUCCESS");
            world.ask(&format!("HSET {{muster}}:callback:{id} {fields}"));
        }
        let list = |cursor: Option<&Cursor>| {
            let page = block_on(world.store.callbacks(given_up, cursor, 1)).unwrap();
            let ids = page.callbacks.into_iter().map(|summary| summary.callback.task_id);
            (ids.collect(), page.next)
        };
        let meddle = |world: &World, id: &str| {
            if id.len() > 3 {
                world.ask(&format!("ZREM {{muster}}:{index} {id}"));
            } else if !given_up {
                // It was tried, and is tried again before long: it has another score.
                world.ask(&format!("ZADD {{muster}}:{index} 1600000000000 {id}"));
            }
        };
        go_down(&world, list, meddle, IDS);
    }
}

#[test]
fn groups_that_are_gone_take_no_others_along() {
    let world = World::new();
    for group in IDS {
        world.ask(&format!("ZADD {{muster}}:groups 0 {group}"));
    }
    let (mut seen, mut after) = (Vec::new(), None);
    loop {
        let page = block_on(world.store.groups(after.as_deref(), 1)).unwrap();
        for group in page.groups {
            world.ask(&format!("ZREM {{muster}}:groups {}", group.group_id));
            seen.push(group.group_id.clone());
            after = Some(group.group_id);
        }
        if !page.more {
            break;
        }
    }
    assert_eq!(seen, IDS);
}

#[test]
fn a_group_is_listed_while_some_node_holds_it() {
    let world = World::new();
    world.accept("t1", "g");
    let claimed = world.claim("drain");
    world.commit("drain", vec![finish(&claimed, None)]);
    let groups = || block_on(world.store.groups(None, 10)).unwrap().groups;
    assert_eq!(groups().len(), 1);
    let group = block_on(world.store.group("g")).unwrap();
    assert_eq!(group.holdings.len(), 2);
    // A create that fails everywhere leaves the group on no node.
    world.accept("t2", "h");
    let claimed = world.claim("drain");
    world.commit("drain", vec![finish(&claimed, Some(0))]);
    assert_eq!(groups().len(), 1);
}

#[test]
fn what_has_expired_leaves_the_lists() {
    let world = World::new();
    world.accept("t1", "g");
    world.accept("t2", "h");
    let claimed = world.claim("drain");
    let commits = vec![finish(&claimed, None)];
    world.turn(TestTurn { slots: 0, ttl_s: 0, commits, ..TestTurn::default() });
    world.eventually("it is shown no more", || ids(&world, TaskFilter::default()) == ["t2"]);
    world.eventually("a turn clears the indexes", || {
        world.turn(TestTurn { slots: 0, ttl_s: 0, ..TestTurn::default() });
        world.ask("ZCARD {muster}:tasks") == 1
    });
    assert_eq!(world.ask("EXISTS {muster}:group-tasks:g"), 0);
}

/// However many older tasks have not ended, a turn gets to those that have expired.
#[test]
fn what_has_expired_is_found_behind_what_has_not_ended() {
    let world = World::new();
    for task in 0..300 {
        world.accept(&format!("t{task}"), &format!("g{task}"));
    }
    let claimed = world.turn(TestTurn { slots: 300, ..TestTurn::default() }).claimed;
    let commits = vec![finish(claimed.last().unwrap(), None)];
    world.turn(TestTurn { slots: 0, ttl_s: 0, commits, ..TestTurn::default() });
    world.eventually("the turns go round the index", || {
        world.turn(TestTurn { slots: 0, ttl_s: 0, ..TestTurn::default() });
        world.ask("ZCARD {muster}:tasks") == 299
    });
}

/// The index of a group that is never idle sheds what has expired, and keeps what has not.
#[test]
fn a_busy_groups_index_does_not_grow() {
    let world = World::new();
    world.accept("t0", "g");
    for task in 0..40 {
        world.accept(&format!("t{}", task + 1), "g");
        let claimed = world.claim("drain");
        let commits = vec![finish(&claimed, None)];
        world.turn(TestTurn { slots: 0, ttl_s: 0, commits, ..TestTurn::default() });
    }
    world.eventually("what has expired is gone", || {
        let known = |task: &u32| world.ask(&format!("EXISTS {{muster}}:ended:t{task}")) == 1;
        !(0..40).any(|task| known(&task))
    });
    let claimed = world.claim("drain");
    world.accept("next", "g");
    world.commit("drain", vec![finish(&claimed, None)]);
    assert!(world.ask("ZCARD {muster}:group-tasks:g") <= 26, "16 of those that expired are gone");
    assert_eq!(world.ask("TTL {muster}:group-tasks:g"), -1, "a group with work to do stays listed");
}

#[test]
fn a_paused_queue_starts_nothing_and_drops_nothing() {
    let world = World::new();
    assert_eq!(block_on(world.store.pause(true, "olga")).unwrap(), 0);
    world.accept("t1", "g");
    let answer = world.turn(TestTurn::default());
    assert!(answer.claimed.is_empty());
    assert_eq!(answer.instruction, Instruction::End, "a paused queue keeps no drain busy");
    let paused = block_on(world.store.overview()).unwrap().paused.unwrap();
    assert_eq!(paused.by, "olga");
    assert_eq!(block_on(world.store.pause(false, "olga")).unwrap(), 1);
    world.claim("drain");
}
