-- What a commit loads, under the locks of its executions, and what turns are made of.
-- LATERAL with OFFSET 0 pins the plan: what is asked for comes first, and each of it
-- is looked up in an index. A join would leave that to statistics, which there are
-- none of when a database is young.
--
-- The namespace comes from the list that is joined, not from the parameter: with
-- "t.namespace = $1" a planner without statistics believes that the namespace alone
-- selects a row or two, and walks all of it. Joined, only the whole key can be looked up.

-- The order is that of all who lock several executions, so that they never deadlock.
-- The input is left out: it may be large, and no decision looks at it.
-- name: LockExecutions :many
SELECT e.namespace, e.id, e.function, e.version, NULL::bytea AS input, e.tags, e.priority, e.queue, e.seed, e.root_task_id,
    e.callback_url, e.trace_parent, e.idempotency_key, e.request_hash, e.dispatched_by, e.created_at, e.deadline_at, e.state,
    e.result, e.error, e.retries, e.started_at, e.completed_at, e.cancel_requested, e.paused, e.signal_seq, e.buffered
FROM (SELECT DISTINCT unnest(@ids::uuid[]) AS id ORDER BY id) w
CROSS JOIN LATERAL (SELECT * FROM executions WHERE id = w.id AND namespace = @namespace FOR UPDATE) e;

-- name: ExecutionsByKey :many
SELECT e.* FROM (SELECT DISTINCT unnest(@keys::text[]) AS key) w
CROSS JOIN LATERAL (
    SELECT * FROM executions
    WHERE idempotency_key IS NOT NULL AND idempotency_key = w.key AND namespace = @namespace OFFSET 0
) e;

-- The time of the transaction: now() would be from before it waited for its locks,
-- and so from before what it then reads.
-- name: Now :one
SELECT clock_timestamp()::timestamptz;

-- Tasks by id with their parents and grandparents, by step, by the signal that they
-- wait for with their parents, and those that are open, but for items of maps;
-- each once, without payloads.
-- name: LoadTasks :many
WITH step AS (
    SELECT unnest(@step_parents::uuid[]) AS parent_id, unnest(@step_runs::integer[]) AS parent_run,
        unnest(@step_keys::text[]) AS step_key
), waiter AS (
    SELECT unnest(@waiter_executions::uuid[]) AS execution_id, unnest(@waiter_names::text[]) AS name
), asked AS MATERIALIZED (
    SELECT a.id, t.parent_id FROM (SELECT unnest(@ids::uuid[]) AS id) a
    CROSS JOIN LATERAL (SELECT parent_id FROM tasks WHERE id = a.id AND namespace = @namespace OFFSET 0) t
), wanted AS MATERIALIZED (
    SELECT a.id FROM asked a
    UNION
    SELECT a.parent_id FROM asked a
    UNION
    SELECT t.parent_id FROM asked a
    CROSS JOIN LATERAL (SELECT parent_id FROM tasks WHERE id = a.parent_id AND namespace = @namespace OFFSET 0) t
    UNION
    SELECT t.id FROM step s
    CROSS JOIN LATERAL (SELECT execution_id FROM tasks WHERE id = s.parent_id AND namespace = @namespace OFFSET 0) p
    CROSS JOIN LATERAL (
        SELECT id FROM tasks
        WHERE execution_id = p.execution_id AND parent_id = s.parent_id AND parent_run = s.parent_run
            AND step_key = s.step_key AND namespace = @namespace
        OFFSET 0
    ) t
    UNION
    SELECT unnest(ARRAY[t.id, t.parent_id]) FROM waiter w
    CROSS JOIN LATERAL (
        SELECT id, parent_id FROM tasks
        WHERE execution_id = w.execution_id AND waiting_for = w.name AND namespace = @namespace OFFSET 0
    ) t
    UNION
    SELECT t.id FROM (SELECT unnest(@open::uuid[]) AS execution_id) o
    CROSS JOIN LATERAL (
        SELECT id FROM tasks
        WHERE execution_id = o.execution_id AND namespace = @namespace AND state IN ('pending', 'running', 'waiting')
            AND op <> 'item'
        OFFSET 0
    ) t
)
SELECT t.namespace, t.id, t.execution_id, t.parent_id, t.parent_run, t.step_key, t.op, t.name, t.pinned, t.version,
    t.queue, t.lane, t.priority, NULL::bytea AS input, t.options, t.item, t.created_at, t.kind, t.state, t.due_at,
    t.scheduled_for, t.holder, t.token, t.attempt, t.failures, t.lost_leases, t.started_at, t.completed_at, t.seq,
    NULL::bytea AS result, NULL::bytea AS error, NULL::bytea AS detail, t.waiting_for, t.awaited_by, t.run, t.turn,
    t.settled, t.open, t.next_item, t.items, t.await, t.cancel_requested
FROM wanted w CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = w.id AND namespace = @namespace OFFSET 0) t;

-- name: LoadMailbox :many
SELECT s.* FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@names::text[]) AS name
) w CROSS JOIN LATERAL (
    SELECT * FROM signals
    WHERE execution_id = w.execution_id AND name = w.name AND namespace = @namespace AND taken_by IS NULL OFFSET 0
) s
ORDER BY s.execution_id, s.seq;

-- name: LoadCounters :many
SELECT c.* FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@names::text[]) AS name
) w CROSS JOIN LATERAL (
    SELECT * FROM counters WHERE execution_id = w.execution_id AND name = w.name AND namespace = @namespace OFFSET 0
) c;

-- name: LoadItems :many
SELECT m.at::integer AS at, t.state, t.result, t.error FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@maps::uuid[]) AS map_id, unnest(@runs::integer[]) AS run,
        unnest(@ats::integer[]) AS at
) m CROSS JOIN LATERAL (
    SELECT state, result, error, item FROM tasks
    WHERE execution_id = m.execution_id AND parent_id = m.map_id AND parent_run = m.run AND namespace = @namespace
        AND op = 'item'
    OFFSET 0
) t
ORDER BY m.at, t.item;

-- name: TurnTasks :many
SELECT sqlc.embed(t), sqlc.embed(e) FROM (SELECT unnest(@ids::uuid[]) AS id) w
CROSS JOIN LATERAL (SELECT * FROM tasks WHERE id = w.id AND namespace = @namespace OFFSET 0) t
CROSS JOIN LATERAL (SELECT * FROM executions WHERE id = t.execution_id AND namespace = @namespace OFFSET 0) e;

-- name: TurnSteps :many
SELECT t.namespace, t.id, t.execution_id, t.parent_id, t.parent_run, t.step_key, t.op, t.name, t.pinned, t.version,
    t.queue, t.lane, t.priority, NULL::bytea AS input, t.options, t.item, t.created_at, t.kind, t.state, t.due_at,
    t.scheduled_for, t.holder, t.token, t.attempt, t.failures, t.lost_leases, t.started_at, t.completed_at, t.seq,
    t.result, t.error, NULL::bytea AS detail, t.waiting_for, t.awaited_by, t.run, t.turn,
    t.settled, t.open, t.next_item, t.items, t.await, t.cancel_requested
FROM (SELECT unnest(@ids::uuid[]) AS id) w
CROSS JOIN LATERAL (SELECT execution_id, run FROM tasks WHERE id = w.id AND namespace = @namespace OFFSET 0) p
CROSS JOIN LATERAL (
    SELECT * FROM tasks
    WHERE execution_id = p.execution_id AND parent_id = w.id AND parent_run = p.run AND namespace = @namespace OFFSET 0
) t
ORDER BY t.parent_id, t.created_at, t.id;

-- name: TurnState :many
SELECT s.* FROM (
    SELECT DISTINCT t.execution_id FROM (SELECT unnest(@ids::uuid[]) AS id) w
    CROSS JOIN LATERAL (SELECT execution_id FROM tasks WHERE id = w.id AND namespace = @namespace OFFSET 0) t
) x
CROSS JOIN LATERAL (SELECT * FROM custom_state WHERE execution_id = x.execution_id AND namespace = @namespace OFFSET 0) s
ORDER BY s.execution_id, s.key;

-- name: TurnCounters :many
SELECT c.* FROM (
    SELECT DISTINCT t.execution_id FROM (SELECT unnest(@ids::uuid[]) AS id) w
    CROSS JOIN LATERAL (SELECT execution_id FROM tasks WHERE id = w.id AND namespace = @namespace OFFSET 0) t
) x
CROSS JOIN LATERAL (SELECT * FROM counters WHERE execution_id = x.execution_id AND namespace = @namespace OFFSET 0) c
ORDER BY c.execution_id, c.name;
