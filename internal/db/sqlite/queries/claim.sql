-- How due work is found and leased. A lane is a prefix of the index tasks_due;
-- its first entry is the task that has been due longest. The loops over lanes and
-- tasks are in Go: sqlc knows no recursive query for SQLite, and a call costs
-- microseconds.

-- The first task, due or not yet, of the lane that follows this one in the index.
-- sqlc gives every argument of a row the type of the first column, and a CAST would
-- keep the index from more than the first: 0 + leaves the type of numbers open.
-- name: NextLane :one
SELECT queue, lane, pinned, version, priority, concurrency_key, due_at FROM tasks
WHERE namespace = sqlc.arg(namespace) AND due_at IS NOT NULL
    AND (queue, lane, pinned, version, priority, concurrency_key)
        > (sqlc.arg(queue), sqlc.arg(lane), 0 + sqlc.arg(pinned), sqlc.arg(version), 0 + sqlc.arg(priority), sqlc.arg(concurrency_key))
ORDER BY queue, lane, pinned, version, priority, concurrency_key, due_at LIMIT 1;

-- When the next task of a lane becomes due that is not yet.
-- name: NextDue :one
SELECT due_at FROM tasks
WHERE namespace = sqlc.arg(namespace) AND queue = sqlc.arg(queue) AND lane = sqlc.arg(lane) AND pinned = sqlc.arg(pinned)
    AND version = sqlc.arg(version) AND priority = sqlc.arg(priority) AND concurrency_key = sqlc.arg(concurrency_key)
    AND due_at > sqlc.arg(now)
ORDER BY due_at LIMIT 1;

-- The due tasks of one lane. What is pending of a paused execution is not due (see Park
-- in bulk.sql), and would be stepped over if it were. CROSS JOIN keeps the order: the tasks first, then the execution of each.
-- name: ListDue :many
SELECT sqlc.embed(t), e.state AS execution_state, e.function, e.version AS execution_version, e.tags, e.seed, e.trace_parent,
    e.deadline_at, e.cancel_requested AS execution_cancel_requested,
    CAST(CASE WHEN t.input IS NULL AND t.op = 'start' THEN e.input END AS BLOB) AS execution_input
FROM tasks AS t CROSS JOIN executions AS e ON e.namespace = t.namespace AND e.id = t.execution_id
WHERE t.namespace = sqlc.arg(namespace) AND t.queue = sqlc.arg(queue) AND t.lane = sqlc.arg(lane) AND t.pinned = sqlc.arg(pinned)
    AND t.version = sqlc.arg(version) AND t.priority = sqlc.arg(priority) AND t.concurrency_key = sqlc.arg(concurrency_key)
    AND t.due_at <= sqlc.arg(now) AND (e.paused = 0 OR t.state <> 'pending' OR t.op = 'callback')
ORDER BY t.due_at
LIMIT sqlc.arg(most);

-- Leases one of them, as it was worked out in Go.
-- name: Claim :execrows
UPDATE tasks SET
    kind = sqlc.arg(kind), state = sqlc.arg(state), due_at = NULL, scheduled_for = sqlc.arg(scheduled_for),
    holder = sqlc.arg(holder), slot = sqlc.arg(slot), token = token + 1, attempt = sqlc.arg(attempt), started_at = sqlc.arg(started_at),
    changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND id = sqlc.arg(id) AND token = sqlc.arg(was_token);

-- The meters of limited functions.
-- name: GetMeter :one
SELECT starts FROM limits
WHERE function = sqlc.arg(function) AND concurrency_key = sqlc.arg(concurrency_key) AND namespace = sqlc.arg(namespace);

-- name: CountSlots :one
SELECT count(*) FROM tasks
WHERE slot = 1 AND name = sqlc.arg(function) AND concurrency_key = sqlc.arg(concurrency_key) AND namespace = sqlc.arg(namespace);

-- name: PutMeter :exec
INSERT INTO limits (namespace, function, concurrency_key, starts, idle_at) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (function, concurrency_key, namespace) DO UPDATE SET starts = excluded.starts, idle_at = excluded.idle_at;

-- name: ForgetMeters :execrows
DELETE FROM limits WHERE rowid IN (
    SELECT x.rowid FROM limits AS x WHERE x.idle_at < sqlc.arg(before) ORDER BY x.idle_at LIMIT sqlc.arg(most)
);

-- One lane of the function at a time.
-- name: Hasten :exec
UPDATE tasks SET due_at = sqlc.arg(now), scheduled_for = sqlc.arg(now), changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND queue = sqlc.arg(queue) AND lane = sqlc.arg(lane) AND pinned = sqlc.arg(pinned)
    AND version = sqlc.arg(version) AND priority = sqlc.arg(priority) AND concurrency_key = sqlc.arg(concurrency_key)
    AND due_at > sqlc.arg(now) AND state = 'pending' AND failures > 0;

-- name: CountDue :one
SELECT count(*) FROM (
    SELECT 1 FROM tasks
    WHERE namespace = sqlc.arg(namespace) AND queue = sqlc.arg(queue) AND lane = sqlc.arg(lane) AND pinned = sqlc.arg(pinned)
        AND version = sqlc.arg(version) AND priority = sqlc.arg(priority) AND concurrency_key = sqlc.arg(concurrency_key)
        AND due_at <= sqlc.arg(now)
    LIMIT sqlc.arg(most)
);
