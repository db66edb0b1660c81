-- The queries that load tasks to decide leave the payloads out, but give the same
-- columns, so that their rows convert to one type.
--
-- Those that change or load one row go with a query for many in PostgreSQL, which
-- has their name in the plural.
--
-- Where the tasks of one execution are put in order, it is by +id: by id, SQLite
-- would go through all tasks there are in the order of their primary key.

-- name: InsertTask :exec
INSERT INTO tasks (
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, input, options, item, created_at, kind, state, due_at, scheduled_for, holder,
    token, attempt, failures, lost_leases, started_at, completed_at, seq, result, error,
    detail, waiting_for, awaited_by, run, turn, settled, open, next_item, items, await,
    cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?
);

-- Results and errors are not loaded, so one that is not set leaves the stored one; a
-- task that completed has no error. A detail that is not set stays as well.
-- name: UpdateTask :execrows
UPDATE tasks SET
    kind = sqlc.arg(kind), state = sqlc.arg(state), due_at = sqlc.arg(due_at),
    scheduled_for = sqlc.arg(scheduled_for), holder = sqlc.arg(holder),
    token = sqlc.arg(token), attempt = sqlc.arg(attempt), failures = sqlc.arg(failures),
    lost_leases = sqlc.arg(lost_leases), started_at = sqlc.arg(started_at),
    completed_at = sqlc.arg(completed_at), seq = sqlc.arg(seq), result = coalesce(sqlc.narg(result), result),
    error = CASE WHEN sqlc.arg(state) = 'completed' THEN sqlc.narg(error) ELSE coalesce(sqlc.narg(error), error) END,
    detail = coalesce(sqlc.narg(detail), detail),
    waiting_for = sqlc.arg(waiting_for), awaited_by = sqlc.arg(awaited_by),
    run = sqlc.arg(run), turn = sqlc.arg(turn), settled = sqlc.arg(settled),
    open = sqlc.arg(open), next_item = sqlc.arg(next_item), items = sqlc.arg(items),
    await = sqlc.arg(await), cancel_requested = sqlc.arg(cancel_requested),
    owns_result = sqlc.arg(owns_result), awaits_result = sqlc.arg(awaits_result), cache_hit = sqlc.arg(cache_hit),
    slot = sqlc.arg(slot), lane = sqlc.arg(lane), changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id) AND token = sqlc.arg(was_token);

-- name: SetInput :execrows
UPDATE tasks SET input = sqlc.arg(input), changed = sqlc.arg(changed) WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: SetResult :execrows
UPDATE tasks SET result = sqlc.arg(result), changed = sqlc.arg(changed) WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: GetTask :one
SELECT * FROM tasks WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: LoadTask :one
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, CAST(NULL AS BLOB) AS result, CAST(NULL AS BLOB) AS error,
    CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn, settled, open, next_item,
    items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: TaskExecution :one
SELECT execution_id FROM tasks WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id);

-- name: LoadStep :one
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, CAST(NULL AS BLOB) AS result, CAST(NULL AS BLOB) AS error,
    CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn, settled, open, next_item,
    items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks
WHERE namespace = sqlc.arg(namespace)
  AND execution_id = sqlc.arg(execution_id) AND parent_id = sqlc.arg(parent_id)
  AND parent_run = sqlc.arg(parent_run) AND step_key = sqlc.arg(step_key);

-- name: LoadWaiters :many
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, CAST(NULL AS BLOB) AS result, CAST(NULL AS BLOB) AS error,
    CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn, settled, open, next_item,
    items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND waiting_for = sqlc.arg(waiting_for)
ORDER BY created_at, id;

-- name: LoadOpenTasks :many
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, CAST(NULL AS BLOB) AS result, CAST(NULL AS BLOB) AS error,
    CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn, settled, open, next_item,
    items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND state IN ('pending', 'running', 'waiting') AND op <> 'callback' AND (op <> 'item' OR kind = 'orchestrator')
ORDER BY +id;

-- name: LoadTree :many
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, CAST(NULL AS BLOB) AS result, CAST(NULL AS BLOB) AS error,
    CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn, settled, open, next_item,
    items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
ORDER BY +id;

-- name: TurnSteps :many
SELECT
    namespace, id, execution_id, parent_id, parent_run, step_key, op, name, pinned, version, queue, lane,
    priority, CAST(NULL AS BLOB) AS input, options, item, created_at, kind, state, due_at,
    scheduled_for, holder, token, attempt, failures, lost_leases, started_at, completed_at,
    seq, result, error, CAST(NULL AS BLOB) AS detail, waiting_for, awaited_by, run, turn,
    settled, open, next_item, items, await, cancel_requested, owns_result, awaits_result, cache_hit, concurrency_key, slot, parent_turn, changed
FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND parent_id = sqlc.arg(parent_id) AND parent_run = sqlc.arg(parent_run)
ORDER BY created_at, id;

-- From the root down, each parent's children of its newest run: what earlier runs made, of
-- which there may be ever more, is not looked at.
-- name: Progress :many
WITH RECURSIVE parents (id, run) AS (
    SELECT t.id, t.run FROM executions AS e
    INNER JOIN tasks AS t ON e.root_task_id = t.id AND e.namespace = t.namespace
    WHERE e.namespace = sqlc.arg(namespace) AND e.id = sqlc.arg(execution_id)
    UNION ALL
    SELECT t.id, t.run FROM parents
    CROSS JOIN tasks AS t
    WHERE t.namespace = sqlc.arg(namespace) AND t.execution_id = sqlc.arg(execution_id)
      AND t.parent_id = parents.id AND t.parent_run = parents.run AND t.kind IN ('orchestrator', 'map')
)

SELECT
    t.id, t.step_key, t.kind, t.state, t.started_at, t.completed_at, t.scheduled_for, t.error, t.detail, t.waiting_for,
    t.items, t.open, t.cache_hit, CAST(t.awaits_result IS NOT NULL AS BOOLEAN) AS awaits_result
FROM parents
CROSS JOIN tasks AS t
WHERE t.namespace = sqlc.arg(namespace) AND t.execution_id = sqlc.arg(execution_id)
  AND t.parent_id = parents.id AND t.parent_run = parents.run AND t.op <> 'item'
ORDER BY t.created_at, t.id;

-- name: InsertAttempt :exec
INSERT INTO task_attempts (
    namespace, execution_id, task_id, number, started_at, ended_at, status_code, error
) VALUES (
    ?, ?, ?, ?, ?, ?, ?, ?
);

-- name: ListAttempts :many
SELECT * FROM task_attempts WHERE namespace = sqlc.arg(namespace) AND task_id = sqlc.arg(task_id)
ORDER BY ended_at, number;

-- name: ChangedTasks :many
SELECT id, changed FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND changed > sqlc.arg(since)
ORDER BY +id;
