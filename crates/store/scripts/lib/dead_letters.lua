-- Dead letters: nodes that could not be put back, kept until a person acts.
--
-- A group and a node have at most one that is open: it stands under the node in the hash of the group's
-- open ones, and a task that leaves the node behind later is added to it. What it says first never
-- changes after that (what the node held before the first of its tasks, and so what a retry does), and
-- it leaves the list by a retry only when the node holds that again.
--
-- `letter:<id>` is a hash: `json` as it was first written, group, node, `before` (as in registry.lua),
-- attempts, last_error, updated_at, `tasks` (the names under which tasks know it, separated by spaces),
-- `tasks_total`, superseded_by, retry_task_id. Its id is the first of its names. A dead letter for a
-- task whose record cannot be read is about no node, so there it is empty.
local TASKS_NAMED_MAX = 100 -- the first of a dead letter's tasks, and the latest others

-- Whether there are none at all, once somebody asked.
local no_dead_letters

local function is_without_dead_letters()
  if no_dead_letters == nil then no_dead_letters = redis.call('EXISTS', DEAD_LETTERS) == 0 end
  return no_dead_letters
end

-- The dead letter that is known by a name.
local function dead_letter_of(name)
  return redis.call('HGET', task_dead_letters_key(task_of(name)), name) or name
end

-- Adds tasks by their names to those that a dead letter has. The latest stay when there are too many.
local function add_tasks(id, names, ttl_ms)
  local fields = redis.call('HMGET', dead_letter_key(id), 'tasks', 'tasks_total')
  local tasks, is_named = {}, {}
  for name in (fields[1] or ''):gmatch('%S+') do
    tasks[#tasks + 1] = name
    is_named[name] = true
  end
  local added = 0
  for _, name in ipairs(names) do
    if not is_named[name] then
      tasks[#tasks + 1] = name
      added = added + 1
      redis.call('HSET', task_dead_letters_key(task_of(name)), name, id)
    end
  end
  if added == 0 then return end
  while #tasks > TASKS_NAMED_MAX do release_task(table.remove(tasks, 2), ttl_ms) end
  redis.call('HSET', dead_letter_key(id), 'tasks', table.concat(tasks, ' '), 'tasks_total',
    (tonumber(fields[2]) or 0) + added)
end

-- Adds what was learned later to what a dead letter says.
local function update_dead_letter(id, attempts, last_error, updated_at)
  redis.call('HINCRBY', dead_letter_key(id), 'attempts', attempts)
  redis.call('HSET', dead_letter_key(id), 'updated_at', updated_at)
  if last_error ~= '' then redis.call('HSET', dead_letter_key(id), 'last_error', last_error) end
end

-- Puts what a task learned of the nodes that it left behind where it belongs: into the open dead letter
-- for each, or else into a new one. `retried` names the dead letter that the task retried, if it did.
local function write_dead_letters(group, all, retried, ttl_ms)
  if #all == 0 then return end
  no_dead_letters = false
  local scores, open, names, opened = {}, {}, {}, {}
  for _, written in ipairs(all) do
    local name, node = written.id, written.node
    local id = opened[node] or (retried and dead_letter_of(name))
      or (node ~= '' and redis.call('HGET', open_dead_letters_key(group), node))
    if id and redis.call('EXISTS', dead_letter_key(id)) == 1 then
      update_dead_letter(id, written.attempts, written.last_error, now_text)
      add_tasks(id, { name }, ttl_ms)
    else
      redis.call('HSET', dead_letter_key(name), 'json', written.json, 'group', group, 'node', node,
        'before', written.before, 'attempts', written.attempts, 'last_error', written.last_error,
        'updated_at', now_text, 'tasks', name, 'tasks_total', 1)
      for _, value in ipairs({ now_text, name }) do scores[#scores + 1] = value end
      for _, value in ipairs({ name, name }) do names[#names + 1] = value end
      if node ~= '' then
        opened[node] = name
        for _, value in ipairs({ node, name }) do open[#open + 1] = value end
      end
    end
  end
  call_in_parts('ZADD', DEAD_LETTERS, scores)
  call_in_parts('ZADD', group_dead_letters_key(group), scores)
  call_in_parts('HSET', open_dead_letters_key(group), open)
  call_in_parts('HSET', task_dead_letters_key(task_of(all[1].id)), names)
  redis.call('PERSIST', group_tasks_key(group))
end

local function remove_dead_letter(id, ttl_ms)
  local fields = redis.call('HMGET', dead_letter_key(id), 'group', 'node', 'tasks')
  local group, node = fields[1] or '', fields[2] or ''
  redis.call('DEL', dead_letter_key(id))
  redis.call('ZREM', DEAD_LETTERS, id)
  redis.call('ZREM', group_dead_letters_key(group), id)
  redis.call('SREM', first_dead_letters_key(group), id)
  if redis.call('HGET', open_dead_letters_key(group), node) == id then
    redis.call('HDEL', open_dead_letters_key(group), node)
  end
  for name in (fields[3] or ''):gmatch('%S+') do release_task(name, ttl_ms) end
  release_group(group, ttl_ms)
end

-- A dead letter as scripts answer it: its id, JSON, who superseded it, which task retries it ('' for
-- nobody), attempts, last error, when it was changed last (each '' for what the JSON says), the names of
-- its tasks, how many tasks there are in all ('' for only that of the JSON).
local DEAD_LETTER_FIELDS = { 'json', 'superseded_by', 'retry_task_id', 'attempts', 'last_error',
  'updated_at', 'tasks', 'tasks_total' }

local function dead_letter_fields(id)
  local fields = redis.call('HMGET', dead_letter_key(id), unpack(DEAD_LETTER_FIELDS))
  if not fields[1] then return nil end
  local answer = { id }
  for i = 1, #DEAD_LETTER_FIELDS do answer[i + 1] = fields[i] or '' end
  return answer
end
