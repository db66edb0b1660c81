-- What one change does to many tasks at once: releases, gathers, and sweeps, which
-- go down a tree in Go, one parent at a time, since sqlc knows no recursive query
-- for SQLite.

-- name: ListOpenHeld :many
SELECT id, token FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND state IN ('pending', 'running', 'waiting') AND op <> 'callback' AND holder IS NOT NULL;

-- name: SweepExecution :exec
UPDATE tasks SET state = 'cancelled', token = token + 1, due_at = NULL, holder = NULL, waiting_for = NULL,
    await = NULL, owns_result = coalesce(owns_result, awaits_result), awaits_result = NULL, slot = 0, completed_at = sqlc.arg(now),
    changed = sqlc.arg(changed), error = coalesce(error, sqlc.arg(swept_error))
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND state IN ('pending', 'running', 'waiting') AND op <> 'callback';

-- Those that may have children of their own, and those that a sweep takes from a scheduler.
-- name: ListSwept :many
SELECT id, kind, token, CAST(holder IS NOT NULL AND state IN ('pending', 'running', 'waiting') AS INTEGER) AS held
FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND parent_id = sqlc.arg(parent_id)
  AND (kind IN ('orchestrator', 'map') OR (holder IS NOT NULL AND state IN ('pending', 'running', 'waiting')));

-- name: SweepChildren :exec
UPDATE tasks SET state = 'cancelled', token = token + 1, due_at = NULL, holder = NULL, waiting_for = NULL,
    await = NULL, owns_result = coalesce(owns_result, awaits_result), awaits_result = NULL, slot = 0, completed_at = sqlc.arg(now),
    changed = sqlc.arg(changed), error = coalesce(error, sqlc.arg(swept_error))
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND parent_id = sqlc.arg(parent_id)
  AND state IN ('pending', 'running', 'waiting');

-- name: Release :exec
UPDATE tasks SET due_at = sqlc.arg(due_at), scheduled_for = sqlc.arg(now), changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND parent_id = sqlc.arg(parent_id)
  AND parent_run = sqlc.arg(parent_run) AND op = 'item' AND item >= sqlc.arg(first) AND item < sqlc.arg(beyond)
  AND state = 'pending' AND due_at IS NULL AND holder IS NULL;

-- name: Park :exec
UPDATE tasks SET due_at = NULL, changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND state = 'pending' AND +due_at IS NOT NULL AND op <> 'callback';

-- Parked tasks are those that are pending and scheduled, but neither due nor held.
-- name: Unpark :exec
UPDATE tasks SET due_at = scheduled_for, changed = sqlc.arg(changed)
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id)
  AND state = 'pending' AND due_at IS NULL AND holder IS NULL AND scheduled_for IS NOT NULL;

-- name: LoadItems :many
SELECT state, result, error FROM tasks
WHERE namespace = sqlc.arg(namespace) AND execution_id = sqlc.arg(execution_id) AND parent_id = sqlc.arg(parent_id)
  AND parent_run = sqlc.arg(parent_run) AND op = 'item'
ORDER BY item;
