//! No script does more than for a page or a batch, however much there is. Work is counted in the commands
//! that a script calls, which no other load on the machine changes.

use futures::executor::block_on;
use saga::{ClientState, Operation, Policy, Task};
use store::{Cancelled, Cursor, DeadLetterFilter, TaskFilter};

use crate::world::{ADMISSION, TTL_S, TestTurn, World, finish};

const MANY: usize = 100_000;
/// The most entries that a page visits.
const VISITED_MAX: u64 = 1_000;

/// How many commands Redis carries out during `act`, those of scripts included.
fn commands<T>(world: &World, act: impl FnOnce() -> T) -> (u64, T) {
    let () = world.redis.ask("CONFIG RESETSTAT").unwrap();
    let done = act();
    let stats: String = world.redis.ask("INFO commandstats").unwrap();
    let count = stats.lines().filter_map(|line| {
        let (_, rest) = line.strip_prefix("cmdstat_")?.split_once(":calls=")?;
        rest.split(',').next()?.parse::<u64>().ok()
    });
    (count.sum(), done)
}

/// Runs a script that fills Redis.
fn fill(world: &World, script: &str) {
    world.redis.eval::<i64>(&format!("{script} return 1"), &[&MANY.to_string()]).unwrap();
}

/// Ended tasks, one accepted each millisecond from 1 on, each of its own group and on node n1.
fn with_tasks() -> World {
    let world = World::new();
    fill(
        &world,
        r#"for i = 1, ARGV[1] do
            local id = 't' .. i
            redis.call('SET', '{muster}:ended:' .. id, 'SUCCESS create ' .. i .. ' ' .. i .. '\ng' .. i
                .. '\n{"v":2,"p":"succeeded","n":[{"a":"n1"}]}')
            redis.call('ZADD', '{muster}:tasks', i, id)
        end"#,
    );
    world
}

/// Dead letters of one group, each superseded but for the last, which is for n1.
fn with_dead_letters() -> World {
    let world = World::new();
    fill(
        &world,
        r#"for i = 1, ARGV[1] do
            local id, node, last = 't' .. i .. '-0', 'n' .. i % 1000, i == tonumber(ARGV[1])
            if last then node = 'n1' end
            local json = '{"id":"' .. id .. '","task_id":"t' .. i .. '","group_id":"g","node":"' .. node
                .. '","operation":"create","before":"absent","attempts":1,"created_at_ms":' .. i
                .. ',"updated_at_ms":' .. i .. '}'
            local key = '{muster}:letter:' .. id
            redis.call('HSET', key, 'json', json, 'group', 'g', 'node', node, 'before', '0', 'attempts', 1,
                'last_error', 'no', 'updated_at', i, 'tasks', id, 'tasks_total', 1)
            redis.call('ZADD', '{muster}:dead-letter', i, id)
            redis.call('ZADD', '{muster}:group-dead-letters:g', i, id)
            redis.call('HSET', '{muster}:task-dead-letters:t' .. i, id, id)
            if last then
                redis.call('HSET', '{muster}:open-dead-letters:g', node, id)
            else
                redis.call('HSET', key, 'superseded_by', 'x')
            end
        end"#,
    );
    world
}

#[test]
fn a_page_of_tasks_visits_no_more_than_it_may() {
    let world = with_tasks();
    let any = TaskFilter::default();
    let filters = [
        any,
        TaskFilter { operation: Some(Operation::Delete), ..any },
        TaskFilter { states: &[ClientState::Revoked], ..any },
        TaskFilter { node: Some("n9"), ..any },
        TaskFilter { group_id: Some("g7"), ..any },
    ];
    for filter in filters {
        let list = || block_on(world.store.tasks(filter, None, 200)).unwrap();
        let (count, _) = commands(&world, list);
        assert!(count <= 2 * VISITED_MAX + 20, "{filter:?}: {count} commands");
    }
    // However far back: it is found at once, and what is older is not visited.
    let filter = TaskFilter { since_ms: Some(20), before_ms: Some(23), ..any };
    let (count, page) = commands(&world, || block_on(world.store.tasks(filter, None, 50)).unwrap());
    let ids: Vec<_> = page.tasks.iter().map(|task| task.task_id.as_str()).collect();
    assert_eq!((ids.as_slice(), page.next), (["t22", "t21", "t20"].as_slice(), None));
    assert!(count <= 40, "{count} commands");
}

/// What is read of large records is bounded by their bytes.
#[test]
fn a_page_of_a_node_reads_a_bounded_part_of_large_records() {
    let world = World::new();
    fill(
        &world,
        r#"for i = 1, 100 do
            redis.call('SET', '{muster}:ended:t' .. i, 'SUCCESS create 1 1\ng\n'
                .. string.rep('x', 300000) .. (i == 1 and '"a":"n1"' or ''))
            redis.call('ZADD', '{muster}:tasks', i, 't' .. i)
        end"#,
    );
    let filter = TaskFilter { node: Some("n1"), ..TaskFilter::default() };
    let (mut found, mut pages, mut cursor) = (0, 0, None::<Cursor>);
    loop {
        let list = || block_on(world.store.tasks(filter, cursor.as_ref(), 50)).unwrap();
        let (count, page) = commands(&world, list);
        assert!(count <= 40, "{count} commands");
        (found, pages, cursor) = (found + page.tasks.len(), pages + 1, page.next);
        if cursor.is_none() {
            break;
        }
    }
    assert_eq!((found, pages), (1, 26));
}

#[test]
fn dead_letters_are_listed_and_seen_to_a_page_at_a_time() {
    let world = with_dead_letters();
    let any = DeadLetterFilter::default();
    let many = Some(MANY as u64);
    for (filter, total) in [
        (any, many),
        (DeadLetterFilter { group_id: Some("g"), ..any }, many),
        (DeadLetterFilter { group_id: Some("h"), ..any }, Some(0)),
        (DeadLetterFilter { node: Some("n7"), ..any }, None),
        (DeadLetterFilter { node: Some("nowhere"), ..any }, None),
        (DeadLetterFilter { operation: Some(Operation::Delete), ..any }, None),
        (DeadLetterFilter { task_id: Some("t99999"), ..any }, Some(1)),
        (DeadLetterFilter { task_id: Some("t99999"), node: Some("n7"), ..any }, Some(0)),
    ] {
        let list = || block_on(world.store.dead_letters(filter, None, 200)).unwrap();
        let (count, page) = commands(&world, list);
        assert!(count <= VISITED_MAX + 20, "{filter:?}: {count} commands");
        assert_eq!(page.total, total, "{filter:?}");
    }
    let id = format!("t{MANY}-0");
    let view = block_on(world.store.dead_letter(&id)).unwrap().unwrap();
    let task = Task::retry("r1".into(), view.dead_letter.clone(), Policy::default());
    let retry = || block_on(world.store.retry_dead_letter(&view.dead_letter, &task, "a", TTL_S));
    assert!(commands(&world, retry).0 <= 70);
    let discard = || block_on(world.store.discard_dead_letter("t5-0", "a", None, TTL_S)).unwrap();
    assert!(commands(&world, discard).0 <= 50);
    let read = || block_on(world.store.group("g")).unwrap();
    assert!(commands(&world, read).0 <= 30);
}

#[test]
fn a_success_touches_the_letters_of_its_own_nodes_alone() {
    let world = with_dead_letters();
    world.accept("t", "g");
    let claimed = world.claim("a");
    let commits = vec![finish(&claimed, None)];
    let turn = TestTurn { drain: "a", slots: 0, commits, ..TestTurn::default() };
    let (count, _) = commands(&world, || world.turn(turn));
    // Of these, up to 130 are for tasks that have expired.
    assert!(count <= 250, "{count} commands");
    let view = block_on(world.store.dead_letter(&format!("t{MANY}-0"))).unwrap().unwrap();
    assert_eq!(view.superseded_by.as_deref(), Some("t"));
}

/// As many dead letters as a task can leave: a handful of commands each.
#[test]
fn a_task_of_a_thousand_dead_nodes_costs_a_few_commands_for_each() {
    let world = World::new();
    let policy = Policy { rollback_max_retries: 0, node_parallelism: 16, ..Policy::default() };
    let nodes = (0..1_000).map(|node| format!("n{node}")).collect();
    let task = Task::new("t".into(), Operation::Create, "g".into(), nodes, policy);
    block_on(world.store.accept(&task, ADMISSION)).unwrap();
    let claimed = world.claim("a");
    let commits = vec![finish(&claimed, Some(999))];
    let turn = TestTurn { drain: "a", slots: 0, commits, ..TestTurn::default() };
    let (count, _) = commands(&world, || world.turn(turn));
    assert_eq!(world.ask("ZCARD {muster}:dead-letter"), 999);
    assert!(count <= 3_200, "{count} commands");
}

#[test]
fn a_page_of_groups_reads_a_bounded_number_of_nodes() {
    let world = World::new();
    fill(
        &world,
        r#"for group = 1, 100 do
            local name = string.format('g%03d', group)
            redis.call('ZADD', '{muster}:groups', 0, name)
            for node = 1, 1000 do redis.call('HSET', '{muster}:group:' .. name, 'n' .. node, '1') end
        end"#,
    );
    let (mut names, mut after) = (Vec::new(), None);
    loop {
        let list = || block_on(world.store.groups(after.as_deref(), 200)).unwrap();
        let (count, page) = commands(&world, list);
        assert!(count <= 30, "{count} commands of 1,000 nodes each");
        assert!(page.groups.iter().all(|group| group.present == 1_000));
        names.extend(page.groups.into_iter().map(|group| group.group_id));
        after = names.last().cloned();
        if !page.more {
            break;
        }
    }
    assert_eq!(names.len(), 100);
}

#[test]
fn a_cancelled_task_leaves_the_queue_while_it_is_paused() {
    let world = World::new();
    block_on(world.store.pause(true, "olga")).unwrap();
    for number in 0..50 {
        let id = format!("t{number}");
        world.accept(&id, &format!("g{}", number / 2));
        let cancelled = block_on(world.store.cancel(&id, TTL_S, "a test")).unwrap();
        assert!(matches!(cancelled, Cancelled::Revoked { .. }));
        assert_eq!(world.ask("LLEN {muster}:queue"), 0);
    }
}

/// Whether the service is well is asked often, and costs the same however many nodes there were.
#[test]
fn what_is_counted_is_read_some_nodes_at_a_time() {
    let world = World::new();
    let names = ["inspect|present", "inspect|absent", "create|applied", "delete|applied"];
    let metrics: Vec<(String, u64)> = (0..1_000)
        .flat_map(|node| names.map(|name| (format!("calls|{name}|n{node:03}"), 2)))
        .chain((0..1_000).map(|node| (format!("late_calls|n{node:03}"), 1)))
        .chain([("call_ms|5".to_owned(), 9)])
        .collect();
    world.turn(TestTurn { metrics: metrics.clone(), ..TestTurn::default() });
    assert_eq!(world.ask("HLEN {muster}:metrics"), 1, "what is of a node is forgotten with it");
    let overview = || block_on(world.store.overview()).unwrap();
    assert!(commands(&world, overview).0 <= 40);
    let (count, read) = commands(&world, || block_on(world.store.metrics()).unwrap());
    assert_eq!(read, metrics.into_iter().collect());
    assert!(count <= 1_000 + 30, "{count} commands in 6 scripts");
}

#[test]
fn counts_of_nodes_that_are_gone_are_forgotten() {
    let world = World::new();
    let count = |node: &str| {
        let metrics = vec![(format!("calls|create|applied|{node}"), 1)];
        world.turn(TestTurn { metrics, ..TestTurn::default() });
    };
    count("gone:1");
    assert!(world.ask("PTTL {muster}:node-calls:gone:1") > 0);
    world.ask("DEL {muster}:node-calls:gone:1");
    world.ask("HSET {muster}:metrics calls|create|applied|of_0_1_0:1 7");
    world.eventually("the list is rid of it", || {
        count("here:1");
        world.ask("ZCARD {muster}:called-nodes") == 1
    });
    let metrics = block_on(world.store.metrics()).unwrap();
    assert!(metrics.keys().all(|name| name.ends_with("here:1")), "{metrics:?}");
    assert_eq!(world.ask("EXISTS {muster}:metrics"), 0);
}
