-- Shared results: what calls with one key have between them. There is one writer, so
-- nothing is locked; what PostgreSQL does for many keys at once is a loop in Go.

-- name: LoadResult :one
SELECT * FROM results WHERE key_hash = sqlc.arg(key_hash) AND namespace = sqlc.arg(namespace);

-- name: OwnsResult :one
SELECT EXISTS (SELECT 1 FROM tasks
    WHERE id = sqlc.arg(id) AND namespace = sqlc.arg(namespace) AND state IN ('pending', 'running', 'waiting')
        AND owns_result = sqlc.arg(owns_result));

-- name: InsertResult :exec
INSERT INTO results (
    namespace, key_hash, function, version, state, execution_id, task_id, value, created_at, completed_at, expires_at
) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?);

-- name: UpdateResult :execrows
UPDATE results SET
    version = sqlc.arg(version), state = sqlc.arg(state), execution_id = sqlc.arg(execution_id),
    task_id = sqlc.arg(task_id), value = sqlc.arg(value), created_at = sqlc.arg(created_at),
    completed_at = sqlc.arg(completed_at), expires_at = sqlc.arg(expires_at)
WHERE key_hash = sqlc.arg(key_hash) AND namespace = sqlc.arg(namespace)
    AND state = sqlc.arg(was_state) AND task_id = sqlc.arg(was_task);

-- The next key that tasks wait for, in the order of keys.
-- name: NextAwaited :one
SELECT awaits_result FROM tasks WHERE awaits_result > sqlc.arg(beyond) ORDER BY awaits_result LIMIT 1;

-- Those that wait for a result, the longest first. Paused executions wait on.
-- name: ResultWaiters :many
SELECT t.execution_id, t.id
FROM tasks AS t CROSS JOIN executions AS e ON e.id = t.execution_id AND e.namespace = t.namespace
WHERE t.awaits_result = sqlc.arg(awaits_result) AND t.namespace = sqlc.arg(namespace) AND e.paused = 0
ORDER BY t.created_at LIMIT sqlc.arg(most);

-- name: InvalidateResults :execrows
DELETE FROM results WHERE rowid IN (
    SELECT r.rowid FROM results AS r
    WHERE r.function = sqlc.arg(function) AND r.state = 'completed' AND r.namespace = sqlc.arg(namespace)
        AND (CAST(sqlc.narg(version) AS TEXT) IS NULL OR r.version = CAST(sqlc.narg(version) AS TEXT))
    LIMIT sqlc.arg(most));

-- Those that expired a while ago: who waited for them has taken them by now.
-- name: DeleteExpiredResults :execrows
DELETE FROM results WHERE rowid IN (
    SELECT r.rowid FROM results AS r
    WHERE r.expires_at < sqlc.arg(expired_before) AND r.namespace = sqlc.arg(namespace)
    ORDER BY r.expires_at LIMIT sqlc.arg(most));

-- Those that belong to nobody: the owner ended without a value, and nobody asked since.
-- name: DeleteLostResults :execrows
DELETE FROM results WHERE rowid IN (
    SELECT r.rowid FROM results AS r
    WHERE r.state = 'running' AND r.created_at < sqlc.arg(made_before) AND r.namespace = sqlc.arg(namespace)
        AND NOT EXISTS (SELECT 1 FROM tasks AS t
            WHERE t.id = r.task_id AND t.namespace = r.namespace AND t.state IN ('pending', 'running', 'waiting')
                AND t.owns_result = r.key_hash)
    ORDER BY r.created_at LIMIT sqlc.arg(most));
