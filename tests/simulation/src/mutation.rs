//! Deliberate bugs, to see that the checker finds them.

use std::rc::Rc;

use crate::redis::Engine;
use crate::world::Sabotage;

/// Seeds within which every mutation is found.
pub const SEEDS_MAX: u64 = 4_000;

/// One deliberate bug.
#[derive(Clone, Copy, Debug)]
pub struct Mutation {
    pub name: &'static str,
    pub bug: Bug,
}

/// How it gets in.
#[derive(Clone, Copy, Debug)]
pub enum Bug {
    /// A text in the scripts, and what it becomes as they are loaded.
    Script(&'static [(&'static str, &'static str)]),
    /// Something around the worker.
    Around(Sabotage),
}

impl Mutation {
    /// An engine that has the bug.
    #[must_use]
    pub fn engine(&self) -> Rc<Engine> {
        let Bug::Script(changes) = self.bug else { return Engine::new(None) };
        Engine::new(Some(Rc::new(move |source: &str| {
            changes.iter().fold(source.to_owned(), |text, (from, to)| text.replace(from, to))
        })))
    }

    /// What is done around the worker.
    #[must_use]
    pub fn sabotage(&self) -> Option<Sabotage> {
        match self.bug {
            Bug::Script(_) => None,
            Bug::Around(sabotage) => Some(sabotage),
        }
    }
}

const fn script(name: &'static str, changes: &'static [(&'static str, &'static str)]) -> Mutation {
    Mutation { name, bug: Bug::Script(changes) }
}

const fn around(name: &'static str, sabotage: Sabotage) -> Mutation {
    Mutation { name, bug: Bug::Around(sabotage) }
}

/// A bug that seeds seldom meet, for it takes a worker that is lost over an undo, and the crash points
/// always.
pub const LOSS_IS_NOT_TOLD: Mutation = script(
    "nobody is told that a worker was lost",
    &[("redis.call('HSET', key, 'lost', '1')", "")],
);

/// Every other deliberate bug.
pub const MUTATIONS: &[Mutation] = &[
    script(
        "a commit with an old epoch is taken",
        &[(
            "fields[1] ~= epoch or fields[2] ~= 'running' or fields[10] ~= drain",
            "fields[2] ~= 'running'",
        )],
    ),
    script(
        "the epoch never rises",
        &[
            ("(tonumber(fields[8]) or 0) + 1", "(tonumber(fields[8]) or 0) + 0"),
            ("redis.call('HINCRBY', key, 'epoch', 1)", ""),
        ],
    ),
    script("a claim starts no lease", &[("  lease(id, lease_ms)\n  local flag", "  local flag")]),
    script(
        "expired leases are forgotten",
        &[("make_ready_again(id, fields[2], recoveries, 'LPUSH')", "")],
    ),
    script(
        "the intent is not stored",
        &[(
            "  write_task(c.id, c.record, 'state', c.state,",
            "  write_task(c.id, c.kind ~= 'journal' and c.record or '', 'state', c.state,",
        )],
    ),
    script(
        "a second task of a group runs",
        &[
            ("'where', first and 'queue' or 'line'", "'where', 'queue'"),
            (
                "if first then redis.call('RPUSH', LISTS.queue, id) end",
                "redis.call('RPUSH', LISTS.queue, id)",
            ),
        ],
    ),
    script(
        "a group's next task is forgotten",
        &[("if next_id then make_ready(next_id, 'queue') end", "")],
    ),
    script(
        "a group's queue is last in, first out",
        &[(
            "redis.call('RPUSH', group_queue_key(group), id) == 1",
            "redis.call('LLEN', group_queue_key(group)) == 0; \
            if first then redis.call('RPUSH', group_queue_key(group), id) else \
            local head = redis.call('LPOP', group_queue_key(group)); \
            redis.call('LPUSH', group_queue_key(group), head, id); \
            redis.call('LPOP', group_queue_key(group)); redis.call('LPOP', group_queue_key(group)); \
            redis.call('LPUSH', group_queue_key(group), id, head) end",
        )],
    ),
    script(
        "unfinished tasks expire",
        &[(
            "  index_task(id, group, first)\n",
            "  index_task(id, group, first)\n  redis.call('EXPIRE', task_key(id), 2)\n",
        )],
    ),
    script(
        "dead letters are not written",
        &[("write_dead_letters(task.group, dead_letters, task.dead_letter, ttl_ms)", "")],
    ),
    script(
        "dead letters are not superseded",
        &[("redis.call('HSET', dead_letter_key(id), 'superseded_by', task_id)", "")],
    ),
    script(
        "a retried dead letter leaves the list though its undo failed",
        &[("fields[1] and holdings[fields[1]] == fields[2]", "fields[1]")],
    ),
    script(
        "a success supersedes the dead letters of nodes that it did not touch",
        &[(
            "for node in pairs(holdings) do nodes[#nodes + 1] = node end",
            "nodes = redis.call('HGETALL', open)",
        )],
    ),
    script(
        "each failed task has a dead letter of its own for a node",
        &[(
            "      or (node ~= '' and redis.call('HGET', open_dead_letters_key(group), node))\n",
            "",
        )],
    ),
    script(
        "a dead letter says what its latest task says",
        &[(
            "      update_dead_letter(id, written.attempts, written.last_error, now_text)\n",
            "      update_dead_letter(id, written.attempts, written.last_error, now_text)\n      \
            redis.call('HSET', dead_letter_key(id), 'json', written.json, 'before', written.before)\n",
        )],
    ),
    script(
        "a page begins after what is no longer there, and all of its millisecond",
        &[(
            "start = rank_of_cursor(key, cursor_score, cursor_member, newest_first)",
            "start = redis.call('ZCOUNT', key, '-inf', cursor_score)",
        )],
    ),
    script(
        "a running task that is cancelled ends at once",
        &[("if not started then", "if true then")],
    ),
    script(
        "an end can be overwritten",
        &[("fields[1] ~= epoch or fields[2] ~= 'running' or fields[10] ~= drain", "false")],
    ),
    script(
        "retries that are due stay where they are",
        &[("if fields[1] == 'delayed' then make_ready_again", "if false then make_ready_again")],
    ),
    script(
        "an idempotency key is not read",
        &[("if key ~= '' then\n  local first", "if false then\n  local first")],
    ),
    script(
        "a full queue answers that it accepted",
        &[("add_nothing('FULL', waiting)", "add_nothing('ACCEPTED')")],
    ),
    script(
        "accepting wakes nobody, nor does anything else",
        &[("redis.pcall('PUBLISH', channel, 'wake')", "redis.pcall('EXISTS', WAKE)")],
    ),
    script(
        "a drain that hands over wakes nobody",
        &[("if closing then wake_for_work_left(channel) else wake_if_neglected(channel) end", "")],
    ),
    around("nobody reckons with a late call", Sabotage::LostApplyIsTrouble),
    around("nobody reckons with a late undo", Sabotage::LostUndoIsTrouble),
    script(
        "a callback is handed out for less than its time-out",
        &[("redis.call('ZADD', receiver_key(receiver), now + lease_ms, id)", "")],
    ),
    script(
        "all receivers of callbacks share their places",
        &[("return (url:match('^%a+://[^/?#]+') or url):lower()", "return 'all'")],
    ),
    script(
        "a receiver of callbacks that is gone is told again",
        &[("if result == 'gone' or attempts", "if attempts")],
    ),
    script(
        "a receiver's wish to be left alone is not heeded",
        &[("now + math.max(math.floor(delay_ms), retry_after_ms)", "now + math.floor(delay_ms)")],
    ),
    script(
        "a callback that failed is forgotten",
        &[(
            "  queue_callback(id, url, now + math.max",
            "  unqueue_callback(id, url, now + math.max",
        )],
    ),
    script(
        "a receiver in trouble is left alone for good",
        &[(
            "redis.call('HSET', RECEIVERS_HELD, receiver, now + open_ms)",
            "redis.call('HSET', RECEIVERS_HELD, receiver, now * 2)",
        )],
    ),
    script(
        "a task that is handed back is lost",
        &[("      make_ready_again(c.id, c.queue, task.recoveries, 'LPUSH')\n    end", "    end")],
    ),
    script(
        "a task that is left to a newer worker is lost",
        &[(
            "redis.call('ZADD', DELAYED, c.due_ms, c.id)\n    note_newer(c.id, c.due_ms)",
            "note_newer(c.id, c.due_ms)",
        )],
    ),
    script(
        "a drain that ends wakes the next for what is far off",
        &[
            ("elseif stays and wait_ms >= 0 and wait_ms <= STAY_MS then", "elseif false then"),
            ("if ring_pause_ms() > 0 then return end", ""),
            ("elseif stays and pause_ms > 0 then", "elseif false then"),
        ],
    ),
    script("time is Redis's, which is put back", &[("if time_now < latest then", "if false then")]),
    script(
        "time is Redis's again although something waits",
        &[("if ms_until_due() == -1 and begun_tasks() == 0 then", "if true then")],
    ),
    script(
        "a lease that the clock's step ended is reclaimed",
        &[("if spared or ended_at > gap_ended_at then", "if true then")],
    ),
    script(
        "a task that has begun goes back to the queue, which is paused",
        &[("local list = lane == 'rollback' and 'rollback' or 'begun'", "local list = 'queue'")],
    ),
    script(
        "no gauge counts what has begun and is ready",
        &[("redis.call('LLEN', LISTS.begun) + redis.call('LLEN', LISTS.alone)", "0")],
    ),
    script(
        "a wake-up that may not be sent fails the script",
        &[("redis.pcall('PUBLISH', channel, 'wake')", "redis.call('PUBLISH', channel, 'wake')")],
    ),
    script(
        "a task that was cancelled ends as if it had not been",
        &[("task.is_cancelled and c.state == 'SUCCESS'", "false")],
    ),
    script(
        "what cannot be stored is begun",
        &[("tick(lease_ms / 3)\n", "pcall(tick, lease_ms / 3)\n")],
    ),
    script(
        "a drain that Redis refuses leaves its tasks to be recovered",
        &[(
            "if fields[1] == epoch and fields[2] == 'running' and fields[3] == drain and ends_at then",
            "if false then",
        )],
    ),
    around("a time-out counts as not sent", Sabotage::TimeoutIsNotSent),
    around("a 5xx counts as a refusal", Sabotage::TroubleIsRefusal),
    around("no inspection before the call", Sabotage::NoInspection),
    around("the worker's clock stands still while it is frozen", Sabotage::ClockFreezes),
    around("every undo counts as done", Sabotage::UndoAlwaysWorks),
    around(
        "ids that the adapter refuses count against the nodes' breakers",
        Sabotage::UnwordableIsTrouble,
    ),
    around("any answer is taken for the node's own", Sabotage::StatusProves),
    around("any 404 proves absence", Sabotage::InspectedStatusProves),
    around("what seems absent is absent", Sabotage::SeemingProves),
    around("a change that was lost is sent again", Sabotage::SendsChangesAgain),
    around("an older worker ends what it cannot read", Sabotage::EndsWhatIsNewer),
];
