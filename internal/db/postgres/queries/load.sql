-- What a commit loads, under the locks of its executions, and what turns are made of.
--
-- The plans are pinned. LATERAL with OFFSET 0: what is asked for comes first, and each
-- of it is looked up in an index; a join would leave that to statistics, of which there
-- are none when a database is young. Only the id may choose the index: to a planner
-- without statistics, any index that has the namespace would serve as well, so it is
-- compared in a way (IS TRUE) that no index answers.

-- The ids are in order and each there once: the order is that of all who lock several
-- executions, so that they never deadlock. The input is left out: it may be large, and no decision looks at it.
-- name: LockExecutions :many
SELECT e.namespace, e.id, e.function, e.version, NULL::bytea AS input, e.tags, e.priority, e.queue, e.seed, e.root_task_id,
    e.callback_url, e.trace_parent, e.idempotency_key, e.request_hash, e.dispatched_by, e.created_at, e.deadline_at, e.state,
    e.result, e.error, e.retries, e.started_at, e.completed_at, e.cancel_requested, e.paused, e.signal_seq, e.buffered,
    e.context_seq
FROM (SELECT unnest(@ids::uuid[]) AS id) w
CROSS JOIN LATERAL (SELECT x.* FROM executions x WHERE x.id = w.id AND (x.namespace = @namespace) IS TRUE FOR UPDATE) e;

-- name: ExecutionsByKey :many
SELECT e.* FROM (SELECT DISTINCT unnest(@keys::text[]) AS key) w
CROSS JOIN LATERAL (
    SELECT x.* FROM executions x
    WHERE x.idempotency_key IS NOT NULL AND x.idempotency_key = w.key AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) e;

-- The time of the transaction: now() would be from before it waited for its locks,
-- and so from before what it then reads.
-- name: Now :one
SELECT clock_timestamp()::timestamptz;

-- Tasks by id with their parents and grandparents, by step, by the signal that they
-- wait for with their parents, those that are open, but for items of maps, and those
-- of whole trees; each once, without payloads.
-- name: LoadTasks :many
WITH step AS (
    SELECT unnest(@step_parents::uuid[]) AS parent_id, unnest(@step_runs::integer[]) AS parent_run,
        unnest(@step_keys::text[]) AS step_key
), waiter AS (
    SELECT unnest(@waiter_executions::uuid[]) AS execution_id, unnest(@waiter_names::text[]) AS name
), asked AS MATERIALIZED (
    SELECT a.id, t.parent_id FROM (SELECT unnest(@ids::uuid[]) AS id) a
    CROSS JOIN LATERAL (SELECT x.parent_id FROM tasks x WHERE x.id = a.id OFFSET 0) t
), wanted AS MATERIALIZED (
    SELECT a.id FROM asked a
    UNION
    SELECT a.parent_id FROM asked a
    UNION
    SELECT t.parent_id FROM asked a
    CROSS JOIN LATERAL (SELECT x.parent_id FROM tasks x WHERE x.id = a.parent_id OFFSET 0) t
    UNION
    SELECT t.id FROM step s
    CROSS JOIN LATERAL (SELECT x.execution_id FROM tasks x WHERE x.id = s.parent_id OFFSET 0) p
    CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = p.execution_id AND x.parent_id = s.parent_id AND x.parent_run = s.parent_run
            AND x.step_key = s.step_key
        OFFSET 0
    ) t
    UNION
    SELECT unnest(ARRAY[t.id, t.parent_id]) FROM waiter w
    CROSS JOIN LATERAL (
        SELECT x.id, x.parent_id FROM tasks x
        WHERE x.execution_id = w.execution_id AND x.waiting_for = w.name OFFSET 0
    ) t
    UNION
    SELECT t.id FROM (SELECT unnest(@open::uuid[]) AS execution_id) o
    CROSS JOIN LATERAL (
        SELECT x.id FROM tasks x
        WHERE x.execution_id = o.execution_id AND x.state IN ('pending', 'running', 'waiting')
            AND x.op <> 'callback' AND (x.op <> 'item' OR x.kind = 'orchestrator')
        OFFSET 0
    ) t
    UNION
    SELECT t.id FROM (SELECT unnest(@trees::uuid[]) AS execution_id) o
    CROSS JOIN LATERAL (SELECT x.id FROM tasks x WHERE x.execution_id = o.execution_id OFFSET 0) t
)
SELECT t.namespace, t.id, t.execution_id, t.parent_id, t.parent_run, t.step_key, t.op, t.name, t.pinned, t.version,
    t.queue, t.lane, t.priority, NULL::bytea AS input, t.options, t.item, t.created_at, t.kind, t.state, t.due_at,
    t.scheduled_for, t.holder, t.token, t.attempt, t.failures, t.lost_leases, t.started_at, t.completed_at, t.seq,
    NULL::bytea AS result, NULL::bytea AS error, NULL::bytea AS detail, t.waiting_for, t.awaited_by, t.run, t.turn,
    t.settled, t.open, t.next_item, t.items, t.await, t.cancel_requested,
    t.owns_result, t.awaits_result, t.cache_hit, t.concurrency_key, t.slot, t.parent_turn
FROM wanted w CROSS JOIN LATERAL (SELECT x.* FROM tasks x WHERE x.id = w.id AND (x.namespace = @namespace) IS TRUE OFFSET 0) t;

-- name: LoadMailbox :many
SELECT s.* FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@names::text[]) AS name
) w CROSS JOIN LATERAL (
    SELECT x.* FROM signals x
    WHERE x.execution_id = w.execution_id AND x.name = w.name AND x.taken_by IS NULL AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) s
ORDER BY s.execution_id, s.seq;

-- The mailboxes of whole trees.
-- name: LoadMailboxes :many
SELECT s.* FROM (SELECT unnest(@executions::uuid[]) AS execution_id) w CROSS JOIN LATERAL (
    SELECT x.* FROM signals x
    WHERE x.execution_id = w.execution_id AND x.taken_by IS NULL AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) s
ORDER BY s.execution_id, s.seq;

-- name: LoadSent :many
SELECT s.* FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@keys::text[]) AS key
) w CROSS JOIN LATERAL (
    SELECT x.* FROM signals x
    WHERE x.execution_id = w.execution_id AND x.idempotency_key IS NOT NULL AND x.idempotency_key = w.key
        AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) s;

-- name: LoadCounters :many
SELECT c.* FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@names::text[]) AS name
) w CROSS JOIN LATERAL (
    SELECT x.* FROM counters x
    WHERE x.execution_id = w.execution_id AND x.name = w.name AND (x.namespace = @namespace) IS TRUE OFFSET 0
) c;

-- name: LoadItems :many
SELECT m.at::integer AS at, t.state, t.result, t.error FROM (
    SELECT unnest(@executions::uuid[]) AS execution_id, unnest(@maps::uuid[]) AS map_id, unnest(@runs::integer[]) AS run,
        unnest(@ats::integer[]) AS at
) m CROSS JOIN LATERAL (
    SELECT x.state, x.result, x.error, x.item FROM tasks x
    WHERE x.execution_id = m.execution_id AND x.parent_id = m.map_id AND x.parent_run = m.run
        AND x.op = 'item' AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) t
ORDER BY m.at, t.item;

-- name: TurnTasks :many
SELECT t.* FROM (SELECT unnest(@ids::uuid[]) AS id) w
CROSS JOIN LATERAL (SELECT x.* FROM tasks x WHERE x.id = w.id AND (x.namespace = @namespace) IS TRUE OFFSET 0) t;

-- name: TurnExecutions :many
SELECT e.* FROM (
    SELECT DISTINCT t.execution_id FROM (SELECT unnest(@ids::uuid[]) AS id) w
    CROSS JOIN LATERAL (SELECT x.execution_id FROM tasks x WHERE x.id = w.id OFFSET 0) t
) o
CROSS JOIN LATERAL (SELECT x.* FROM executions x WHERE x.id = o.execution_id AND (x.namespace = @namespace) IS TRUE OFFSET 0) e;

-- name: TurnSteps :many
SELECT t.namespace, t.id, t.execution_id, t.parent_id, t.parent_run, t.step_key, t.op, t.name, t.pinned, t.version,
    t.queue, t.lane, t.priority, NULL::bytea AS input, t.options, t.item, t.created_at, t.kind, t.state, t.due_at,
    t.scheduled_for, t.holder, t.token, t.attempt, t.failures, t.lost_leases, t.started_at, t.completed_at, t.seq,
    t.result, t.error, NULL::bytea AS detail, t.waiting_for, t.awaited_by, t.run, t.turn,
    t.settled, t.open, t.next_item, t.items, t.await, t.cancel_requested,
    t.owns_result, t.awaits_result, t.cache_hit, t.concurrency_key, t.slot, t.parent_turn
FROM (SELECT unnest(@ids::uuid[]) AS id) w
CROSS JOIN LATERAL (SELECT x.execution_id, x.run FROM tasks x WHERE x.id = w.id OFFSET 0) p
CROSS JOIN LATERAL (
    SELECT x.* FROM tasks x
    WHERE x.execution_id = p.execution_id AND x.parent_id = w.id AND x.parent_run = p.run AND (x.namespace = @namespace) IS TRUE
    OFFSET 0
) t
ORDER BY t.parent_id, t.created_at, t.id;

-- name: TurnState :many
SELECT s.* FROM (
    SELECT DISTINCT t.execution_id FROM (SELECT unnest(@ids::uuid[]) AS id) w
    CROSS JOIN LATERAL (SELECT x.execution_id FROM tasks x WHERE x.id = w.id OFFSET 0) t
) o
CROSS JOIN LATERAL (
    SELECT x.* FROM custom_state x WHERE x.execution_id = o.execution_id AND (x.namespace = @namespace) IS TRUE OFFSET 0
) s
ORDER BY s.execution_id, s.key;

-- name: TurnCounters :many
SELECT c.* FROM (
    SELECT DISTINCT t.execution_id FROM (SELECT unnest(@ids::uuid[]) AS id) w
    CROSS JOIN LATERAL (SELECT x.execution_id FROM tasks x WHERE x.id = w.id OFFSET 0) t
) o
CROSS JOIN LATERAL (
    SELECT x.* FROM counters x WHERE x.execution_id = o.execution_id AND (x.namespace = @namespace) IS TRUE OFFSET 0
) c
ORDER BY c.execution_id, c.name;
