-- The names of all keys. KEYS[1] is the prefix; its hash tag keeps every key in one cluster slot.
local prefix = KEYS[1]

-- Lists of ready tasks: not begun; begun, going forward; begun, rolling back; to be taken alone.
local LISTS = { queue = prefix .. 'queue', begun = prefix .. 'begun', rollback = prefix .. 'rollback',
  alone = prefix .. 'alone' }
local DELAYED = prefix .. 'delayed' -- sorted set: task id by the time it is due, ms
local AWAITING = prefix .. 'late-calls' -- set: tasks that wait for calls that were given up on
local NEWER = prefix .. 'newer-records' -- sorted set: task whose record is left alone, by until when, ms
local LEASES = prefix .. 'leases' -- sorted set: task id by the time its lease ends, ms
local DRAINS = prefix .. 'drains' -- sorted set: drain id by the time its registration ends, ms
local COUNTS = prefix .. 'counts' -- hash: waiting, ended:<STATE>, recovered, stale
local DEAD_LETTERS = prefix .. 'dead-letter' -- sorted set: dead letter id by the time it was written, ms
local TASKS = prefix .. 'tasks' -- sorted set: task id by the time it was accepted, ms
local FORGET_FROM = prefix .. 'forget-from' -- string: rank in TASKS to go on from, see index.lua
local EXPIRING = prefix .. 'expiring' -- sorted set that only 0.1.0 wrote, see index.lua
local GROUPS = prefix .. 'groups' -- sorted set, all scores 0: groups that some node holds, by name
local PAUSED = prefix .. 'paused' -- hash: by whom and when; there while the queue is paused
local METRICS = prefix .. 'metrics' -- hash: name -> number, see metrics.lua
local CALLED_NODES = prefix .. 'called-nodes' -- sorted set, all scores 0: nodes with counts of calls
local BREAKERS = prefix .. 'breakers' -- hash: node -> open until, ms
local CALLBACKS = prefix .. 'callbacks-waiting' -- sorted set: task id by the time its callback is due, ms
local FIRST_CALLBACKS = prefix .. 'callbacks' -- the same as 0.1.0 wrote it, see callbacks.lua
local RECEIVERS = prefix .. 'receivers' -- sorted set: receiver of callbacks by when its next is due, ms
local RECEIVER_FAILURES = prefix .. 'receiver-failures' -- hash: receiver -> failures in a row
local RECEIVERS_HELD = prefix .. 'receivers-held' -- hash: receiver -> left alone until, ms
local CALLBACKS_GIVEN_UP = prefix .. 'callbacks-given-up' -- sorted set: task id by when it was, ms
local WAKE = prefix .. 'wake' -- hash: when drains were woken, see wake.lua
local CLOCK = prefix .. 'clock' -- hash: what the time was, see clock.lua

local function task_key(id) return prefix .. 'task:' .. id end -- hash: one unfinished task
local function ended_key(id) return prefix .. 'ended:' .. id end -- string: one ended task, see ended.lua
local function notes_key(id) return prefix .. 'notes:' .. id end -- list: what people did to a task
local function group_queue_key(group) return prefix .. 'line:' .. group end -- list: a group's queue
local function group_tasks_key(group) return prefix .. 'group-tasks:' .. group end -- like TASKS
local function group_key(group) return prefix .. 'group:' .. group end -- hash: node -> see registry.lua
local function dead_letter_key(id) return prefix .. 'letter:' .. id end -- hash: one dead letter
local function receiver_key(receiver) return prefix .. 'receiver:' .. receiver end -- like CALLBACKS
local function callback_key(id) return prefix .. 'callback:' .. id end -- hash: a task's callback
local function node_calls_key(node) return prefix .. 'node-calls:' .. node end -- hash, see metrics.lua
local function idempotency_key(key) return prefix .. 'idempotency:' .. key end -- hash
local function rate_key(key) return prefix .. 'rate:' .. key end -- string: requests in a second
-- Sorted set like DEAD_LETTERS: a group's.
local function group_dead_letters_key(group) return prefix .. 'group-dead-letters:' .. group end
-- Hash: node -> id of the one open dead letter for it. See dead_letters.lua.
local function open_dead_letters_key(group) return prefix .. 'open-dead-letters:' .. group end
-- Hash: a name under which a dead letter was written for the task -> id of the dead letter.
local function task_dead_letters_key(id) return prefix .. 'task-dead-letters:' .. id end
-- Set that only 0.1.0 wrote: a group's dead letters that are not adopted yet. See adopt.lua.
local function first_dead_letters_key(group) return prefix .. 'group-letters:' .. group end
-- Hash: node -> task that superseded what 0.1.0 left for it and is not adopted yet.
local function first_superseded_key(group) return prefix .. 'group-letters-superseded:' .. group end
